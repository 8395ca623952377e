//! What is not ours: another owner's, an administrator's.

use super::*;
use crate::topology::{Conflict, Policy, Queue, User};

/// A queue, a policy and a user by our names or near them, that are somebody else's.
fn theirs(topology: &Topology) -> Vec<Repair> {
    let queue = of(topology, ".orders");
    vec![
        Repair::PutPolicy(Policy {
            name: format!("{OTHER}/{}", queue.name),
            ..queue.policy.clone()
        }),
        Repair::DeclareQueue(Box::new(queue.clone())),
        Repair::PutUser(User {
            password: SecretText::new("theirs"),
            tags: vec!["management".to_owned()],
            ..topology.users[0].clone()
        }),
    ]
}

/// Changes no queue of ours, whatever its name says.
fn harmless(topology: &Topology) -> Policy {
    Policy {
        name: format!("limits/{}", of(topology, ".audit").name),
        pattern: "^nobody$".to_owned(),
        ..of(topology, ".audit").policy.clone()
    }
}

pub(crate) async fn what_is_not_ours_is_never_touched<S: Stage>() {
    let stage = S::start().await;
    let tenant = stage.tenant();
    let topology = desired(OWNER, &[whole(&tenant)]);
    let neighbour = desired(OTHER, &[whole(&stage.tenant())]);
    made(&stage, &neighbour).await;
    meddle(&stage, theirs(&topology)).await;
    meddle(&stage, [Repair::PutPolicy(harmless(&topology))]).await;
    // A classic queue by one of our names: its arguments cannot be changed.
    let classic = Queue {
        arguments: Default::default(),
        ..of(&topology, ".audit").clone()
    };
    meddle(&stage, [Repair::DeclareQueue(Box::new(classic))]).await;
    let before = seen(&stage).await;

    let pass = pass(&stage, &topology).await;
    let conflicts = pass.of(&tenant).conflicts;
    assert!(
        matches!(
            &conflicts[..],
            [Conflict::Foreign { policy, .. }, Conflict::Arguments { .. }, Conflict::ForeignUser { .. }]
                | [Conflict::Arguments { .. }, Conflict::Foreign { policy, .. }, Conflict::ForeignUser { .. }]
                if policy.starts_with("c2/")
        ),
        "{conflicts:?}"
    );
    assert!(!pass.of(&tenant).is_whole());
    // Of one queue only what is about it.
    let orders = pass.of_queue(&of(&topology, ".orders").name);
    assert_eq!(orders.conflicts.len(), 1, "{orders:?}");
    assert!(matches!(orders.conflicts[0], Conflict::Foreign { .. }));
    let parked = pass.of_queue(&of(&topology, ".parked").name);
    assert_eq!(parked.conflicts.len(), 1, "{parked:?}");
    assert!(matches!(parked.conflicts[0], Conflict::ForeignUser { .. }));

    // Everything that stood there stands there as it was.
    let after = seen(&stage).await;
    assert!(before.queues.iter().all(|q| after.queues.contains(q)));
    assert!(before.policies.iter().all(|p| after.policies.contains(p)));
    assert!(before.bindings.iter().all(|b| after.bindings.contains(b)));
    let name = &topology.users[0].name;
    let of_ours = |observed: &Observed| {
        let (users, permissions) = users(observed);
        let user = users.iter().find(|u| u.name == *name).cloned().unwrap();
        (user, permissions.iter().find(|(u, _)| u == name).cloned())
    };
    assert_eq!(of_ours(&before), of_ours(&after));
    assert!(
        reconcile_all(stage.broker(), &neighbour)
            .await
            .unwrap()
            .is_at_rest()
    );
}

pub(crate) async fn a_policy_that_overrides_ours_is_told_of<S: Stage>() {
    let stage = S::start().await;
    let tenant = stage.tenant();
    let topology = desired(OWNER, &[whole(&tenant)]);
    let all = Policy {
        name: "all".to_owned(),
        pattern: ".*\\.orders$".to_owned(),
        priority: 1_000,
        ..of(&topology, ".orders").policy.clone()
    };
    meddle(&stage, [Repair::PutPolicy(all.clone())]).await;
    // Told in the very pass that sets our own.
    let first = pass(&stage, &topology).await;
    assert!(
        matches!(&first.conflicts[..], [Conflict::Overridden { policy, .. }] if policy == "all"),
        "{first:?}"
    );
    let second = pass(&stage, &topology).await;
    assert!(
        second.is_at_rest() && !second.of(&tenant).is_whole(),
        "{second:?}"
    );
    assert!(seen(&stage).await.policies.contains(&all));
}

pub(crate) async fn what_is_adopted_becomes_ours_and_nothing_else<S: Stage>() {
    let stage = S::start().await;
    let (tenant, other) = (stage.tenant(), stage.tenant());
    let theirs_whole = desired(OTHER, &[whole(&tenant), whole(&other)]);
    made(&stage, &theirs_whole).await;
    let ours = desired(OWNER, &[adopting(&tenant)]);
    meddle(&stage, [Repair::PutPolicy(harmless(&ours))]).await;

    let adopted = pass(&stage, &ours).await;
    assert!(adopted.of(&tenant).is_whole(), "{adopted:?}");
    assert!(pass(&stage, &ours).await.is_at_rest());
    let observed = seen(&stage).await;
    for queue in &ours.queues {
        let name = queue.name.to_string();
        let found = observed.queues.iter().find(|q| q.name == name).unwrap();
        assert_eq!(found.policy.as_ref(), Some(&queue.policy.name));
        let mark = format!("{OTHER}/{name}");
        assert!(observed.policies.iter().all(|p| p.name != mark));
    }
    assert!(observed.policies.contains(&harmless(&ours)));
    // Who lost it says so and leaves it; what was not adopted is still theirs.
    let lost = pass(&stage, &theirs_whole).await;
    assert!(lost.is_at_rest(), "{lost:?}");
    assert_eq!(lost.of(&tenant).conflicts.len(), 6, "{lost:?}");
    assert!(lost.of(&other).is_whole());
}
