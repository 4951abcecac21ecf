//! `user:password@` before a host.

use std::borrow::Cow;

use super::MASK;
use super::close::is_reference;
use super::shapes::is_secret_shaped;

/// Names before a colon that are no user's: what follows is a package, a file or an address.
const NO_USERS: &[&str] =
    &["npm", "jsr", "github", "gitlab", "bitbucket", "gist", "pkg", "oci", "node", "file", "workspace"];

/// Hides the userinfo of URLs. It is found before words are: a password may hold what ends a word.
pub(super) fn of_urls(text: &str) -> Cow<'_, str> {
    if !(text.contains('@') && next_colon(text).is_some()) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    for run in text.split_inclusive(char::is_whitespace) {
        of_run(run, &mut out);
    }
    Cow::Owned(out)
}

/// Where the next colon with a slash behind it is. Browsers take a backslash for a slash, and JSON
/// may write one before it.
fn next_colon(text: &str) -> Option<usize> {
    let slashed = |at: usize| matches!(text.as_bytes().get(at + 1), Some(b'/' | b'\\'));
    text.match_indices(':').map(|(at, _)| at).find(|at| slashed(*at))
}

fn of_run(run: &str, out: &mut String) {
    let mut ats = Ats::new(run);
    let mut rest = run;
    while ats.are_left(rest)
        && let Some(colon) = next_colon(rest)
    {
        let (scheme, from) = rest.split_at(colon + 1);
        out.push_str(scheme);
        rest = from;
        // Of one slash too many or too few, nothing is a host.
        let (slashes, from) = from.split_at(from.len() - from.trim_start_matches(['/', '\\']).len());
        let scheme = Scheme::of(scheme);
        let Some(end) = userinfo_end(from, scheme, &mut ats) else { continue };
        let (userinfo, host) = from.split_at(end);
        if slashes.len() == 1 && scheme != Scheme::Web && !userinfo.contains(':') {
            continue;
        }
        out.push_str(slashes);
        if is_reference_userinfo(userinfo) || (scheme == Scheme::Ssh && userinfo == "git@") {
            out.push_str(userinfo);
        } else {
            out.push_str(MASK);
            out.push('@');
        }
        rest = host;
    }
    out.push_str(rest);
}

/// What a URL's scheme says of what its authority may hold.
#[derive(Clone, Copy, PartialEq)]
enum Scheme {
    /// Its readers hold strictly to RFC 3986: a raw slash ends the authority.
    Web,
    /// Its logins are by key: `git@` is everybody's.
    Ssh,
    /// Databases' drivers take a password with a raw slash in it.
    Other,
}

impl Scheme {
    /// The scheme that `text` ends with, its colon included.
    fn of(text: &str) -> Self {
        let ends = |scheme: &str| {
            let start = text.len().checked_sub(scheme.len());
            start.and_then(|at| text.get(at..)).is_some_and(|end| end.eq_ignore_ascii_case(scheme))
        };
        match () {
            () if ["http:", "https:", "ws:", "wss:"].into_iter().any(ends) => Self::Web,
            () if ends("ssh:") => Self::Ssh,
            () => Self::Other,
        }
    }
}

/// Where the userinfo at the start of `from`, its "@" included, ends. The last "@" before the path
/// ends it; but a password may hold what begins a path as well (`u:80/x@h`, `u:p@x/y@h`): when in
/// doubt more is hidden.
fn userinfo_end(from: &str, scheme: Scheme, ats: &mut Ats<'_>) -> Option<usize> {
    let authority_end = from.find(['/', '?', '#', '\\']).unwrap_or(from.len());
    let (authority, path) = from.split_at(authority_end);
    let later = |at: Option<usize>| at.map(|at| authority_end + at + 1);
    match authority.rfind('@') {
        Some(at) => {
            let (login, host) = authority.split_at(at + 1);
            let goes_on = login.contains(':') && !is_host(host) && !is_reference_userinfo(login);
            let later = if goes_on { later(ats.in_path(path, false)) } else { None };
            Some(later.unwrap_or(at + 1))
        }
        None if !authority.contains(':') => None,
        None if !has_port(authority) => later(ats.in_path(path, true)),
        None if is_host(authority) && scheme != Scheme::Other => None,
        None => later(ats.in_path(path, false)),
    }
}

/// The "@" of a run, each stretch between quotes looked through once however many URLs there are.
struct Ats<'a> {
    run: &'a str,
    /// How much of the run is left behind its last "@".
    behind_last: usize,
    /// The stretch that was looked through ends here.
    looked_to: usize,
    /// The last "@" of that stretch, and the last that begins no name (`/@scope/package`).
    last: [Option<usize>; 2],
}

