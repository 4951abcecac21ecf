//! Which catalog's database is meant, for commands that work on it beside the service.

use mcp_registry_spec::Error;
use tokio::runtime::Builder;

use super::app;
use super::data::{self, Database};
use super::failure::Failure;
use super::settings::Settings;

// Where a catalog keeps what it keeps (a doc comment would take the place of the command's own description).
#[derive(clap::Args)]
pub(crate) struct Where {
    /// Where the catalog keeps its entries; a database in your data folder when nobody says
    #[arg(long, value_name = "LOCATOR")]
    store: Option<String>,
    /// The database of the tokens; the store when it is one, else one for it in your data folder
    #[arg(long, value_name = "LOCATOR")]
    tokens: Option<String>,
}

impl Where {
    /// Works on the database there.
    pub(crate) fn with<T>(
        &self,
        settings: &Settings,
        work: impl AsyncFnOnce(&Database) -> Result<T, Error>,
    ) -> Result<T, Failure> {
        settings.refuse_place("--store LOCATOR")?;
        let store = self.store.clone().map_or_else(data::default_store, Ok)?;
        let database = data::database(&store, self.tokens.as_deref())?;
        Ok(app::start(&mut Builder::new_current_thread())?.block_on(work(&database))?)
    }
}
