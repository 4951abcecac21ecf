//! The storage, opened once a scope (rule C24).

use std::collections::HashMap;
use std::ffi::OsString;
use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use mcp_registry_spec::{
    Backends, Capabilities, Environment, Error, ErrorKind, McpServerRegistry, OpenRequest, Result, Scope,
};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::cache::{Cache, Remembered};
use super::clock::{Clock, Moment};
use super::limits::Turns;
use super::metrics::Metrics;
use super::render::{Question, Rendered};

/// How many scopes are held open; beyond, the one that was used longest ago is let go of, of those that
/// nobody uses now: a write must forget what its scope's readers remember.
const OPEN: usize = 1024;
/// How many bytes of answers are kept in memory, of all scopes together.
const KEPT: usize = 256 << 20;
/// How many calls the storage has at once; others wait.
const AT_ONCE: u32 = 256;
/// How long a call of the storage may take, waiting for its turn included.
const CALL: Duration = Duration::from_secs(30);
/// The scope by which the storage as a whole is asked what it can.
const ANY: &str = "default";

/// The storage.
pub(crate) struct Stores {
    backends: Backends,
    request: OpenRequest,
    any: McpServerRegistry,
    open: RwLock<HashMap<Scope, Arc<Store>>>,
    shared: Shared,
}

/// What all scopes have in common.
#[derive(Clone)]
struct Shared {
    clock: Clock,
    kept: Arc<AtomicUsize>,
    turns: Arc<Semaphore>,
    metrics: Arc<Metrics>,
}

/// One scope of it.
pub(crate) struct Store {
    registry: McpServerRegistry,
    cache: Cache,
    used: Moment,
    shared: Shared,
}

/// Where agents run is not here: what an entry refers to is there or not on their machines, and that
/// a variable is not set on this one is nobody's business.
#[derive(Debug)]
struct Elsewhere;

impl Environment for Elsewhere {
    fn is_set(&self, _name: &str) -> bool {
        true
    }

    fn read(&self, _name: &str) -> Option<OsString> {
        None
    }

    fn finds_command(&self, _command: &str) -> bool {
        true
    }
}

impl Stores {
    /// Makes ready to open what `request` asks for; nothing is touched yet.
    ///
    /// # Errors
    /// As [`Backends::open`].
    pub(crate) fn new(backends: Backends, request: OpenRequest, clock: Clock, metrics: Arc<Metrics>) -> Result<Self> {
        let any = backends.open(&request.clone().scope(Scope::parse(ANY)?))?.with_environment(Arc::new(Elsewhere));
        let turns = Arc::new(Semaphore::new(AT_ONCE as usize));
        let shared = Shared { clock, kept: Arc::default(), turns, metrics };
        Ok(Self { backends, request, any, open: RwLock::default(), shared })
    }

    /// What the storage is kept in.
    pub(crate) fn backend_id(&self) -> &str {
        self.any.backend_id()
    }

    /// What the storage can.
    ///
    /// # Errors
    /// Those of the storage.
    pub(crate) async fn capabilities(&self) -> Result<Capabilities> {
        self.any.capabilities().await
    }

    /// The scopes that have entries.
    ///
    /// # Errors
    /// Those of the storage.
    pub(crate) async fn scopes(&self, turns: &Turns) -> Result<Vec<Scope>> {
        self.shared.call_for(turns, self.any.scopes()).await
    }

    /// Whether the storage answers.
    pub(crate) async fn is_ready(&self) -> bool {
        self.shared.call(self.any.revision()).await.is_ok()
    }

    /// Does something beside the storage, in turns of whoever asks and no longer than a call of it may take.
    ///
    /// # Errors
    /// Those of the work; [`ErrorKind::Unavailable`] when it takes too long.
    pub(crate) async fn beside<T>(&self, turns: &Turns, work: impl Future<Output = Result<T>>) -> Result<T> {
        self.shared.call_for(turns, work).await
    }

    /// One scope.
    ///
    /// # Errors
    /// As [`Backends::open`].
    pub(crate) fn scope(&self, scope: &Scope) -> Result<Arc<Store>> {
        if let Some(store) = self.open.read().unwrap_or_else(PoisonError::into_inner).get(scope) {
            store.used.set(self.shared.clock.now());
            return Ok(store.clone());
        }
        let registry = match self.any.in_scope(scope) {
            Some(registry) => registry,
            None => {
                let request = self.request.clone().scope(scope.clone());
                self.backends.open(&request)?.with_environment(Arc::new(Elsewhere))
            }
        };
        let store = Arc::new(Store {
            registry,
            cache: Cache::new(self.shared.clock, self.shared.kept.clone()),
            used: Moment::new(self.shared.clock.now()),
            shared: self.shared.clone(),
        });
        let mut open = self.open.write().unwrap_or_else(PoisonError::into_inner);
        if open.len() >= OPEN {
            let unused = open.iter().filter(|(_, store)| Arc::strong_count(store) == 1);
            let oldest = unused.min_by_key(|(_, store)| store.used.get()).map(|(scope, _)| scope.clone());
            oldest.and_then(|oldest| open.remove(&oldest));
        }
        // Somebody may have been faster: a scope has one memory, which its writes make forget.
        Ok(open.entry(scope.clone()).or_insert(store).clone())
    }

