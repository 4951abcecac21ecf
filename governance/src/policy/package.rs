//! What is run, by identity: a package, an image, a file, a module (P16).

use std::fmt;

use super::glob::Glob;

/// Where something that is run comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A package of npm's registry.
    Npm,
    /// A package of the Python package index.
    Pypi,
    /// An image of a container registry.
    Oci,
    /// A file, by its whole path.
    File,
    /// A Python module.
    Module,
}

impl Kind {
    const ALL: [Self; 5] = [Self::Npm, Self::Pypi, Self::Oci, Self::File, Self::Module];

    fn prefix(self) -> &'static str {
        match self {
            Self::Npm => "npm",
            Self::Pypi => "pypi",
            Self::Oci => "oci",
            Self::File => "file",
            Self::Module => "module",
        }
    }

    /// Splits what is written into the name, in the one form in which names are compared, and the
    /// version, empty when there is none.
    fn split(self, text: &str) -> (String, &str) {
        let (name, version) = match self {
            // The first character may be the @ of a scope.
            Self::Npm => split_at(text, text.char_indices().skip(1).find(|(_, c)| *c == '@').map(|(at, _)| at), 1),
            Self::Pypi => match (text.find("=="), text.find('@')) {
                (Some(at), None) => split_at(text, Some(at), 2),
                (_, at) => split_at(text, at, 1),
            },
            Self::Oci => {
                let path = text.rfind('/').map_or(0, |at| at + 1);
                let colon = text.get(path..).and_then(|last| last.find([':', '@'])).map(|at| path + at);
                // The sign is kept: a tag is no digest.
                split_at(text, colon, 0)
            }
            Self::File | Self::Module => (text, ""),
        };
        let name = match self {
            Self::Pypi => normal_pypi(name),
            Self::Oci => normal_oci(name),
            _ => name.to_owned(),
        };
        (name, version)
    }

    /// Whether `name`, in its compared form, is a name and nothing but a name: neither a path, nor a
    /// URL, nor another way of saying where to take something from.
    fn is_name(self, name: &str) -> bool {
        let is =
            |extra: &[u8]| !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || extra.contains(&b));
        let begins_plain = |part: &str| part.starts_with(|c: char| c.is_ascii_alphanumeric());
        match self {
            Self::Npm => {
                let (scope, rest) = match name.strip_prefix('@') {
                    Some(scoped) => scoped.split_once('/').unwrap_or_default(),
                    None => ("scope", name),
                };
                let fine = |part: &str| begins_plain(part) && !part.contains(['/', '@']);
                is(b"@/._-~") && fine(scope) && fine(rest) && !is_archive(rest)
            }
            Self::Pypi => is(b"-") && begins_plain(name) && !name.ends_with('-') && !is_interpreter(name),
            Self::Oci => is(b"/._-:") && name.split('/').all(begins_plain),
            Self::File => {
                let parts = name.strip_prefix('/').map(|rest| rest.split('/'));
                parts.is_some_and(|mut parts| parts.all(|part| !matches!(part, "" | "." | "..")))
                    && !name.contains(|c: char| c.is_control() || c == '\\')
            }
            Self::Module => is(b"._") && name.split('.').all(|part| !part.is_empty()) && !name.contains('-'),
        }
    }

    fn is_version(self, version: &str) -> bool {
        let is = |extra: &[u8]| version.bytes().all(|b| b.is_ascii_alphanumeric() || extra.contains(&b));
        match self {
            // Ranges are versions too, but nothing that names a place or an archive is.
            Self::Npm => is(b".+_-^~") && !version.is_empty() && !version.starts_with('.') && !is_archive(version),
            Self::Pypi => is(b".+_!-") && !version.is_empty() && !version.starts_with('.') && !is_archive(version),
            Self::Oci => is(b":@._-") && version.len() > 1,
            Self::File | Self::Module => false,
        }
    }
}

fn split_at(text: &str, at: Option<usize>, sign: usize) -> (&str, &str) {
    match at.and_then(|at| text.split_at_checked(at)) {
        // A sign with nothing behind it is kept, so that it is no version.
        Some((name, rest)) => (name, rest.get(sign..).filter(|version| !version.is_empty()).unwrap_or(rest)),
        None => (text, ""),
    }
}

/// As the index compares names: the case and the kind of separators make no difference.
fn normal_pypi(name: &str) -> String {
    let mut normal = String::with_capacity(name.len());
    for c in name.chars() {
        match c {
            '-' | '_' | '.' if normal.ends_with('-') => {}
            '-' | '_' | '.' => normal.push('-'),
            c => normal.push(c.to_ascii_lowercase()),
        }
    }
    normal
}

