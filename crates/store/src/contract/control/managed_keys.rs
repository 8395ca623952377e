//! An operator's keys: what is published or revoked stays so, and nobody's key is taken from him.

use sendry_domain::{
    id::TenantId,
    time::{DAY, HOUR},
};

use super::{
    super::build::{NOW, tenant},
    cases::{assert_same, key, settings, snapshot},
    operator::{Store, control, everything, lead, managed, stored_key},
};
use crate::{KeyRecord, KeyWritten, ManagedKey, StoreError, Written};

pub async fn a_key_changes_and_some_of_it_only_one_way(store: Store) {
    let stamp = lead(&store, 1).await;
    let _ = store.apply_tenant(&stamp, &settings("ways")).await.unwrap();
    let made = KeyRecord {
        not_after: None,
        ..managed(1, "ways", false)
    };
    let apply = async |key: &KeyRecord| {
        let written = store.apply_key(&stamp, key).await.unwrap();
        assert_eq!(written, KeyWritten::Done);
        stored_key(&store, &key.id).await
    };
    assert_same(&apply(&made).await, &made);
    let changed = KeyRecord {
        name: "renamed".to_owned(),
        services: vec!["shop".to_owned(), "pay".to_owned()],
        not_after: Some(NOW.plus(HOUR)),
        ..managed(1, "ways", true)
    };
    assert_same(&apply(&changed).await, &changed);
    // An end may be moved and taken back. Published stays published; so does how the key was made.
    let back = KeyRecord {
        networks: Vec::new(),
        backfill: !made.backfill,
        created_at: NOW.plus(DAY),
        ..made.clone()
    };
    let expected = KeyRecord {
        managed: changed.managed.clone(),
        ..made.clone()
    };
    assert_same(&apply(&back).await, &expected);
    // Revoked stays revoked, at the first moment.
    let revoked = |at| KeyRecord {
        revoked_at: at,
        ..expected.clone()
    };
    let first = revoked(Some(NOW.plus(1)));
    for asked in [Some(NOW.plus(1)), Some(NOW.plus(2)), None] {
        assert_same(&apply(&revoked(asked)).await, &first);
    }
    let version = store.version().await.unwrap();
    assert_same(&apply(&made).await, &first);
    assert_eq!(store.version().await.unwrap(), version);
    // What a person revoked stays so, too.
    let other = managed(2, "ways", true);
    apply(&other).await;
    store
        .revoke_key(&other.tenant, &other.id, NOW)
        .await
        .unwrap();
    assert_eq!(apply(&other).await.revoked_at, Some(NOW));
}

pub async fn a_key_that_is_somebodys_is_claimed(store: Store) {
    let stamp = lead(&store, 1).await;
    for name in ["mine", "yours"] {
        let _ = store.apply_tenant(&stamp, &settings(name)).await.unwrap();
    }
    let (ours, by_hand) = (managed(1, "mine", false), key(2, "mine"));
    let _ = store.apply_key(&stamp, &ours).await.unwrap();
    store.add_key(&by_hand).await.unwrap();
    let (version, shown) = (store.version().await.unwrap(), everything(&store).await);
    let entry = |name: &str| {
        Some(ManagedKey {
            entry: name.to_owned(),
            published: true,
        })
    };
    let app = Some("app".to_owned());
    let cases = [
        (
            "another tenant's",
            KeyRecord {
                tenant: tenant("yours"),
                ..ours.clone()
            },
            app.clone(),
        ),
        (
            "another entry's",
            KeyRecord {
                managed: entry("other"),
                ..ours.clone()
            },
            app.clone(),
        ),
        (
            "another secret",
            KeyRecord {
                hash: key(3, "mine").hash,
                ..ours.clone()
            },
            app,
        ),
        (
            "a person's",
            KeyRecord {
                managed: entry("app"),
                ..by_hand.clone()
            },
            None,
        ),
    ];
    for (case, asked, entry) in cases {
        let written = store.apply_key(&stamp, &asked).await.unwrap();
        let claimed = KeyWritten::Claimed {
            tenant: tenant("mine"),
            entry,
        };
        assert_eq!(written, claimed, "{case}");
    }
    assert_eq!(everything(&store).await, shown);
    assert_eq!(store.version().await.unwrap(), version);
}

pub async fn a_key_needs_an_entry_and_a_tenant(store: Store) {
    let stamp = lead(&store, 1).await;
    let refused = async |key: &KeyRecord, says: &str| {
        let refused = store.apply_key(&stamp, key).await.unwrap_err();
        assert!(matches!(refused, StoreError::Refused { .. }), "{refused:?}");
        let source = std::error::Error::source(&refused).map(ToString::to_string);
        assert!(source.is_some_and(|text| text.contains(says)));
    };
    let orphan = managed(1, "orphan", false);
    refused(&orphan, "its tenant `orphan` is not there").await;
    let _ = store
        .apply_tenant(&stamp, &settings("orphan"))
        .await
        .unwrap();
    refused(&key(1, "orphan"), "names no entry").await;
    assert!(snapshot(&control(&store)).await.keys.is_empty());
    let written = store.apply_key(&stamp, &orphan).await.unwrap();
    assert_eq!(written, KeyWritten::Done);
}

pub async fn only_a_key_that_nobody_saw_is_reaped(store: Store) {
    let stamp = lead(&store, 1).await;
    for name in ["reap", "other"] {
        let _ = store.apply_tenant(&stamp, &settings(name)).await.unwrap();
    }
    let (unseen, seen) = (managed(1, "reap", false), managed(2, "reap", true));
    let (foreign, by_hand) = (managed(3, "other", false), key(4, "reap"));
    for key in [&unseen, &seen, &foreign] {
        let _ = store.apply_key(&stamp, key).await.unwrap();
    }
    store.add_key(&by_hand).await.unwrap();
    let of: TenantId = tenant("reap");
    let version = store.version().await.unwrap();
    for (key, grows) in [
        (&unseen, 1),
        (&unseen, 1),
        (&seen, 1),
        (&foreign, 1),
        (&by_hand, 1),
    ] {
        let reaped = store.reap_key(&stamp, &of, &key.id).await.unwrap();
        assert_eq!(reaped, Written::Done);
        assert_eq!(store.version().await.unwrap(), version + grows);
    }
    let shown = snapshot(&control(&store)).await;
    let mut left: Vec<_> = shown.keys.iter().map(|key| &key.id).collect();
    let mut expected = vec![&seen.id, &foreign.id, &by_hand.id];
    left.sort_unstable();
    expected.sort_unstable();
    assert_eq!(left, expected);
}
