//! Who asks, and what they may (rule C25).

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use hyper::HeaderMap;
use hyper::header::AUTHORIZATION;
use mcp_registry_governance::{Party, Surface};
use mcp_registry_spec::{AgentId, Error, ErrorKind, Result, Scope};
use mcp_registry_store::{Grant, Role, ScopeSet, Token, Tokens};
use sha2::{Digest as _, Sha256};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::clock::{Clock, Moment};
use super::limits::{Bucket, Turns};
use super::refusal::Refusal;

/// How long what a token may is remembered: so long a token that was revoked elsewhere still works.
const REMEMBERED: Duration = Duration::from_secs(1);
/// How long what a caller used is remembered beyond that: longer than any rate reaches into the future.
const USE_REMEMBERED: Duration = Duration::from_secs(3);
/// No token is longer.
const LONGEST: usize = 512;
/// How many callers are remembered before those not seen of late are forgotten.
const CALLERS: usize = 4096;
/// How many texts that are no valid token are remembered; beyond, they are looked up again.
const STRANGERS: usize = 1024;
/// How many tokens that were valid a moment ago are looked up at once.
const LOOK_UPS: usize = 32;
/// How many others are: whoever has no token makes no caller wait.
const LOOK_UPS_OF_STRANGERS: usize = 4;
/// How long a look-up may take, waiting for its turn included.
const LOOK_UP: Duration = Duration::from_secs(30);

/// Whoever sent a request.
#[derive(Debug)]
pub(crate) struct Caller {
    /// The name of the token; `None` for whoever has none.
    pub(crate) name: Option<String>,
    role: Role,
    /// In which role, as the policy calls them, its changes are asked for.
    actor_role: Option<String>,
    scopes: ScopeSet,
    /// Of which agent it reports, if of one.
    agent: Option<AgentId>,
    used: Used,
}

/// What a caller uses of the service, which stays while what the token may is looked up again.
#[derive(Debug, Clone, Default)]
struct Used {
    bucket: Bucket,
    turns: Turns,
}

impl Caller {
    /// What the caller may at most.
    pub(crate) fn role(&self) -> Role {
        self.role
    }

    /// The caller, as changes and the ledger know it.
    pub(crate) fn party(&self, surface: Surface) -> Party {
        match &self.name {
            Some(name) => Party::of_token(name, self.actor_role.clone(), surface),
            None => Party::unknown(surface),
        }
    }

    /// The scopes that the caller sees; `None` for all.
    pub(crate) fn scopes(&self) -> Option<Vec<Scope>> {
        match &self.scopes {
            ScopeSet::All => None,
            ScopeSet::Only(scopes) => Some(scopes.iter().cloned().collect()),
        }
    }

    /// The agent of which the caller reports, if of one.
    pub(crate) fn agent(&self) -> Option<&AgentId> {
        self.agent.as_ref()
    }

    /// What the caller has used of its rate.
    pub(crate) fn bucket(&self) -> &Bucket {
        &self.used.bucket
    }

    /// The turns that the caller has with the storage.
    pub(crate) fn turns(&self) -> &Turns {
        &self.used.turns
    }

    /// Whether the caller sees the scope.
    pub(crate) fn sees(&self, scope: &Scope) -> bool {
        self.scopes.contains(scope)
    }

    /// Refuses a scope that the caller does not see, whether it exists or not.
    pub(crate) fn must_see(&self, scope: &Scope) -> Result<(), Refusal> {
        if self.sees(scope) { Ok(()) } else { Err(Refusal::forbidden("the token does not allow this scope")) }
    }

    /// Refuses what the caller's role does not allow.
    pub(crate) fn must(&self, may: fn(Role) -> bool) -> Result<(), Refusal> {
        if may(self.role) {
            return Ok(());
        }
        Err(Refusal::forbidden(format!("the token's role, {}, does not allow this", self.role)))
    }
}

/// Tells callers by their tokens, and remembers them for a moment.
pub(crate) struct Doorkeeper {
    tokens: Tokens,
    anonymous: Option<Arc<Caller>>,
    /// By the part of their tokens that is no secret.
    callers: RwLock<HashMap<String, Known>>,
    /// When those not seen of late were last forgotten.
    swept: Moment,
    /// Until when a hash is that of no valid token. Apart from callers, whom no number of them pushes out.
    strangers: RwLock<HashMap<Hash, Duration>>,
    look_ups: Semaphore,
    look_ups_of_strangers: Semaphore,
    clock: Clock,
}

