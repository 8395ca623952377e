//! Settings: every change is seen, and a key is never undone.

use std::{sync::Arc, time::Duration};

use sendry_domain::{
    api_key::{ApiKey, ENTROPY},
    beat::{Beat, ProcessRole, QueueBeat},
    id::{KeyId, PipelineName, TenantId},
    limit::Rate,
    time::{DAY, HOUR},
    window::Window,
};
use uuid::Uuid;

use super::super::build::{NOW, tenant};
use crate::{ControlSnapshot, ControlStore, KeyRecord, PipelineRecord, StoreError, TenantRecord};

pub(super) fn settings(name: &str) -> TenantRecord {
    TenantRecord {
        id: tenant(name),
        suspended: false,
        rate: None,
        window: Window::default(),
        raw_retention: 30 * DAY,
        retained_at: None,
        stamp: None,
    }
}

pub(super) fn pipeline(name: &str, of: &str) -> PipelineRecord {
    PipelineRecord {
        tenant: tenant(of),
        name: PipelineName::new(name).unwrap(),
        services: vec!["shop".to_owned(), "auth \"x\", [y]".to_owned()],
        environments: Vec::new(),
        created_at: NOW,
        retired: false,
    }
}

/// A key of `of`; equal seeds make equal keys.
pub(super) fn key(seed: u8, of: &str) -> KeyRecord {
    let key = ApiKey::mint(&[seed; ENTROPY]);
    KeyRecord {
        id: key.id().clone(),
        tenant: tenant(of),
        hash: key.hash(),
        name: format!("key {seed}"),
        services: vec!["shop".to_owned()],
        networks: vec!["10.0.0.0/8".to_owned(), "::1/128".to_owned()],
        backfill: seed.is_multiple_of(2),
        created_at: NOW,
        not_after: Some(NOW.plus(DAY)),
        revoked_at: None,
        managed: None,
    }
}

pub(super) async fn snapshot(store: &Arc<dyn ControlStore>) -> ControlSnapshot {
    let snapshot = store.snapshot().await.unwrap();
    assert_eq!(snapshot.version, store.version().await.unwrap());
    snapshot
}

/// The key of `id` in a snapshot.
pub(super) fn find<'a>(snapshot: &'a ControlSnapshot, id: &KeyId) -> &'a KeyRecord {
    snapshot.keys.iter().find(|key| key.id == *id).unwrap()
}

/// `KeyHash` compares in constant time and prints nothing, so records are compared field by field.
pub(super) fn assert_same(a: &KeyRecord, b: &KeyRecord) {
    assert!(a.hash.matches(&b.hash));
    assert_eq!(format!("{a:?}"), format!("{b:?}"));
}

pub async fn an_empty_store_has_an_empty_snapshot(store: Arc<dyn ControlStore>) {
    store.check().await.unwrap();
    let empty = snapshot(&store).await;
    assert!(empty.tenants.is_empty() && empty.pipelines.is_empty() && empty.keys.is_empty());
}

pub async fn every_change_raises_the_version(store: Arc<dyn ControlStore>) {
    let mut last = store.version().await.unwrap();
    let mut grew = async |what: &str| {
        let now = store.version().await.unwrap();
        assert!(now > last, "{what}: {last} → {now}");
        last = now;
    };
    let t = settings("version");
    store.put_tenant(&t).await.unwrap();
    grew("a tenant").await;
    let suspended = TenantRecord {
        suspended: true,
        ..t
    };
    store.put_tenant(&suspended).await.unwrap();
    grew("a tenant changed").await;
    store
        .put_pipeline(&pipeline("default", "version"))
        .await
        .unwrap();
    grew("a pipeline").await;
    let wider = PipelineRecord {
        services: Vec::new(),
        ..pipeline("default", "version")
    };
    store.put_pipeline(&wider).await.unwrap();
    grew("a pipeline changed").await;
    let retired = PipelineRecord {
        retired: true,
        ..wider
    };
    store.put_pipeline(&retired).await.unwrap();
    grew("a pipeline retired").await;
    let key = key(1, "version");
    store.add_key(&key).await.unwrap();
    grew("a key").await;
    store.revoke_key(&key.tenant, &key.id, NOW).await.unwrap();
    grew("a key revoked").await;
}

pub async fn a_snapshot_shows_what_was_put(store: Arc<dyn ControlStore>) {
    let tenants = [
        settings("snap-a"),
        TenantRecord {
            suspended: true,
            rate: Some(Rate {
                per_second: u32::MAX,
                burst: 7,
            }),
            window: Window::live(3 * HOUR),
            raw_retention: DAY,
            ..settings("snap-b")
        },
    ];
    for t in &tenants {
        store.put_tenant(t).await.unwrap();
    }
    // Back to unlimited, and to a limit.
    store
        .put_tenant(&TenantRecord {
            rate: tenants[1].rate,
            ..settings("snap-a")
        })
        .await
        .unwrap();
    store.put_tenant(&tenants[0]).await.unwrap();
    let pipelines = [pipeline("default", "snap-a"), pipeline("default", "snap-b")];
    for p in &pipelines {
        store.put_pipeline(p).await.unwrap();
    }
    let open = KeyRecord {
        services: Vec::new(),
        networks: Vec::new(),
        not_after: None,
        ..key(2, "snap-b")
    };
    let keys = [key(1, "snap-a"), open];
    for k in &keys {
        store.add_key(k).await.unwrap();
    }
    let shown = snapshot(&store).await;
    for t in &tenants {
        assert!(shown.tenants.contains(t), "{t:?}");
    }
    for p in &pipelines {
        assert!(shown.pipelines.contains(p), "{p:?}");
    }
    for k in &keys {
        assert_same(find(&shown, &k.id), k);
    }
    assert_eq!(
        (shown.tenants.len(), shown.pipelines.len(), shown.keys.len()),
        (2, 2, 2)
    );
}

