//! One pass over everything: read, compare, repair what can be, and see that it took.
//!
//! One refusal does not stop the others, except that nothing is done whose ground failed: no queue is declared without
//! its policy, none is bound without being there. A broker that is away, or does not know us, ends the pass at once.
//!
//! A broker applies a policy only after it has answered, so a pass that changed something reads again until what it did
//! is in effect, at most for [`IN_EFFECT`]. A pass that had nothing to do has read once.

use std::{collections::HashSet, time::Duration};

use sendry_domain::{id::TenantId, routing::QueueName};
use tokio::time::{Instant, sleep};

use super::{
    Conflict, Plan, Reading, Repair, Topology, TopologyBroker, TopologyError, diff, reader_of,
};

/// How long a pass waits at most for its repairs to be in effect.
pub const IN_EFFECT: Duration = Duration::from_secs(5);

/// Between two such readings; twice as long each time.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

/// What a pass did and found.
#[derive(Debug)]
pub struct Pass {
    /// Done, in this order.
    pub repaired: Vec<Repair>,
    /// Tried in vain.
    pub failed: Vec<Failure>,
    /// Not tried: what they rest on failed, or the broker went away.
    pub skipped: Vec<Repair>,
    /// What only a person can settle, as last read.
    pub conflicts: Vec<Conflict>,
    /// Whether what was done is in effect.
    pub check: Check,
}

/// A repair that failed.
#[derive(Debug)]
pub struct Failure {
    /// Which.
    pub repair: Repair,
    /// Why.
    pub error: TopologyError,
}

/// What the last reading of a pass showed.
#[derive(Debug)]
pub enum Check {
    /// Everything that did not fail is in effect.
    InEffect,
    /// This was still to be done or to be applied when the time was up.
    Outstanding(Plan),
    /// The broker could not be read again.
    Failed(TopologyError),
    /// The pass ended before.
    Ended,
}

/// The part of a pass that concerns one tenant, or one queue.
#[derive(Debug)]
pub struct TenantPass<'a> {
    /// Its own.
    pub repaired: Vec<&'a Repair>,
    /// Its own, and everybody's.
    pub failed: Vec<&'a Failure>,
    /// Its own, and everybody's.
    pub skipped: Vec<&'a Repair>,
    /// Its own, and everybody's.
    pub conflicts: Vec<&'a Conflict>,
    /// Whether its topology was seen in effect after the repairs.
    pub in_effect: bool,
}

impl TenantPass<'_> {
    /// Whether it has everything that it should, and that was seen.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.in_effect
            && self.failed.is_empty()
            && self.skipped.is_empty()
            && self.conflicts.is_empty()
    }
}

impl Pass {
    /// The part that concerns `tenant`. Exchanges are everybody's: what is wrong with one concerns each tenant, but that
    /// one was repaired is told by [`everybodys`](Self::everybodys) alone.
    #[must_use]
    pub fn of(&self, tenant: &TenantId) -> TenantPass<'_> {
        self.part(
            &|repair| repair.is_of(tenant),
            &|conflict| conflict.is_of(tenant),
            &|queue| queue.tenant() == tenant,
        )
    }

    /// The part that concerns one queue, its bindings and its user, and what is everybody's.
    #[must_use]
    pub fn of_queue(&self, queue: &QueueName) -> TenantPass<'_> {
        let (name, user) = (queue.to_string(), reader_of(queue));
        self.part(
            &|repair| match repair {
                Repair::PutUser(put) => put.name == user,
                Repair::PutPermission(of, _) => *of == user,
                other => other.queue().is_some_and(|of| of == name),
            },
            &|conflict| {
                let of = conflict.name();
                of.is_some_and(|of| of == name || of == user)
            },
            &|waiting| waiting == queue,
        )
    }

    fn part(
        &self,
        is: &dyn Fn(&Repair) -> bool,
        conflicts: &dyn Fn(&Conflict) -> bool,
        waits: &dyn Fn(&QueueName) -> bool,
    ) -> TenantPass<'_> {
        let concerns = |repair: &Repair| matches!(repair, Repair::DeclareExchange(_)) || is(repair);
        let conflict = |c: &&Conflict| matches!(c, Conflict::Exchange { .. }) || conflicts(c);
        TenantPass {
            repaired: self.repaired.iter().filter(|r| is(r)).collect(),
            failed: self.failed.iter().filter(|f| concerns(&f.repair)).collect(),
            skipped: self.skipped.iter().filter(|r| concerns(r)).collect(),
            conflicts: self.conflicts.iter().filter(conflict).collect(),
            in_effect: match &self.check {
                Check::InEffect => true,
                Check::Failed(_) | Check::Ended => false,
                Check::Outstanding(plan) => {
                    !plan.repairs.iter().any(concerns) && !plan.waiting.iter().any(waits)
                }
            },
        }
    }

    /// Repairs that are everybody's.
    pub fn everybodys(&self) -> impl Iterator<Item = &Repair> {
        let is = |repair: &&Repair| matches!(repair, Repair::DeclareExchange(_));
        self.repaired.iter().filter(is)
    }

    /// Whether there was nothing to do: one reading, no write.
    #[must_use]
    pub fn is_at_rest(&self) -> bool {
        self.repaired.is_empty()
            && self.failed.is_empty()
            && self.skipped.is_empty()
            && matches!(self.check, Check::InEffect)
    }
}

