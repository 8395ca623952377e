//! Drift: what was lost comes back, what was changed changes back.

use serde_json::json;

use super::*;
use crate::topology::{Binding, Removal, Verb, owner_tag};

pub(crate) async fn lost_things_come_back<S: Stage>() {
    let stage = S::start().await;
    let tenant = stage.tenant();
    let topology = desired(OWNER, &[whole(&tenant)]);
    made(&stage, &topology).await;
    let orders = of(&topology, ".orders");
    let (queue, policy) = (orders.name.to_string(), orders.policy.name.clone());
    let user = topology.users[1].name.clone();

    meddle(&stage, [Repair::Unbind(topology.bindings[3].clone())]).await;
    let healed = pass(&stage, &topology).await;
    assert_eq!(
        healed.repaired,
        [Repair::Bind(topology.bindings[3].clone())]
    );

    let broker = stage.broker();
    broker
        .apply_removal(&Removal::Queue(queue.clone()))
        .await
        .unwrap();
    let healed = pass(&stage, &topology).await;
    assert_eq!(
        steps(&healed),
        [
            format!("declare queue {queue}"),
            format!("bind queue {queue}")
        ]
    );

    meddle(&stage, [Repair::RemovePolicy(policy.clone())]).await;
    let healed = pass(&stage, &topology).await;
    assert_eq!(steps(&healed), [format!("set policy {policy}")]);

    broker
        .apply_removal(&Removal::User(user.clone()))
        .await
        .unwrap();
    let healed = pass(&stage, &topology).await;
    assert_eq!(
        steps(&healed),
        [
            format!("set user {user}"),
            format!("set permissions of user {user}")
        ]
    );
    assert_eq!(healed.of(&tenant).repaired.len(), 2);
    assert!(pass(&stage, &topology).await.is_at_rest());
}

pub(crate) async fn changed_things_change_back<S: Stage>() {
    let stage = S::start().await;
    let topology = desired(OWNER, &[whole(&stage.tenant())]);
    made(&stage, &topology).await;

    let mut policy = of(&topology, ".orders").policy.clone();
    policy.definition.insert("max-length".to_owned(), json!(1));
    let name = policy.name.clone();
    meddle(&stage, [Repair::PutPolicy(policy.clone())]).await;
    let healed = pass(&stage, &topology).await;
    assert_eq!(steps(&healed), [format!("set policy {name}")]);
    policy.pattern = "^nothing$".to_owned();
    meddle(&stage, [Repair::PutPolicy(policy)]).await;
    assert_eq!(pass(&stage, &topology).await.repaired.len(), 1);

    let user = topology.users[0].clone();
    let mut other = user.clone();
    other.password = SecretText::new("stolen");
    meddle(&stage, [Repair::PutUser(other)]).await;
    assert_eq!(
        pass(&stage, &topology).await.repaired,
        [Repair::PutUser(user.clone())]
    );
    let mut raised = user.clone();
    raised.tags.push("administrator".to_owned());
    meddle(&stage, [Repair::PutUser(raised)]).await;
    assert_eq!(
        pass(&stage, &topology).await.repaired,
        [Repair::PutUser(user.clone())]
    );
    let observed = seen(&stage).await;
    let found = users(&observed).0.iter().find(|u| u.name == user.name);
    assert_eq!(found.unwrap().tags, [owner_tag(OWNER)]);

    let wide = Permission {
        write: ".*".to_owned(),
        ..user.permission.clone()
    };
    meddle(&stage, [Repair::PutPermission(user.name.clone(), wide)]).await;
    let healed = pass(&stage, &topology).await;
    let verbs: Vec<Verb> = healed.repaired.iter().map(Repair::verb).collect();
    assert_eq!(verbs, [Verb::PutPermission]);
    assert!(pass(&stage, &topology).await.is_at_rest());
}

pub(crate) async fn a_surplus_binding_goes<S: Stage>() {
    let stage = S::start().await;
    let topology = desired(OWNER, &[whole(&stage.tenant())]);
    made(&stage, &topology).await;
    // Keys with every character that means something in an address.
    for key in ["#", "a/b %2F.#", "", "~", "ü"] {
        let surplus = Binding {
            routing_key: key.to_owned(),
            ..topology.bindings[3].clone()
        };
        meddle(&stage, [Repair::Bind(surplus.clone())]).await;
        assert_eq!(
            pass(&stage, &topology).await.repaired,
            [Repair::Unbind(surplus)]
        );
    }
    assert!(pass(&stage, &topology).await.is_at_rest());
}
