//! Which ledger is meant, and of which registry it tells.

use mcp_registry_governance::{Ledger, StateFolder};
use mcp_registry_spec::{OpenRequest, ProcessEnvironment};

use crate::cli::failure::Failure;
use crate::cli::governed;
use crate::cli::settings::Settings;

#[cfg(feature = "catalog")]
use crate::cli::data::{self, Database};

// The ledger of a catalog where one is named, else that of the state folder (a doc comment would take the place of
// the command's own description).
#[derive(clap::Args)]
pub(super) struct Book {
    /// The ledger of the catalog that keeps its entries there is meant, and of its content that of --scope
    #[cfg(feature = "catalog")]
    #[arg(long, value_name = "LOCATOR")]
    store: Option<String>,
    /// The database of that catalog's tokens and changes, where serve was told one
    #[cfg(feature = "catalog")]
    #[arg(long, value_name = "LOCATOR")]
    tokens: Option<String>,
}

impl Book {
    /// The ledger, which may not be there yet: nothing is made.
    pub(super) fn ledger(&self, settings: &Settings) -> Result<Ledger, Failure> {
        #[cfg(feature = "catalog")]
        if let Some((_, database)) = self.catalog(settings)? {
            return Ok(database.ledger()?);
        }
        let _ = settings;
        let folder = StateFolder::find(&ProcessEnvironment)?;
        folder.check()?;
        Ok(governed::ledger_in(&folder)?)
    }

    /// The same, made ready to be written to.
    pub(super) fn prepared(&self, settings: &Settings) -> Result<Ledger, Failure> {
        #[cfg(feature = "catalog")]
        if let Some((_, database)) = self.catalog(settings)? {
            return Ok(database.prepared_ledger()?);
        }
        let _ = settings;
        Ok(governed::prepared_ledger()?)
    }

    /// What the registry is opened with; `None` where it is a catalog's, and nobody says which scope of it.
    pub(super) fn request(&self, settings: &Settings) -> Result<Option<OpenRequest>, Failure> {
        #[cfg(feature = "catalog")]
        if let Some((store, _)) = self.catalog(settings)? {
            return settings.scope().map(|_| settings.request_for(&store)).transpose();
        }
        settings.request().map(Some)
    }

    #[cfg(feature = "catalog")]
    fn catalog(&self, settings: &Settings) -> Result<Option<(String, Database)>, Failure> {
        if self.store.is_none() && self.tokens.is_none() {
            return Ok(None);
        }
        settings.refuse_place("--store LOCATOR")?;
        let store = self.store.clone().map_or_else(data::default_store, Ok)?;
        let database = data::database(&store, self.tokens.as_deref())?;
        Ok(Some((store, database)))
    }
}
