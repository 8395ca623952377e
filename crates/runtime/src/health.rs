//! Is this process alive, and should it get traffic? Two questions, answered apart.
//!
//! *Liveness* is about us: every task that promised to beat has beaten in time. When it fails, a
//! restart is the cure. *Readiness* is about whether requests would succeed: every required
//! component says it is ready. A dependency that is away makes a process not ready, never not
//! alive, for restarting us does not bring the dependency back.
//!
//! ```
//! use std::time::Duration;
//! use sendry_runtime::health::Health;
//!
//! let health = Health::new();
//! let queue = health.component("queue");
//! assert!(!health.readiness().ok()); // "starting" until it says otherwise
//! queue.ready();
//! assert!(health.readiness().ok());
//!
//! let consumer = health.component("consumer").beats_within(Duration::from_secs(30));
//! consumer.ready();
//! consumer.beat();
//! ```

mod report;

use std::borrow::Cow;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

pub use report::{Check, Report};

/// What every component of this process says about itself. Cheap to clone; all clones are one.
#[derive(Debug, Clone, Default)]
pub struct Health {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    components: Vec<Entry>,
    draining: bool,
}

#[derive(Debug)]
struct Entry {
    name: Cow<'static, str>,
    required: bool,
    /// Required until it is ready for the first time.
    once: bool,
    /// `None` is ready.
    not_ready: Option<Cow<'static, str>>,
    /// How long after the last beat the component counts as stuck.
    beats: Option<Beats>,
}

#[derive(Debug, Clone, Copy)]
struct Beats {
    within: Duration,
    last: Instant,
}

impl Health {
    /// No components: alive and ready.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Registers a required component, which is not ready ("starting") until it says so. A name
    /// that is registered already gives another handle to the same component.
    #[must_use = "the component stays not ready until its handle says otherwise"]
    pub fn component(&self, name: impl Into<Cow<'static, str>>) -> Component {
        let name = name.into();
        let mut state = self.lock();
        let known = state.components.iter().position(|entry| entry.name == name);
        let index = known.unwrap_or_else(|| {
            let not_ready = Some(Cow::Borrowed("starting"));
            state.components.push(Entry {
                name,
                required: true,
                once: false,
                not_ready,
                beats: None,
            });
            state.components.len() - 1
        });
        drop(state);
        Component {
            health: self.clone(),
            index,
        }
    }

    /// From now on the process is not ready, whatever its components say: it is shutting down and
    /// only finishes what it has. Call it when shutdown begins.
    pub fn drain(&self) {
        self.lock().draining = true;
    }

    /// Whether requests would succeed: `/readyz`.
    #[must_use]
    pub fn readiness(&self) -> Report {
        let state = self.lock();
        let draining = state
            .draining
            .then(|| Check::failed("shutdown", "shutting down", true));
        let components = state.components.iter().map(|entry| match &entry.not_ready {
            None => Check::passed(entry.name.clone()),
            Some(reason) => Check::failed(entry.name.clone(), reason.clone(), entry.required),
        });
        Report::new("readyz", components.chain(draining).collect())
    }

    /// Whether every task that promised to beat did so in time: `/livez`.
    #[must_use]
    pub fn liveness(&self) -> Report {
        let now = Instant::now();
        let check = |entry: &Entry| {
            let Beats { within, last } = entry.beats?;
            let silent = now.saturating_duration_since(last);
            if silent <= within {
                return Some(Check::passed(entry.name.clone()));
            }
            let reason = format!("no beat for {silent:.1?}, promised within {within:.1?}");
            Some(Check::failed(entry.name.clone(), reason, true))
        };
        Report::new(
            "livez",
            self.lock().components.iter().filter_map(check).collect(),
        )
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing under the lock can leave it half changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One component's voice in its process's [`Health`]. Clones speak for the same component.
#[derive(Debug, Clone)]
pub struct Component {
    health: Health,
    index: usize,
}

impl Component {
    /// Makes the component informational: shown by `/readyz?verbose`, but the process is ready
    /// without it.
    #[must_use]
    pub fn informational(self) -> Self {
        self.change(|entry| entry.required = false);
        self
    }

    /// Makes the component required until it is ready for the first time, and informational from then on: the process is
    /// ready once it has found what it needs, and stays so while that is away. For what nobody sends requests to.
    #[must_use]
    pub fn once(self) -> Self {
        self.change(|entry| entry.once = true);
        self
    }

    /// Promises a [`beat`](Self::beat) at least every `within`, starting now. Without one the
    /// process stops being alive, so promise several times the longest step of the task's loop.
    #[must_use]
    pub fn beats_within(self, within: Duration) -> Self {
        let beats = Beats {
            within,
            last: Instant::now(),
        };
        self.change(|entry| entry.beats = Some(beats));
        self
    }

    /// The component does its work.
    pub fn ready(&self) {
        let was = self.change(|entry| {
            entry.required &= !entry.once;
            (entry.name.clone(), entry.not_ready.take())
        });
        if let (name, Some(_)) = was {
            tracing::info!(component = %name, "component is ready");
        }
    }

    /// The component cannot do its work, because of `reason`: a short clause without secrets, for
    /// it is shown by `/readyz`. Saying the same again is quiet.
    pub fn not_ready(&self, reason: impl Into<Cow<'static, str>>) {
        let reason = reason.into();
        let (name, was) =
            self.change(|entry| (entry.name.clone(), entry.not_ready.replace(reason.clone())));
        if was.as_ref() != Some(&reason) {
            tracing::warn!(component = %name, reason = %reason, "component is not ready");
        }
    }

    /// The component's task went round its loop. Nothing happens without
    /// [`beats_within`](Self::beats_within).
    pub fn beat(&self) {
        self.change(|entry| {
            if let Some(beats) = &mut entry.beats {
                beats.last = Instant::now();
            }
        });
    }

    fn change<T>(&self, change: impl FnOnce(&mut Entry) -> T) -> T {
        // Components are only ever added, so the index stays good.
        change(&mut self.health.lock().components[self.index])
    }
}

#[cfg(test)]
mod tests;
