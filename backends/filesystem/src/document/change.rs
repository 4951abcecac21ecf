//! Changing a document: only the bytes that must change do.
//!
//! Each change is read back before it is given out. So a rendering that CommonMark would take for
//! something else, in whatever surroundings, is a refusal and never a damaged document.

use std::collections::BTreeMap;

use mcp_registry_spec::{Digest, ErrorKind, McpServerSpec, ServerName, text as shown};

use super::blocks::line_start;
use super::edits::{Edits, FenceAt};
use super::{Document, Problem, Section, interpret, render};

/// Blank lines that `install` put before a section it appended: a line of one space where the text
/// above ended with a line break, of two where it did not. They are how `uninstall` gives back the
/// very bytes there were.
const SEAM: &str = " ";
const SEAM_UNENDED: &str = "  ";

impl Document<'_> {
    /// The text with `spec` appended as a section.
    ///
    /// # Errors
    /// A [`Problem`] of kind `already_installed` when a section has that name, broken or not;
    /// `descriptor_invalid` when a section appended here would not be one, naming the line of the
    /// fence or comment that is still open.
    pub fn install(&self, spec: &McpServerSpec) -> Result<String, Problem> {
        if let Some(section) = self.named(&spec.name).next() {
            return Err(Problem::new(
                section.line(),
                format!("the server {:?} is already installed", spec.name.as_str()),
            )
            .of_kind(ErrorKind::AlreadyInstalled)
            .hint("use update to change it"));
        }
        let newline = self.newline();
        let mut text = String::with_capacity(self.text.len() + 256);
        text.push_str(self.text);
        text.push_str(&self.seam(newline));
        text.push_str(&render::section(spec, newline));
        let changed = Document::parse(&text);
        if changed.named(&spec.name).next().is_none()
            && let Some((at, what)) = self.tail
        {
            let line = 1 + super::count_lines(self.text.get(..at).unwrap_or_default().as_bytes());
            return Err(Problem::new(
                line,
                format!("the {what} that begins here never ends, so nothing can be added below it"),
            )
            .hint("close it first"));
        }
        self.verify(&changed, &spec.name, Some(spec))?;
        Ok(text)
    }

    /// The text with the entry of that name changed to `spec`: the field lines that differ are
    /// replaced, the section's prose stays.
    ///
    /// # Errors
    /// A [`Problem`] of kind `not_in_registry`; `conflict` when the entry's digest is not
    /// `expected` or the section is broken; `descriptor_invalid` when its `yaml` block is written
    /// in a way that cannot be edited line by line.
    pub fn update(&self, spec: &McpServerSpec, expected: &Digest) -> Result<String, Problem> {
        let section = self.only(&spec.name)?.ok_or_else(|| absent(&spec.name))?;
        let current = self.expect_digest(section, &spec.name, expected)?;
        if current == *spec {
            return Ok(self.text.to_owned());
        }
        let fields = interpret::gather(section, self.text, &mut Vec::new())?;
        let changed = |place| {
            let text = Edits::new(self.text, self.newline(), section, &fields).fence_at(place).plan(&current, spec)?;
            self.verify(&Document::parse(&text), &spec.name, Some(spec)).map(|()| text)
        };
        changed(FenceAt::End).or_else(|problem| changed(FenceAt::Fields).map_err(|_| problem))
    }

    /// The text without the section of that name, broken or not; `None` when there is none.
    ///
    /// # Errors
    /// A [`Problem`] of kind `conflict` when `expected` is given and is not the entry's digest;
    /// `descriptor_invalid` when two sections have the name.
    pub fn uninstall(&self, name: &ServerName, expected: Option<&Digest>) -> Result<Option<String>, Problem> {
        let Some(section) = self.only(name)? else { return Ok(None) };
        if let Some(expected) = expected {
            self.expect_digest(section, name, expected)?;
        }
        let mut span = section.span();
        if span.end == self.text.len() {
            span.start = self.seam_start(span.start);
        }
        let text = format!("{}{}", self.slice(0..span.start), self.slice(span.end..self.text.len()));
        self.verify(&Document::parse(&text), name, None)?;
        Ok(Some(text))
    }

    /// The section of that name, refusing two.
    fn only<'s>(&'s self, name: &'s ServerName) -> Result<Option<&'s Section<'s>>, Problem> {
        let mut same = self.named(name);
        let first = same.next();
        match (first, same.next()) {
            (Some(first), Some(second)) => Err(super::twin_problem(name, first.line(), second.line())),
            _ => Ok(first),
        }
    }

    fn expect_digest(
        &self,
        section: &Section<'_>,
        name: &ServerName,
        expected: &Digest,
    ) -> Result<McpServerSpec, Problem> {
        let conflict = |message: String| {
            Problem::new(section.line(), message)
                .of_kind(ErrorKind::Conflict)
                .hint("look at it again, then repeat the change")
        };
        let quoted = shown::quote(name.as_str());
        let current = section.spec(self.text, name.clone(), &mut Vec::new()).map_err(|problem| {
            conflict(format!(
                "the server {quoted} is broken, not the one this change was made for: {}",
                problem.message
            ))
        })?;
        match current.digest() {
            Ok(digest) if digest == *expected => Ok(current),
            Ok(digest) => Err(conflict(format!(
                "the server {quoted} is not the one this change was made for: expected {expected}, found {digest}"
            ))),
            Err(error) => Err(conflict(error.to_string())),
        }
    }

    /// The line break the document uses; that of its first line.
    fn newline(&self) -> &'static str {
        match self.text.find('\n') {
            Some(at) if self.slice(0..at).ends_with('\r') => "\r\n",
            _ => "\n",
        }
    }

    /// What parts an appended section from what is above it.
    fn seam(&self, newline: &str) -> String {
        let text = self.text.trim_start_matches('\u{feff}');
        if text.is_empty() {
            return String::new();
        }
        if !text.ends_with(['\n', '\r']) {
            return format!("{newline}{SEAM_UNENDED}{newline}");
        }
        let above = text.get(..text.len() - line_break_before(text, text.len())).unwrap_or_default();
        let is_blank = above.is_empty() || above.ends_with(['\n', '\r']);
        if is_blank { String::new() } else { format!("{SEAM}{newline}") }
    }

    /// Where the seam above a heading at `heading` begins; the heading itself when there is none.
    fn seam_start(&self, heading: usize) -> usize {
        if heading == 0 {
            return 0;
        }
        let line = line_start(self.text, heading - line_break_before(self.text, heading));
        match self.slice(line..heading).trim_end_matches(['\n', '\r']) {
            SEAM => line,
            SEAM_UNENDED => line - line_break_before(self.text, line),
            _ => heading,
        }
    }

    /// Sees that `changed` says what was meant of `name`, and the same as before of all else.
    fn verify(&self, changed: &Document<'_>, name: &ServerName, meant: Option<&McpServerSpec>) -> Result<(), Problem> {
        let line = self.named(name).next().map(Section::line);
        let refuse = |what: &str| Problem {
            line,
            ..Problem::new(0, format!("the change of {:?} cannot be written here: {what}", name.as_str()))
                .hint("change the document by hand")
        };
        let found = changed.entry_of(name).map(|entry| entry.spec);
        match (meant, found) {
            (None, None) => {}
            (Some(meant), Some(Ok(found))) if found == *meant => {}
            (_, Some(Err(problem))) => return Err(refuse(&format!("it would read back as: {}", problem.message))),
            _ => return Err(refuse("it would not read back as the same")),
        }
        let (mut before, mut after) = (self.census(), changed.census());
        before.remove(name.as_str());
        after.remove(name.as_str());
        if !same_sections(&before, &after) {
            return Err(refuse("it would change how another section reads"));
        }
        Ok(())
    }
}

