//! What a catalog answers, read strictly: what is not as the rules say is told, and never guessed at.

use std::collections::HashSet;

use mcp_registry_spec::json::Strict;
use mcp_registry_spec::{
    AuditRecord, BrokenEntry, Error, ErrorKind, McpServerRef, McpServerSpec, Result, Scope, ServerName, TransportKind,
    ValidationResult, text,
};
use serde_json::{Map, Value};
use url::Url;

use crate::client::{Answer, Client};
use crate::refusal::Said;

/// How deep an answer nests (C20).
const MOST_DEPTH: usize = 64;
/// How many errors, and how many warnings, of one validation are kept.
const MOST_REMARKS: usize = 100;

/// Why an answer that says the token is not taken: it would be shown.
const TOLD: &str = "it holds the token that the catalog was sent";

/// Why a body is not what it should be.
pub(crate) type Wrong = String;

/// Reads JSON that says one thing only, and nests no deeper than it should.
pub(crate) fn strict(body: &[u8]) -> Result<Value, Wrong> {
    let Strict(value) = serde_json::from_slice(body).map_err(|cause| format!("it is no JSON: {cause}"))?;
    if depth(&value) > MOST_DEPTH {
        return Err(format!("it nests deeper than {MOST_DEPTH} levels"));
    }
    Ok(value)
}

/// How deep a value nests. The parser's own bound keeps this from going too deep.
fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or_default(),
        Value::Object(map) => 1 + map.values().map(depth).max().unwrap_or_default(),
        _ => 0,
    }
}

/// Takes the list under `key` out of an envelope.
pub(crate) fn list(envelope: Value, key: &str) -> Result<Vec<Value>, Wrong> {
    match take(envelope, key)? {
        Value::Array(items) => Ok(items),
        _ => Err(format!("its {key} is no list")),
    }
}

fn take(envelope: Value, key: &str) -> Result<Value, Wrong> {
    let Value::Object(mut envelope) = envelope else { return Err("it is no object".to_owned()) };
    envelope.remove(key).ok_or_else(|| format!("it has no {key}"))
}

/// An element of a listing: an entry, or its ref.
pub(crate) struct Element {
    pub(crate) name: ServerName,
    pub(crate) fields: Map<String, Value>,
}

impl Element {
    fn of(value: Value) -> Result<Self, Wrong> {
        let Value::Object(fields) = value else { return Err("it lists what is no object".to_owned()) };
        let Some(Value::String(name)) = fields.get("name") else { return Err("it lists what has no name".to_owned()) };
        let name = ServerName::parse(name).map_err(|cause| cause.to_string())?;
        Ok(Self { name, fields })
    }

    /// Whether it is an entry, not a ref: a catalog that knows no `expand` answers refs.
    pub(crate) fn is_entry(&self) -> bool {
        self.fields.contains_key("command") || self.fields.contains_key("url")
    }
}

/// A listing as it comes in, one page or several. Of each element only what `keep` makes of it stays: as it
/// came it can be many times as large as the answer it stood in.
pub(crate) struct Pages<K, T> {
    keep: K,
    pub(crate) kept: Vec<T>,
    pub(crate) broken: Vec<BrokenEntry>,
    seen: HashSet<ServerName>,
}

impl<T, K: Fn(Element) -> T> Pages<K, T> {
    pub(crate) fn new(keep: K) -> Self {
        Self { keep, kept: Vec::new(), broken: Vec::new(), seen: HashSet::new() }
    }

    /// Adds a page, and gives what the next one is asked for with, if there is one.
    pub(crate) fn add(&mut self, client: &Client, page: Value) -> Result<Option<String>, Wrong> {
        let Value::Object(mut page) = page else { return Err("it is no object".to_owned()) };
        let mut part = |key: &str| match page.remove(key) {
            Some(Value::Array(items)) => Ok(Some(items)),
            None | Some(Value::Null) => Ok(None),
            Some(_) => Err(format!("its {key} is no list")),
        };
        let servers = part("servers")?.ok_or("it has no servers")?;
        let broken = part("broken")?.unwrap_or_default();
        let before = self.seen.len();
        for server in servers {
            let element = Element::of(server)?;
            self.note(client, &element.name)?;
            self.kept.push((self.keep)(element));
        }
        for entry in broken {
            let Element { name, fields } = Element::of(entry)?;
            self.note(client, &name)?;
            let error = client.told(&fields.get("error").map(Said::of_error).unwrap_or_default());
            self.broken.push(BrokenEntry { name, error });
        }
        match page.remove("next_cursor") {
            None | Some(Value::Null) => Ok(None),
            // Else it could go on like this for ever.
            Some(Value::String(_)) if self.seen.len() == before => {
                Err("it has another page behind an empty one".into())
            }
            Some(Value::String(cursor)) => Ok(Some(cursor)),
            Some(_) => Err("its next_cursor is no text".into()),
        }
    }

