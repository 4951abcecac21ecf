//! Sizes of tools, and whether their schemas are any.

use mcp_registry_pool::rmcp::model::{JsonObject, Tool};
use serde::Serialize;

use super::meta_schema;

/// How many bytes of JSON are taken for a token of a model's.
const BYTES_A_TOKEN: usize = 4;

/// What the tools of a server take.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Sizes {
    /// The schemas of input and output, as JSON, in bytes.
    pub(super) schemas: usize,
    /// What a model is told of them, estimated.
    pub(super) tokens: usize,
}

impl Sizes {
    pub(super) fn of(tools: &[Tool]) -> Self {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Told<'a> {
            name: &'a str,
            description: Option<&'a str>,
            input_schema: &'a JsonObject,
        }
        let told = |tool: &Tool| {
            let (name, description) = (&*tool.name, tool.description.as_deref());
            json_size(&Told { name, description, input_schema: &tool.input_schema })
        };
        Self {
            schemas: tools.iter().flat_map(schemas).map(|(_, schema)| json_size(schema)).sum(),
            tokens: tools.iter().map(told).sum::<usize>().div_ceil(BYTES_A_TOKEN),
        }
    }
}

fn json_size(value: &impl Serialize) -> usize {
    // What came as JSON can be written as JSON.
    serde_json::to_vec(value).map_or(0, |json| json.len())
}

/// A schema that is not valid JSON Schema.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Invalid {
    /// The tool's own name.
    pub(super) tool: String,
    /// Which of its schemas.
    pub(super) schema: &'static str,
    /// Why it is none.
    pub(super) error: String,
}

/// The schemas of tools that are not valid, by the version of JSON Schema they name.
pub(super) fn invalid(tools: &[Tool]) -> Vec<Invalid> {
    let check = |tool: &Tool, (which, schema): (&'static str, &JsonObject)| {
        let error = meta_schema::check(schema).err()?;
        Some(Invalid { tool: tool.name.to_string(), schema: which, error })
    };
    tools.iter().flat_map(|tool| schemas(tool).filter_map(|schema| check(tool, schema))).collect()
}

fn schemas(tool: &Tool) -> impl Iterator<Item = (&'static str, &JsonObject)> {
    let output = tool.output_schema.as_deref().map(|schema| ("output", schema));
    std::iter::once(("input", &*tool.input_schema)).chain(output)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn tool(input: Value) -> Tool {
        serde_json::from_value(json!({"name": "t", "description": "d", "inputSchema": input})).unwrap()
    }

    #[test]
    fn s14_sizes_are_those_of_the_json() {
        let tools = [tool(json!({"type": "object"})), tool(json!({}))];
        let told = r#"{"description":"d","inputSchema":{"type":"object"},"name":"t"}"#.len()
            + r#"{"description":"d","inputSchema":{},"name":"t"}"#.len();
        assert_eq!(Sizes::of(&tools), Sizes { schemas: 19, tokens: told.div_ceil(4) });
        assert_eq!(Sizes::of(&[]), Sizes::default());
    }

    #[test]
    fn s14_what_is_no_json_schema_is_told() {
        let bad = [json!({"type": "no type"}), json!({"properties": 1}), json!({"type": "object", "required": "a"})];
        for schema in bad {
            let found = invalid(&[tool(json!({})), tool(schema.clone())]);
            assert_eq!(found.len(), 1, "{schema}");
            assert_eq!((found[0].tool.as_str(), found[0].schema), ("t", "input"));
        }
        let unknown = invalid(&[tool(json!({"$schema": "https://example.org/of-ours"}))]);
        assert_eq!(
            unknown[0].error,
            "its \"$schema\" names a dialect that is not known here: \"https://example.org/of-ours\""
        );
        for good in
            [json!({}), json!({"type": "object"}), json!({"$schema": "http://json-schema.org/draft-07/schema#"})]
        {
            assert_eq!(invalid(&[tool(good.clone())]), [], "{good}");
        }
    }
}
