//! Hiding in what servers say what they were given (rule 4, S9).

use std::ffi::OsString;

use mcp_registry_spec::redact::{hide_known, is_secret_key, redact};
use mcp_registry_spec::{LaunchSpec, LaunchTransport, Secret, text};
use percent_encoding::percent_decode_str;
use serde_json::Value;
use url::Url;

/// The shortest value that is hidden, in bytes. A shorter one keeps no secret, stands in most texts by chance, and would
/// be told by what is missing in them.
const SHORTEST: usize = 4;
/// The same of a header that neither its key nor its value shows to be a secret.
const SHORTEST_HEADER: usize = 8;
/// How much of a server's own words a message shows, in characters.
const MOST_SHOWN: usize = 300;

/// The values a server was given, which may come back in what it says.
#[derive(Debug, Clone, Default)]
pub(crate) struct Mask(Vec<Secret<String>>);

impl Mask {
    /// Of a launch, whose process gets these variables of this process's beside its own.
    pub(crate) fn of(launch: &LaunchSpec, inherited: impl Iterator<Item = (OsString, OsString)>) -> Self {
        let mut known: Vec<&str> = launch.secrets.iter().map(|secret| secret.expose().as_str()).collect();
        let (values, args) = match &launch.transport {
            LaunchTransport::Stdio { args, env, .. } => (env, args.as_slice()),
            LaunchTransport::StreamableHttp(remote) | LaunchTransport::Sse(remote) => (&remote.headers, [].as_slice()),
        };
        // What a header is for is seldom told by its name.
        let is_remote = !matches!(launch.transport, LaunchTransport::Stdio { .. });
        let is_header = |value: &str| is_remote && value.len() >= SHORTEST_HEADER;
        let is_secret = |key: &str, value: &str| is_header(value) || is_secret_key(key) || redact(value) != value;
        let secret = values.iter().filter(|(key, value)| is_secret(key, value.expose()));
        known.extend(secret.map(|(_, value)| value.expose().as_str()));
        // Of an argument it cannot be told what it is, but by the flag before it.
        let after_flags = args.windows(2).filter_map(|pair| match pair {
            [flag, value] if is_secret_flag(flag.expose()) => Some(value.expose().as_str()),
            _ => None,
        });
        known.extend(after_flags);
        let in_flags = args.iter().filter_map(|arg| arg.expose().split_once('='));
        known.extend(in_flags.filter(|(flag, _)| is_secret_flag(flag)).map(|(_, value)| value));
        let inherited: Vec<_> = inherited
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .filter(|(name, _)| is_secret_key(name) && !is_ordinary(name))
            .collect();
        known.extend(inherited.iter().map(|(_, value)| value.as_str()));
        // The password of a URL is said without it.
        let texts = values.values().chain(args).map(|value| value.expose().as_str());
        let in_urls: Vec<_> = texts.chain(remote_url(launch)).flat_map(userinfo).collect();
        // A token is also sent as `Bearer TOKEN`, and said without that.
        let words = known.iter().filter_map(|value| value.rsplit_once(' ')).map(|(_, word)| word.to_owned());
        let mut known: Vec<String> =
            words.chain(known.iter().map(|value| (*value).to_owned())).chain(in_urls).collect();
        // As it stands in JSON.
        let escaped: Vec<_> = known.iter().filter_map(|value| in_json(value)).collect();
        known.extend(escaped);
        known.retain(|value| value.len() >= SHORTEST);
        // The longest first: another may be a part of it.
        known.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        known.dedup();
        Self(known.into_iter().map(Secret::new).collect())
    }

    #[cfg(test)]
    pub(crate) fn of_own(launch: &LaunchSpec) -> Self {
        Self::of(launch, std::iter::empty())
    }

    /// The length of the longest of them, in bytes.
    pub(crate) fn longest(&self) -> usize {
        self.0.first().map_or(0, |value| value.expose().len())
    }

