//! Names of tools, as a pool offers them (S11).

use mcp_registry_spec::{Error, ErrorKind, Result, ServerName, text};

/// What stands between the name of a server and that of its tool.
const BETWEEN: &str = "__";

/// The name under which a pool offers the tool: `server__tool`.
///
/// # Errors
/// [`ErrorKind::InvalidSpec`], with the reason why no tool of that name is offered.
pub fn qualify(server: &ServerName, tool: &str) -> Result<String> {
    let why = if tool.is_empty() {
        "is empty"
    } else if tool.contains(BETWEEN) {
        "contains \"__\""
    } else if tool.contains(['/', '\\']) {
        "contains a path separator"
    } else if tool.contains("..") {
        "contains \"..\""
    } else if tool.starts_with('.') {
        "begins with a dot"
    } else if tool.chars().any(text::is_unprintable) {
        "contains a control or an invisible character"
    } else {
        return Ok(format!("{server}{BETWEEN}{tool}"));
    };
    Err(Error::new(ErrorKind::InvalidSpec, format!("the tool name {} {why}", text::quote(tool))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s11_forged_names_are_refused() {
        let server = ServerName::parse("a").unwrap();
        for (good, name) in [("b", "a__b"), ("get_x-y.z", "a__get_x-y.z"), ("_b", "a___b"), ("ü", "a__ü")] {
            assert_eq!(qualify(&server, good).unwrap(), name);
        }
        for bad in
            ["", "b__c", "__", "a/b", "a\\b", "..", "a..b", ".a", "a\n", "\0", "a\u{1b}[2J", "\u{202e}a", "\u{200b}"]
        {
            let error = qualify(&server, bad).unwrap_err();
            let why = error.to_string();
            assert_eq!(error.kind(), ErrorKind::InvalidSpec, "{why}");
            assert!(!why.chars().any(text::is_unprintable), "{why}");
        }
    }
}