    fn note(&mut self, client: &Client, name: &ServerName) -> Result<(), Wrong> {
        if client.without_token(name.as_str()) != name.as_str() {
            return Err(TOLD.to_owned());
        }
        if self.seen.insert(name.clone()) { Ok(()) } else { Err(format!("it lists {:?} twice", name.as_str())) }
    }
}

impl Client {
    /// The JSON of an answer.
    ///
    /// # Errors
    /// [`ErrorKind::DescriptorInvalid`], naming the URL.
    pub(crate) fn json(&self, answer: &Answer) -> Result<Value> {
        strict(&answer.body).map_err(|wrong| self.wrong(&answer.url, &wrong))
    }

    /// The error that an answer is not what it should be.
    pub(crate) fn wrong(&self, url: &Url, wrong: &str) -> Error {
        let message = format!("{} answered what no catalog answers: {}", self.shown(url), self.quoted(wrong));
        Error::new(ErrorKind::DescriptorInvalid, message)
    }

    /// The entry an element is.
    ///
    /// # Errors
    /// [`ErrorKind::DescriptorInvalid`] for one that breaks rule 24, or holds the token.
    pub(crate) fn entry(&self, element: Element) -> Result<McpServerSpec> {
        let name = element.name;
        let fields = Value::Object(element.fields);
        if self.is_token_in(&fields) {
            return Err(self.unusable(&name, TOLD));
        }
        McpServerSpec::from_json(fields).map_err(|cause| self.unusable(&name, &cause.to_string()))
    }

    /// The entry that was asked for by its name.
    ///
    /// # Errors
    /// [`ErrorKind::DescriptorInvalid`] for one that breaks rule 24, another one, or what is none.
    pub(crate) fn entry_named(&self, name: &ServerName, answer: &Answer) -> Result<McpServerSpec> {
        let element = Element::of(self.json(answer)?).map_err(|wrong| self.wrong(&answer.url, &wrong))?;
        if element.name != *name {
            return Err(self.wrong(&answer.url, &format!("it is {}", text::quote(element.name.as_str()))));
        }
        self.entry(element)
    }

