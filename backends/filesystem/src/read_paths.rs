//! Path arguments: they lead into the folders an agent may read, or the entry is not loaded.

use std::borrow::Cow;
use std::io::ErrorKind as Io;
use std::path::{Component, Path, PathBuf};

use mcp_registry_spec::template::Piece;
use mcp_registry_spec::{
    Environment, Error, ErrorKind, LaunchSpec, LaunchTransport, McpServerSpec, ProcessEnvironment, Result, ServerName,
    Transport, text,
};

/// The folders an agent may read; anywhere when there are none.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ReadPaths<'a> {
    pub(crate) folder: &'a Path,
    pub(crate) allowed: &'a [PathBuf],
}

impl ReadPaths<'_> {
    /// Checks the arguments of an entry that refer to nothing; those that do are checked when
    /// their values are known.
    ///
    /// # Errors
    /// [`ErrorKind::PathNotAllowed`].
    pub(crate) fn check_spec(&self, spec: &McpServerSpec) -> Result<()> {
        let Transport::Stdio(stdio) = &spec.transport else { return Ok(()) };
        self.check(
            &spec.name,
            stdio.args.iter().map(|arg| {
                arg.pieces()
                    .map(|piece| match piece {
                        Piece::Text(text) => Some(text),
                        Piece::Reference { .. } => None,
                    })
                    .collect::<Option<String>>()
            }),
        )
    }

    /// Checks the arguments as they are handed to the server.
    ///
    /// # Errors
    /// [`ErrorKind::PathNotAllowed`].
    pub(crate) fn check_launch(&self, launch: &LaunchSpec) -> Result<()> {
        let LaunchTransport::Stdio { args, .. } = &launch.transport else { return Ok(()) };
        self.check(&launch.name, args.iter().map(|arg| Some(arg.expose().clone())))
    }

    /// Checks arguments; `None` is one that is not known yet.
    fn check(&self, name: &ServerName, args: impl Iterator<Item = Option<String>>) -> Result<()> {
        if self.allowed.is_empty() {
            return Ok(());
        }
        let leads_out = |arg: &String| paths_in(arg).into_iter().any(|path| !self.is_allowed(path.as_ref()));
        match args.enumerate().find(|(_, arg)| arg.as_ref().is_some_and(leads_out)) {
            None => Ok(()),
            // By its number: its text may be the value of a variable.
            Some((i, _)) => Err(Error::new(
                ErrorKind::PathNotAllowed,
                format!(
                    "the argument {} of the server {:?} leads outside the folders this agent may read",
                    i + 1,
                    name.as_str()
                ),
            )
            .hint("allow its folder, or change the argument")),
        }
    }

    fn is_allowed(&self, path: &str) -> bool {
        let Some(real) = self.resolve(path) else { return false };
        self.allowed.iter().any(|root| walk(&self.absolute(root)).is_some_and(|root| real.starts_with(root)))
    }

    /// Where a path argument leads, links followed; `None` when that cannot be told.
    fn resolve(&self, path: &str) -> Option<PathBuf> {
        let expanded = match path.strip_prefix('~') {
            Some(rest) if rest.is_empty() || rest.starts_with('/') => {
                // The server, or the shell in it, takes the same variable.
                let home = ProcessEnvironment.read("HOME")?;
                PathBuf::from(home).join(rest.trim_start_matches('/'))
            }
            // Another user's home, or a drive letter: nothing here can tell where it leads.
            Some(_) => return None,
            None if is_drive(path) => return None,
            None => PathBuf::from(path),
        };
        walk(&self.absolute(&expanded))
    }

    fn absolute(&self, path: &Path) -> PathBuf {
        let folder = std::path::absolute(self.folder).unwrap_or_else(|_| self.folder.to_owned());
        folder.join(path)
    }
}

/// Follows `path` component by component, as the system would; what does not exist stays as it is.
fn walk(path: &Path) -> Option<PathBuf> {
    let mut real = PathBuf::new();
    for component in path.components() {
        match component {
            Component::RootDir | Component::Prefix(_) => real.push(component),
            Component::CurDir => {}
            Component::ParentDir => drop(real.pop()),
            Component::Normal(name) => {
                let next = real.join(name);
                real = match next.canonicalize() {
                    Ok(next) => next,
                    // A dangling link may lead anywhere once its target is made.
                    Err(cause) if cause.kind() == Io::NotFound && !next.is_symlink() => next,
                    Err(_) => return None,
                };
            }
        }
    }
    Some(real)
}

/// The paths that an argument may hold: itself, what a `file:` URL names, what follows the letter of
/// a short option, and every piece of it that separators part. Programs split their arguments in
/// ways nobody here knows, so what may be a path is taken for one.
fn paths_in(arg: &str) -> Vec<Cow<'_, str>> {
    let mut found = Vec::new();
    let mut consider = |text| {
        if let Some(url) = strip_file_scheme(text) {
            found.push(url);
        } else if is_path_shaped(text) {
            found.push(Cow::Borrowed(text));
        }
    };
    consider(arg);
    if let Some(value) = arg.strip_prefix('-').and_then(|rest| rest.get(1..)) {
        consider(value);
    }
    if is_drive(arg) {
        return found;
    }
    let mut start = 0;
    for (end, length) in arg.match_indices(is_separator).map(|(at, sign)| (at, sign.len())).chain([(arg.len(), 0)]) {
        let (before, piece) = (arg.get(..start).unwrap_or_default(), arg.get(start..end).unwrap_or_default());
        if start > 0 && !is_authority(before, piece) {
            consider(piece);
        }
        start = end + length;
    }
    found
}

