//! Whether a value is a JSON Schema: what the meta-schemas of drafts 4 to 2020-12 ask of each keyword.
//!
//! A table, for a validator brings two engines for regular expressions with it, and what they need would be
//! mapped at each start of this program. A test holds the table to one. Formats are annotations, and not looked at.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use Dialect::{Draft4, Draft6, Draft7, Draft201909, Draft202012};
use Shape::{
    Anchor, Count, Factor, Flag, Flags, Identifier, List, Names, NamesBy, Number, Schema, SchemaOrFlag,
    SchemaOrNamesBy, SchemaOrSchemas, Schemas, SchemasBy, Text, Types,
};

/// A version of JSON Schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Dialect {
    Draft4,
    Draft6,
    Draft7,
    Draft201909,
    Draft202012,
}

/// What the value of a keyword is.
#[derive(Debug, Clone, Copy)]
enum Shape {
    Text,
    Flag,
    Number,
    Factor,
    Count,
    List,
    Types,
    Names,
    NamesBy,
    Flags,
    Identifier,
    Anchor,
    Schema,
    SchemaOrFlag,
    Schemas,
    SchemaOrSchemas,
    SchemasBy,
    SchemaOrNamesBy,
}

/// What is wrong with a schema, and where: the steps from the place to the root.
struct Wrong {
    steps: Vec<String>,
    wanted: &'static str,
}

const TYPES: [&str; 7] = ["array", "boolean", "integer", "null", "number", "object", "string"];
const WANTED_TYPES: &str = "a type, or a list of types: array, boolean, integer, null, number, object, string";

/// Each keyword, the drafts that constrain it (the first and the last of them), and how.
const KEYWORDS: &[(&str, Dialect, Dialect, Shape)] = &[
    ("id", Draft4, Draft4, Text),
    ("$id", Draft6, Draft7, Text),
    ("$id", Draft201909, Draft202012, Identifier),
    ("$schema", Draft4, Draft202012, Text),
    ("$ref", Draft6, Draft202012, Text),
    ("$anchor", Draft201909, Draft202012, Anchor),
    ("$dynamicAnchor", Draft202012, Draft202012, Anchor),
    ("$dynamicRef", Draft202012, Draft202012, Text),
    ("$recursiveAnchor", Draft201909, Draft201909, Flag),
    ("$recursiveAnchor", Draft202012, Draft202012, Anchor),
    ("$recursiveRef", Draft201909, Draft202012, Text),
    ("$vocabulary", Draft201909, Draft202012, Flags),
    ("$comment", Draft7, Draft202012, Text),
    ("$defs", Draft201909, Draft202012, SchemasBy),
    ("definitions", Draft4, Draft202012, SchemasBy),
    ("title", Draft4, Draft202012, Text),
    ("description", Draft4, Draft202012, Text),
    ("deprecated", Draft201909, Draft202012, Flag),
    ("readOnly", Draft7, Draft202012, Flag),
    ("writeOnly", Draft7, Draft202012, Flag),
    ("examples", Draft6, Draft202012, List),
    ("type", Draft4, Draft202012, Types),
    ("enum", Draft4, Draft202012, List),
    ("multipleOf", Draft4, Draft202012, Factor),
    ("maximum", Draft4, Draft202012, Number),
    ("exclusiveMaximum", Draft4, Draft4, Flag),
    ("exclusiveMaximum", Draft6, Draft202012, Number),
    ("minimum", Draft4, Draft202012, Number),
    ("exclusiveMinimum", Draft4, Draft4, Flag),
    ("exclusiveMinimum", Draft6, Draft202012, Number),
    ("maxLength", Draft4, Draft202012, Count),
    ("minLength", Draft4, Draft202012, Count),
    ("pattern", Draft4, Draft202012, Text),
    ("format", Draft4, Draft202012, Text),
    ("maxItems", Draft4, Draft202012, Count),
    ("minItems", Draft4, Draft202012, Count),
    ("uniqueItems", Draft4, Draft202012, Flag),
    ("maxContains", Draft201909, Draft202012, Count),
    ("minContains", Draft201909, Draft202012, Count),
    ("maxProperties", Draft4, Draft202012, Count),
    ("minProperties", Draft4, Draft202012, Count),
    ("required", Draft4, Draft202012, Names),
    ("dependentRequired", Draft201909, Draft202012, NamesBy),
    ("dependencies", Draft4, Draft202012, SchemaOrNamesBy),
    ("dependentSchemas", Draft201909, Draft202012, SchemasBy),
    ("properties", Draft4, Draft202012, SchemasBy),
    ("patternProperties", Draft4, Draft202012, SchemasBy),
    ("additionalProperties", Draft4, Draft202012, SchemaOrFlag),
    ("unevaluatedProperties", Draft201909, Draft202012, Schema),
    ("propertyNames", Draft6, Draft202012, Schema),
    ("items", Draft4, Draft201909, SchemaOrSchemas),
    ("items", Draft202012, Draft202012, Schema),
    ("prefixItems", Draft202012, Draft202012, Schemas),
    ("additionalItems", Draft4, Draft201909, SchemaOrFlag),
    ("unevaluatedItems", Draft201909, Draft202012, Schema),
    ("contains", Draft6, Draft202012, Schema),
    ("if", Draft7, Draft202012, Schema),
    ("then", Draft7, Draft202012, Schema),
    ("else", Draft7, Draft202012, Schema),
    ("allOf", Draft4, Draft202012, Schemas),
    ("anyOf", Draft4, Draft202012, Schemas),
    ("oneOf", Draft4, Draft202012, Schemas),
    ("not", Draft4, Draft202012, Schema),
    ("contentMediaType", Draft7, Draft202012, Text),
    ("contentEncoding", Draft7, Draft202012, Text),
    ("contentSchema", Draft201909, Draft202012, Schema),
];

