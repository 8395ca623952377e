//! Erasing a tenant.

use std::time::Instant;

use super::*;
use crate::topology::{Conflict, Removal, pass::IN_EFFECT, removal, removal_of_queue};

pub(crate) async fn of_one_tenant_everything_of_ours_goes_and_nothing_else<S: Stage>() {
    let stage = S::start().await;
    let (tenant, other) = (stage.tenant(), stage.tenant());
    let both = desired(OWNER, &[whole(&tenant), whole(&other)]);
    made(&stage, &both).await;
    // Another owner has marked one queue, and taken one user.
    let mut audit = of(&desired(OTHER, &[whole(&tenant)]), ".audit")
        .policy
        .clone();
    audit.priority += 1;
    let mut user = both.users[0].clone();
    user.tags = vec!["sendry-owner-c2".to_owned()];
    let (theirs, taken) = (audit.name.clone(), user.name.clone());
    assert!(taken.ends_with(tenant.as_str()));
    meddle(&stage, [Repair::PutPolicy(audit), Repair::PutUser(user)]).await;
    let started = Instant::now();
    let found = loop {
        let found = removal(OWNER, &tenant, &seen(&stage).await);
        // Their policy is in effect a moment later.
        if found.conflicts.len() == 2 {
            break found;
        }
        assert!(started.elapsed() < IN_EFFECT, "{found:?}");
    };
    assert!(
        matches!(
            &found.conflicts[..],
            [Conflict::ForeignUser { name, .. }, Conflict::Foreign { policy, .. }]
                if *name == taken && *policy == theirs
        ),
        "{found:?}"
    );
    // Two users; the parked queue and orders; their policies.
    assert_eq!(found.removals.len(), 6, "{found:?}");
    for removal in &found.removals {
        stage.broker().apply_removal(removal).await.unwrap();
    }
    let left = removal(OWNER, &tenant, &seen(&stage).await);
    assert!(
        left.removals.is_empty() && left.conflicts.len() == 2,
        "{left:?}"
    );
    let one = desired(OWNER, &[whole(&other)]);
    assert!(pass(&stage, &one).await.is_at_rest());
}

pub(crate) async fn removing_what_is_not_there_is_success<S: Stage>() {
    let stage = S::start().await;
    let name = format!("sendry.{}.gone", stage.tenant());
    for removal in [
        Removal::User(name.clone()),
        Removal::Queue(name.clone()),
        Removal::Policy(format!("{OWNER}/{name}")),
    ] {
        stage.broker().apply_removal(&removal).await.unwrap();
    }
    let topology = desired(OWNER, &[whole(&stage.tenant())]);
    meddle(
        &stage,
        [
            Repair::RemovePolicy(format!("{OTHER}/{name}")),
            Repair::Unbind(topology.bindings[0].clone()),
        ],
    )
    .await;
}

pub(crate) async fn a_pipeline_is_closed_and_goes_and_its_neighbour_stays<S: Stage>() {
    let stage = S::start().await;
    let tenant = stage.tenant();
    let mut wanted = whole(&tenant);
    made(&stage, &desired(OWNER, &[wanted.clone()])).await;
    let orders = of(&desired(OWNER, &[wanted.clone()]), ".orders")
        .name
        .clone();
    // Closed, it stands without a binding, and everything else is as it was.
    wanted.pipelines[0].closed = true;
    let closed = pass(&stage, &desired(OWNER, &[wanted.clone()])).await;
    assert_eq!(steps(&closed), [format!("unbind queue {orders}")]);
    assert!(
        seen(&stage)
            .await
            .queues
            .iter()
            .any(|q| q.name == orders.to_string())
    );
    wanted.pipelines.remove(0);
    let rest = desired(OWNER, &[wanted]);
    assert!(pass(&stage, &rest).await.is_at_rest());
    let found = removal_of_queue(OWNER, &orders, &seen(&stage).await);
    let words: Vec<String> = found.removals.iter().map(ToString::to_string).collect();
    assert_eq!(
        words,
        [
            format!("remove user {orders}"),
            format!("remove queue {orders}"),
            format!("remove policy {OWNER}/{orders}"),
        ]
    );
    assert!(found.conflicts.is_empty(), "{found:?}");
    // Another owner's hand leaves it alone.
    let others = removal_of_queue(OTHER, &orders, &seen(&stage).await);
    assert!(others.removals.is_empty(), "{others:?}");
    for removal in &found.removals {
        stage.broker().apply_removal(removal).await.unwrap();
    }
    assert!(pass(&stage, &rest).await.is_at_rest());
    let left = removal_of_queue(OWNER, &orders, &seen(&stage).await);
    assert_eq!(left, Default::default());
}