/// What programs split their arguments at.
fn is_separator(c: char) -> bool {
    c.is_whitespace() || matches!(c, ',' | '=' | ':' | ';' | '@' | '|' | '"' | '\'' | '[' | ']' | '{' | '}' | '(' | ')')
}

/// Whether `piece` is what follows the scheme of a URL in `before`: a host, and a path on it.
fn is_authority(before: &str, piece: &str) -> bool {
    const REMOTE: &[&str] = &[
        "http",
        "https",
        "ws",
        "wss",
        "ftp",
        "ssh",
        "git",
        "tcp",
        "redis",
        "postgres",
        "postgresql",
        "mysql",
        "mongodb",
    ];
    let scheme = before.strip_suffix(':').and_then(|b| b.rsplit(is_separator).next()).unwrap_or_default();
    REMOTE.iter().any(|known| scheme.eq_ignore_ascii_case(known))
        && piece.starts_with("//")
        && !piece.starts_with("///")
        && !piece.contains("..")
}

/// The path of a `file:` URL.
fn strip_file_scheme(text: &str) -> Option<Cow<'_, str>> {
    let rest = text.get(..5).filter(|s| s.eq_ignore_ascii_case("file:")).and_then(|_| text.get(5..))?;
    let path = match rest.strip_prefix("//") {
        // Behind an authority, which is empty or names a host, the path begins with a slash.
        Some(authority) => authority.find('/').and_then(|i| authority.get(i..)).unwrap_or("/"),
        None => rest,
    };
    Some(text::percent_decode(path))
}

fn is_path_shaped(text: &str) -> bool {
    text.starts_with(['/', '~', '\\'])
        || text == "."
        || text.starts_with("./")
        || text.starts_with(".\\")
        || text.contains("..")
        || is_drive(text)
}

/// `C:\` or `C:/`.
fn is_drive(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next().is_some_and(|c| c.is_ascii_alphabetic())
        && chars.next() == Some(':')
        && matches!(chars.next(), Some('/' | '\\'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_path_shaped() {
        for path in [
            "/etc/passwd",
            "~/x",
            "~root/x",
            "./x",
            "../x",
            ".",
            "..",
            "a/../../b",
            "C:\\x",
            "c:/x",
            "--root=/etc",
            "--root=../x",
            "type=bind,src=/etc",
            "file:///etc/passwd",
            "FILE:/etc",
            "--u=file://localhost/etc",
            "-I/etc",
            "file:///%65tc",
            "a..b",
            "data,/etc",
            "..:/mnt",
            "./data:/etc",
            "@/etc/passwd",
            " /etc",
            "\"/etc\"",
            "sqlite:////etc/x",
            "url:file:///etc",
            "{\"root\":\"/etc\"}",
            "--root:/etc",
        ] {
            assert!(!paths_in(path).is_empty(), "{path}");
        }
        for plain in [
            "-y",
            "@scope/package",
            "--port=80",
            "https://example.org/x",
            "--url=http://h:80/x",
            "a/b",
            "x",
            "",
            "-",
            "a:b",
            "8080:80",
        ] {
            assert!(paths_in(plain).is_empty(), "{plain}");
        }
    }

    #[test]
    fn links_are_followed_and_what_leads_out_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let agent = dir.path().join("agent");
        std::fs::create_dir_all(agent.join("data/in")).unwrap();
        std::fs::create_dir(dir.path().join("secret")).unwrap();
        std::os::unix::fs::symlink(dir.path().join("secret"), agent.join("data/out")).unwrap();
        std::os::unix::fs::symlink("/nonexistent/x", agent.join("data/dangling")).unwrap();
        let allowed = [PathBuf::from("data")];
        let paths = ReadPaths { folder: &agent, allowed: &allowed };
        let name = ServerName::parse("a").unwrap();
        let check = |arg: &str| paths.check(&name, std::iter::once(Some(arg.to_owned())));
        let data = agent.join("data/x").display().to_string();
        for good in ["./data", "./data/new/file", "./data/in/../x", "data/plain", "-y", &data] {
            assert!(check(good).is_ok(), "{good}");
        }
        for bad in [
            "/etc",
            "./data/../..",
            "./data/out",
            "./data/out/new",
            "./data/in/../../..",
            "./data/dangling",
            "./database",
            ".",
            "~root/x",
            "C:\\data",
            "--d=/etc",
            "file:///etc",
            "./data/none/../../../secret",
            "./data,/etc",
            "./data:/etc",
            "./data/../..:/mnt",
        ] {
            let error = check(bad).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::PathNotAllowed, "{bad}");
        }
        assert!(paths.check(&name, std::iter::once(None)).is_ok(), "what is not known yet is checked at launch");
    }

    #[test]
    fn rule_4_a_refused_argument_is_not_quoted() {
        let allowed = [PathBuf::from("/nowhere")];
        let paths = ReadPaths { folder: Path::new("/"), allowed: &allowed };
        let launch = LaunchSpec {
            name: ServerName::parse("a").unwrap(),
            transport: LaunchTransport::Stdio {
                command: "x".into(),
                args: vec![mcp_registry_spec::Secret::new("/hunter2".into())],
                env: Default::default(),
            },
            secrets: Vec::new(),
        };
        let error = paths.check_launch(&launch).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
    }
}