/// Whether the meta-schema takes a schema: that of the draft that it names, where it names none that of 2020-12.
///
/// # Errors
/// The first thing that is wrong and where, for people; that it names a draft that is not known here.
pub(super) fn check(schema: &Map<String, Value>) -> Result<(), String> {
    let dialect = Dialect::of(schema)?;
    dialect.keywords(schema).map_err(|wrong| {
        // Its names as they are, and not as JSON Pointer would have them: a secret is hidden as it is spelt.
        let place: String = wrong.steps.iter().rev().map(|step| format!("/{step}")).collect();
        format!("{place}: must be {}", wrong.wanted)
    })
}

impl Dialect {
    fn of(schema: &Map<String, Value>) -> Result<Self, String> {
        let Some(Value::String(named)) = schema.get("$schema") else { return Ok(Draft202012) };
        let address = named.strip_prefix("https://").or_else(|| named.strip_prefix("http://")).unwrap_or_default();
        match address.trim_end_matches('#') {
            "json-schema.org/draft/2020-12/schema" | "json-schema.org/schema" => Ok(Draft202012),
            "json-schema.org/draft/2019-09/schema" => Ok(Draft201909),
            "json-schema.org/draft-07/schema" => Ok(Draft7),
            "json-schema.org/draft-06/schema" => Ok(Draft6),
            "json-schema.org/draft-04/schema" => Ok(Draft4),
            _ => Err(format!("its \"$schema\" names a dialect that is not known here: {}", schema["$schema"])),
        }
    }

    fn schema(self, schema: &Value) -> Result<(), Wrong> {
        match schema {
            Value::Object(keywords) => self.keywords(keywords),
            Value::Bool(_) if self > Draft4 => Ok(()),
            _ => Err(Wrong::at_hand(if self > Draft4 { "an object, true or false" } else { "an object" })),
        }
    }

    fn keywords(self, keywords: &Map<String, Value>) -> Result<(), Wrong> {
        if self == Draft4 {
            for (exclusive, bound) in [("exclusiveMaximum", "maximum"), ("exclusiveMinimum", "minimum")] {
                if keywords.contains_key(exclusive) && !keywords.contains_key(bound) {
                    return Err(Wrong::at_hand("beside the bound that it excludes").below(exclusive));
                }
            }
        }
        keywords.iter().try_for_each(|(keyword, value)| {
            let of_this = |row: &&(&str, Dialect, Dialect, _)| row.0 == keyword && (row.1..=row.2).contains(&self);
            let Some((.., shape)) = KEYWORDS.iter().find(of_this) else { return Ok(()) };
            self.value(*shape, value).map_err(|wrong| wrong.below(keyword))
        })
    }