/// Brings `broker` to `topology`, as far as it lets us. Only what is in `topology` is looked at, so a pass over one
/// tenant's is as good for that tenant as one over all.
///
/// # Errors
/// When the broker could not be read to begin with. Nothing was changed then.
pub async fn reconcile_all(
    broker: &dyn TopologyBroker,
    topology: &Topology,
) -> Result<Pass, TopologyError> {
    let reading = topology.reading();
    let plan = diff(topology, &broker.observe(reading).await?);
    let waits = !plan.waiting.is_empty();
    let mut pass = Pass {
        repaired: Vec::new(),
        failed: Vec::new(),
        skipped: Vec::new(),
        conflicts: plan.conflicts,
        check: Check::InEffect,
    };
    let mut groundless = Groundless::default();
    let mut over = false;
    for repair in plan.repairs {
        if over || groundless.is(&repair) {
            groundless.after(&repair);
            pass.skipped.push(repair);
            continue;
        }
        match broker.apply(&repair).await {
            Ok(()) => pass.repaired.push(repair),
            Err(error) => {
                over = error.category.is_of_everything();
                groundless.after(&repair);
                pass.failed.push(Failure { repair, error });
            }
        }
    }
    if over {
        pass.check = Check::Ended;
    } else if waits || !pass.repaired.is_empty() {
        pass.check = check(broker, topology, reading, &mut pass).await;
    }
    Ok(pass)
}

/// Reads until nothing is left but what failed.
async fn check(
    broker: &dyn TopologyBroker,
    topology: &Topology,
    reading: Reading,
    pass: &mut Pass,
) -> Check {
    let (started, mut pause) = (Instant::now(), FIRST_PAUSE);
    loop {
        let mut left = match broker.observe(reading).await {
            Ok(observed) => diff(topology, &observed),
            Err(error) => return Check::Failed(error),
        };
        pass.conflicts = std::mem::take(&mut left.conflicts);
        let given_up = |repair: &Repair| {
            pass.skipped.contains(repair) || pass.failed.iter().any(|f| f.repair == *repair)
        };
        left.repairs.retain(|repair| !given_up(repair));
        if left.repairs.is_empty() && left.waiting.is_empty() {
            return Check::InEffect;
        }
        if started.elapsed() + pause > IN_EFFECT {
            return Check::Outstanding(left);
        }
        sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// What must not be done any more, because what it rests on failed.
#[derive(Default)]
struct Groundless {
    exchanges: HashSet<String>,
    queues: HashSet<String>,
    users: HashSet<String>,
}

impl Groundless {
    fn is(&self, repair: &Repair) -> bool {
        match repair {
            Repair::DeclareQueue(_) | Repair::RemovePolicy(_) => self.of_queue(repair),
            Repair::Bind(binding) => {
                self.exchanges.contains(&binding.source) || self.of_queue(repair)
            }
            Repair::PutPermission(user, _) => self.users.contains(user),
            Repair::DeclareExchange(_)
            | Repair::PutPolicy(_)
            | Repair::Unbind(_)
            | Repair::PutUser(_) => false,
        }
    }

    fn of_queue(&self, repair: &Repair) -> bool {
        let queue = repair.queue();
        queue.is_some_and(|queue| self.queues.contains(queue.as_ref()))
    }

    /// After `repair` was not done.
    fn after(&mut self, repair: &Repair) {
        match repair {
            Repair::DeclareExchange(exchange) => {
                self.exchanges.insert(exchange.name.clone());
            }
            Repair::PutPolicy(_) | Repair::DeclareQueue(_) => {
                self.queues
                    .extend(repair.queue().map(std::borrow::Cow::into_owned));
            }
            Repair::PutUser(user) => {
                self.users.insert(user.name.clone());
            }
            Repair::RemovePolicy(_)
            | Repair::Bind(_)
            | Repair::Unbind(_)
            | Repair::PutPermission(..) => {}
        }
    }
}