    /// The listing line an element is. What is said of where it is stored is not taken: it is in
    /// this catalog, at `source`.
    ///
    /// # Errors
    /// [`ErrorKind::DescriptorInvalid`] for one that breaks rule 24.
    pub(crate) fn line(&self, element: Element, source: String) -> Result<McpServerRef> {
        let Element { name, mut fields } = element;
        let mut word = |key: &str| match fields.remove(key) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(word)) => Ok(Some(self.without_token(&word).into_owned())),
            Some(_) => Err(self.unusable(&name, &format!("the field {key:?} must be a string"))),
        };
        let (description, transport, version) = (word("description")?, word("transport")?, word("version")?);
        let transport = match transport {
            Some(kind) => TransportKind::parse(&kind).map_err(|cause| self.unusable(&name, &cause.to_string()))?,
            None if fields.contains_key("url") => TransportKind::StreamableHttp,
            None => TransportKind::default(),
        };
        Ok(McpServerRef { name, description: description.unwrap_or_default(), transport, version, source })
    }

    fn unusable(&self, name: &ServerName, why: &str) -> Error {
        let message =
            format!("the catalog's entry {} cannot be used: {}", text::quote(name.as_str()), self.quoted(why));
        Error::new(ErrorKind::DescriptorInvalid, message)
    }

    /// What a catalog found at a static look at an entry.
    ///
    /// # Errors
    /// [`ErrorKind::DescriptorInvalid`] for what is no validation.
    pub(crate) fn validation(&self, name: &ServerName, answer: &Answer) -> Result<ValidationResult> {
        let wrong = |wrong: Wrong| self.wrong(&answer.url, &wrong);
        let Value::Object(mut found) = self.json(answer)? else { return Err(wrong("it is no object".into())) };
        let Some(Value::Bool(ok)) = found.get("ok") else { return Err(wrong("it has no ok".into())) };
        let ok = *ok;
        let mut remarks = |key: &str| match found.remove(key) {
            None | Some(Value::Null) => Ok(Vec::new()),
            Some(Value::Array(items)) => {
                let all = items.iter().map(|item| item.as_str().map(|words| self.remark(words)));
                all.take(MOST_REMARKS).collect::<Option<Vec<_>>>().ok_or_else(|| format!("its {key} are not all texts"))
            }
            Some(_) => Err(format!("its {key} are no list")),
        };
        let mut result = ValidationResult::new(name.as_str());
        result.errors = remarks("errors").map_err(wrong)?;
        result.warnings = remarks("warnings").map_err(wrong)?;
        if !ok && result.errors.is_empty() {
            result.errors.push("the catalog says that it is not ok, and not why".to_owned());
        }
        Ok(result)
    }

    fn remark(&self, words: &str) -> String {
        text::escape(&self.quoted(words)).into_owned()
    }

    /// The records of the scope's audit that follow number `after`.
    ///
    /// # Errors
    /// [`ErrorKind::DescriptorInvalid`] for what are none, or those of another scope.
    pub(crate) fn records(&self, scope: &Scope, after: u64, answer: &Answer) -> Result<Vec<AuditRecord>> {
        let wrong = |wrong: Wrong| self.wrong(&answer.url, &wrong);
        let mut last = after;
        let mut records = Vec::new();
        for record in list(self.json(answer)?, "records").map_err(wrong)? {
            if self.is_token_in(&record) {
                return Err(wrong(TOLD.into()));
            }
            let record: AuditRecord = serde_json::from_value(record)
                .map_err(|cause| wrong(format!("it holds what is no record: {cause}")))?;
            if record.scope != *scope {
                return Err(wrong(format!("it holds a record of the scope {}", record.scope)));
            }
            if record.seq <= last {
                return Err(wrong(format!("its record {} comes behind {last}", record.seq)));
            }
            last = record.seq;
            records.push(record);
        }
        Ok(records)
    }

    /// The list of commands that an agent has, if it has one (C44).
    ///
    /// # Errors
    /// [`ErrorKind::DescriptorInvalid`] for what is none.
    pub(crate) fn allowed_commands(&self, answer: &Answer) -> Result<Option<Vec<String>>> {
        let key = "allowed_commands";
        let wrong = |wrong: Wrong| self.wrong(&answer.url, &wrong);
        match take(self.json(answer)?, key).map_err(wrong)? {
            Value::Null => Ok(None),
            Value::Array(commands) if !commands.iter().any(|command| self.is_token_in(command)) => {
                let commands = commands.iter().map(|command| command.as_str().map(str::to_owned));
                let commands =
                    commands.collect::<Option<_>>().ok_or_else(|| wrong(format!("its {key} are no texts")))?;
                Ok(Some(commands))
            }
            _ => Err(wrong(format!("its {key} is no list"))),
        }
    }

    /// The scopes that a catalog lists, sorted.
    ///
    /// # Errors
    /// [`ErrorKind::DescriptorInvalid`] for what are none, or one that comes twice.
    pub(crate) fn scopes(&self, answer: &Answer) -> Result<Vec<Scope>> {
        let wrong = |wrong: Wrong| self.wrong(&answer.url, &wrong);
        let listed = list(self.json(answer)?, "scopes").map_err(wrong)?;
        let parsed = listed.iter().map(|scope| {
            if self.is_token_in(scope) {
                return Err(TOLD.to_owned());
            }
            Scope::parse(scope.as_str().ok_or("it lists what is no scope")?).map_err(|cause| cause.to_string())
        });
        let mut scopes = parsed.collect::<Result<Vec<_>, Wrong>>().map_err(wrong)?;
        scopes.sort();
        match scopes.windows(2).find(|pair| pair.first() == pair.last()) {
            Some(_) => Err(wrong("it lists a scope twice".into())),
            None => Ok(scopes),
        }
    }
}
