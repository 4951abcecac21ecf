//! Where the catalog service keeps what nobody named a place for: the user's data folder.

use mcp_registry_spec::{Error, ErrorKind, Locator, ProcessEnvironment, Result, xdg};
use mcp_registry_store::{Options, Store, Tokens};

/// Where entries are kept when nobody says: a database in the data folder.
///
/// # Errors
/// [`ErrorKind::ConfigInvalid`] without a home; [`ErrorKind::Unavailable`] when it cannot be made ready.
pub(crate) fn default_store() -> Result<String> {
    let folder = xdg::folder(&ProcessEnvironment, "XDG_DATA_HOME", ".local/share").ok_or_else(|| {
        Error::new(ErrorKind::ConfigInvalid, "there is no data folder, as HOME is not set")
            .hint("name a place with --store LOCATOR")
    })?;
    // The database makes its own folder, and no more.
    if let Some(above) = folder.parent() {
        std::fs::create_dir_all(above).map_err(|cause| {
            Error::new(ErrorKind::Unavailable, "the data folder cannot be made").at(above, None).caused_by(cause)
        })?;
    }
    match folder.join("catalog.db").to_str() {
        Some(path) => Ok(format!("sqlite:{path}")),
        None => Err(Error::new(ErrorKind::ConfigInvalid, "the data folder is not UTF-8")
            .hint("name a place with --store LOCATOR")),
    }
}

/// The tokens of a catalog: where somebody says, else beside its entries, else, where those are in no
/// database, in the data folder.
///
/// # Errors
/// [`ErrorKind::ConfigInvalid`] for a locator that names no database.
pub(crate) fn tokens(store: &str, tokens: Option<&str>) -> Result<Tokens> {
    let place = match tokens {
        Some(place) => place.to_owned(),
        None if matches!(Locator::new(store).scheme(), "sqlite" | "postgres" | "postgresql") => store.to_owned(),
        None => default_store()?,
    };
    Ok(Tokens::new(Store::new(&Locator::new(&place), Options::default())?))
}
