//! Work for pipelines: one piece at a time for each, a limited number at once, and who fails waits longer each time. So
//! one that fails or hangs holds up no other.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use sendry_runtime::{clock::Clock, error_chain::chain};
use tokio::{sync::Semaphore, task::JoinSet};

use crate::error::Failure;

/// Failures in a row from which on they are worth telling: one may be over before anybody reads of it.
const GOES_ON: u32 = 3;

/// Work under way. Dropped, all of it is.
pub struct Crew<T> {
    clock: Arc<dyn Clock>,
    slots: Arc<Semaphore>,
    tasks: JoinSet<(String, Result<T, Failure>)>,
    members: HashMap<String, Member>,
}

#[derive(Default)]
struct Member {
    /// Until its work ends, however it ends.
    busy: Arc<AtomicBool>,
    /// Failures in a row.
    failures: u32,
    /// Monotonic milliseconds.
    not_before: u64,
    failed: Option<Failed>,
}

/// Why the last piece of work did not end well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failed {
    /// The category's word.
    pub reason: &'static str,
    /// Everything that is known of it.
    pub message: String,
}

struct Busy(Arc<AtomicBool>);

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

impl<T: Send + 'static> Crew<T> {
    /// `most` at once.
    #[must_use]
    pub fn new(most: usize, clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            slots: Arc::new(Semaphore::new(most)),
            tasks: JoinSet::new(),
            members: HashMap::new(),
        }
    }

    /// Whether work for `uid` may begin: none is under way, and it has waited long enough after a failure.
    #[must_use]
    pub fn is_free(&self, uid: &str) -> bool {
        self.members.get(uid).is_none_or(|member| {
            !member.busy.load(Ordering::Acquire) && member.not_before <= self.clock.monotonic_ms()
        })
    }

    /// Whether nothing is under way.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.tasks.is_empty()
    }

    /// Begins with it, in a task of its own.
    pub fn start(
        &mut self,
        uid: &str,
        work: impl Future<Output = Result<T, Failure>> + Send + 'static,
    ) {
        let member = self.members.entry(uid.to_owned()).or_default();
        member.busy.store(true, Ordering::Release);
        let busy = Busy(Arc::clone(&member.busy));
        let (slots, uid) = (Arc::clone(&self.slots), uid.to_owned());
        self.tasks.spawn(async move {
            let _busy = busy;
            // It is never closed.
            let _slot = slots.acquire().await;
            let ended = work.await;
            (uid, ended)
        });
    }

    /// Waits for the next piece of work to end; for ever, while none is under way. Cancel safe.
    pub async fn ended(&mut self) -> (String, Result<T, Failure>) {
        loop {
            match self.tasks.join_next().await {
                Some(Ok((uid, ended))) => {
                    self.note(&uid, ended.as_ref().err());
                    return (uid, ended);
                }
                Some(Err(error)) => {
                    tracing::error!(%error, "a part of the autoscaler's work ended badly");
                }
                None => std::future::pending::<()>().await,
            }
        }
    }

    /// Why work for `uid` goes on failing, if it does: the last [`GOES_ON`] pieces have.
    #[must_use]
    pub fn failed(&self, uid: &str) -> Option<&Failed> {
        let member = self.members.get(uid)?;
        member
            .failed
            .as_ref()
            .filter(|_| member.failures >= GOES_ON)
    }

    /// What failed before is no longer wanted: the next piece may begin at once.
    pub fn forgive(&mut self, uid: &str) {
        if let Some(member) = self.members.get_mut(uid) {
            (member.failures, member.not_before, member.failed) = (0, 0, None);
        }
    }

    /// Forgets whom `there` does not know. What is under way ends all the same.
    pub fn forget_all_but(&mut self, there: impl Fn(&str) -> bool) {
        self.members.retain(|uid, _| there(uid));
    }

    fn note(&mut self, uid: &str, failure: Option<&Failure>) {
        let now = self.clock.monotonic_ms();
        let Some(failure) = failure else {
            self.forgive(uid);
            return;
        };
        let Some(member) = self.members.get_mut(uid) else {
            return;
        };
        let pause = failure
            .category
            .backoff()
            .delay(member.failures, rand::random());
        let pause = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX);
        member.failures = member.failures.saturating_add(1);
        member.not_before = now.saturating_add(pause);
        member.failed = Some(Failed {
            reason: failure.category.reason(),
            message: chain(failure).to_string(),
        });
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use sendry_runtime::clock::ManualClock;
    use tokio::time::timeout;

    use super::*;

    fn failure() -> Failure {
        Failure::superseded("do it", "a test")
    }

    #[tokio::test]
    async fn one_that_hangs_holds_up_no_other_and_is_not_begun_twice() {
        let mut crew = Crew::new(2, ManualClock::at(0));
        crew.start("a", std::future::pending());
        assert!(!crew.is_free("a"));
        for n in 0..3 {
            assert!(crew.is_free("b"));
            crew.start("b", async move { Ok(n) });
            let (uid, ended) = timeout(Duration::from_secs(5), crew.ended()).await.unwrap();
            assert_eq!((uid.as_str(), ended.unwrap()), ("b", n));
        }
    }

    #[tokio::test]
    async fn who_fails_waits_and_is_forgiven_when_it_goes_well() {
        let clock = ManualClock::at(0);
        let mut crew = Crew::<()>::new(2, clock.clone());
        for n in 0..12 {
            assert_eq!(crew.failed("a").is_some(), n >= GOES_ON);
            crew.start("a", async { Err(failure()) });
            crew.ended().await.1.unwrap_err();
        }
        let said = crew.failed("a").unwrap();
        assert_eq!(said.reason, "Superseded");
        assert!(said.message.contains("failed to do it"), "{}", said.message);
        assert!(crew.is_free("b"), "another one waits");
        let longest = failure().category.backoff().ceiling(u32::MAX);
        clock.advance(i64::try_from(longest.as_millis()).unwrap());
        assert!(crew.is_free("a"));
        crew.start("a", async { Ok(()) });
        crew.ended().await.1.unwrap();
        assert_eq!(crew.failed("a"), None);
    }

    #[tokio::test]
    async fn work_that_panics_is_over() {
        let mut crew = Crew::<()>::new(1, ManualClock::at(0));
        crew.start("a", async { panic!("a test") });
        crew.start("b", async { Ok(()) });
        assert_eq!(crew.ended().await.0, "b");
        assert!(crew.is_free("a"));
    }
}
