//! Candidates before a real Lease.

use std::{sync::Arc, time::Duration};

use k8s_openapi::api::{coordination::v1::Lease, core::v1::ConfigMap};
use kube::{
    Api,
    api::{DeleteParams, Patch, PatchParams, PostParams},
};
use sendry_operator::{
    gate::{gated, is_refused},
    leader::{Candidate, Leadership, Timing},
    metrics::OperatorMetrics,
};
use sendry_runtime::clock::SystemClock;
use serde_json::json;
use tokio::time::{Instant, sleep, timeout};

use crate::support::{Corner, PATIENCE, SHORT};

const LEASE: &str = "lease";
/// A lease that nobody can wait for.
const LONG: Timing = Timing {
    duration: Duration::from_secs(280),
    renew: Duration::from_millis(300),
    give_up: Duration::from_secs(270),
};

fn candidate(corner: &Corner, identity: &str, timing: Timing) -> Candidate {
    let clock = SystemClock::shared();
    Candidate::new(
        corner.client.clone(),
        &corner.name,
        LEASE,
        identity,
        timing,
        clock,
    )
}

async fn win(candidate: &mut Candidate) -> Leadership {
    let mut last = String::new();
    let won = candidate.win(|told| told.clone_into(&mut last));
    match timeout(PATIENCE, won).await {
        Ok(leadership) => leadership,
        Err(_) => panic!("nobody was elected; last heard: {last}"),
    }
}

fn leases(corner: &Corner) -> Api<Lease> {
    Api::namespaced(corner.client.clone(), &corner.name)
}

#[tokio::test]
async fn one_leads_until_it_gives_back_and_then_the_other_at_once() {
    let corner = Corner::shared().await;
    let (mut a, mut b) = (candidate(&corner, "a", LONG), candidate(&corner, "b", LONG));
    let first = win(&mut a).await;
    // Long enough for several looks of `b` and several renewals of `a`.
    let kept = tokio::select! {
        () = a.keep(&first) => false,
        _ = b.win(|_| {}) => false,
        () = sleep(Duration::from_secs(2)) => true,
    };
    assert!(kept && first.holds());
    first.end();
    a.give_back().await;
    let second = win(&mut b).await;
    assert!(second.holds() && !first.holds());
    let lease = leases(&corner).get(LEASE).await.unwrap().spec.unwrap();
    assert_eq!(lease.holder_identity.as_deref(), Some("b"));
    assert_eq!(lease.lease_transitions, Some(2));
    assert_eq!(lease.lease_duration_seconds, Some(280));
}

#[tokio::test]
async fn what_others_wrote_beside_it_is_no_reason_to_keep_it() {
    let corner = Corner::shared().await;
    let (mut a, mut b) = (candidate(&corner, "a", LONG), candidate(&corner, "b", LONG));
    win(&mut a).await.end();
    // Since its last renewal, as one that was dropped while it was under way.
    let note = json!({"metadata": {"annotations": {"note": "since then"}}});
    let params = PatchParams::default();
    leases(&corner)
        .patch(LEASE, &params, &Patch::Merge(note))
        .await
        .unwrap();
    a.give_back().await;
    assert!(win(&mut b).await.holds());
}

/// Its loop stands still, as that of a process that was stopped, and nobody tells it anything.
#[tokio::test]
async fn a_leader_that_was_frozen_knows_before_it_writes() {
    let corner = Corner::shared().await;
    let (mut a, mut b) = (
        candidate(&corner, "a", SHORT),
        candidate(&corner, "b", SHORT),
    );
    let first = win(&mut a).await;
    let writing = gated(&corner.client, first.clone(), OperatorMetrics::default());
    let maps: Api<ConfigMap> = Api::namespaced(writing, &corner.name);
    let map: ConfigMap = serde_json::from_value(json!({"metadata": {"name": "by-a"}})).unwrap();
    maps.create(&PostParams::default(), &map).await.unwrap();

    let second = win(&mut b).await;
    assert!(!first.holds(), "two lead");
    let error = maps
        .delete("by-a", &DeleteParams::default())
        .await
        .unwrap_err();
    assert!(is_refused(&error), "{error}");
    maps.get("by-a").await.unwrap();
    // Awake, it finds that the lease is another's, and disturbs nobody.
    timeout(PATIENCE, a.keep(&first)).await.unwrap();
    assert!(second.holds());
}

