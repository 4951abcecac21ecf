//! Results held to the schemas that the server gives for them, by somebody else's validator (rule M6).

use std::collections::BTreeMap;

use serde_json::Value;

/// The schemas of the tools that are offered.
#[derive(Default)]
pub(crate) struct Schemas(BTreeMap<String, jsonschema::Validator>);

impl Schemas {
    /// Those of an answer to `tools/list`.
    pub(crate) fn of(tools: &Value) -> Self {
        let of = |tool: &Value| {
            for schema in ["inputSchema", "outputSchema"] {
                assert!(jsonschema::meta::is_valid(&tool[schema]), "{tool}");
            }
            (tool["name"].as_str().unwrap().to_owned(), jsonschema::validator_for(&tool["outputSchema"]).unwrap())
        };
        Self(tools["tools"].as_array().unwrap().iter().map(of).collect())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Holds a result to the schema of its tool, and its text to what is structured.
    pub(crate) fn check(&self, tool: &str, result: &Value) {
        let content = &result["structuredContent"];
        let errors: Vec<_> = self.0[tool].iter_errors(content).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{tool}: {errors:?}: {content}");
        let text = result["content"][0]["text"].as_str().unwrap();
        assert_eq!(serde_json::from_str::<Value>(text).unwrap(), *content, "{tool}");
        assert!(result["isError"].is_boolean(), "{tool}: {result}");
    }
}
