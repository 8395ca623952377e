//! What the broker has, kept as it should be. One pass over everybody's topology serves all who wait for it, so its cost in
//! calls is the same for one tenant as for a thousand.
//!
//! A pass is made when somebody asks for something new, and every [`Settings::interval`], to find what was changed behind
//! us. A broker that is away is asked again with growing pauses, however many tenants wait; who asks meanwhile is told at
//! once what was seen last. Whoever's outcome changes is reconciled, so that conditions follow.
//!
//! Nothing is deleted here but the queue of a pipeline that was drained, when it is asked for by name ([`Topology::remove`]):
//! a tenant that is forgotten keeps its queues, and nobody looks after them any more.

mod gated;
mod outcome;
mod removing;

#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use sendry_domain::{
    id::{PipelineName, TenantId},
    routing::QueueName,
};
use sendry_queue::topology::{Repair, TenantQueues, TopologyBroker, desired, reconcile_all};
use sendry_runtime::clock::Clock;
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use self::gated::Gated;
pub use self::{outcome::Synced, removing::Removed};
use crate::{
    error::Category,
    metrics::{Kind, OperatorMetrics},
};

/// How the passes are made.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The mark of what is ours on the broker: the cluster's id.
    pub owner: String,
    /// Between two looks for what was changed behind us.
    pub interval: Duration,
}

/// A handle; clones are the same.
#[derive(Clone)]
pub struct Topology(Arc<Shared>);

struct Shared {
    broker: Arc<dyn TopologyBroker>,
    settings: Settings,
    clock: Arc<dyn Clock>,
    metrics: OperatorMetrics,
    asked: Notify,
    state: Mutex<State>,
    /// The number of the last pass that ended.
    ended: watch::Sender<u64>,
}

#[derive(Default)]
struct State {
    wanted: BTreeMap<TenantId, Wanted>,
    seen: HashMap<TenantId, Seen>,
    /// What each tenant was told last.
    told: HashMap<TenantId, Synced>,
    /// What was told last of each pipeline's queue.
    told_of_queues: HashMap<TenantId, BTreeMap<PipelineName, Synced>>,
    /// Repairs of what had been whole, until they are told.
    drift: HashMap<TenantId, Vec<String>>,
    /// The number of the last pass that began.
    begun: u64,
    /// Passes in a row that found no broker.
    failures: u32,
    /// What the last of them saw, and when to try again.
    away: Option<(Synced, u64)>,
    /// Who says what a tenant's should be, one after the other.
    turns: HashMap<TenantId, Turn>,
}

/// Whoever holds it says what a tenant's topology should be, from reading it to having it done: of two who read at
/// different times, the later one is asked for last.
type Turn = Arc<tokio::sync::Mutex<()>>;

struct Wanted {
    queues: TenantQueues,
    /// The first pass that knows of it.
    from: u64,
}

#[derive(Clone, PartialEq)]
struct Seen {
    pass: u64,
    synced: Synced,
    /// Of its parked queue alone.
    parked: Synced,
    /// Of each pipeline's queue alone.
    queues: BTreeMap<PipelineName, Synced>,
}

impl Seen {
    /// What is seen of everybody's.
    fn away(synced: Synced) -> Self {
        Self {
            pass: 0,
            parked: synced.clone(),
            synced,
            queues: BTreeMap::new(),
        }
    }

    fn of(&self, pipeline: Option<&PipelineName>) -> Synced {
        let queue = pipeline.and_then(|pipeline| self.queues.get(pipeline));
        queue.unwrap_or(&self.synced).clone()
    }
}

/// What a term of leadership lends to the passes.
pub struct Term<'a> {
    /// Whether we may still write.
    pub holds: &'a (dyn Fn() -> bool + Send + Sync),
    /// Who is told whose outcome changed.
    pub changed: &'a (dyn Fn(&TenantId) + Send + Sync),
}

impl Topology {
    /// Nothing is done until [`Self::run`].
    #[must_use]
    pub fn new(
        broker: Arc<dyn TopologyBroker>,
        settings: Settings,
        clock: Arc<dyn Clock>,
        metrics: OperatorMetrics,
    ) -> Self {
        Self(Arc::new(Shared {
            broker,
            settings,
            clock,
            metrics,
            asked: Notify::new(),
            state: Mutex::default(),
            ended: watch::Sender::new(0),
        }))
    }

    /// One for another term of leadership, which knows nothing of this one's: what another leader did meanwhile, it would
    /// undo.
    #[must_use]
    pub fn anew(&self) -> Self {
        let Shared {
            broker,
            settings,
            clock,
            metrics,
            ..
        } = &*self.0;
        Self::new(
            broker.clone(),
            settings.clone(),
            clock.clone(),
            metrics.clone(),
        )
    }