/// The full name of an image, with its registry.
fn normal_oci(name: &str) -> String {
    let is_registry = |part: &str| part == "localhost" || part.contains(['.', ':']);
    match name.split_once('/') {
        Some((registry, _)) if is_registry(registry) => {
            let (registry, path) = name.split_at(registry.len());
            let registry = registry.to_ascii_lowercase();
            let registry = if registry == "index.docker.io" { "docker.io".to_owned() } else { registry };
            match path.strip_prefix('/').filter(|path| registry == "docker.io" && !path.contains('/')) {
                Some(path) => format!("docker.io/library/{path}"),
                None => registry + path,
            }
        }
        Some(_) => format!("docker.io/{name}"),
        None => format!("docker.io/library/{name}"),
    }
}

/// Whether a launcher would take this for a file rather than for a name or a version.
fn is_archive(text: &str) -> bool {
    const ENDINGS: &[&str] =
        &[".tgz", ".tar", ".gz", ".bz2", ".xz", ".zst", ".zip", ".whl", ".lz", ".lzma", ".tbz", ".txz", ".tlz"];
    let lower = text.to_ascii_lowercase();
    ENDINGS.iter().any(|ending| lower.ends_with(ending))
}

/// Whether uvx would run the interpreter itself, which then runs whatever it is told.
fn is_interpreter(name: &str) -> bool {
    ["python", "pythonw", "cpython", "pypy", "graalpy", "pyodide", "cp", "pp", "gp"].iter().any(|interpreter| {
        name.strip_prefix(interpreter).is_some_and(|rest| {
            let version = rest.trim_start_matches('-');
            (rest.is_empty() && interpreter.len() > 2) || version.starts_with(|c: char| c.is_ascii_digit())
        })
    })
}

/// What is run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Package {
    kind: Kind,
    name: String,
    version: String,
}

impl Package {
    /// What `text` means where something of this kind is named; `None` when it means anything else.
    pub(super) fn parse(kind: Kind, text: &str) -> Option<Self> {
        let text = if kind == Kind::Pypi { without_extras(text)? } else { text.to_owned() };
        // In a name these are separators; as an ending they are part of a file's name.
        if kind == Kind::Pypi && is_archive(&text) {
            return None;
        }
        let (name, version) = kind.split(&text);
        let fine = kind.is_name(&name) && (version.is_empty() || kind.is_version(version));
        fine.then(|| Self { kind, version: version.to_owned(), name })
    }
}

/// A requirement without its extras (`name[cli]==1`), which add to a package and do not replace it.
fn without_extras(text: &str) -> Option<String> {
    let Some((name, rest)) = text.split_once('[') else { return Some(text.to_owned()) };
    let (extras, version) = rest.split_once(']')?;
    let fine = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b',');
    (!name.is_empty() && extras.bytes().all(fine)).then(|| format!("{name}{version}"))
}

impl fmt::Display for Package {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.kind == Kind::Oci || self.version.is_empty() { "" } else { "@" };
        write!(f, "{}:{}{sign}{}", self.kind.prefix(), self.name, self.version)
    }
}

/// Packages that are allowed. Without a version, in any.
#[derive(Debug, Clone)]
pub(super) struct PackagePattern {
    kind: Kind,
    name: Glob,
    version: Option<Glob>,
    text: String,
}

impl PackagePattern {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (prefix, rest) = text.split_once(':')?;
        let kind = Kind::ALL.into_iter().find(|kind| kind.prefix() == prefix)?;
        // Compared as names are, so it must be one where its wildcards are letters.
        let (name, version) = if rest == "*" { ("*".to_owned(), "") } else { kind.split(rest) };
        let lettered = |pattern: &str| pattern.replace(['*', '?'], "x");
        let fine = (rest == "*" || kind.is_name(&lettered(&name)))
            && (version.is_empty() || kind.is_version(&lettered(version)));
        let version = if version.is_empty() { None } else { Some(Glob::new(version)?) };
        fine.then_some(Self { kind, name: Glob::new(&name)?, version, text: text.to_owned() })
    }

    pub(super) fn fits(&self, package: &Package) -> bool {
        self.kind == package.kind
            && self.name.fits(&package.name)
            && self.version.as_ref().is_none_or(|version| version.fits(&package.version))
    }
}

impl fmt::Display for PackagePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests;
