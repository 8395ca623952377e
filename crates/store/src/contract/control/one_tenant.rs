//! One tenant looked at alone is as it is among all.

use std::sync::Arc;

use uuid::Uuid;

use super::{
    super::build::{NOW, tenant},
    cases::{key, settings, snapshot},
};
use crate::{ControlStore, KeyRecord, ManagedKey, OperatorStore, Stamp};

pub async fn one_tenant_is_shown_with_its_keys_and_no_others(store: Arc<dyn OperatorStore>) {
    let nobody = store.tenant(&tenant("one-a")).await.unwrap();
    assert!(nobody.0.is_none() && nobody.1.is_empty());
    let stamp = Stamp {
        epoch: store.claim_epoch().await.unwrap(),
        uid: Uuid::from_u128(1),
        generation: 1,
    };
    for name in ["one-a", "one-b"] {
        let applied = store.apply_tenant(&stamp, &settings(name)).await;
        assert_eq!(applied.unwrap(), crate::Written::Done);
    }
    for (seed, of) in [(3, "one-a"), (1, "one-a"), (2, "one-b")] {
        store.add_key(&key(seed, of)).await.unwrap();
    }
    let managed = KeyRecord {
        not_after: Some(NOW),
        managed: Some(ManagedKey {
            entry: "app".to_owned(),
            published: true,
        }),
        ..key(4, "one-a")
    };
    let applied = store.apply_key(&stamp, &managed).await.unwrap();
    assert_eq!(applied, crate::KeyWritten::Done);
    let revoked = key(1, "one-a").id;
    let revoked = store.revoke_key(&tenant("one-a"), &revoked, NOW).await;
    assert!(revoked.unwrap());

    let all = snapshot(&(store.clone() as Arc<dyn ControlStore>)).await;
    for name in ["one-a", "one-b"] {
        let (record, keys) = store.tenant(&tenant(name)).await.unwrap();
        let expected = all.tenants.iter().find(|t| t.id == tenant(name));
        assert_eq!(record.as_ref(), expected);
        let expected = all.keys.iter().filter(|k| k.tenant == tenant(name));
        let expected: Vec<_> = expected.collect();
        assert_eq!(format!("{keys:?}"), format!("{expected:?}"));
    }
    assert_eq!(store.tenant(&tenant("one-a")).await.unwrap().1.len(), 3);
}
