//! Path arguments: they lead into the folders an agent may read, or the entry is not loaded.

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
        for arg in stdio.args.iter().filter(|arg| arg.references().next().is_none()) {
            let plain: String = arg
                .pieces()
                .map(|piece| match piece {
                    Piece::Text(text) => text,
                    Piece::Reference { .. } => "",
                })
                .collect();
            self.check(&spec.name, &plain)?;
        }
        Ok(())
    }

    /// Checks the arguments as they are handed to the server.
    ///
    /// # Errors
    /// [`ErrorKind::PathNotAllowed`].
    pub(crate) fn check_launch(&self, launch: &LaunchSpec) -> Result<()> {
        let LaunchTransport::Stdio { args, .. } = &launch.transport else { return Ok(()) };
        args.iter().try_for_each(|arg| self.check(&launch.name, arg.expose()))
    }

    fn check(&self, name: &ServerName, arg: &str) -> Result<()> {
        if self.allowed.is_empty() {
            return Ok(());
        }
        let Some(path) = paths_in(arg).into_iter().find(|path| !self.is_allowed(path)) else { return Ok(()) };
        Err(Error::new(
            ErrorKind::PathNotAllowed,
            format!(
                "the server {:?} has the argument {}, which leads outside the folders this agent may read",
                name.as_str(),
                text::quote(&path)
            ),
        )
        .hint("allow its folder, or change the argument"))
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

/// The paths that an argument holds: itself, what follows the `=` of an option, what a comma parts,
/// what a `file://` URL names.
fn paths_in(arg: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut consider = |text: &str| {
        if let Some(url) = strip_file_scheme(text) {
            found.push(url);
        } else if is_path_shaped(text) {
            found.push(text.to_owned());
        }
    };
    consider(arg);
    for piece in arg.split(',') {
        let mut rest = piece;
        while let Some((_, value)) = rest.split_once('=') {
            consider(value);
            rest = value;
        }
    }
    // "-I/etc": a short option with its value.
    let mut chars = arg.chars();
    if chars.next() == Some('-')
        && chars.next().is_some_and(char::is_alphabetic)
        && chars.as_str().starts_with(['/', '~', '.'])
    {
        consider(chars.as_str());
    }
    found
}

fn strip_file_scheme(text: &str) -> Option<String> {
    let rest = text.get(..5).filter(|s| s.eq_ignore_ascii_case("file:")).and_then(|_| text.get(5..))?;
    let path = match rest.strip_prefix("//") {
        // A host: only the local one is a path here, and it is empty or a name before the slash.
        Some(authority) => authority.find('/').and_then(|i| authority.get(i..)).unwrap_or("/"),
        None => rest,
    };
    Some(text::percent_decode(path).into_owned())
}

fn is_path_shaped(text: &str) -> bool {
    text.starts_with(['/', '~'])
        || text == "."
        || text.starts_with("./")
        || text.starts_with(".\\")
        || text.contains("..")
        || text.starts_with('\\')
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
        ] {
            assert!(!paths_in(path).is_empty(), "{path}");
        }
        for plain in ["-y", "@scope/package", "--port=80", "https://example.org/x", "a/b", "x", "", "-", "."] {
            if plain != "." {
                assert!(paths_in(plain).is_empty(), "{plain}");
            }
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
        let data = agent.join("data/x").display().to_string();
        for good in ["./data", "./data/new/file", "./data/in/../x", "data/plain", "-y", &data] {
            assert!(paths.check(&name, good).is_ok(), "{good}");
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
        ] {
            let error = paths.check(&name, bad).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::PathNotAllowed, "{bad}");
        }
    }
}
