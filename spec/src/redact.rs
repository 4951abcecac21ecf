//! Recognising credentials, and keeping them out of what people read (rule 4).
//!
//! Two questions are answered here: does a *key* look like a secret's ([`is_secret_key`]), and does
//! a *text* hold something that looks like a secret by its shape ([`redact`]). Both err on the side
//! of hiding.

mod cheap;
mod close;
mod command_line;
mod escapes;
mod keys;
mod known;
mod shapes;
mod userinfo;

use std::borrow::Cow;

pub(crate) use close::{is_any_scheme, is_reference};
pub(crate) use command_line::{CommandLine, Next, login_password};
pub use keys::is_secret_key;
pub(crate) use keys::{holds_secrets, is_harmless_below, is_key_of_url};
pub use known::hide_known;
pub use shapes::is_secret_shaped;

use cheap::may_hold_secret;

/// What stands where a secret was.
pub const MASK: &str = "***";

/// How often a text in which something was hidden is looked at again, at most.
const ROUNDS: usize = 4;

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
    let mut out = close_look(text);
    if out == text {
        return Cow::Borrowed(text);
    }
    // What is hidden may let more be recognised. So often that whoever looks again finds nothing new,
    // and no oftener: the time stays linear.
    for _ in 0..ROUNDS {
        let again = close_look(&out);
        if again == out {
            break;
        }
        out = again;
    }
    Cow::Owned(out)
}

fn close_look(text: &str) -> String {
    let shown = shapes::pem(text);
    let shown = userinfo::of_urls(&shown);
    let mut out = String::with_capacity(text.len());
    close::redact_all(&shown, &mut out);
    out
}

#[cfg(test)]
mod tests;
