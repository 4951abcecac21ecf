//! Entries as they are stored: the text of their JSON, and its digest.

use mcp_registry_spec::{
    BrokenEntry, Digest, Error, ErrorKind, Listing, Loaded, McpServerRef, McpServerSpec, Result, Scope, ServerName,
    ValidationResult, text,
};
use mcp_registry_store::sqlx::{Row as _, query};
use mcp_registry_store::{Row, Store};

/// The text to store for an entry, and its digest.
///
/// The text is the canonical JSON that the digest is made of, so that a stored entry is held to its
/// digest by looking at bytes alone; but where that would lose how a number was written (`1.0`), the
/// plain JSON.
///
/// # Errors
/// [`ErrorKind::InvalidSpec`] when the entry has no JSON form.
pub(crate) fn encode(spec: &McpServerSpec) -> Result<(String, Digest)> {
    let none = |cause| Error::new(ErrorKind::InvalidSpec, "the entry has no JSON form").caused_by(cause);
    let canonical = serde_json_canonicalizer::to_string(spec).map_err(none)?;
    let digest = Digest::of_bytes(canonical.as_bytes());
    if serde_json::from_str::<McpServerSpec>(&canonical).is_ok_and(|read| read == *spec) {
        return Ok((canonical, digest));
    }
    Ok((serde_json::to_string(spec).map_err(none)?, digest))
}

/// Reads an entry back. What is not what was stored, be it by one byte, is broken: nobody can tell what
/// was meant (rule 17).
///
/// # Errors
/// [`ErrorKind::DescriptorInvalid`], naming the entry and none of its content.
pub(crate) fn decode(store: &Store, scope: &Scope, name: &ServerName, row: &Row) -> Result<McpServerSpec> {
    let broken = |why: &str| broken(store, scope, name, why);
    let column = |column: &str| row.try_get::<String, _>(column).map_err(|_| broken("is not stored as text"));
    let stored: Digest = column("digest")?.parse().map_err(|_| broken("is stored with a digest that is none"))?;
    let text = column("spec")?;
    let changed = || broken("was changed by other means: it does not have the digest it was stored with");
    let is_canonical = Digest::of_bytes(text.as_bytes()) == stored;
    let spec: McpServerSpec = serde_json::from_str(&text).map_err(|_| match is_canonical {
        true => broken("is stored as something that is no entry"),
        false => changed(),
    })?;
    if !is_canonical && spec.digest().ok() != Some(stored) {
        return Err(changed());
    }
    if spec.name != *name {
        return Err(broken(&format!("holds an entry of another name, {}", spec.name)));
    }
    Ok(spec)
}

fn broken(store: &Store, scope: &Scope, name: &ServerName, why: &str) -> Error {
    Error::new(ErrorKind::DescriptorInvalid, format!("the entry {scope}/{name} of {} {why}", store.name()))
        .hint("uninstall it, then install it anew")
}

/// What the query for one entry gave. The driver fails on text that is no UTF-8, which SQLite lets other
/// means store: that is this entry's trouble alone.
pub(crate) fn found(
    store: &Store,
    scope: &Scope,
    name: &ServerName,
    rows: Result<Vec<Row>>,
) -> Result<Option<Result<McpServerSpec>>> {
    match rows {
        Ok(rows) => Ok(rows.first().map(|row| decode(store, scope, name, row))),
        Err(error) if error.kind() == ErrorKind::DescriptorInvalid => {
            Ok(Some(Err(broken(store, scope, name, "is not stored as text"))))
        }
        Err(error) => Err(error),
    }
}

/// The line that an entry has in a listing.
pub(crate) fn line(store: &Store, scope: &Scope, spec: &McpServerSpec) -> McpServerRef {
    McpServerRef { source: format!("{}#{scope}/{}", store.name(), spec.name), ..spec.to_ref() }
}