    fn value(self, shape: Shape, value: &Value) -> Result<(), Wrong> {
        match shape {
            Text => demand(value.is_string(), "a text"),
            Flag => demand(value.is_boolean(), "true or false"),
            Number => demand(value.is_number(), "a number"),
            Factor => demand(value.as_f64().is_some_and(|factor| factor > 0.0), "a number above zero"),
            Count => demand(self.is_count(value), "an integer, not below zero"),
            List => demand(value.is_array(), "a list"),
            Types => demand(are_types(value), WANTED_TYPES),
            Names => demand(self.are_names(value), self.wanted_names()),
            Identifier => demand(value.as_str().is_some_and(is_identifier), "a text without a fragment"),
            Anchor => demand(value.as_str().is_some_and(|text| self.is_anchor(text)), self.wanted_anchor()),
            Flags => each(value, |value| self.value(Flag, value)),
            NamesBy => each(value, |value| self.value(Names, value)),
            SchemasBy => each(value, |value| self.schema(value)),
            SchemaOrNamesBy => each(value, |value| self.value(if value.is_array() { Names } else { Schema }, value)),
            SchemaOrFlag if value.is_boolean() => Ok(()),
            SchemaOrSchemas if value.is_array() => self.value(Schemas, value),
            Schema | SchemaOrFlag | SchemaOrSchemas => self.schema(value),
            Schemas => {
                let schemas = value.as_array().filter(|schemas| !schemas.is_empty());
                let schemas = schemas.ok_or_else(|| Wrong::at_hand("a list of schemas, not empty"))?;
                let mut each = schemas.iter().enumerate();
                each.try_for_each(|(at, schema)| self.schema(schema).map_err(|wrong| wrong.below(&at.to_string())))
            }
        }
    }

    fn is_count(self, value: &Value) -> bool {
        // To draft 4, 1.0 is no integer; an integer that is too large for one was read as such a number, too.
        let is_integer = |count: f64| self > Draft4 || value.is_u64() || count >= u64::MAX as f64;
        value.as_f64().is_some_and(|count| count >= 0.0 && count.fract() == 0.0 && is_integer(count))
    }

    fn are_names(self, value: &Value) -> bool {
        value.as_array().is_some_and(|list| (self > Draft4 || !list.is_empty()) && is_set_of(list, Value::is_string))
    }

    fn wanted_names(self) -> &'static str {
        if self > Draft4 { "a list of different texts" } else { "a list of different texts, not empty" }
    }

    fn is_anchor(self, text: &str) -> bool {
        let (first, rest) = if self == Draft201909 { ("", ".:_-") } else { ("_", "._-") };
        text.starts_with(|c: char| c.is_ascii_alphabetic() || first.contains(c))
            && text.chars().all(|c| c.is_ascii_alphanumeric() || rest.contains(c))
    }

    fn wanted_anchor(self) -> &'static str {
        if self == Draft201909 {
            "a name of letters, digits and -._: that begins with a letter"
        } else {
            "a name of letters, digits and -._ that begins with a letter or _"
        }
    }
}

impl Wrong {
    fn at_hand(wanted: &'static str) -> Self {
        Self { steps: Vec::new(), wanted }
    }

    fn below(mut self, step: &str) -> Self {
        self.steps.push(step.to_owned());
        self
    }
}

fn demand(holds: bool, wanted: &'static str) -> Result<(), Wrong> {
    if holds { Ok(()) } else { Err(Wrong::at_hand(wanted)) }
}

fn each(value: &Value, check: impl Fn(&Value) -> Result<(), Wrong>) -> Result<(), Wrong> {
    let members = value.as_object().ok_or_else(|| Wrong::at_hand("an object"))?;
    members.iter().try_for_each(|(name, value)| check(value).map_err(|wrong| wrong.below(name)))
}

fn are_types(value: &Value) -> bool {
    let is_type = |value: &Value| value.as_str().is_some_and(|name| TYPES.contains(&name));
    is_type(value) || value.as_array().is_some_and(|list| !list.is_empty() && is_set_of(list, is_type))
}

fn is_set_of(list: &[Value], is_one: impl Fn(&Value) -> bool) -> bool {
    let different: BTreeSet<_> = list.iter().filter(|value| is_one(value)).filter_map(Value::as_str).collect();
    different.len() == list.len()
}

