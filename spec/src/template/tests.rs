use super::*;
use proptest::prelude::*;

fn pieces(source: &str) -> Vec<Piece<'static>> {
    let leaked: &'static EnvTemplate = Box::leak(Box::new(EnvTemplate::parse(source).unwrap()));
    leaked.pieces().collect()
}

#[test]
fn rule_8_forms() {
    let reference = |name, default| Piece::Reference { name, default };
    assert_eq!(pieces("$TOKEN"), [reference("TOKEN", None)]);
    assert_eq!(pieces("a${B}c"), [Piece::Text("a"), reference("B", None), Piece::Text("c")]);
    assert_eq!(pieces("${B:-x y}"), [reference("B", Some("x y"))]);
    assert_eq!(pieces("${B:-}"), [reference("B", Some(""))]);
    assert_eq!(pieces("$$x"), [Piece::Text("$"), Piece::Text("x")]);
    assert_eq!(pieces("a$b"), [Piece::Text("a"), Piece::Text("$b")]);
    assert_eq!(pieces("$${A}"), [Piece::Text("$"), Piece::Text("{A}")]);
    assert_eq!(pieces(""), []);
}

#[test]
fn rule_8_what_is_none_of_them_is_an_error() {
    assert_eq!(EnvTemplate::parse("$HOME/x"), Err(TemplateError::Braces("HOME".into())));
    assert!(EnvTemplate::parse("$HOME/x").unwrap_err().to_string().contains("${HOME}"));
    for bad in ["$", "$1", "$(pwd)", "$-"] {
        assert_eq!(EnvTemplate::parse(bad), Err(TemplateError::Dollar), "{bad}");
        assert!(TextTemplate::parse(bad).is_ok(), "{bad}");
    }
    for bad in ["${", "${}", "${1}", "${A", "${a-b}", "x${A:-", "${A:+b}", "${ A}"] {
        assert_eq!(EnvTemplate::parse(bad), Err(TemplateError::Reference), "{bad}");
        assert_eq!(TextTemplate::parse(bad), Err(TemplateError::Reference), "{bad}");
    }
    assert_eq!(EnvTemplate::parse("${A:-${B}}"), Err(TemplateError::Nested("A".into())));
    assert_eq!(EnvTemplate::parse("a\0"), Err(TemplateError::Nul));
}

#[test]
fn literals_are_told_from_references() {
    let literal = |key: &str, value: &str| EnvTemplate::parse(value).unwrap().is_literal(key);
    assert!(!literal("AUTHORIZATION", "Bearer ${T}"));
    assert!(!literal("API_KEY", "$T"));
    assert!(literal("REGION", "eu"));
    assert!(literal("REGION", "$$x"));
    assert!(literal("API_KEY", "${T:-hunter2}"));
    assert!(!literal("API_KEY", "${T:-}"));
    assert!(!literal("REGION", "${R:-eu}"));
    assert!(!literal("COOKIE", "sid=${S}; a=${B}") && !literal("DB_DSN", "postgres://u:${P}@h/x"));
}

#[test]
fn rule_4_a_reference_beside_a_literal_hides_nothing() {
    let literal = |key: &str, value: &str| EnvTemplate::parse(value).unwrap().is_literal(key);
    for value in ["s${X:-}", "${X:-}s", "${A} s", "Bearer s${T}", "sid=s; a=${X}", "$$s", "${A}${B:-s}"] {
        assert!(literal("API_KEY", value), "{value}");
    }
    assert!(literal("X-Foo", "${API_KEY:-s}"));
    assert!(literal("API_KEY", "https://s${X}") && literal("DSN", "https://s${X}"));
    assert!(!literal("API_KEY", "https://${X}@h/") && !literal("WEBHOOK", "https://h/${X}"));
    let shown =
        format!("{:?} {:?}", Piece::Text("hunter2"), EnvTemplate::parse("hunter2${A:-hunter2}").unwrap().pieces());
    assert!(!shown.contains("hunter2"), "{shown}");
    for source in ["$hunter2-x", "${hunter2:-${A}}"] {
        let error = EnvTemplate::parse(source).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
    }
}

proptest! {
    #[test]
    fn a_literal_stands_for_itself(value in "\\PC*") {
        let template = EnvTemplate::literal(&value).unwrap();
        let mut text = String::new();
        for piece in template.pieces() {
            match piece {
                Piece::Text(t) => text.push_str(t),
                Piece::Reference { .. } => prop_assert!(false),
            }
        }
        prop_assert_eq!(text, value);
    }

    #[test]
    fn any_text_is_answered(source in "[$A-c{}:0-9 -]*") {
        let _ = EnvTemplate::parse(&source).map(|t| t.pieces().count());
        let _ = TextTemplate::parse(&source).map(|t| t.pieces().count());
    }
}