/// Everything in a scope, by one query; by one for each where the driver cannot read all of them.
pub(crate) async fn all(store: &Store, scope: &Scope) -> Result<Stored> {
    let select = || {
        query("SELECT name, spec, digest FROM mcp_entries WHERE scope = $1 ORDER BY name")
            .bind(scope.as_str().to_owned())
    };
    let names = || query("SELECT name FROM mcp_entries WHERE scope = $1 ORDER BY name").bind(scope.as_str().to_owned());
    let (rows, whole) = match store.fetch(select).await {
        Err(error) if error.kind() == ErrorKind::DescriptorInvalid => (store.fetch(names).await?, false),
        rows => (rows?, true),
    };
    let mut stored = Stored::default();
    for row in rows {
        let name = text_of(store, &row, "name")?;
        let Ok(name) = ServerName::parse(&name) else {
            stored.strays.push(name);
            continue;
        };
        let result = if whole { decode(store, scope, &name, &row) } else { one(store, scope, &name).await };
        // Between the two queries it may have been uninstalled.
        if !matches!(&result, Err(error) if error.kind() == ErrorKind::NotInRegistry) {
            stored.entries.push(Loaded { name, result });
        }
    }
    Ok(stored)
}

/// What a scope holds.
#[derive(Default)]
pub(crate) struct Stored {
    /// Its entries, broken ones too, in the order of names.
    pub(crate) entries: Vec<Loaded>,
    /// What is stored under something that is no name, which only other means can have done.
    strays: Vec<String>,
}

impl Stored {
    pub(crate) fn listing(self, store: &Store, scope: &Scope) -> Listing {
        let mut listing = Listing::default();
        for Loaded { name, result } in self.entries {
            match result {
                Ok(spec) => listing.servers.push(line(store, scope, &spec)),
                Err(error) => listing.broken.push(BrokenEntry { name, error }),
            }
        }
        listing
    }

    pub(crate) fn validations(self) -> Vec<ValidationResult> {
        let entries = self.entries.into_iter().map(|Loaded { name, result }| match result {
            Ok(_) => ValidationResult::new(name.as_str()),
            Err(error) => ValidationResult::failed(name.as_str(), &error),
        });
        let strays = self.strays.into_iter().map(|name| {
            let mut result = ValidationResult::new(text::quote(&name));
            result.warnings.push("is no valid server name, so what is stored under it is not read".to_owned());
            result
        });
        entries.chain(strays).collect()
    }
}

/// One entry.
pub(crate) async fn one(store: &Store, scope: &Scope, name: &ServerName) -> Result<McpServerSpec> {
    let select = || {
        query("SELECT spec, digest FROM mcp_entries WHERE scope = $1 AND name = $2")
            .bind(scope.as_str().to_owned())
            .bind(name.as_str().to_owned())
    };
    let found = found(store, scope, name, store.fetch(select).await)?;
    found.unwrap_or_else(|| Err(Error::not_in_registry(name)))
}

/// The scopes that have entries.
pub(crate) async fn scopes(store: &Store) -> Result<Vec<Scope>> {
    let rows = store.fetch(|| query("SELECT DISTINCT scope FROM mcp_entries ORDER BY scope")).await?;
    let mut scopes = Vec::with_capacity(rows.len());
    for row in &rows {
        // What is no scope, only other means can have stored; nobody can open it.
        scopes.extend(Scope::parse(&text_of(store, row, "scope")?).ok());
    }
    Ok(scopes)
}

/// The word that changes with the content of a scope.
pub(crate) async fn revision(store: &Store, scope: &Scope) -> Result<String> {
    let select = || query("SELECT revision FROM mcp_scopes WHERE scope = $1").bind(scope.as_str().to_owned());
    match store.fetch(select).await?.first() {
        Some(row) => text_of(store, row, "revision"),
        None => Ok(String::new()),
    }
}

/// A column that holds text.
pub(crate) fn text_of(store: &Store, row: &Row, column: &str) -> Result<String> {
    row.try_get(column).map_err(|cause| {
        let what = format!("the column {column} of {} cannot be read", store.name());
        Error::new(ErrorKind::DescriptorInvalid, what).caused_by(cause)
    })
}
