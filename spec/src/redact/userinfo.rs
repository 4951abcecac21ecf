//! `user:password@` before a host.

use std::borrow::Cow;

use super::MASK;
use super::close::is_reference;
use super::shapes::is_secret_shaped;

/// Hides the userinfo of URLs. It is found before words are: a password may hold what ends a word.
pub(super) fn of_urls(text: &str) -> Cow<'_, str> {
    if !(text.contains('@') && text.contains("://")) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    for run in text.split_inclusive(char::is_whitespace) {
        of_run(run, &mut out);
    }
    Cow::Owned(out)
}

fn of_run(run: &str, out: &mut String) {
    let mut rest = run;
    while rest.contains('@')
        && let Some(at) = rest.find("://")
    {
        let (scheme, from) = rest.split_at(at + 3);
        out.push_str(scheme);
        rest = from;
        // Of one slash too many, nothing is a host.
        let authority_from = from.len() - from.trim_start_matches(['/', '\\']).len();
        let (slashes, from) = from.split_at(authority_from);
        // Browsers take a backslash for a slash, and an "@" may stand in a password: the last one
        // before the path, query or fragment ends the userinfo; when in doubt more is hidden.
        let authority_end = from.find(['/', '?', '#', '\\']).unwrap_or(from.len());
        let (authority, tail) = from.split_at(authority_end);
        let host_at = authority.rfind('@').map(|i| i + 1).or_else(|| {
            // A password with a raw slash: "https://user:pa/ss@host/".
            let at = tail.find('@')?;
            authority.contains(':').then(|| authority_end + at + 1).filter(|_| !port_only(authority))
        });
        let Some((userinfo, host)) = host_at.and_then(|at| Some((from.get(..at)?, from.get(at..)?))) else { continue };
        out.push_str(slashes);
        if is_reference_userinfo(userinfo) {
            out.push_str(userinfo);
        } else {
            out.push_str(MASK);
            out.push('@');
        }
        rest = host;
    }
    out.push_str(rest);
}

/// Writes the part of `word` up to its host with `user:password@` hidden, and returns what follows.
pub(super) fn of_word<'a>(word: &'a str, out: &mut String) -> &'a str {
    // A password has no slash here and is no scoped package ("npm:@scope/x").
    if let Some((userinfo, host)) = word.rsplit_once('@')
        && let Some((user, password)) = userinfo.split_once(':')
        && !user.is_empty()
        && !password.is_empty()
        && !password.starts_with('@')
        && !password.contains('/')
        && !host.starts_with("sha256:")
        && !is_reference_userinfo(&format!("{userinfo}@"))
    {
        let user_start = user.rfind(['=', '&', '?', ';']).map_or(0, |i| i + 1);
        out.push_str(user.get(..user_start).unwrap_or_default());
        out.push_str(MASK);
        out.push('@');
        return host;
    }
    word
}

/// Whether what follows the colon of an authority is a port and nothing else.
fn port_only(authority: &str) -> bool {
    authority.rsplit_once(':').is_some_and(|(_, port)| !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()))
}

/// Whether `user:password@` holds no secret: the password is a reference, or all there is.
pub(super) fn is_reference_userinfo(userinfo: &str) -> bool {
    let refers = |part: &str| is_reference(part) && part != MASK;
    userinfo.strip_suffix('@').is_some_and(|userinfo| match userinfo.split_once(':') {
        Some((user, password)) => refers(password) && (refers(user) || !is_secret_shaped(user)),
        None => refers(userinfo),
    })
}
