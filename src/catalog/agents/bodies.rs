//! What is said in a report (rule C38). What is not understood is refused, whole: half a report is none.

use bytes::Bytes;
use hyper::StatusCode;
use mcp_registry_spec::{AgentId, Error, ErrorKind, Scope, text};
use mcp_registry_store::Report;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::catalog::body;
use crate::catalog::refusal::Refusal;

/// What is said beside the error where a body is no report.
const INVALID: &str = "invalid";

/// Reads what an agent says as it begins.
///
/// # Errors
/// 400.
pub(super) fn registration(body: &Bytes) -> Result<Report, Refusal> {
    let mut fields = Fields::read(body)?;
    let id = AgentId::parse(&fields.needed::<String>("id", TEXT)?)?;
    let runtime = fields.needed::<String>("runtime", TEXT)?;
    fields.report(id)?.runtime(&runtime).map_err(invalid)
}

/// Reads what the agent of that id says as it goes on.
///
/// # Errors
/// 400.
pub(super) fn heartbeat(body: &Bytes, id: AgentId) -> Result<Report, Refusal> {
    let mut fields = Fields::read(body)?;
    if let Some(repeated) = fields.take::<String>("id", TEXT)?
        && AgentId::parse(&repeated)? != id
    {
        return Err(wrong("id is another than the path's"));
    }
    let runtime = fields.take::<String>("runtime", TEXT)?;
    let report = fields.report(id)?;
    runtime.map_or(Ok(report.clone()), |runtime| report.runtime(&runtime)).map_err(invalid)
}

const TEXT: &str = "a text";
const TRUTH: &str = "true or false";

/// What a body says that was not read yet.
struct Fields(Map<String, Value>);

impl Fields {
    fn read(body: &Bytes) -> Result<Self, Refusal> {
        match body::json(body) {
            Ok(Value::Object(fields)) => Ok(Self(fields)),
            Ok(_) => Err(wrong("the body is no object")),
            Err(refusal) => Err(refusal.told_with(StatusCode::BAD_REQUEST).beside("reason", &INVALID)),
        }
    }

    /// What both kinds of reports say, and nothing beside that.
    fn report(mut self, id: AgentId) -> Result<Report, Refusal> {
        let scope = Scope::parse(&self.needed::<String>("scope", TEXT)?)?;
        let present = self.take::<bool>("mcp_server_present", TRUTH)?;
        let ready = self.take::<bool>("mcp_tools_ready", TRUTH)?;
        let tools = self.take::<Vec<String>>("loaded_mcp_tools", "a list of texts")?;
        if let Some(key) = self.0.keys().next() {
            return Err(wrong(format!("the body has a key that is not known, {}", text::quote(key))));
        }
        let report = Report::new(scope, id);
        let report = present.map_or(report.clone(), |present| report.present(present));
        let report = ready.map_or(report.clone(), |ready| report.ready(ready));
        tools.map_or(Ok(report.clone()), |tools| report.tools(&tools)).map_err(invalid)
    }

    /// What is said under a key; `null` is the same as nothing.
    fn take<T: DeserializeOwned>(&mut self, key: &str, what: &str) -> Result<Option<T>, Refusal> {
        let value = self.0.remove(key).unwrap_or_default();
        serde_json::from_value(value).map_err(|_| wrong(format!("{key} is not {what}")))
    }

    fn needed<T: DeserializeOwned>(&mut self, key: &str, what: &str) -> Result<T, Refusal> {
        self.take(key, what)?.ok_or_else(|| wrong(format!("{key} is missing, {what}")))
    }
}

fn wrong(what: impl AsRef<str>) -> Refusal {
    invalid(Error::new(ErrorKind::InvalidSpec, what))
}

fn invalid(error: Error) -> Refusal {
    Refusal::new(StatusCode::BAD_REQUEST, error).beside("reason", &INVALID)
}
