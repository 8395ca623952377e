//! Passes over a broker that fails, lags or is not ours alone.

use super::{
    fake::{FakeBroker, Fault, On},
    *,
};

mod contract {
    use std::sync::atomic::{AtomicU32, Ordering};

    use sendry_domain::id::TenantId;

    use crate::topology::{
        TopologyBroker,
        contract::{Stage, topology_contract},
        fake::FakeBroker,
    };

    #[derive(Default)]
    struct Memory(FakeBroker, AtomicU32);

    impl Stage for Memory {
        async fn start() -> Self {
            Self::default()
        }

        fn broker(&self) -> &dyn TopologyBroker {
            &self.0
        }

        fn tenant(&self) -> TenantId {
            let number = self.1.fetch_add(1, Ordering::Relaxed);
            TenantId::new(&format!("t-{number}")).unwrap()
        }
    }

    topology_contract!(Memory);
}

fn two_tenants() -> Topology {
    let mut tenants = [queues("acme", &["orders"]), queues("beta", &["orders"])];
    tenants[0].parked_reader = Some(SecretText::new("secret"));
    desired(OWNER, &tenants)
}

fn on(verb: Verb, category: Category) -> Fault {
    Fault {
        on: On::Verb(verb),
        times: None,
        category,
        done: false,
    }
}

#[tokio::test]
async fn at_rest_it_is_one_reading_and_no_write() {
    let (broker, topology) = (FakeBroker::new(), two_tenants());
    reconcile_all(&broker, &topology).await.unwrap();
    let (reads, writes) = (broker.reads(), broker.writes());
    for _ in 0..3 {
        assert!(
            reconcile_all(&broker, &topology)
                .await
                .unwrap()
                .is_at_rest()
        );
    }
    assert_eq!((broker.reads() - reads, broker.writes() - writes), (3, 0));
}

#[tokio::test]
async fn one_refusal_stops_only_what_rests_on_it() {
    let (broker, topology) = (FakeBroker::new(), two_tenants());
    broker.fail(on(Verb::PutPolicy, Category::Forbidden));
    let pass = reconcile_all(&broker, &topology).await.unwrap();
    // No queue without its policy, no binding without its queue; but exchanges and the user.
    let done: Vec<Verb> = pass.repaired.iter().map(Repair::verb).collect();
    assert_eq!(
        done,
        [
            Verb::DeclareExchange,
            Verb::DeclareExchange,
            Verb::DeclareExchange,
            Verb::PutUser,
            Verb::PutPermission
        ]
    );
    assert_eq!((pass.failed.len(), pass.skipped.len()), (4, 4 + 6));
    assert!(broker.peek().queues.is_empty());
    assert!(matches!(pass.check, Check::InEffect), "{pass:?}");
    let acme = pass.of(&tenant("acme"));
    assert_eq!((acme.failed.len(), acme.skipped.len()), (2, 5));
    assert_eq!(acme.failed[0].error.category, Category::Forbidden);
    assert!(!acme.is_whole());

    broker.heal();
    reconcile_all(&broker, &topology).await.unwrap();
    assert!(
        reconcile_all(&broker, &topology)
            .await
            .unwrap()
            .is_at_rest()
    );
}

#[tokio::test]
async fn every_refusal_is_finished_by_the_next_pass() {
    for verb in [
        Verb::DeclareExchange,
        Verb::DeclareQueue,
        Verb::Bind,
        Verb::PutUser,
        Verb::PutPermission,
    ] {
        let (broker, topology) = (FakeBroker::new(), two_tenants());
        broker.fail(on(verb, Category::Forbidden));
        let pass = reconcile_all(&broker, &topology).await.unwrap();
        assert!(!pass.failed.is_empty(), "{verb:?}");
        let failed = |f: &Failure| f.repair.verb() == verb;
        assert!(
            pass.failed.iter().all(failed),
            "only what was refused: {pass:?}"
        );
        broker.heal();
        let pass = reconcile_all(&broker, &topology).await.unwrap();
        assert!(pass.of(&tenant("acme")).is_whole(), "{pass:?}");
        assert!(
            reconcile_all(&broker, &topology)
                .await
                .unwrap()
                .is_at_rest()
        );
    }
}

