//! What is made, and that making it again does nothing.

use super::*;
use crate::topology::{Binding, Category, Queue, diff, owner_tag};

pub(crate) async fn an_empty_broker_gets_everything_and_is_at_rest<S: Stage>() {
    let stage = S::start().await;
    let tenant = stage.tenant();
    let topology = desired(OWNER, &[whole(&tenant)]);
    let first = pass(&stage, &topology).await;
    // Three exchanges; a policy, a queue, a user and its permission for each of three queues; four bindings.
    assert_eq!(first.repaired.len(), 3 + 3 * 4 + 4, "{first:?}");
    assert!(first.of(&tenant).is_whole());
    assert_eq!(first.everybodys().count(), 3);
    assert!(pass(&stage, &topology).await.is_at_rest());

    let observed = seen(&stage).await;
    for queue in &topology.queues {
        let name = queue.name.to_string();
        let found = observed.queues.iter().find(|q| q.name == name).unwrap();
        assert_eq!(found.policy.as_ref(), Some(&queue.policy.name));
    }
    let (users, permissions) = users(&observed);
    for user in &topology.users {
        let found = users.iter().find(|u| u.name == user.name).unwrap();
        assert_eq!(found.tags, [owner_tag(OWNER)]);
        assert!(user.password.is_hashed_as(&found.password_hash));
        let (_, may) = permissions.iter().find(|(u, _)| *u == user.name).unwrap();
        assert_eq!((may.configure.as_str(), may.write.as_str()), ("^$", "^$"));
    }
}

pub(crate) async fn every_repair_may_be_done_twice<S: Stage>() {
    let stage = S::start().await;
    let topology = desired(OWNER, &[whole(&stage.tenant())]);
    for repair in diff(&topology, &seen(&stage).await).repairs {
        meddle(&stage, [repair.clone(), repair]).await;
    }
    made(&stage, &topology).await;
}

pub(crate) async fn a_new_password_is_one_write<S: Stage>() {
    let stage = S::start().await;
    let mut tenant = whole(&stage.tenant());
    made(&stage, &desired(OWNER, std::slice::from_ref(&tenant))).await;
    tenant.parked_reader = Some(SecretText::new("another"));
    let topology = desired(OWNER, &[tenant]);
    let changed = pass(&stage, &topology).await;
    let user = topology.users[0].name.clone();
    assert_eq!(steps(&changed), [format!("set user {user}")]);
    made(&stage, &topology).await;
}

pub(crate) async fn what_the_broker_cannot_do_has_a_category<S: Stage>() {
    let stage = S::start().await;
    let topology = desired(OWNER, &[whole(&stage.tenant())]);
    made(&stage, &topology).await;
    let category = async |repair: Repair| {
        let refused = stage.broker().apply(&repair).await.unwrap_err();
        let text = refused.to_string();
        assert!(text.starts_with(&format!("failed to {repair}: ")), "{text}");
        refused.category
    };
    let astray = Binding {
        queue: "nobody".to_owned(),
        ..topology.bindings[0].clone()
    };
    assert_eq!(category(Repair::Bind(astray)).await, Category::NotFound);
    let other = Queue {
        arguments: Default::default(),
        ..topology.queues[0].clone()
    };
    let other = Repair::DeclareQueue(Box::new(other));
    assert_eq!(category(other).await, Category::Invalid);
    let mut policy = topology.queues[0].policy.clone();
    policy.pattern = "(".to_owned();
    assert_eq!(category(Repair::PutPolicy(policy)).await, Category::Invalid);
    let nobody = format!("sendry.{}-nobody", stage.tenant());
    let permission = topology.users[0].permission.clone();
    let repair = Repair::PutPermission(nobody, permission);
    assert_eq!(category(repair).await, Category::Invalid);
    assert!(pass(&stage, &topology).await.is_at_rest());
}
