use super::*;

fn fits(pattern: &str, kind: Kind, text: &str) -> bool {
    let pattern = PackagePattern::parse(pattern).unwrap_or_else(|| panic!("{pattern}"));
    Package::parse(kind, text).is_some_and(|package| pattern.fits(&package))
}

#[test]
fn p16_patterns_fit_names_and_versions() {
    for (pattern, kind, text) in [
        ("npm:@a/*", Kind::Npm, "@a/b"),
        ("npm:@a/*", Kind::Npm, "@a/b@1.2.3"),
        ("npm:@a/b@1.*", Kind::Npm, "@a/b@1.2.3"),
        ("npm:@a/b@latest", Kind::Npm, "@a/b@latest"),
        ("npm:*", Kind::Npm, "@a/b"),
        ("pypi:mcp-server-time", Kind::Pypi, "MCP_Server.time"),
        ("pypi:mcp_server_*", Kind::Pypi, "mcp-server-git[cli]==1.0"),
        ("pypi:a==1.0", Kind::Pypi, "a@1.0"),
        ("pypi:python-lsp", Kind::Pypi, "python-lsp"),
        ("oci:mcp/*", Kind::Oci, "docker.io/mcp/github"),
        ("oci:alpine", Kind::Oci, "index.docker.io/alpine:3"),
        ("oci:ghcr.io/a/b:1.*", Kind::Oci, "ghcr.io/a/b:1.2"),
        ("oci:ghcr.io/a/b@sha256:00", Kind::Oci, "GHCR.io/a/b@sha256:00"),
        ("oci:localhost:5000/a", Kind::Oci, "localhost:5000/a:latest"),
        ("oci:*", Kind::Oci, "ghcr.io/a/b"),
        ("file:/srv/mcp/*.js", Kind::File, "/srv/mcp/server.js"),
        ("module:mcp_server_*", Kind::Module, "mcp_server_time"),
    ] {
        assert!(fits(pattern, kind, text), "{pattern} {text}");
    }
    for (pattern, kind, text) in [
        ("npm:@a/*", Kind::Npm, "@b/b"),
        ("npm:@a/*", Kind::Npm, "@a/b@npm:@evil/b"),
        ("npm:@a/b@1.*", Kind::Npm, "@a/b"),
        ("npm:@a/b@1.*", Kind::Npm, "@a/b@2.0.0"),
        ("npm:b", Kind::Npm, "@a/b"),
        ("pypi:a==1.0", Kind::Pypi, "a"),
        ("oci:mcp/*", Kind::Oci, "ghcr.io/mcp/github"),
        ("oci:mcp/*", Kind::Oci, "mcp/a/b"),
        ("oci:ghcr.io/a/b:1", Kind::Oci, "ghcr.io/a/b:1@sha256:00"),
        ("oci:*.example.org/a", Kind::Oci, "evil.example/x.example.org/a"),
        ("file:/srv/mcp/*", Kind::File, "/srv/mcp/a/b.js"),
    ] {
        assert!(!fits(pattern, kind, text), "{pattern} {text}");
    }
}

#[test]
fn p16_what_is_more_than_a_name_is_none() {
    for text in [
        "",
        "@",
        "@a",
        "@a/",
        "@/b",
        "@a/b/c",
        "a/b",
        "./a",
        "../a",
        "~/a",
        "/a",
        "a@",
        "a@./b",
        "a@~/b",
        "a@file:b",
        "a@npm:b",
        "a@https://x/a.tgz",
        "git+ssh://x/a",
        "github:a/b",
        "a.tgz",
        "a@1.tgz",
        "A.TGZ",
        "@a/b.tar.gz",
        "-a",
        "a b",
        "ä",
        "a\\b",
        "a@1 || 2",
        "c:a",
        ".a",
        "a@.",
    ] {
        assert!(Package::parse(Kind::Npm, text).is_none(), "{text}");
    }
    for text in [
        "",
        "-a",
        "a-",
        "a/b",
        "./a",
        "a@",
        "a==",
        "a>=1",
        "a @ https://x",
        "a@https://x",
        "git+https://x",
        "a.whl",
        "a-1.0.tar.gz",
        "a[",
        "a[b",
        "a]b",
        "[b]",
        "a[b c]",
        "python",
        "python3",
        "python3.12",
        "python@3.12",
        "PyPy",
        "pypy-3.10",
        "cpython-3.12",
        "cp312",
        "pythonw",
        "a;b",
        "a,b",
    ] {
        assert!(Package::parse(Kind::Pypi, text).is_none(), "{text}");
    }
    for text in ["", "/a", "a//b", "a:", "a@", "-a", "a b", "https://a/b", "./a", "a/../b", "a:b:c d", "ä"] {
        assert!(Package::parse(Kind::Oci, text).is_none(), "{text}");
    }
    for text in ["", "a.js", "./a", "/", "//a", "/a/", "/a//b", "/a/./b", "/a/../b", "/a\n", "/a\\b", "-", "C:\\a"] {
        assert!(Package::parse(Kind::File, text).is_none(), "{text}");
    }
    for text in ["", ".", "a.", ".a", "a..b", "a-b", "a/b", "a b", "a:b"] {
        assert!(Package::parse(Kind::Module, text).is_none(), "{text}");
    }
}

#[test]
fn p16_patterns_that_could_fit_nothing_are_none() {
    for text in [
        "",
        "*",
        "npm:",
        "npm",
        "NPM:a",
        "gem:a",
        "npm:a/b",
        "npm:[ab]",
        "npm:{a,b}",
        "pypi:python",
        "file:a",
        "module:a-b",
    ] {
        assert!(PackagePattern::parse(text).is_none(), "{text}");
    }
}