type Hash = [u8; 32];

struct Known {
    hash: Hash,
    caller: Arc<Caller>,
    until: Duration,
}

/// What is remembered of a token.
enum Remembered {
    Caller(Arc<Caller>),
    Stranger,
    /// Nothing that stands, of one that was a caller's a moment ago.
    Aged,
    Nothing,
}

impl Doorkeeper {
    /// `anonymous_reads` lets whoever has no token read every scope.
    pub(crate) fn new(tokens: Tokens, anonymous_reads: bool, clock: Clock) -> Self {
        let anonymous = anonymous_reads.then(|| {
            Arc::new(Caller {
                name: None,
                role: Role::Reader,
                actor_role: None,
                scopes: ScopeSet::All,
                agent: None,
                used: Used::default(),
            })
        });
        Self {
            tokens,
            anonymous,
            callers: RwLock::default(),
            swept: Moment::default(),
            strangers: RwLock::default(),
            look_ups: Semaphore::new(LOOK_UPS),
            look_ups_of_strangers: Semaphore::new(LOOK_UPS_OF_STRANGERS),
            clock,
        }
    }

    /// Whoever sent these headers.
    ///
    /// # Errors
    /// 401 without a valid token; 503 when it cannot be looked up.
    pub(crate) async fn caller(&self, headers: &HeaderMap) -> Result<Arc<Caller>, Refusal> {
        let Some(presented) = bearer(headers)? else {
            return self.anonymous.clone().ok_or_else(|| unknown("a token is needed"));
        };
        // What has not even the form of a token costs nobody anything.
        let caller = match Token::parse(presented) {
            None => None,
            Some(token) => {
                // The token itself is not kept, and its hash tells nothing of it to whoever measures time.
                let hash = Sha256::digest(presented.as_bytes()).into();
                match self.remembered(&token, &hash) {
                    Remembered::Caller(caller) => Some(caller),
                    Remembered::Stranger => None,
                    // Apart, so that the usual way, which is from memory, has little to carry around.
                    Remembered::Aged => Box::pin(self.look_up(&token, hash, &self.look_ups)).await?,
                    Remembered::Nothing => Box::pin(self.look_up(&token, hash, &self.look_ups_of_strangers)).await?,
                }
            }
        };
        caller.ok_or_else(|| unknown("the token is not valid: unknown, revoked or expired"))
    }

    /// Whether tokens can be told at all.
    pub(crate) async fn is_ready(&self) -> bool {
        // Of the form of a token, so that it is looked up.
        let nobodys = format!("mcpr_{}_{}", "0".repeat(16), "0".repeat(64));
        self.tokens.verify(&nobodys).await.is_ok()
    }

    fn remembered(&self, token: &Token, hash: &Hash) -> Remembered {
        let now = self.clock.now();
        let callers = self.callers.read().unwrap_or_else(PoisonError::into_inner);
        match callers.get(token.id()).filter(|known| known.hash == *hash) {
            Some(known) if now < known.until => return Remembered::Caller(known.caller.clone()),
            Some(_) => return Remembered::Aged,
            None => drop(callers),
        }
        let strangers = self.strangers.read().unwrap_or_else(PoisonError::into_inner);
        if strangers.get(hash).is_some_and(|until| now < *until) { Remembered::Stranger } else { Remembered::Nothing }
    }

    async fn look_up(&self, token: &Token, hash: Hash, turns: &Semaphore) -> Result<Option<Arc<Caller>>, Refusal> {
        let turn_and_look = async {
            let _turn = turns.acquire().await;
            // Somebody else may have looked meanwhile.
            match self.remembered(token, &hash) {
                Remembered::Caller(caller) => return Ok(Some(caller)),
                Remembered::Stranger => return Ok(None),
                Remembered::Aged | Remembered::Nothing => {}
            }
            let asked = self.clock.now();
            let grant = self.tokens.verify(token.expose()).await?;
            Ok(self.remember(token, hash, grant, asked + REMEMBERED))
        };
        let late = |_| Err(Error::new(ErrorKind::Unavailable, "the tokens did not answer in time").retryable());
        // Whoever has no token yet learns that it cannot be looked up, and not where or why.
        timeout(LOOK_UP, turn_and_look)
            .await
            .unwrap_or_else(late)
            .map_err(|cause| Refusal::concealing(cause, "the token cannot be looked up now"))
    }

