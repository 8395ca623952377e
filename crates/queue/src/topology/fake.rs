//! A broker in memory, for tests: it refuses what a real one refuses, applies policies by pattern and priority, counts
//! what it was asked, and fails when it was told to. The contract suite runs on it and on a real RabbitMQ alike.

mod state;

use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use sendry_domain::routing::QueueName;

use self::state::State;
use super::{Category, Observed, Reading, Removal, Repair, TopologyBroker, TopologyError, Verb};

/// What a fault is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum On {
    /// Whatever comes.
    Any,
    /// Reading everything.
    Observe,
    /// Listing users, inside of reading everything.
    Logins,
    /// Any write.
    Write,
    /// The write that comes after this many, from the beginning.
    WriteNumber(u64),
    /// One kind of write.
    Verb(Verb),
}

/// How a call fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Which calls.
    pub on: On,
    /// How many of them; `None`: all, until [`FakeBroker::heal`].
    pub times: Option<u32>,
    /// With what.
    pub category: Category,
    /// Whether it is done all the same, as when the connection breaks before the answer.
    pub done: bool,
}

/// A broker in memory.
#[derive(Default)]
pub struct FakeBroker(Mutex<Inside>);

#[derive(Default)]
struct Inside {
    state: State,
    faults: VecDeque<Fault>,
    held: HashMap<String, u64>,
    reads: u64,
    writes: u64,
}

impl FakeBroker {
    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Bulk reads so far, also those that failed.
    #[must_use]
    pub fn reads(&self) -> u64 {
        self.inside().reads
    }

    /// Writes so far, also those that failed.
    #[must_use]
    pub fn writes(&self) -> u64 {
        self.inside().writes
    }

    /// From now on a policy is in effect only after `reads` more bulk reads.
    pub fn apply_policies_after(&self, reads: u32) {
        self.inside().state.lag = reads;
    }

    /// From now on calls fail like this, after those that were asked for before.
    pub fn fail(&self, fault: Fault) {
        self.inside().faults.push_back(fault);
    }

    /// The next `times` calls, reads or writes, fail before they do anything.
    pub fn fail_next(&self, times: u32, category: Category) {
        self.fail(Fault {
            on: On::Any,
            times: Some(times),
            category,
            done: false,
        });
    }

    /// Nothing fails any more.
    pub fn heal(&self) {
        self.inside().faults.clear();
    }

    /// From now on a queue holds so many messages in all.
    pub fn hold(&self, queue: &QueueName, messages: u64) {
        self.inside().held.insert(queue.to_string(), messages);
    }

    /// What stands there, uncounted.
    #[must_use]
    pub fn peek(&self) -> Observed {
        self.inside().state.now()
    }

    /// A hand behind everybody's back. Policies are in effect at once.
    pub fn meddle<T>(&self, change: impl FnOnce(&mut Observed) -> T) -> T {
        self.inside().state.meddle(change)
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl TopologyBroker for FakeBroker {
    async fn observe(&self, reading: Reading) -> Result<Observed, TopologyError> {
        let mut inside = self.inside();
        inside.reads += 1;
        if let Some(fault) = inside.fault(|on| matches!(on, On::Any | On::Observe)) {
            return Err(failed("list what stands there", fault.category));
        }
        inside.state.time_passes();
        let mut observed = inside.state.observed(reading);
        if reading == Reading::QueuesAndLogins
            && let Some(fault) = inside.fault(|on| on == On::Logins)
        {
            if fault.category != Category::Forbidden {
                return Err(failed("list users", fault.category));
            }
            observed.logins = super::Logins::Forbidden("told to".to_owned());
        }
        Ok(observed)
    }

    async fn held(&self, queue: &QueueName) -> Result<Option<u64>, TopologyError> {
        let mut inside = self.inside();
        if let Some(fault) = inside.fault(|on| matches!(on, On::Any | On::Observe)) {
            return Err(failed("count what a queue holds", fault.category));
        }
        let name = queue.to_string();
        let stands = inside.state.now().queues.iter().any(|q| q.name == name);
        Ok(stands.then(|| inside.held.get(&name).copied().unwrap_or(0)))
    }

    async fn apply(&self, repair: &Repair) -> Result<(), TopologyError> {
        let doing = repair.to_string();
        self.inside()
            .write(repair.verb(), &doing, |state| state.apply(repair))
    }

    async fn apply_removal(&self, removal: &Removal) -> Result<(), TopologyError> {
        let doing = removal.to_string();
        self.inside().write(removal.verb(), &doing, |state| {
            state.remove(removal);
            Ok(())
        })
    }
}

impl Inside {
    fn write(
        &mut self,
        verb: Verb,
        doing: &str,
        change: impl FnOnce(&mut State) -> Result<(), Category>,
    ) -> Result<(), TopologyError> {
        let number = self.writes;
        self.writes += 1;
        let on_this = |on| match on {
            On::Any | On::Write => true,
            On::WriteNumber(after) => after == number,
            On::Verb(of) => of == verb,
            On::Observe | On::Logins => false,
        };
        let fault = self.fault(on_this);
        if fault.is_none_or(|fault| fault.done) {
            change(&mut self.state).map_err(|category| failed(doing, category))?;
        }
        match fault {
            Some(fault) => Err(failed(doing, fault.category)),
            None => Ok(()),
        }
    }

    /// The first fault that is about this call; one less of it is left.
    fn fault(&mut self, is_about: impl Fn(On) -> bool) -> Option<Fault> {
        let at = self.faults.iter().position(|fault| is_about(fault.on))?;
        let fault = self.faults.get_mut(at)?;
        let this = *fault;
        if let Some(times) = &mut fault.times {
            *times = times.saturating_sub(1);
            if *times == 0 {
                self.faults.remove(at);
            }
        }
        Some(this)
    }
}

fn failed(doing: &str, category: Category) -> TopologyError {
    TopologyError {
        category,
        doing: doing.to_owned(),
        seen: format!("the broker in memory said {category}"),
        advice: "look at the test".to_owned(),
        source: None,
    }
}
