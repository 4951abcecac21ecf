//! Recognising credentials, and keeping them out of what people read (rule 4).
//!
//! Two questions are answered here: does a *key* look like a secret's ([`is_secret_key`]), and does
//! a *text* hold something that looks like a secret by its shape ([`redact`]). Both err on the side
//! of hiding.

mod cheap;
mod close;
mod keys;
mod shapes;
mod userinfo;

use std::borrow::Cow;

pub(crate) use close::{announces, is_reference};
pub(crate) use keys::holds_secrets;
pub use keys::is_secret_key;
pub use shapes::is_secret_shaped;

use cheap::may_hold_secret;

/// What stands where a secret was.
pub const MASK: &str = "***";

/// Returns `text` with what looks like a credential replaced by [`MASK`]: the userinfo of URLs,
/// `user:password@host`, bearer and basic tokens, values under secret-looking keys (`key=value`,
/// `key: value`, query parameters), and words of a [secret's shape](is_secret_shaped). References
/// (`$NAME`, `${NAME}`) are no credentials and stay.
///
/// ```
/// use mcp_registry_spec::redact::redact;
/// assert_eq!(redact("https://u:p@h/x?api_key=1&q=2"), "https://***@h/x?api_key=***&q=2");
/// assert_eq!(redact("Authorization: Bearer ${T}"), "Authorization: Bearer ${T}");
/// ```
#[must_use]
pub fn redact(text: &str) -> Cow<'_, str> {
    if !may_hold_secret(text) {
        return Cow::Borrowed(text);
    }
    let out = close_look(text);
    if out == text { Cow::Borrowed(text) } else { Cow::Owned(out) }
}