    /// Hides them in every text of a value, and in no other way changes it.
    pub(crate) fn hide_in(&self, value: &mut Value) {
        match value {
            Value::String(text) => *text = self.hide_known(std::mem::take(text)),
            Value::Array(items) => items.iter_mut().for_each(|item| self.hide_in(item)),
            Value::Object(map) => {
                let entries = std::mem::take(map).into_iter();
                for (key, mut value) in entries {
                    self.hide_in(&mut value);
                    let mut key = self.hide_known(key);
                    // Two keys that hold the same secret stay two.
                    while map.contains_key(&key) {
                        key.push('*');
                    }
                    map.insert(key, value);
                }
            }
            _ => {}
        }
    }

    fn hide_known(&self, text: String) -> String {
        self.0.iter().fold(text, |text, secret| hide_known(&text, secret.expose()).unwrap_or(text))
    }

    /// The text without them, nor what else looks like a credential.
    pub(crate) fn hide(&self, text: &str) -> String {
        redact(&self.hide_known(text.to_owned())).into_owned()
    }

    /// The same, escaped.
    pub(crate) fn shown(&self, text: &str) -> String {
        text::escape(&self.hide(text)).into_owned()
    }

    /// The same of a text of several lines, which stay. What it hides may itself be of several.
    pub(crate) fn shown_lines(&self, text: &str) -> String {
        let hidden = self.hide(text);
        let lines: Vec<_> = hidden.lines().map(text::escape).collect();
        lines.join("\n")
    }

    /// The same, on one line and cut to a readable length.
    pub(crate) fn quote(&self, words: &str) -> String {
        // Cut after what looks like a credential is hidden: half of one looks like none.
        let safe = self.hide(words.trim());
        let cut = match safe.char_indices().nth(MOST_SHOWN) {
            None => safe,
            Some((end, _)) => format!("{}…", safe.get(..end).unwrap_or_default()),
        };
        text::escape(&cut).into_owned()
    }
}

/// Variables that sessions have, whose names are like a secret's and whose values stand in many texts.
const ORDINARY: &[&str] = &[
    "PWD",
    "OLDPWD",
    "DESKTOP_SESSION",
    "GDMSESSION",
    "SESSION_MANAGER",
    "DBUS_SESSION_BUS_ADDRESS",
    "TERM_SESSION_ID",
    "ITERM_SESSION_ID",
    "SSH_ASKPASS",
    "SUDO_ASKPASS",
    "GIT_ASKPASS",
    "LESSKEY",
    "LESSKEYIN",
];

fn is_ordinary(name: &str) -> bool {
    ORDINARY.contains(&name) || name.starts_with("XDG_")
}

fn is_secret_flag(flag: &str) -> bool {
    is_secret_key(flag.trim_start_matches('-'))
}

fn remote_url(launch: &LaunchSpec) -> Option<&str> {
    match &launch.transport {
        LaunchTransport::Stdio { .. } => None,
        LaunchTransport::StreamableHttp(remote) | LaunchTransport::Sse(remote) => Some(remote.url.expose().as_str()),
    }
}

/// What a URL has before its host: the password, or else the user, as it is written and as it is meant.
fn userinfo(text: &str) -> Vec<String> {
    // Also of an argument such as `--url=URL`.
    let parsed = [Some(text), text.split_once('=').map(|(_, value)| value)];
    let urls = parsed.into_iter().flatten().filter_map(|text| Url::parse(text).ok());
    let secret = |url: Url| {
        let written = url.password().unwrap_or_else(|| url.username()).to_owned();
        let meant = percent_decode_str(&written).decode_utf8().ok().map(|meant| meant.into_owned());
        std::iter::once(written).chain(meant)
    };
    urls.flat_map(secret).collect()
}

