//! Publishes on their way, and which of them have an answer.
//!
//! **Guarantee.** [`Flight::poll_answered`] hands out answers in sets that are closed backwards: whatever was answered
//! before one of a set is in it, or in an earlier one. Matching returns ([`super::verdicts`]) rests on that. It holds
//! because a publish without an answer has a waker that puts its key into the list of what to look at before anything
//! later is answered, and because the list is worked off until it is empty.

use std::{
    collections::BTreeMap,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Wake, Waker},
};

use futures_util::task::AtomicWaker;
use tokio::time::Instant;

/// A publish that has not been answered.
struct Entry<T, O> {
    publish: Pin<Box<dyn Future<Output = O> + Send>>,
    waker: Waker,
    since: Instant,
    what: T,
}

/// The publishes of one channel, each with a `T` beside it and ending in an `O`.
pub(super) struct Flight<T, O> {
    entries: BTreeMap<u64, Entry<T, O>>,
    next_key: u64,
    woken: Arc<Woken>,
}

/// Keys of publishes that may have an answer, in the order it came.
#[derive(Default)]
struct Woken {
    keys: Mutex<Vec<u64>>,
    task: AtomicWaker,
}

struct KeyWaker {
    key: u64,
    woken: Arc<Woken>,
}

impl Wake for KeyWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.woken.lock().push(self.key);
        self.woken.task.wake();
    }
}

impl Woken {
    fn lock(&self) -> MutexGuard<'_, Vec<u64>> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T, O> Flight<T, O> {
    pub fn new() -> Self {
        Self {
            entries: BTreeMap::new(),
            next_key: 0,
            woken: Arc::default(),
        }
    }

    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// When the oldest publish without an answer was added.
    pub fn oldest(&self) -> Option<Instant> {
        self.entries.first_key_value().map(|(_, entry)| entry.since)
    }

    /// What stands beside the publishes that were added before `limit`.
    pub fn older_than(&mut self, limit: Instant) -> impl Iterator<Item = &mut T> {
        self.entries
            .values_mut()
            .take_while(move |entry| entry.since < limit)
            .map(|entry| &mut entry.what)
    }

    /// Adds a publish. It is begun by the next [`Self::poll_answered`], in the order of adding.
    pub fn add(&mut self, what: T, publish: impl Future<Output = O> + Send + 'static) {
        let key = self.next_key;
        self.next_key += 1;
        let woken = Arc::clone(&self.woken);
        let entry = Entry {
            publish: Box::pin(publish),
            waker: Arc::new(KeyWaker { key, woken }).into(),
            since: Instant::now(),
            what,
        };
        self.entries.insert(key, entry);
        self.woken.lock().push(key);
    }

    /// The publishes that were answered since the last time, at least one.
    pub fn poll_answered(&mut self, cx: &mut Context<'_>) -> Poll<Vec<(u64, T, O)>> {
        self.woken.task.register(cx.waker());
        let mut answered = Vec::new();
        loop {
            let keys = std::mem::take(&mut *self.woken.lock());
            if keys.is_empty() {
                break;
            }
            for key in keys {
                let Some(entry) = self.entries.get_mut(&key) else {
                    continue;
                };
                let waker = entry.waker.clone();
                let mut context = Context::from_waker(&waker);
                if let Poll::Ready(outcome) = entry.publish.as_mut().poll(&mut context)
                    && let Some(entry) = self.entries.remove(&key)
                {
                    answered.push((key, entry.what, outcome));
                }
            }
        }
        if answered.is_empty() {
            Poll::Pending
        } else {
            Poll::Ready(answered)
        }
    }

    /// Gives all of them up.
    pub fn into_unanswered(self) -> impl Iterator<Item = T> {
        self.entries.into_values().map(|entry| entry.what)
    }
}
