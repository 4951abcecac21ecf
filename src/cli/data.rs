//! Where the catalog service keeps what nobody named a place for: the user's data folder.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use mcp_registry_governance::{Governance, Ledger, Source, StateFolder, check_state};
use mcp_registry_spec::{Digest, Error, ErrorKind, Locator, ProcessEnvironment, Result, xdg};
use mcp_registry_store::{Agents, Options, Requirements, Store, Tokens};

use super::absolute::real;

/// Where entries are kept when nobody says: a database in the data folder.
///
/// # Errors
/// [`ErrorKind::ConfigInvalid`] without a home; [`ErrorKind::Unavailable`] when it cannot be made ready.
pub(crate) fn default_store() -> Result<String> {
    in_data_folder("catalog.db")
}

fn in_data_folder(file: &str) -> Result<String> {
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
    match folder.join(file).to_str() {
        Some(path) => Ok(format!("sqlite:{path}")),
        None => Err(Error::new(ErrorKind::ConfigInvalid, "the data folder is not UTF-8")
            .hint("name a place with --store LOCATOR")),
    }
}

/// The database of a catalog's tokens and changes: where somebody says, else beside its entries, else, where those are
/// in no database, in one of their own in the data folder: a scope of the same name at another place is another.
///
/// # Errors
/// [`ErrorKind::ConfigInvalid`] for a locator that names no database.
pub(crate) fn database(store: &str, tokens: Option<&str>) -> Result<Database> {
    let place = match (tokens, named(store)) {
        (Some(place), _) => named(place).unwrap_or_else(|| Locator::new(place)),
        (None, Some(store)) => store,
        (None, None) => Locator::new(&in_data_folder(&format!("tokens-{}.db", place_of(store)))?),
    };
    Ok(Database { store: Store::new(&place, Options::default())?, place })
}

/// The database in which a catalog keeps who may use it, what they asked for, and what was done.
pub(crate) struct Database {
    store: Store,
    place: Locator,
}

/// The file that a ledger is exported to, and what else must be nobody else's for it to be trusted.
struct Export {
    file: PathBuf,
    /// The file of the database, where it is one.
    database: Option<PathBuf>,
    /// The state folder, where the file is in it.
    folder: Option<StateFolder>,
}

impl Database {
    /// The tokens in it.
    pub(crate) fn tokens(&self) -> Tokens {
        Tokens::new(self.store.clone())
    }

    /// The agents in it.
    pub(crate) fn agents(&self) -> Agents {
        Agents::new(self.store.clone())
    }

    /// What their scopes require.
    pub(crate) fn requirements(&self) -> Requirements {
        Requirements::new(self.store.clone())
    }

    /// The ledger in it, which may not be there yet: nothing is made.
    ///
    /// # Errors
    /// Where the state folder is needed and there is none; where others may write what is kept (rule L8).
    pub(crate) fn ledger(&self) -> Result<Ledger> {
        let export = self.export()?;
        check_state(export.database.as_deref(), &export.file)?;
        Ok(Ledger::new(self.store.clone(), Some(export.file)))
    }

    /// The same, made ready to be written to.
    ///
    /// # Errors
    /// As [`ledger`](Self::ledger).
    pub(crate) fn prepared_ledger(&self) -> Result<Ledger> {
        if let Some(folder) = self.export()?.folder {
            folder.make()?;
        }
        self.ledger()
    }

    /// The changes in it, and their ledger.
    ///
    /// # Errors
    /// As [`ledger`](Self::ledger).
    pub(crate) fn governance(&self, policy: Source) -> Result<Governance> {
        let ledger = self.prepared_ledger()?;
        Ok(Governance::new(self.store.clone(), ledger, policy, Arc::new(ProcessEnvironment)))
    }

    /// Where the ledger is exported to: beside a file, and for Postgres in the state folder (rule C35). The state
    /// folder's own database has one export, whoever writes.
    fn export(&self) -> Result<Export> {
        let folder = StateFolder::find(&ProcessEnvironment);
        match (self.place.scheme(), self.place.argument(), folder) {
            ("sqlite", Some(path), Ok(folder)) if real(Path::new(path)) == real(&folder.file()) => {
                Ok(Export { file: folder.ledger(), database: Some(folder.file()), folder: Some(folder) })
            }
            ("sqlite", Some(path), _) => {
                let database = real(Path::new(path));
                let file = database.with_extension("ledger.jsonl");
                Ok(Export { file, database: Some(database), folder: None })
            }
            (_, _, folder) => {
                let folder = folder?;
                let file = folder.path().join(format!("ledger-{}.jsonl", place_of(&self.place.to_string())));
                Ok(Export { file, database: None, folder: Some(folder) })
            }
        }
    }
}

/// A name for the place of a store, the same however it is spelt.
fn place_of(store: &str) -> String {
    let locator = Locator::new(store);
    let (scheme, argument) = (locator.scheme(), locator.argument().unwrap_or_default());
    let place = match scheme {
        "filesystem" => real(Path::new(argument)).into_os_string().into_encoded_bytes(),
        _ => argument.as_bytes().to_vec(),
    };
    let digest = Digest::of_bytes(&[scheme.as_bytes(), b":", &place].concat()).to_string();
    digest.chars().skip_while(|c| *c != ':').skip(1).take(16).collect()
}

/// The database that a locator names, if it does, perhaps with the backend's id before it.
fn named(text: &str) -> Option<Locator> {
    let locator = Locator::new(text);
    let inner = locator.argument().filter(|_| locator.scheme() == "sql").map(Locator::new);
    inner.or(Some(locator)).filter(|found| matches!(found.scheme(), "sqlite" | "postgres" | "postgresql"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rule_c25_a_place_has_one_name_however_it_is_spelt_and_no_other_has_it() {
        let folder = tempfile::tempdir().unwrap();
        let at = |path: &str| place_of(&format!("filesystem:{}", folder.path().join(path).display()));
        let before = at("a");
        std::fs::create_dir(folder.path().join("a")).unwrap();
        std::os::unix::fs::symlink(folder.path().join("a"), folder.path().join("link")).unwrap();
        for same in ["a", "a/", "./a", "link", "link/"] {
            assert_eq!(at(same), before, "{same}");
        }
        assert_eq!(at("link/new/"), at("a/new"));
        assert_ne!(at("b"), before);
        assert_ne!(place_of("https://a.example/"), place_of("https://b.example/"));
    }
}