    fn remember(&self, token: &Token, hash: Hash, grant: Option<Grant>, until: Duration) -> Option<Arc<Caller>> {
        let mut callers = self.callers.write().unwrap_or_else(PoisonError::into_inner);
        let before = callers.get(token.id()).filter(|known| known.hash == hash);
        let Some(Grant { name, role, scopes, actor_role, agent, .. }) = grant else {
            if before.is_some() {
                callers.remove(token.id());
            }
            drop(callers);
            self.turn_away(hash, until);
            return None;
        };
        // What was used up stays used up.
        let used = before.map(|known| known.caller.used.clone()).unwrap_or_default();
        let caller = Arc::new(Caller { name: Some(name), role, actor_role, scopes, agent, used });
        let now = self.clock.now();
        // Not for each of a great many who come in turn, as agents do: that would cost each of them all others.
        let is_due = |swept| (now >= swept + REMEMBERED).then_some(now);
        if callers.len() >= CALLERS && self.swept.advance(is_due) {
            callers.retain(|_, known| now < known.until + USE_REMEMBERED);
        }
        callers.insert(token.id().to_owned(), Known { hash, caller: caller.clone(), until });
        Some(caller)
    }

    fn turn_away(&self, hash: Hash, until: Duration) {
        let mut strangers = self.strangers.write().unwrap_or_else(PoisonError::into_inner);
        if strangers.len() >= STRANGERS {
            let now = self.clock.now();
            strangers.retain(|_, until| now < *until);
        }
        if strangers.len() < STRANGERS {
            strangers.insert(hash, until);
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::limits::Rate;
    use hyper::header::HeaderValue;
    use mcp_registry_spec::Locator;
    use mcp_registry_store::{Options, Store};
    use std::num::NonZeroU32;

    fn presenting(token: &str) -> HeaderMap {
        let value = HeaderValue::try_from(format!("Bearer {token}")).unwrap();
        [(AUTHORIZATION, value)].into_iter().collect()
    }

    #[tokio::test]
    async fn rule_c27_no_number_of_strangers_gives_a_caller_a_new_rate() {
        let folder = tempfile::tempdir().unwrap();
        let place = Locator::new(&format!("sqlite:{}", folder.path().join("tokens.db").display()));
        let tokens = Tokens::new(Store::new(&place, Options::default()).unwrap());
        let token = tokens.create("ci", Role::Reader, &ScopeSet::All, None, None).await.unwrap();
        let doorkeeper = Doorkeeper::new(tokens, false, Clock::start());
        let headers = presenting(token.expose());
        let first = doorkeeper.caller(&headers).await.unwrap();
        for n in 0..STRANGERS + 100 {
            let stranger = format!("mcpr_{n:016x}_{}", "0".repeat(64));
            assert!(doorkeeper.caller(&presenting(&stranger)).await.is_err());
        }
        assert_eq!(doorkeeper.callers.read().unwrap().len(), 1);
        let count = doorkeeper.strangers.read().unwrap().len();
        assert!((1..=STRANGERS).contains(&count), "{count}");
        tokio::time::sleep(REMEMBERED + Duration::from_millis(50)).await;
        let again = doorkeeper.caller(&headers).await.unwrap();
        assert!(!Arc::ptr_eq(&first, &again), "it was looked up again");
        let (rate, now) = (Rate::new(NonZeroU32::MIN), doorkeeper.clock.now());
        while rate.take(first.bucket(), now).is_ok() {}
        assert!(rate.take(again.bucket(), now).is_err());
    }

    #[tokio::test]
    async fn rule_c25_what_has_not_the_form_of_a_token_is_not_looked_up() {
        // A folder is no database: asked, it would fail.
        let folder = tempfile::tempdir().unwrap();
        let none = Locator::new(&format!("sqlite:{}", folder.path().display()));
        let tokens = Tokens::new(Store::new(&none, Options::default()).unwrap());
        let doorkeeper = Doorkeeper::new(tokens, false, Clock::start());
        let token = format!("mcpr_{}_{}", "0".repeat(16), "0".repeat(64));
        let failed = format!("{:?}", doorkeeper.caller(&presenting(&token)).await.unwrap_err());
        assert!(failed.contains("cannot be looked up"), "{failed}");
        for none in ["x", "mcpr_", "mcpr_0000_00", &"0".repeat(86)] {
            let refused = format!("{:?}", doorkeeper.caller(&presenting(none)).await.unwrap_err());
            assert!(refused.contains("not valid"), "{refused}");
        }
        assert!(doorkeeper.strangers.read().unwrap().is_empty());
    }
}