pub async fn a_pipeline_keeps_the_moment_it_was_made(store: Arc<dyn ControlStore>) {
    store
        .put_pipeline(&pipeline("default", "older"))
        .await
        .unwrap();
    let later = PipelineRecord {
        environments: vec!["production".to_owned()],
        created_at: NOW.plus(DAY),
        retired: true,
        ..pipeline("default", "older")
    };
    store.put_pipeline(&later).await.unwrap();
    let expected = PipelineRecord {
        created_at: NOW,
        ..later
    };
    assert_eq!(snapshot(&store).await.pipelines, [expected]);
}

pub async fn a_key_is_revoked_once(store: Arc<dyn ControlStore>) {
    let key = key(1, "revoke");
    store.add_key(&key).await.unwrap();
    assert!(
        store
            .revoke_key(&key.tenant, &key.id, NOW.plus(1))
            .await
            .unwrap()
    );
    let version = store.version().await.unwrap();
    assert!(
        store
            .revoke_key(&key.tenant, &key.id, NOW.plus(2))
            .await
            .unwrap()
    );
    let shown = snapshot(&store).await;
    assert_eq!(
        find(&shown, &key.id).revoked_at,
        Some(NOW.plus(1)),
        "the first time stands"
    );
    assert_eq!(shown.version, version, "the second changed nothing");
}

pub async fn a_key_of_another_tenant_is_not_revoked(store: Arc<dyn ControlStore>) {
    let key = key(1, "mine");
    store.add_key(&key).await.unwrap();
    let foreign: TenantId = tenant("yours");
    assert!(!store.revoke_key(&foreign, &key.id, NOW).await.unwrap());
    let nobody = KeyId::new("nobody").unwrap();
    assert!(!store.revoke_key(&key.tenant, &nobody, NOW).await.unwrap());
    assert_same(find(&snapshot(&store).await, &key.id), &key);
}

pub async fn a_second_key_of_one_id_is_refused(store: Arc<dyn ControlStore>) {
    let first = key(1, "first-key");
    store.add_key(&first).await.unwrap();
    let version = store.version().await.unwrap();
    for of in ["first-key", "second-key"] {
        let second = KeyRecord {
            id: first.id.clone(),
            ..key(2, of)
        };
        let refused = store.add_key(&second).await;
        assert!(
            matches!(refused, Err(StoreError::Refused { .. })),
            "{refused:?}"
        );
    }
    let shown = snapshot(&store).await;
    assert_eq!((shown.keys.len(), shown.version), (1, version));
    assert_same(&shown.keys[0], &first);
}

/// A beat of `instance` with every field filled.
fn beat(instance: u128, sequence: u64) -> Beat {
    Beat {
        instance: Uuid::from_u128(instance),
        role: ProcessRole::Worker,
        sequence,
        at: NOW.plus(sequence as i64),
        queues: vec![QueueBeat {
            tenant: tenant("beats"),
            pipeline: Some(PipelineName::fallback()),
            consumers: 2,
            in_flight: 3,
            oldest: Some(NOW),
            reached: None,
            messages: sequence,
            events: u64::from(u32::MAX) + sequence,
            busy_us: 9,
        }],
    }
}

pub async fn a_process_is_known_by_its_last_beat(store: Arc<dyn ControlStore>) {
    assert!(store.beats().await.unwrap().is_empty());
    let version = store.version().await.unwrap();
    let ingest = Beat {
        role: ProcessRole::Ingest,
        queues: Vec::new(),
        ..beat(2, 1)
    };
    for written in [beat(1, 1), beat(1, 3), ingest.clone(), beat(1, 2)] {
        store.beat(&written).await.unwrap();
    }
    assert_eq!(store.beats().await.unwrap(), [beat(1, 3), ingest.clone()]);
    store.leave(beat(1, 3).instance).await.unwrap();
    store.leave(Uuid::from_u128(77)).await.unwrap();
    assert_eq!(store.beats().await.unwrap(), [ingest]);
    assert_eq!(
        store.version().await.unwrap(),
        version,
        "no setting changed"
    );
}

pub async fn a_beat_that_stopped_long_ago_is_swept_up(store: Arc<dyn ControlStore>) {
    store.beat(&beat(1, 1)).await.unwrap();
    let later = Beat {
        at: NOW.plus(2 * DAY),
        ..beat(2, 1)
    };
    store.beat(&later).await.unwrap();
    assert_eq!(store.beats().await.unwrap(), [later]);
}

pub async fn a_change_wakes_who_waits_for_one(store: Arc<dyn ControlStore>) {
    const PATIENCE: Duration = Duration::from_secs(30);
    // A store may need a moment to begin listening, so the change is made again until it is heard.
    let changing = async {
        for n in 0u32.. {
            let rate = Some(Rate {
                per_second: n + 1,
                burst: 1,
            });
            let changed = TenantRecord {
                rate,
                ..settings("wake")
            };
            store.put_tenant(&changed).await.unwrap();
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let begun = std::time::Instant::now();
    tokio::select! {
        () = store.changed(PATIENCE) => {}
        () = changing => {}
    }
    assert!(begun.elapsed() < PATIENCE, "nobody was woken");
    // Without a change it comes back all the same.
    store.changed(Duration::from_millis(50)).await;
}