#[tokio::test]
async fn a_broker_that_is_away_ends_the_pass_at_once() {
    let (broker, topology) = (FakeBroker::new(), two_tenants());
    for category in [Category::Unreachable, Category::Unauthorized] {
        broker.fail_next(1, category);
        let error = reconcile_all(&broker, &topology).await.unwrap_err();
        assert_eq!((error.category, broker.writes()), (category, 0));
    }
    let times = Some(1);
    let unreachable = on(Verb::DeclareQueue, Category::Unreachable);
    broker.fail(Fault {
        times,
        ..unreachable
    });
    let (reads, pass) = (broker.reads(), reconcile_all(&broker, &topology).await);
    let pass = pass.unwrap();
    assert_eq!((pass.failed.len(), broker.reads() - reads), (1, 1));
    assert!(matches!(pass.check, Check::Ended), "{pass:?}");
    assert!(!pass.of(&tenant("beta")).is_whole());
    assert_eq!(broker.writes() as usize, pass.repaired.len() + 1);
    // The fault is over: the next pass finishes.
    let pass = reconcile_all(&broker, &topology).await.unwrap();
    assert!(pass.of(&tenant("beta")).is_whole(), "{pass:?}");
}

/// After every single write of a pass: it was done and nobody was told, or it was not.
#[tokio::test]
async fn a_connection_that_breaks_at_any_write_leads_to_the_same_end() {
    let topology = two_tenants();
    let whole = FakeBroker::new();
    reconcile_all(&whole, &topology).await.unwrap();
    for (cut, done) in (0..whole.writes()).flat_map(|cut| [(cut, true), (cut, false)]) {
        let broker = FakeBroker::new();
        let category = Category::Unreachable;
        broker.fail(Fault {
            on: On::WriteNumber(cut),
            times: Some(1),
            category,
            done,
        });
        let pass = reconcile_all(&broker, &topology).await.unwrap();
        assert_eq!(pass.failed.len(), 1, "{pass:?}");
        reconcile_all(&broker, &topology).await.unwrap();
        assert!(
            reconcile_all(&broker, &topology)
                .await
                .unwrap()
                .is_at_rest()
        );
        let mut stands = broker.peek();
        let Logins::Read { users, .. } = &mut stands.logins else {
            unreachable!()
        };
        assert!(
            topology.users[0]
                .password
                .is_hashed_as(&users[0].password_hash)
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_policy_is_seen_in_effect_before_a_pass_ends() {
    let (broker, topology) = (FakeBroker::new(), two_tenants());
    reconcile_all(&broker, &topology).await.unwrap();
    broker.meddle(|stands| stands.policies.clear());
    broker.apply_policies_after(3);
    let reads = broker.reads();
    let pass = reconcile_all(&broker, &topology).await.unwrap();
    assert!(matches!(pass.check, Check::InEffect), "{pass:?}");
    assert_eq!(broker.reads() - reads, 1 + 4);

    // One that never takes effect: the pass ends in time and says which.
    broker.meddle(|stands| stands.policies.retain(|p| !p.name.contains("beta.orders")));
    broker.apply_policies_after(u32::MAX);
    let pass = reconcile_all(&broker, &topology).await.unwrap();
    let Check::Outstanding(left) = &pass.check else {
        panic!("{pass:?}")
    };
    assert_eq!(left.waiting.len(), 1, "{left:?}");
    assert!(pass.of(&tenant("acme")).is_whole());
    assert!(!pass.of(&tenant("beta")).in_effect);
}

#[tokio::test]
async fn users_that_are_not_shown_stop_nothing_else() {
    let (broker, topology) = (FakeBroker::new(), two_tenants());
    broker.fail(Fault {
        on: On::Logins,
        times: None,
        category: Category::Forbidden,
        done: false,
    });
    let pass = reconcile_all(&broker, &topology).await.unwrap();
    assert!(pass.of(&tenant("beta")).is_whole(), "{pass:?}");
    let acme = pass.of(&tenant("acme")).conflicts;
    assert!(
        matches!(acme[..], [Conflict::LoginsUnknown { .. }]),
        "{acme:?}"
    );
    assert_eq!(broker.peek().queues.len(), 4);
}
