//! The report as JUnit's XML, which continuous integration reads.

use std::io::{self, Write};

use mcp_registry_spec::text;

use super::report::{Ran, Report, Word};

/// Writes the report: a test suite, in which what was ignored counts as skipped.
pub(super) fn write(out: &mut impl Write, report: &Report) -> io::Result<()> {
    let Report { backend, summary, cases, .. } = report;
    let took: f64 = cases.iter().map(|ran| ran.took.as_secs_f64()).sum();
    writeln!(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>")?;
    writeln!(
        out,
        "<testsuite name=\"conformance of {}\" tests=\"{}\" failures=\"{}\" errors=\"0\" skipped=\"{}\" time=\"{took:.3}\">",
        escape(backend),
        cases.len(),
        summary.failed,
        summary.ignored,
    )?;
    writeln!(out, "<properties>")?;
    for (name, count) in [("left_out", summary.left_out), ("not_run", summary.not_run)] {
        writeln!(out, "<property name=\"{name}\" value=\"{count}\"/>")?;
    }
    writeln!(out, "</properties>")?;
    cases.iter().try_for_each(|ran| case(out, ran))?;
    writeln!(out, "</testsuite>\n</testsuites>")
}

fn case(out: &mut impl Write, ran: &Ran) -> io::Result<()> {
    let Ran { rule, name, took, .. } = ran;
    write!(out, "<testcase classname=\"rule_{rule:02}\" name=\"{name}\" time=\"{:.3}\"", took.as_secs_f64())?;
    let reason = escape(&ran.reason);
    match ran.outcome {
        Word::Passed => writeln!(out, "/>"),
        Word::Failed => writeln!(out, "><failure message=\"{reason}\"/></testcase>"),
        Word::Ignored => writeln!(out, "><skipped message=\"{reason}\"/></testcase>"),
    }
}

/// `source` as the value of an attribute. What must not be shown is written out, and with it nearly
/// everything that XML cannot hold; the rest is replaced.
fn escape(source: &str) -> String {
    let mut out = String::with_capacity(source.len());
    for c in text::escape(source).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\u{fffe}' | '\u{ffff}' => out.push(char::REPLACEMENT_CHARACTER),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use mcp_registry_conformance::{Outcome, cases};
    use std::time::Duration;

    #[test]
    fn it_is_well_formed_whatever_the_reason() {
        let hostile = "<&>\"'\n\r\t\0\u{1b}\u{7f}\u{85}\u{fffe}\u{ffff}\u{202e}]]>--";
        let outcomes = [Outcome::Passed, Outcome::Failed(hostile.into()), Outcome::Ignored(hostile.into())];
        let ran = cases().zip(outcomes).map(|(case, outcome)| Ran::new(case, outcome, Duration::from_millis(7), &[]));
        let mut out = Vec::new();
        write(&mut out, &Report::new("a<b", "conformance-x", 4, 5, ran.collect())).unwrap();
        let out = String::from_utf8(out).unwrap();
        let document = roxmltree::Document::parse(&out).unwrap();
        let suite = document.descendants().find(|node| node.has_tag_name("testsuite")).unwrap();
        let attributes = ["name", "tests", "failures", "skipped", "time"].map(|name| suite.attribute(name).unwrap());
        assert_eq!(attributes, ["conformance of a<b", "3", "1", "1", "0.021"]);
        let failure = document.descendants().find(|node| node.has_tag_name("failure")).unwrap();
        assert!(failure.attribute("message").unwrap().starts_with("<&>\"'\\u{a}\\u{d}\\u{9}\\u{0}\\u{1b}"));
        let left_out = document.descendants().find(|node| node.attribute("name") == Some("left_out")).unwrap();
        assert_eq!(left_out.attribute("value"), Some("5"));
    }
}
