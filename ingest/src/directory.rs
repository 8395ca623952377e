//! Tenants, pipelines and keys as ingest holds them in memory, following the control store.
//!
//! The store tells of changes where it can, and its version is asked for every two seconds in any case, so a revocation
//! acts within five. While the store is away the last view serves for [`STALE_AFTER`], then ingest answers 503. A well-formed key that the view does
//! not know is looked up at once, one look-up at a time and at a bounded rate: a key made a moment ago works.

mod view;

use std::{sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use sendry_domain::id::KeyId;
use sendry_runtime::{clock::Clock, health::Component};
use sendry_store::{ControlStore, StoreError};
use tokio::{sync::Mutex, time::timeout};
use tokio_util::sync::CancellationToken;

pub use view::{Key, Tenant, View};

/// How often the version is asked for at least.
const POLL: Duration = Duration::from_secs(2);
/// Between two looks at least, so that many changes at once, or a store that never waits, cost few of them.
const PAUSE: Duration = Duration::from_millis(50);
/// How long the store may take to answer: a request that needs it does not hang with it.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);
/// How long a view may serve without word from the store, in milliseconds.
const STALE_AFTER: u64 = 60_000;
/// The shortest time between two look-ups of unknown keys, in milliseconds.
const LOOKUP_EVERY: u64 = 200;

/// The directory.
pub struct Directory {
    control: Arc<dyn ControlStore>,
    clock: Arc<dyn Clock>,
    view: ArcSwap<View>,
    /// When a look-up of an unknown key may happen next (monotonic ms); also lets only one run.
    lookup: Mutex<u64>,
}

/// Why a key cannot be found.
#[derive(Debug)]
pub enum LookupError {
    /// No such key.
    Unknown,
    /// The store is away, or too many unknown keys were asked for: not known whether there is such a key.
    Unavailable,
}

impl Directory {
    /// An empty directory, which knows nothing until it has loaded.
    #[must_use]
    pub fn new(control: Arc<dyn ControlStore>, clock: Arc<dyn Clock>) -> Self {
        Self {
            control,
            clock,
            view: ArcSwap::from_pointee(View::default()),
            lookup: Mutex::new(0),
        }
    }

    /// Finds a key by its public part.
    ///
    /// # Errors
    /// [`LookupError::Unavailable`] is a 503, never a 401: the key may well be good.
    pub async fn key(&self, id: &KeyId) -> Result<Arc<Key>, LookupError> {
        let view = self.view.load();
        if !self.is_fresh(&view) {
            return Err(LookupError::Unavailable);
        }
        if let Some(key) = view.key(id) {
            return Ok(key);
        }
        timeout(ANSWER_WITHIN, self.look_up(id, view.version()))
            .await
            .unwrap_or(Err(LookupError::Unavailable))
    }

    /// Asks the store for a key that the view `seen` does not know.
    async fn look_up(&self, id: &KeyId, seen: u64) -> Result<Arc<Key>, LookupError> {
        let mut next = self.lookup.lock().await;
        // Another request may have looked while this one waited.
        let view = self.view.load();
        if let Some(key) = view.key(id) {
            return Ok(key);
        }
        let now = self.clock.monotonic_ms();
        if now < *next {
            return Err(if view.version() > seen {
                LookupError::Unknown
            } else {
                LookupError::Unavailable
            });
        }
        *next = now + LOOKUP_EVERY;
        self.refresh().await.map_err(|_| LookupError::Unavailable)?;
        self.view.load().key(id).ok_or(LookupError::Unknown)
    }

    /// Brings the view up to the store's version.
    ///
    /// # Errors
    /// When the store cannot be asked; the old view stays.
    pub async fn refresh(&self) -> Result<(), StoreError> {
        let late = |elapsed| StoreError::Unavailable {
            store: "control",
            doing: "read the settings",
            unknown: false,
            source: Box::new(elapsed),
        };
        let loaded = timeout(ANSWER_WITHIN, self.load()).await;
        loaded.unwrap_or_else(|elapsed| Err(late(elapsed)))
    }

    async fn load(&self) -> Result<(), StoreError> {
        let asked_at = self.clock.monotonic_ms();
        let version = self.control.version().await?;
        let old = self.view.load();
        let view = if old.is_loaded() && old.version() == version {
            old.as_of(asked_at)
        } else {
            View::new(self.control.snapshot().await?, asked_at)
        };
        self.view.store(Arc::new(view));
        Ok(())
    }

    /// Follows the store until told to stop.
    pub async fn follow(&self, component: &Component, stop: &CancellationToken) {
        loop {
            match self.refresh().await {
                Ok(()) => component.ready(),
                Err(error) => {
                    tracing::warn!(error = %sendry_runtime::error_chain::chain(&error), "failed to follow the control store");
                    if !self.is_fresh(&self.view.load()) {
                        component.not_ready("the control store has not answered for a minute");
                    }
                }
            }
            let change = async {
                // The store keeps the time itself; one that does not must not keep us from asking.
                let _ = timeout(POLL, self.control.changed(POLL)).await;
                tokio::time::sleep(PAUSE).await;
            };
            tokio::select! {
                () = change => {}
                () = stop.cancelled() => return,
            }
        }
    }

    fn is_fresh(&self, view: &View) -> bool {
        view.is_loaded() && self.clock.monotonic_ms().saturating_sub(view.asked_at()) <= STALE_AFTER
    }
}