/// Whether two censuses agree, but for the blank lines at a section's end: those part it from the
/// section that was added or removed below it.
fn same_sections(before: &BTreeMap<&str, Vec<&str>>, after: &BTreeMap<&str, Vec<&str>>) -> bool {
    let bare = |sections: &[&str]| -> Vec<String> { sections.iter().map(|s| s.trim_end().to_owned()).collect() };
    before.len() == after.len()
        && before.iter().all(|(title, sections)| after.get(title).is_some_and(|other| bare(sections) == bare(other)))
}

fn absent(name: &ServerName) -> Problem {
    Problem { line: None, ..Problem::new(0, format!("there is no server {:?}", name.as_str())) }
        .of_kind(ErrorKind::NotInRegistry)
}

/// The length of the line break that ends at `at`.
fn line_break_before(text: &str, at: usize) -> usize {
    let before = text.get(..at).unwrap_or_default();
    if before.ends_with("\r\n") { 2 } else { usize::from(before.ends_with(['\n', '\r'])) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn m10_a_block_goes_where_it_can_be_one() {
        let with_extra = |text: &str| {
            let document = Document::parse(text);
            let name = ServerName::parse("a").unwrap();
            let mut spec = document.entry_of(&name).unwrap().spec.unwrap();
            let seen = spec.digest().unwrap();
            spec.extra.insert("k".to_owned(), 1.into());
            document.update(&spec, &seen).unwrap()
        };
        let block = "\n```yaml\n\"k\": 1\n```\n";
        let plain = "## a\ncommand: npx\n\nprose\n";
        assert_eq!(with_extra(plain), format!("{plain}{block}"));
        let open = "## a\ncommand: npx\n";
        let never_ends = "\n~~~\nno end\n";
        assert_eq!(with_extra(&format!("{open}{never_ends}")), format!("{open}{block}{never_ends}"));
    }
}
