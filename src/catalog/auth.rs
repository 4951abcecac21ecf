//! Who asks, and what they may (rule C25).

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use hyper::HeaderMap;
use hyper::header::AUTHORIZATION;
use mcp_registry_spec::{Error, ErrorKind, Result, Scope};
use mcp_registry_store::{Grant, Role, ScopeSet, Tokens};
use sha2::{Digest as _, Sha256};

use super::clock::Clock;
use super::limits::Bucket;
use super::refusal::Refusal;

/// How long what a token may is remembered: so long a token that was revoked elsewhere still works.
const REMEMBERED: Duration = Duration::from_secs(1);
/// No token is longer; a longer text is none, and not worth hashing.
const LONGEST: usize = 512;
/// How many tokens are remembered, valid or not, before those not seen of late are forgotten.
const MOST: usize = 4096;

/// Whoever sent a request.
#[derive(Debug)]
pub(crate) struct Caller {
    /// The name of the token; `None` for whoever has none.
    pub(crate) name: Option<String>,
    role: Role,
    scopes: ScopeSet,
    pub(crate) bucket: Bucket,
}

impl Caller {
    /// What the caller may at most.
    pub(crate) fn role(&self) -> Role {
        self.role
    }

    /// Whether the caller sees the scope.
    pub(crate) fn sees(&self, scope: &Scope) -> bool {
        self.scopes.contains(scope)
    }

    /// Refuses a scope that the caller does not see, whether it exists or not.
    pub(crate) fn must_see(&self, scope: &Scope) -> Result<(), Refusal> {
        if self.sees(scope) { Ok(()) } else { Err(Refusal::forbidden("the token does not allow this scope")) }
    }

    /// Refuses what needs a role above the caller's.
    pub(crate) fn must_be(&self, role: Role) -> Result<(), Refusal> {
        if self.role >= role {
            return Ok(());
        }
        Err(Refusal::forbidden(format!("the token's role, {}, does not allow this", self.role)))
    }
}

/// Tells callers by their tokens, and remembers them for a moment.
pub(crate) struct Doorkeeper {
    tokens: Tokens,
    anonymous: Option<Arc<Caller>>,
    known: RwLock<HashMap<[u8; 32], Known>>,
    clock: Clock,
}

struct Known {
    caller: Option<Arc<Caller>>,
    until: Duration,
}

impl Doorkeeper {
    /// `anonymous_reads` lets whoever has no token read every scope.
    pub(crate) fn new(tokens: Tokens, anonymous_reads: bool, clock: Clock) -> Self {
        let anonymous = anonymous_reads.then(|| {
            Arc::new(Caller { name: None, role: Role::Reader, scopes: ScopeSet::All, bucket: Bucket::default() })
        });
        Self { tokens, anonymous, known: RwLock::default(), clock }
    }

    /// Whoever sent these headers.
    ///
    /// # Errors
    /// 401 without a valid token; [`ErrorKind::Unavailable`].
    pub(crate) async fn caller(&self, headers: &HeaderMap) -> Result<Arc<Caller>, Refusal> {
        let Some(presented) = bearer(headers)? else {
            return self.anonymous.clone().ok_or_else(|| unknown("a token is needed"));
        };
        // The token itself is not kept, and its hash tells nothing of it to whoever measures time.
        let key: [u8; 32] = Sha256::digest(presented.as_bytes()).into();
        let caller = match self.remembered(&key) {
            Some(caller) => caller,
            // Apart, so that the usual way, which is from memory, has little to carry around.
            None => Box::pin(self.look_up(presented, key)).await?,
        };
        caller.ok_or_else(|| unknown("the token is not valid: unknown, revoked or expired"))
    }

    /// Whether tokens can be told at all.
    pub(crate) async fn is_ready(&self) -> bool {
        // Of the form of a token, so that it is looked up.
        let nobodys = format!("mcpr_{}_{}", "0".repeat(16), "0".repeat(64));
        self.tokens.verify(&nobodys).await.is_ok()
    }

    fn remembered(&self, key: &[u8; 32]) -> Option<Option<Arc<Caller>>> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.get(key).filter(|known| self.clock.now() < known.until).map(|known| known.caller.clone())
    }

    async fn look_up(&self, presented: &str, key: [u8; 32]) -> Result<Option<Arc<Caller>>> {
        let asked = self.clock.now();
        let grant = self.tokens.verify(presented).await?;
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST {
            known.retain(|_, known| asked < known.until);
        }
        let before = known.get(&key).and_then(|known| known.caller.as_ref());
        let caller = grant.map(|Grant { name, role, scopes, .. }| {
            // What was used up of its rate stays used up.
            let bucket = before.map(|before| before.bucket.clone()).unwrap_or_default();
            Arc::new(Caller { name: Some(name), role, scopes, bucket })
        });
        if known.len() < MOST {
            known.insert(key, Known { caller: caller.clone(), until: asked + REMEMBERED });
        }
        Ok(caller)
    }
}

/// The token that the headers present, if any.
fn bearer(headers: &HeaderMap) -> Result<Option<&str>, Refusal> {
    let mut given = headers.get_all(AUTHORIZATION).iter();
    let Some(value) = given.next() else { return Ok(None) };
    if given.next().is_some() {
        return Err(unknown("Authorization is given twice"));
    }
    let token = value.to_str().ok().and_then(|value| {
        let (scheme, token) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    });
    match token.filter(|token| !token.is_empty() && token.len() <= LONGEST) {
        Some(token) => Ok(Some(token)),
        None => Err(unknown("Authorization holds no bearer token")),
    }
}

fn unknown(message: &str) -> Refusal {
    Error::new(ErrorKind::AuthRequired, message)
        .hint("a token is made by mcp-registry token create, and sent as Authorization says")
        .into()
}
