//! Erasing a tenant.

use std::time::Instant;

use super::*;
use crate::topology::{Conflict, Removal, pass::IN_EFFECT, removal};

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