fn is_identifier(text: &str) -> bool {
    !text.strip_suffix('#').unwrap_or(text).contains('#')
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// What is a keyword in one draft or another, and what is in none.
    const NAMES: &str = "id $id $ref $anchor $dynamicAnchor $dynamicRef $recursiveAnchor $recursiveRef $vocabulary \
        $comment $defs definitions title description default deprecated readOnly writeOnly examples type enum const \
        multipleOf maximum exclusiveMaximum minimum exclusiveMinimum maxLength minLength pattern format maxItems \
        minItems uniqueItems maxContains minContains maxProperties minProperties required dependentRequired \
        dependencies dependentSchemas properties patternProperties additionalProperties unevaluatedProperties \
        propertyNames items prefixItems additionalItems unevaluatedItems contains if then else allOf anyOf oneOf not \
        contentMediaType contentEncoding contentSchema other";

    /// Values that are right for one keyword or another, and such that are for none.
    fn values() -> Vec<Value> {
        let texts = ["", "a", "_b", "c:d", "e.f-1", "1g", "h#", "i#j", "integer", "é", "a b"].map(Value::from);
        let numbers = [json!(0), json!(-0.0), json!(1.0), json!(2), json!(-1), json!(0.5), json!(1e20)];
        let schemas = [json!({}), json!({"not": {}}), json!({"not": {"type": "no"}}), json!({"not": false})];
        let lists =
            [json!([]), json!(["a"]), json!(["a", "a"]), json!(["null", "array"]), json!(["null", "null"]), json!([1])];
        let single = texts.into_iter().chain(numbers).chain([json!(null), json!(true)]).chain(schemas);
        let single: Vec<_> = single.chain(lists).collect();
        let inside = |value: &Value| [json!([value]), json!({"a": value}), json!([{}, value])];
        single.iter().cloned().chain(single.iter().flat_map(inside)).collect()
    }

    /// Whether a schema is one; the validator must say the same, but for the formats that it asserts up to draft 7.
    fn is_schema(schema: &Value) -> bool {
        let (taken, by_the_validator) =
            (check(schema.as_object().unwrap()).is_ok(), jsonschema::meta::validate(schema));
        let is_of_format = format!("{by_the_validator:?}").contains("Format {");
        assert!(is_of_format || taken == by_the_validator.is_ok(), "{schema}: {taken}, {by_the_validator:?}");
        taken
    }

    #[test]
    fn s14_a_schema_is_what_its_meta_schema_takes() {
        let values = values();
        for draft in ["draft-04", "draft-06", "draft-07", "draft/2019-09", "draft/2020-12"] {
            let base =
                json!({"$schema": format!("http://json-schema.org/{draft}/schema#"), "maximum": 1, "minimum": 1});
            for (keyword, value) in NAMES.split_whitespace().flat_map(|name| values.iter().map(move |v| (name, v))) {
                let mut schema = base.clone();
                schema[keyword] = value.clone();
                is_schema(&schema);
            }
        }
        for bound in ["exclusiveMaximum", "exclusiveMinimum"] {
            assert!(!is_schema(&json!({"$schema": "http://json-schema.org/draft-04/schema", bound: true})));
        }
        assert!(!is_schema(&json!({"$schema": 1})));
    }

    #[test]
    fn s14_the_dialect_is_the_one_that_is_named() {
        let known = ["draft-04/", "draft-06/", "draft-07/", "draft/2019-09/", "draft/2020-12/", ""];
        let known = known
            .iter()
            .flat_map(|draft| ["https", "http"].map(|scheme| format!("{scheme}://json-schema.org/{draft}schema")));
        for address in known.flat_map(|address| ["", "#", "##"].map(|end| format!("{address}{end}"))) {
            let anchor = json!({"$schema": address, "$recursiveAnchor": 1});
            let id = json!({"$schema": address, "id": 1});
            assert_eq!(
                (is_schema(&anchor), is_schema(&id)),
                (!address.contains("/20") && address.contains("draft"), !address.contains("-04"))
            );
            is_schema(&json!({"$schema": address, "$recursiveAnchor": true}));
            is_schema(&json!({"$schema": address, "$comment": 1, "$id": "a#b"}));
            is_schema(&json!({"$schema": address, "if": 1}));
        }
        for unknown in ["json-schema.org/draft-07/schema", "https://example.org/of-ours", "", "#"] {
            let error = format!("its \"$schema\" names a dialect that is not known here: {unknown:?}");
            assert_eq!(check(json!({"$schema": unknown}).as_object().unwrap()), Err(error));
        }
    }

    #[test]
    fn s14_what_is_wrong_is_told_with_its_place() {
        for (schema, error) in [
            (
                json!({"type": "no"}),
                "/type: must be a type, or a list of types: array, boolean, integer, null, number, object, string",
            ),
            (json!({"properties": {"a/b": {"minimum": "1"}}}), "/properties/a/b/minimum: must be a number"),
            (json!({"anyOf": [{}, 1]}), "/anyOf/1: must be an object, true or false"),
        ] {
            assert_eq!(check(schema.as_object().unwrap()).unwrap_err(), error);
        }
    }
}