    /// Asks for a tenant's topology, and says how it stands: at once where nothing new is asked for, otherwise after the
    /// next pass. To be called from within [`Self::run`]'s lifetime.
    pub async fn ensure(&self, queues: TenantQueues) -> Synced {
        let seen = self.seen(queues, |state, tenant, seen| {
            state.told.insert(tenant.clone(), seen.synced.clone());
        });
        seen.await.map_or_else(|not| not, |seen| seen.synced)
    }

    /// As [`Self::ensure`], and says how the queue of one pipeline stands: what is wrong with another's is not its fault.
    pub async fn ensure_queue(&self, queues: TenantQueues, pipeline: &PipelineName) -> Synced {
        let seen = self.seen_of(queues, pipeline).await;
        seen.map_or_else(|not| not, |seen| seen.of(Some(pipeline)))
    }

    /// As [`Self::ensure_queue`], where the queue is to be emptied: it stands well only together with the parked queue, for
    /// it keeps what is beyond its delivery limit until that has taken it.
    pub async fn ensure_drain(&self, queues: TenantQueues, pipeline: &PipelineName) -> Synced {
        match self.seen_of(queues, pipeline).await {
            Ok(seen) => match seen.of(Some(pipeline)) {
                Synced::Whole => seen.parked,
                not => not,
            },
            Err(not) => not,
        }
    }

    async fn seen_of(&self, queues: TenantQueues, pipeline: &PipelineName) -> Result<Seen, Synced> {
        let told = |state: &mut State, tenant: &TenantId, seen: &Seen| {
            let told = state.told_of_queues.entry(tenant.clone()).or_default();
            told.insert(pipeline.clone(), seen.of(Some(pipeline)));
        };
        self.seen(queues, told).await
    }

    /// The right to say what a tenant's topology should be; held from reading it until [`Self::ensure`] has answered.
    pub async fn turn(&self, tenant: &TenantId) -> tokio::sync::OwnedMutexGuard<()> {
        let turn = self
            .state()
            .turns
            .entry(tenant.clone())
            .or_default()
            .clone();
        turn.lock_owned().await
    }

    /// What is seen of what is asked for, which `told` writes down in the same moment, so that no change after it is missed;
    /// otherwise why nothing is seen.
    async fn seen(
        &self,
        queues: TenantQueues,
        told: impl Fn(&mut State, &TenantId, &Seen),
    ) -> Result<Seen, Synced> {
        let tenant = queues.tenant.clone();
        let mut ended = self.0.ended.subscribe();
        self.want(queues);
        loop {
            {
                let mut state = self.state();
                if !state.wanted.contains_key(&tenant) {
                    return Err(Synced::forgotten());
                }
                if let Some(seen) = self.known(&state, &tenant) {
                    told(&mut state, &tenant, &seen);
                    return Ok(seen);
                }
            }
            self.0.asked.notify_one();
            if ended.changed().await.is_err() {
                return Err(Synced::stopped());
            }
        }
    }

    /// Looks after a tenant's topology no more, and whoever waits for it waits no longer. Whatever stands stays.
    pub fn forget(&self, tenant: &TenantId) {
        {
            let mut state = self.state();
            state.wanted.remove(tenant);
            state.seen.remove(tenant);
            state.told.remove(tenant);
            state.told_of_queues.remove(tenant);
            state.drift.remove(tenant);
        }
        // They look again, though no pass ended.
        self.0.ended.send_modify(|_| {});
    }

    /// What was repaired of a tenant's since it was last asked, of what had been whole, as far as `about` says so of the
    /// queue or user it is about.
    #[must_use]
    pub fn take_drift(&self, tenant: &TenantId, about: impl Fn(&str) -> bool) -> Vec<String> {
        let mut state = self.state();
        let all = state.drift.remove(tenant).unwrap_or_default();
        // A repair ends with the name of a queue, a user, or a policy, which is an owner and a queue.
        let is = |repair: &String| about(repair.rsplit([' ', '/']).next().unwrap_or_default());
        let (taken, left): (Vec<_>, Vec<_>) = all.into_iter().partition(is);
        if !left.is_empty() {
            state.drift.insert(tenant.clone(), left);
        }
        taken
    }

