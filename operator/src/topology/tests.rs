use std::time::Duration;

use sendry_queue::topology::{
    Category as Cause, SecretText, Verb,
    fake::{FakeBroker, Fault, On},
};
use sendry_runtime::clock::ManualClock;

use super::*;

struct Stage {
    broker: Arc<FakeBroker>,
    clock: Arc<ManualClock>,
    topology: Topology,
    changed: Mutex<Vec<String>>,
    holds: bool,
}

fn stage() -> Stage {
    let broker = Arc::new(FakeBroker::new());
    let clock = ManualClock::at(1_000_000);
    let settings = Settings {
        owner: "c1".to_owned(),
        interval: Duration::from_secs(30),
    };
    Stage {
        topology: Topology::new(
            broker.clone(),
            settings,
            clock.clone(),
            OperatorMetrics::default(),
        ),
        broker,
        clock,
        changed: Mutex::default(),
        holds: true,
    }
}

fn tenant(name: &str) -> TenantId {
    TenantId::new(name).unwrap()
}

fn queues(name: &str) -> TenantQueues {
    TenantQueues {
        tenant: tenant(name),
        pipelines: Vec::new(),
        parked_reader: Some(SecretText::new("secret")),
        adopt: false,
    }
}

impl Stage {
    async fn pass(&self) {
        let holds = || self.holds;
        let changed = |tenant: &TenantId| {
            self.changed.lock().unwrap().push(tenant.to_string());
        };
        let term = Term {
            holds: &holds,
            changed: &changed,
        };
        self.topology.pass(&term).await;
    }

    /// Asks, and makes passes until there is an answer.
    async fn ensure(&self, queues: TenantQueues) -> Synced {
        let ensured = self.topology.ensure(queues);
        tokio::pin!(ensured);
        for _ in 0..3 {
            tokio::select! {
                biased;
                synced = &mut ensured => return synced,
                () = std::future::ready(()) => self.pass().await,
            }
        }
        ensured.await
    }

    fn changed(&self) -> Vec<String> {
        std::mem::take(&mut *self.changed.lock().unwrap())
    }
}