/// How a text is written in JSON, where that differs.
fn in_json(text: &str) -> Option<String> {
    let written = serde_json::to_string(text).ok()?;
    let inner = written.strip_prefix('"')?.strip_suffix('"')?;
    (inner != text).then(|| inner.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use mcp_registry_spec::{FixedEnvironment, McpServerSpec};
    use serde_json::json;

    #[test]
    fn s9_what_a_server_was_given_is_hidden_in_what_it_says() {
        let spec = McpServerSpec::from_json(json!({"name": "a", "command": "x",
            "args": ["--pin", "pqrs", "--at=${AT}", "plain"], "env": {"A": "$ONE", "MODE": "fast", "LONG": "a longer one"}}));
        let environment = FixedEnvironment::new().with("ONE", "hunter2").with("AT", "hunter23");
        let mask = Mask::of_own(&spec.unwrap().resolve(&environment).unwrap());
        assert_eq!(mask.longest(), 8);
        let said = "HUNTER2 hunter23 %68unter2 a longer one pqrs fast plain https://u:p@h/\u{1b}[2J";
        assert_eq!(mask.quote(said), "*** *** *** a longer one *** fast plain https://***@h/\\u{1b}[2J");
        assert!(!format!("{mask:?}").contains("hunter"));
        let mut value = json!({"hunter2": ["hunter2", 1, "token=x"]});
        mask.hide_in(&mut value);
        assert_eq!(value, json!({"***": ["***", 1, "token=x"]}));
        let mut value = json!({"hunter2": 1, "hunter23": 2, "a": 3});
        mask.hide_in(&mut value);
        assert_eq!(value, json!({"***": 1, "****": 2, "a": 3}), "no key is lost");
        assert_eq!(mask.quote(&"é".repeat(400)).chars().count(), MOST_SHOWN + 1);
    }

    #[test]
    fn s9_so_is_what_stands_in_an_argument_a_url_or_the_parents_environment() {
        let spec = McpServerSpec::from_json(json!({"name": "a", "command": "x",
            "args": ["--secretkey=pqrstu", "--db=${DB}", "--mode=fast"], "env": {"U": "$U", "Q": "$Q"}}));
        let environment = FixedEnvironment::new()
            .with("DB", "postgres://me:p%40ssy@h/db")
            .with("U", "https://usertoken@h/")
            .with("Q", "a\"b\nc");
        let inherited =
            [("SOME_TOKEN", "handed"), ("LANG", "english"), ("PWD", "fast"), ("XDG_SESSION_CLASS", "english")];
        let inherited = inherited.map(|(k, v)| (k.into(), v.into()));
        let mask = Mask::of(&spec.unwrap().resolve(&environment).unwrap(), inherited.into_iter());
        let said = "pqrstu p%40ssy p@ssy usertoken a\"b\nc a\\\"b\\nc handed english fast";
        assert_eq!(mask.hide_known(said.to_owned()), "*** *** *** *** *** *** *** english fast");
        assert_eq!(mask.shown_lines("one a\"b\nc\ntwo\u{1b}"), "one ***\ntwo\\u{1b}", "though it has two lines itself");
    }

    #[test]
    fn s9_what_is_too_short_to_be_a_secret_is_not_hidden() {
        let spec = McpServerSpec::from_json(json!({"name": "a", "command": "x",
            "args": ["--api-key", "ghi", "--at=${AT}"],
            "env": {"TOKEN": "$X", "KEY": "mnop", "TZ": "Europe/Paris"}}));
        let environment = FixedEnvironment::new().with("X", "abc").with("AT", "defg");
        let mask = Mask::of_own(&spec.unwrap().resolve(&environment).unwrap());
        assert_eq!(mask.hide("abc ghi defg mnop Europe/Paris"), "abc ghi *** *** Europe/Paris");
    }

    #[test]
    fn s9_so_is_the_token_of_a_header_without_its_scheme() {
        let spec = McpServerSpec::from_json(json!({"name": "a", "url": "https://h/",
            "headers": {"Authorization": "Bearer ${T}", "X": "Basic plainword", "X-Format": "text"}}));
        let mask = Mask::of_own(&spec.unwrap().resolve(&FixedEnvironment::new().with("T", "zebra")).unwrap());
        assert_eq!(mask.hide("zebra, plainword, Bearer zebra, text"), "***, ***, ***, text");
    }
}