    /// Makes passes until `stop`, or until it is dropped.
    pub async fn run(&self, term: &Term<'_>, stop: CancellationToken) {
        loop {
            self.pass(term).await;
            let pause = self.pause();
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(pause) => {}
                () = self.0.asked.notified(), if self.state().away.is_none() => {}
            }
        }
    }

    /// One pass over everything that is asked for.
    pub async fn pass(&self, term: &Term<'_>) {
        let (number, tenants) = self.begin();
        let topology = desired(&self.0.settings.owner, &tenants);
        let broker = Gated {
            broker: self.0.broker.as_ref(),
            holds: term.holds,
        };
        let started = self.0.clock.monotonic_ms();
        let result = reconcile_all(&broker, &topology).await;
        let took = self.0.clock.monotonic_ms().saturating_sub(started);
        self.0.metrics.topology.observe(took as f64 / 1_000.0);
        let mut news = Vec::new();
        {
            let mut state = self.state();
            let away = match &result {
                Ok(pass) => Synced::of_everything(pass),
                Err(error) => Some(Synced::unread(error)),
            };
            let now = self.0.clock.monotonic_ms();
            state.away = away.map(|synced| {
                let pause = Category::Broker.backoff().ceiling(state.failures);
                let pause = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX);
                (synced, now.saturating_add(pause))
            });
            state.failures = match &state.away {
                Some(_) => state.failures.saturating_add(1),
                None => 0,
            };
            for queues in &tenants {
                let tenant = &queues.tenant;
                if !state.wanted.contains_key(tenant) {
                    continue;
                }
                let synced = match (&result, &state.away) {
                    (Ok(pass), None) => Synced::of(&pass.of(tenant)),
                    (_, Some((away, _))) => away.clone(),
                    (Err(error), None) => Synced::unread(error),
                };
                let mut drifted = false;
                if let Ok(pass) = &result {
                    let repaired = pass.of(tenant).repaired;
                    if state.was_whole(tenant) && !repaired.is_empty() {
                        self.count_drift(&repaired);
                        drifted = true;
                        let told = repaired.iter().map(|repair| repair.to_string());
                        state.drift.entry(tenant.clone()).or_default().extend(told);
                    }
                }
                let of_queue = |queue: QueueName| match (&result, &state.away) {
                    (Ok(pass), None) => Synced::of(&pass.of_queue(&queue)),
                    _ => synced.clone(),
                };
                let names = queues.pipelines.iter().map(|pipeline| &pipeline.name);
                let of_pipeline = |name: &PipelineName| {
                    let queue = QueueName::Pipeline(tenant.clone(), name.clone());
                    (name.clone(), of_queue(queue))
                };
                let each: BTreeMap<_, _> = names.map(of_pipeline).collect();
                let parked = of_queue(QueueName::Parked(tenant.clone()));
                if state.told_another(tenant, &synced, &each) || drifted {
                    news.push(tenant.clone());
                }
                let seen = Seen {
                    pass: number,
                    synced,
                    parked,
                    queues: each,
                };
                state.seen.insert(tenant.clone(), seen);
            }
        }
        self.0.ended.send_replace(number);
        news.iter().for_each(term.changed);
    }

    fn begin(&self) -> (u64, Vec<TenantQueues>) {
        let mut state = self.state();
        state.begun += 1;
        let tenants = state.wanted.values().map(|w| w.queues.clone()).collect();
        (state.begun, tenants)
    }

    fn want(&self, queues: TenantQueues) {
        let mut state = self.state();
        let from = state.begun + 1;
        match state.wanted.get_mut(&queues.tenant) {
            Some(wanted) if wanted.queues == queues => {}
            Some(wanted) => *wanted = Wanted { queues, from },
            None => {
                let tenant = queues.tenant.clone();
                state.wanted.insert(tenant, Wanted { queues, from });
            }
        }
    }

    /// The outcome of the newest pass that knew what is asked for; what is seen of a broker that is away.
    fn known(&self, state: &State, tenant: &TenantId) -> Option<Seen> {
        let wanted = state.wanted.get(tenant)?;
        let seen = state.seen.get(tenant).filter(|s| s.pass >= wanted.from);
        if let Some(seen) = seen {
            return Some(seen.clone());
        }
        let (away, until) = state.away.as_ref()?;
        (self.0.clock.monotonic_ms() < *until).then(|| Seen::away(away.clone()))
    }

    /// How long to the next pass when nobody asks.
    fn pause(&self) -> Duration {
        let state = self.state();
        let Some((_, until)) = &state.away else {
            return self.0.settings.interval;
        };
        let left = until.saturating_sub(self.0.clock.monotonic_ms());
        Duration::from_millis(left.max(1))
    }

    fn count_drift(&self, repaired: &[&Repair]) {
        for repair in repaired {
            let kind = repair.verb().as_str();
            self.0
                .metrics
                .drift_repairs
                .get_or_create(&Kind { kind })
                .inc();
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Whether somebody was told last what is not so any more.
    fn told_another(
        &self,
        tenant: &TenantId,
        synced: &Synced,
        queues: &BTreeMap<PipelineName, Synced>,
    ) -> bool {
        let of_queues = self.told_of_queues.get(tenant);
        let mut of_queues = of_queues.into_iter().flatten();
        self.told.get(tenant).is_some_and(|told| told != synced)
            || of_queues.any(|(name, told)| queues.get(name).is_some_and(|now| now != told))
    }

    /// Whether a repair of the tenant's is drift, whoever made it. What was only just asked for is not.
    fn was_whole(&self, tenant: &TenantId) -> bool {
        match (self.seen.get(tenant), self.wanted.get(tenant)) {
            (Some(seen), Some(wanted)) => seen.synced == Synced::Whole && seen.pass >= wanted.from,
            _ => false,
        }
    }
}