#[tokio::test]
async fn a_lease_that_is_taken_away_by_hand_ends_the_term() {
    let corner = Corner::shared().await;
    let mut a = candidate(&corner, "a", LONG);
    let term = win(&mut a).await;
    leases(&corner)
        .delete(LEASE, &DeleteParams::default())
        .await
        .unwrap();
    timeout(PATIENCE, a.keep(&term)).await.unwrap();
    assert!(!term.holds());

    // Another's name in it ends it, too.
    let mut b = candidate(&corner, "b", LONG);
    let term = win(&mut b).await;
    let other = json!({"spec": {"holderIdentity": "somebody"}});
    let params = PatchParams::default();
    leases(&corner)
        .patch(LEASE, &params, &Patch::Merge(other))
        .await
        .unwrap();
    timeout(PATIENCE, b.keep(&term)).await.unwrap();
    assert!(!term.holds());
}

/// `kubectl annotate lease` and the like.
#[tokio::test]
async fn what_others_write_beside_it_does_not_end_the_term() {
    let corner = Corner::shared().await;
    let mut a = candidate(&corner, "a", LONG);
    let term = win(&mut a).await;
    let mut renewed = Vec::new();
    let annotating = async {
        let start = Instant::now();
        for n in 0_u32.. {
            let note = json!({"metadata": {"annotations": {"note": n.to_string()}}});
            let params = PatchParams::default();
            let lease = leases(&corner)
                .patch(LEASE, &params, &Patch::Merge(note))
                .await
                .unwrap();
            renewed.push(lease.spec.unwrap().renew_time);
            renewed.dedup();
            if n >= 40 && renewed.len() >= 5 {
                break;
            }
            assert!(start.elapsed() < PATIENCE, "it is not renewed: {renewed:?}");
            sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::select! {
        () = a.keep(&term) => panic!("the term ended"),
        () = annotating => {}
    }
    assert!(term.holds());
}

/// Candidates that win, keep, freeze, wake up, give back and win again: at no moment two of them hold.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn never_do_two_lead() {
    let corner = Corner::shared().await;
    let terms = Arc::new(std::sync::Mutex::new(Vec::<Leadership>::new()));
    let timing = Timing {
        duration: Duration::from_secs(1),
        renew: Duration::from_millis(100),
        give_up: Duration::from_millis(600),
    };
    let mut candidates = tokio::task::JoinSet::new();
    for n in 0..3_u64 {
        let mut candidate = candidate(&corner, &format!("c{n}"), timing);
        let terms = terms.clone();
        candidates.spawn(async move {
            for round in 0..4 {
                let term = win(&mut candidate).await;
                terms.lock().unwrap().push(term.clone());
                let keep = Duration::from_millis(150 * (n + 1));
                let _ = timeout(keep, candidate.keep(&term)).await;
                if (n + round) % 2 == 0 {
                    // Frozen: it neither renews nor gives back.
                    sleep(Duration::from_millis(1500)).await;
                } else {
                    term.end();
                    candidate.give_back().await;
                }
            }
        });
    }
    let start = Instant::now();
    while !candidates.is_empty() {
        assert!(start.elapsed() < PATIENCE * 2, "they do not come to an end");
        let holding = {
            let terms = terms.lock().unwrap();
            terms.iter().filter(|term| term.holds()).count()
        };
        assert!(holding <= 1, "{holding} lead");
        while let Some(ended) = candidates.try_join_next() {
            ended.unwrap();
        }
        sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(terms.lock().unwrap().len(), 12);
}