    /// Forgets answers, those of the scopes used longest ago first, while they are too many.
    pub(crate) fn trim(&self) {
        if self.shared.kept.load(Ordering::Relaxed) <= KEPT {
            return;
        }
        let open = self.open.read().unwrap_or_else(PoisonError::into_inner);
        let mut stores: Vec<_> = open.values().map(|store| (store.used.get(), store)).collect();
        stores.sort_by_key(|(used, _)| *used);
        for (_, store) in stores {
            if self.shared.kept.load(Ordering::Relaxed) <= KEPT / 2 {
                return;
            }
            store.cache.forget();
        }
    }

    /// Waits until no call of the storage is under way.
    pub(crate) async fn settle(&self) {
        // Nobody closes it, so all turns can be had once those who have one give it back.
        let _ = self.shared.turns.acquire_many(AT_ONCE).await;
    }

    /// Lets go of the storage.
    ///
    /// # Errors
    /// Those of the storage.
    pub(crate) async fn close(&self) -> Result<()> {
        self.any.close().await
    }
}

impl Store {
    /// The scope's registry, for whoever asks it something without being asked to.
    pub(crate) fn registry(&self) -> &McpServerRegistry {
        &self.registry
    }

    /// Answers from memory, else from the storage, in turns of whoever asks.
    ///
    /// # Errors
    /// Those of the storage; [`ErrorKind::Unavailable`] when it takes too long.
    pub(crate) async fn read(self: &Arc<Self>, question: &Question, turns: &Turns) -> Result<Arc<Rendered>> {
        match self.cache.remembered(question) {
            Remembered::Answer(answer) => {
                self.shared.metrics.cache_hit();
                Ok(answer)
            }
            Remembered::Aging(answer) => {
                self.shared.metrics.cache_hit();
                let store = self.clone();
                // What goes wrong here, whoever asks once this has aged will be told.
                tokio::spawn(async move { store.shared.call(store.cache.look_again(&store.registry)).await });
                Ok(answer)
            }
            Remembered::Nothing => {
                self.shared.metrics.cache_miss();
                // Apart, so that the usual way, which is from memory, has little to carry around.
                Box::pin(self.shared.call_for(turns, self.cache.answer(&self.registry, question))).await
            }
        }
    }

    /// Calls the storage for something that is not kept in memory.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub(crate) async fn call<T>(&self, turns: &Turns, work: impl AsyncFnOnceOn<T>) -> Result<T> {
        self.shared.call_for(turns, work.on(self.registry.clone())).await
    }

    /// Writes. Once begun it is brought to its end, though the client goes away; whatever came of it,
    /// nothing of before is answered after.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub(crate) async fn write<T: Send + 'static>(
        self: &Arc<Self>,
        turns: &Turns,
        work: impl AsyncFnOnceOn<T>,
    ) -> Result<T> {
        let (store, turns) = (self.clone(), turns.clone());
        let done = tokio::spawn(async move {
            let _own = turns.take().await;
            let _turn = store.shared.turns.acquire().await;
            let _forget = Forget(&store.cache);
            work.on(store.registry.clone()).await
        });
        match timeout(CALL, done).await {
            Ok(Ok(result)) => result.inspect_err(|error| self.shared.metrics.store_error(error.kind())),
            Ok(Err(_)) => Err(Error::new(ErrorKind::Unavailable, "the write failed in the storage")),
            Err(_) => Err(Error::new(ErrorKind::Unavailable, "the storage did not answer in time")
                .hint("look whether the write took effect")
                .retryable()),
        }
    }
}

/// Work on a registry that can be handed to another task.
pub(crate) trait AsyncFnOnceOn<T>: Send + 'static {
    /// Does it.
    fn on(self, registry: McpServerRegistry) -> impl Future<Output = Result<T>> + Send;
}

impl<T, F, Work> AsyncFnOnceOn<T> for F
where
    F: FnOnce(McpServerRegistry) -> Work + Send + 'static,
    Work: Future<Output = Result<T>> + Send,
{
    fn on(self, registry: McpServerRegistry) -> impl Future<Output = Result<T>> + Send {
        self(registry)
    }
}

/// Forgets what is in memory however a write ends.
struct Forget<'a>(&'a Cache);

impl Drop for Forget<'_> {
    fn drop(&mut self) {
        self.0.forget();
    }
}

impl Shared {
    /// A call that nobody in particular asked for.
    async fn call<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        self.call_for(&Turns::default(), work).await
    }

    /// A call for one caller, who has a share of all turns.
    async fn call_for<T>(&self, turns: &Turns, work: impl Future<Output = Result<T>>) -> Result<T> {
        let turn_and_work = async {
            let _own = turns.take().await;
            let _turn = self.turns.acquire().await;
            work.await
        };
        let result = timeout(CALL, turn_and_work).await.unwrap_or_else(|_| {
            Err(Error::new(ErrorKind::Unavailable, "the storage did not answer in time").retryable())
        });
        result.inspect_err(|error| self.metrics.store_error(error.kind()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rule_c28_a_scope_in_use_keeps_its_memory_however_many_others_are_opened() {
        let request = OpenRequest::new("filesystem:nowhere");
        let stores = Stores::new(Backends::linked(), request, Clock::start(), Arc::new(Metrics::new())).unwrap();
        let scope = |name: &str| stores.scope(&Scope::parse(name).unwrap()).unwrap();
        let (writing, idle) = (scope("writing"), Arc::downgrade(&scope("idle")));
        for number in 0..=OPEN {
            scope(&format!("s{number}"));
        }
        assert!(Arc::ptr_eq(&writing, &scope("writing")));
        assert!(idle.upgrade().is_none(), "what nobody uses is let go of");
        assert_eq!(stores.open.read().unwrap().len(), OPEN);
    }
}