impl<'a> Ats<'a> {
    fn new(run: &'a str) -> Self {
        let behind_last = run.rfind('@').map_or(run.len(), |at| run.len() - at - 1);
        Self { run, behind_last, looked_to: 0, last: [None; 2] }
    }

    /// Whether the end of the run that is `rest` holds one.
    fn are_left(&self, rest: &str) -> bool {
        rest.len() > self.behind_last
    }

    /// The last one of `path`, an end of the run, up to a quote; with `any`, one that begins a name
    /// counts, too.
    fn in_path(&mut self, path: &str, any: bool) -> Option<usize> {
        let start = self.run.len().checked_sub(path.len())?;
        if start >= self.looked_to {
            let end = path.find(['"', '\'', '`', '<', '>']).unwrap_or(path.len());
            let stretch = path.get(..end).unwrap_or_default();
            let names_none = |at: &usize| !stretch.get(..*at).is_some_and(|before| before.ends_with('/'));
            let last = stretch.rfind('@');
            let plain = stretch.rmatch_indices('@').map(|(at, _)| at).find(names_none);
            self.last = [last, plain].map(|at| at.map(|at| start + at));
            self.looked_to = start + end;
        }
        let [last, plain] = self.last;
        (if any { last } else { plain }).and_then(|at| at.checked_sub(start))
    }
}

/// Whether an authority ends with a port.
fn has_port(authority: &str) -> bool {
    authority.rsplit_once(':').is_some_and(|(_, port)| {
        (!port.is_empty() && port.len() <= 5 && port.bytes().all(|b| b.is_ascii_digit())) || is_reference(port)
    })
}

/// Whether an authority is plainly a host, with a port or without, rather than a user and the start
/// of a password: its name has a dot, is that of this machine, or is referred to.
fn is_host(authority: &str) -> bool {
    let host = if has_port(authority) { authority.rsplit_once(':').map_or("", |(host, _)| host) } else { authority };
    let dotted = host.trim_matches('.').contains('.');
    host.eq_ignore_ascii_case("localhost")
        || is_reference(host) && host != MASK
        || (host.starts_with('[') && host.ends_with(']'))
        || (dotted && host.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-')))
}

/// Whether a text is plainly a host and its port.
pub(super) fn is_place(text: &str) -> bool {
    has_port(text) && is_host(text)
}

/// Hides `user:password@` in a word that is no URL.
pub(super) fn of_word(word: &str) -> Cow<'_, str> {
    if let Some((userinfo, host)) = word.rsplit_once('@')
        && let Some((user, password)) = userinfo.split_once(':')
        && !user.is_empty()
        && !password.is_empty()
        && !host.starts_with("sha256:")
        && !is_reference_userinfo(&format!("{userinfo}@"))
    {
        let (before, user) = user.split_at(user.rfind(['=', '&', '?', ';']).map_or(0, |i| i + 1));
        if !is_package(user, password, host) {
            return Cow::Owned(format!("{before}{MASK}@{host}"));
        }
    }
    Cow::Borrowed(word)
}

/// Whether `user:password@host` is something else: a package or an image and its version
/// (`npm:@scope/x@1`, `host:5000/image@1`), a path, or an address (`mailto:me@…`).
fn is_package(user: &str, password: &str, host: &str) -> bool {
    let is_version = host.starts_with(|c: char| c.is_ascii_digit() || "^~*".contains(c)) || host == "latest";
    let is_address = host.matches('.').count() == 3 && host.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    let versioned = is_version && !is_address;
    let names_none = NO_USERS.contains(&user);
    match password.find(['/', '\\']) {
        Some(0) => password.starts_with('/') || password.starts_with("\\/"),
        Some(slash) if password.contains('/') => {
            let place =
                is_host(user) && password.get(..slash).is_some_and(|port| port.bytes().all(|b| b.is_ascii_digit()));
            names_none || place || user.contains('/') || (versioned && password.starts_with('@'))
        }
        _ => ["mailto", "email"].iter().any(|word| user.eq_ignore_ascii_case(word)) || (names_none && versioned),
    }
}

/// Whether `user:password@` holds no secret: the password is a reference, or all there is.
pub(super) fn is_reference_userinfo(userinfo: &str) -> bool {
    let refers = |part: &str| is_reference(part) && part != MASK;
    userinfo.strip_suffix('@').is_some_and(|userinfo| match userinfo.split_once(':') {
        Some((user, password)) => refers(password) && (refers(user) || !is_secret_shaped(user)),
        None => refers(userinfo),
    })
}