fn close_look(text: &str) -> String {
    let shown = shapes::pem(text);
    let shown = userinfo::of_urls(&shown);
    let mut out = String::with_capacity(text.len());
    close::redact_all(&shown, &mut out);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn rule_4_credentials_are_hidden() {
        for (text, shown) in [
            ("https://me:s3cret@host/x", "https://***@host/x"),
            ("https://s3cret@host", "https://***@host"),
            ("https://me:p@ss@host/", "https://***@host/"),
            ("postgres://u:p@db:5432/x?sslmode=on", "postgres://***@db:5432/x?sslmode=on"),
            ("at me:s3cret@host:80 it", "at ***@host:80 it"),
            ("Bearer abc.def-1", "Bearer ***"),
            ("authorization: bearer abcdefabcdef", "authorization: bearer ***"),
            ("Authorization: Token1", "Authorization: ***"),
            ("https://h/?token=s3&x=1", "https://h/?token=***&x=1"),
            ("https://h/?x=1&access_token=s3#f", "https://h/?x=1&access_token=***#f"),
            ("https://h/?api%5Fkey=s3", "https://h/?api%5Fkey=***"),
            ("--api-key=s3", "--api-key=***"),
            ("API_KEY=s3", "API_KEY=***"),
            ("{\"api_key\":\"s3\"}", "{\"api_key\":\"***\"}"),
            ("password: s3", "password: ***"),
            ("key ghp_0123456789abcdefghij here", "key *** here"),
            ("/v1/sk-0123456789abcdefghij/x", "/v1/***/x"),
            (
                "-----BEGIN RSA PRIVATE KEY-----\nabc\n-----END RSA PRIVATE KEY-----",
                "-----BEGIN RSA PRIVATE KEY-----***-----END RSA PRIVATE KEY-----",
            ),
            ("https://u:s3@h/?q=", "https://***@h/?q="),
            ("https://h/?token=s3&x=", "https://h/?token=***&x="),
            ("--token=aHVudGVyMg==", "--token=***"),
            ("cannot reach https://u:s3@h: timeout", "cannot reach https://***@h: timeout"),
            ("https://u:pa,s3@h/", "https://***@h/"),
            ("https://u:pa's3@h/", "https://***@h/"),
            ("Authorization=Bearer s3", "Authorization=Bearer ***"),
            ("Authorization:Bearer\ns3", "Authorization:Bearer\n***"),
            ("{\"password\":\"x s3\"}", "{\"password\":\"***\"}"),
            ("api_key = s3", "api_key = ***"),
            ("token := s3", "token := ***"),
            ("token => s3", "token => ***"),
            ("{\"api_key\" : \"s3\"}", "{\"api_key\" : \"***\"}"),
            ("{\\\"api_key\\\":\\\"s3\\\"}", "{\\\"api_key\\\":\\\"***\\\"}"),
            ("https://h/?x[token]=s3", "https://h/?x[token]=***"),
            ("https://h/?code=s3", "https://h/?code=***"),
            ("https%3A%2F%2Fu%3As3%40h", "***"),
            ("tok\u{ad}en=s3", "tok\u{ad}en=***"),
            ("api_key=$s3", "api_key=***"),
            ("run --token s3", "run --token ***"),
            ("${TOKEN:-s3}", "${TOKEN:-***}"),
        ] {
            assert_eq!(redact(text), shown, "{text}");
        }
    }

    #[test]
    fn rule_4_keys_of_secrets() {
        for key in [
            "PGPASSWORD",
            "SSHPASS",
            "GITHUBTOKEN",
            "API_KEY_1",
            "API_KEY2",
            "TOKEN1",
            "API_KEYS",
            "TOKENS",
            "COOKIES",
            "CREDS",
            "MASTERKEY",
            "AWSSECRETACCESSKEY",
            "PRIVATE_KEY_PEM",
            "SLACK_WEBHOOK",
            "MNEMONIC",
            "PIN",
            "OTP",
            "Authentication",
            "X-ApiKey2",
            "X-Key-1",
            "AUTHORIZATION_HEADER",
            "AUTH_HEADER",
            "X-Session-Id",
            "to\u{ad}ken",
        ] {
            assert!(is_secret_key(key), "{key}");
        }
        for key in ["MAX_TOKENS", "TOKEN_LIMIT", "PUBLIC_KEY", "TOKEN_FILE", "TOKEN_URL", "KEYBOARD", "REGION"] {
            assert!(!is_secret_key(key), "{key}");
        }
    }

    #[test]
    fn rule_4_what_is_no_credential_stays() {
        for text in [
            "https://example.org:8080/path?x=1",
            "$TOKEN",
            "${TOKEN}",
            "Bearer ${T}",
            "--token=${T}",
            "API_KEY=$K",
            "https://${U}:${P}@h/",
            "postgres://user:${PASSWORD}@h/x",
            "${API_KEY}:x",
            "postgresql://${DB_USER}:${DB_PASSWORD}@db.example.org:5432/x",
            "@scope/package@1.2.3",
            "npm:@scope/x@1",
            "jsr:@omedia/mcp@1.0",
            "redis:7@sha256:abcdef",
            "user@example.org",
            "a plain sentence, with commas",
            "the bearer of bad news",
            "C:\\dir",
            "8080:80",
            "type=bind,src=/a,dst=/b",
            "/usr/share/some/long/path-name_with.things",
            "MAX_TOKENS=5",
            "TOKEN_FILE=/x",
            "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            "550e8400-e29b-41d4-a716-446655440000",
            "modelcontextprotocol",
            "",
        ] {
            assert_eq!(redact(text), text);
        }
    }

    proptest! {
        /// The cheap look lets nothing through that the close one would hide.
        #[test]
        fn the_cheap_look_misses_nothing(text in "([a-zA-Z0-9 :=@/,\"'{}%$._\\[\\]\\\\;?&-]|api_key|TOKEN|Bearer |https://|ghp_|sk-| = |--token |pwd|\u{ad}|:-){0,40}") {
            prop_assert!(close_look(&text) == text || may_hold_secret(&text), "{}", text);
        }

        #[test]
        fn rule_4_what_follows_uncovers_nothing(
            credential in "(https://u:hunter2@h|u:hunter2@h|token=hunter2|--api-key=hunter2|https://h/\\?key=hunter2)",
            suffix in "(=|:|==|:\\.|/\\?q=)",
        ) {
            let text = credential + &suffix;
            let shown = redact(&text).into_owned();
            prop_assert!(!shown.contains("hunter2"), "{}", shown);
        }

        #[test]
        fn redaction_answers_any_text_and_is_stable(text in "\\PC{0,60}") {
            let once = redact(&text).into_owned();
            prop_assert_eq!(redact(&once).into_owned(), once.clone());
        }

        #[test]
        fn a_password_in_a_url_never_shows(password in "[a-zA-Z0-9!%^*_=+:@.-][a-zA-Z0-9!$%^*_=+:@.-]{3,19}", user in "[a-z]{1,6}") {
            let shown = redact(&format!("see https://{user}:{password}@example.org/x now")).into_owned();
            prop_assert!(!shown.contains(&password), "{}", shown);
        }
    }
}