#[tokio::test(start_paused = true)]
async fn one_pass_serves_all_who_wait_and_then_there_is_rest() {
    let stage = stage();
    let (a, b) = (
        stage.topology.ensure(queues("a")),
        stage.topology.ensure(queues("b")),
    );
    let (a, b, ()) = tokio::join!(a, b, async {
        tokio::task::yield_now().await;
        stage.pass().await;
    });
    assert_eq!((a, b), (Synced::Whole, Synced::Whole));
    let (reads, writes) = (stage.broker.reads(), stage.broker.writes());
    // What was asked for before is answered without asking the broker.
    assert_eq!(stage.topology.ensure(queues("a")).await, Synced::Whole);
    assert_eq!(stage.broker.reads(), reads);
    stage.pass().await;
    assert_eq!(
        (stage.broker.reads(), stage.broker.writes()),
        (reads + 1, writes)
    );
    assert!(stage.changed().is_empty());
    assert!(stage.topology.take_drift(&tenant("a"), |_| true).is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_was_changed_behind_us_is_repaired_and_told_once() {
    let stage = stage();
    stage.ensure(queues("a")).await;
    stage.ensure(queues("b")).await;
    stage.changed();
    stage
        .broker
        .meddle(|observed| observed.queues.retain(|q| q.name != "sendry.a.parked"));
    stage.pass().await;
    assert_eq!(stage.changed(), ["a"]);
    let drift = stage.topology.take_drift(&tenant("a"), |_| true);
    assert!(
        drift
            .iter()
            .any(|repair| repair.contains("sendry.a.parked")),
        "{drift:?}"
    );
    assert!(stage.topology.take_drift(&tenant("a"), |_| true).is_empty());
    assert!(stage.topology.take_drift(&tenant("b"), |_| true).is_empty());
    assert_eq!(stage.topology.ensure(queues("a")).await, Synced::Whole);
}

#[tokio::test(start_paused = true)]
async fn a_broker_that_is_away_is_asked_ever_more_seldom_and_nobody_waits_for_it() {
    let stage = stage();
    stage.broker.fail_next(u32::MAX, Cause::Unreachable);
    let synced = stage.ensure(queues("a")).await;
    assert!(
        matches!(
            synced,
            Synced::Not {
                reason: "BrokerUnreachable",
                ..
            }
        ),
        "{synced:?}"
    );
    let reads = stage.broker.reads();
    for name in ["a", "b", "c"] {
        let synced = stage.topology.ensure(queues(name)).await;
        assert!(matches!(synced, Synced::Not { .. }), "{synced:?}");
    }
    assert_eq!(stage.broker.reads(), reads);
    let first = stage.topology.pause();
    for _ in 0..8 {
        stage.pass().await;
    }
    let last = stage.topology.pause();
    assert!(
        first < last && last <= Duration::from_secs(30),
        "{first:?} {last:?}"
    );
    // One that asks only now is told at once, and told again when it is another thing.
    let synced = stage.topology.ensure(queues("d")).await;
    assert!(matches!(synced, Synced::Not { .. }), "{synced:?}");
    stage.broker.heal();
    stage.changed();
    stage.clock.advance(60_000);
    stage.pass().await;
    assert_eq!(stage.changed(), ["a", "b", "c", "d"]);
    assert_eq!(stage.topology.ensure(queues("c")).await, Synced::Whole);
}

#[tokio::test(start_paused = true)]
async fn a_tenant_that_is_forgotten_keeps_what_it_has() {
    let stage = stage();
    stage.ensure(queues("a")).await;
    let before = stage.broker.peek();
    let writes = stage.broker.writes();
    stage.topology.forget(&tenant("a"));
    stage.pass().await;
    assert_eq!(stage.broker.peek(), before);
    assert_eq!(stage.broker.writes(), writes);
}

#[tokio::test(start_paused = true)]
async fn a_former_leader_writes_nothing() {
    let mut stage = stage();
    stage.holds = false;
    let synced = stage.ensure(queues("a")).await;
    assert!(matches!(synced, Synced::Not { .. }), "{synced:?}");
    assert_eq!(stage.broker.writes(), 0);
}

#[tokio::test(start_paused = true)]
async fn what_another_owner_marks_needs_a_person() {
    let stage = stage();
    stage.ensure(queues("a")).await;
    stage.broker.meddle(|observed| {
        for policy in &mut observed.policies {
            policy.name = policy.name.replace("c1/", "c2/");
        }
    });
    stage.pass().await;
    let synced = stage.topology.ensure(queues("a")).await;
    let Synced::Conflict { message } = &synced else {
        panic!("{synced:?}")
    };
    assert!(message.contains("c2/sendry.a.parked"), "{message}");
    assert_eq!(stage.changed(), ["a"]);
}

#[tokio::test(start_paused = true)]
async fn a_term_knows_nothing_of_the_one_before() {
    let mut stage = stage();
    let shop = vec![PipelineName::new("shop").unwrap()];
    let both = TenantQueues::new(tenant("a"), shop, Default::default());
    stage.ensure(both).await;
    stage.ensure(queues("b")).await;
    // Another one led, and removed a drained queue.
    stage.broker.meddle(|observed| {
        observed.queues.retain(|q| q.name != "sendry.a.shop");
        observed.bindings.retain(|b| b.queue != "sendry.a.shop");
    });
    stage.topology = stage.topology.anew();
    let (before, writes) = (stage.broker.peek(), stage.broker.writes());
    stage.pass().await;
    assert_eq!(stage.broker.writes(), writes);
    assert_eq!(stage.ensure(queues("a")).await, Synced::Whole);
    let after = stage.broker.peek();
    assert_eq!(after.queues, before.queues);
    assert_eq!(after.bindings, before.bindings);
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_a_tenant_that_is_forgotten_waits_no_longer() {
    let stage = stage();
    let waits = stage.topology.ensure(queues("a"));
    let (waited, ()) = tokio::join!(waits, async {
        tokio::task::yield_now().await;
        stage.topology.forget(&tenant("a"));
    });
    assert!(
        matches!(
            waited,
            Synced::Not {
                reason: "TenantNotReady",
                ..
            }
        ),
        "{waited:?}"
    );
    assert_eq!(stage.broker.writes(), 0);
}

#[tokio::test(start_paused = true)]
async fn whoever_was_told_of_its_queue_alone_is_told_when_that_changes() {
    let stage = stage();
    stage.ensure(queues("a")).await;
    let name = PipelineName::new("shop").unwrap();
    let mut with = queues("a");
    with.pipelines =
        TenantQueues::new(tenant("a"), vec![name.clone()], Default::default()).pipelines;
    // Its binding is refused once.
    stage.broker.fail(Fault {
        on: On::Verb(Verb::Bind),
        times: Some(1),
        category: Cause::Forbidden,
        done: false,
    });
    let (synced, ()) = tokio::join!(stage.topology.ensure_queue(with, &name), async {
        tokio::task::yield_now().await;
        stage.pass().await;
    });
    assert!(matches!(synced, Synced::Not { .. }), "{synced:?}");
    stage.changed();
    stage.pass().await;
    assert_eq!(stage.changed(), ["a"]);
}
