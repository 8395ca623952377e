//! What an operator writes: a leader that is none any more changes nothing, and nothing is done twice.

use std::sync::Arc;

use sendry_domain::{
    id::KeyId,
    limit::Rate,
    time::{DAY, HOUR},
    window::Window,
};
use uuid::Uuid;

use super::{
    super::build::{NOW, tenant},
    cases::{assert_same, find, key, pipeline, settings, snapshot},
};
use crate::{
    ControlStore, KeyRecord, KeyWritten, ManagedKey, OperatorStore, Stamp, Superseder,
    TenantRecord, Written,
};

pub(super) type Store = Arc<dyn OperatorStore>;

/// A leader that was just elected, with generation 1 of the resource `uid`.
pub(super) async fn lead(store: &Store, uid: u128) -> Stamp {
    Stamp {
        epoch: store.claim_epoch().await.unwrap(),
        uid: Uuid::from_u128(uid),
        generation: 1,
    }
}

pub(super) fn control(store: &Store) -> Arc<dyn ControlStore> {
    store.clone()
}

async fn stored(store: &Store, of: &str) -> TenantRecord {
    let shown = snapshot(&control(store)).await;
    let found = shown.tenants.into_iter().find(|t| t.id == tenant(of));
    found.unwrap()
}

/// A key of the entry `app`; equal seeds make equal keys.
pub(super) fn managed(seed: u8, of: &str, published: bool) -> KeyRecord {
    KeyRecord {
        managed: Some(ManagedKey {
            entry: "app".to_owned(),
            published,
        }),
        ..key(seed, of)
    }
}

pub(super) async fn stored_key(store: &Store, id: &KeyId) -> KeyRecord {
    find(&snapshot(&control(store)).await, id).clone()
}

/// Everything but the version.
pub(super) async fn everything(store: &Store) -> String {
    let shown = snapshot(&control(store)).await;
    format!("{:?} {:?} {:?}", shown.tenants, shown.pipelines, shown.keys)
}

/// All five writes of `of` by `stamp`, with contents that nobody wrote before; what each came to.
async fn everything_by(store: &Store, stamp: &Stamp, of: &str, key: &KeyRecord) -> Vec<Written> {
    let other = TenantRecord {
        raw_retention: 7 * DAY,
        max_payload: Some(64 << 10),
        ..settings(of)
    };
    let renamed = KeyRecord {
        name: "another name".to_owned(),
        ..key.clone()
    };
    let new = KeyRecord {
        tenant: tenant(of),
        ..managed(99, of, false)
    };
    let of_key = |written| match written {
        KeyWritten::Done => Written::Done,
        KeyWritten::Superseded { by } => Written::Superseded { by },
        KeyWritten::Claimed { tenant, entry } => panic!("claimed by {tenant}, {entry:?}"),
    };
    vec![
        store.apply_tenant(stamp, &other).await.unwrap(),
        store
            .retain_tenant(stamp, &tenant(of), NOW.plus(9))
            .await
            .unwrap(),
        of_key(store.apply_key(stamp, &renamed).await.unwrap()),
        of_key(store.apply_key(stamp, &new).await.unwrap()),
        store.reap_key(stamp, &tenant(of), &key.id).await.unwrap(),
    ]
}

pub async fn epochs_grow_and_are_no_change_of_the_settings(store: Store) {
    let version = store.version().await.unwrap();
    let mut claims = Vec::new();
    for _ in 0..8 {
        let store = store.clone();
        claims.push(tokio::spawn(
            async move { store.claim_epoch().await.unwrap() },
        ));
    }
    let mut epochs = Vec::new();
    for claim in claims {
        epochs.push(claim.await.unwrap());
    }
    epochs.sort_unstable();
    assert_eq!(epochs, (1..=8).collect::<Vec<_>>(), "each only once");
    assert_eq!(store.claim_epoch().await.unwrap(), 9);
    assert_eq!(store.version().await.unwrap(), version);
}

pub async fn an_applied_tenant_is_shown_with_its_stamp(store: Store) {
    let stamp = lead(&store, 1).await;
    let asked = TenantRecord {
        suspended: true,
        rate: Some(Rate {
            per_second: 500,
            burst: 1_000,
        }),
        window: Window::live(3 * HOUR),
        // What the caller says of these is not read.
        retained_at: Some(NOW),
        stamp: Some(Stamp {
            epoch: 77,
            uid: Uuid::from_u128(77),
            generation: 77,
        }),
        ..settings("applied")
    };
    let written = store.apply_tenant(&stamp, &asked).await.unwrap();
    assert_eq!(written, Written::Done);
    let expected = TenantRecord {
        retained_at: None,
        stamp: Some(stamp),
        ..asked
    };
    assert_eq!(stored(&store, "applied").await, expected);
}

pub async fn what_is_applied_again_raises_no_version(store: Store) {
    let mut stamp = lead(&store, 1).await;
    let asked = TenantRecord {
        // A store holds windows to what a tenant may have; asked for again, this is no change.
        window: Window::backfill(),
        ..settings("again")
    };
    let key = managed(1, "again", false);
    let first = store.apply_tenant(&stamp, &asked).await.unwrap();
    assert_eq!(first, Written::Done);
    let first = store.apply_key(&stamp, &key).await.unwrap();
    assert_eq!(first, KeyWritten::Done);
    let (version, shown) = (store.version().await.unwrap(), everything(&store).await);
    for _ in 0..3 {
        let again = store.apply_tenant(&stamp, &asked).await.unwrap();
        assert_eq!(again, Written::Done);
        let again = store.apply_key(&stamp, &key).await.unwrap();
        assert_eq!(again, KeyWritten::Done);
        let nobody = KeyId::new("nobody").unwrap();
        let reaped = store.reap_key(&stamp, &asked.id, &nobody).await.unwrap();
        assert_eq!(reaped, Written::Done);
        assert_eq!(everything(&store).await, shown);
        // Nor does a new leader leave a trace that finds everything as it is to be.
        stamp.epoch = store.claim_epoch().await.unwrap();
    }
    assert_eq!(store.version().await.unwrap(), version);
    // A generation that changes no setting is remembered, and nobody is told.
    stamp.generation = 2;
    let noted = store.apply_tenant(&stamp, &asked).await.unwrap();
    assert_eq!(noted, Written::Done);
    assert_eq!(stored(&store, "again").await.stamp, Some(stamp));
    assert_eq!(store.version().await.unwrap(), version);
    // A setting that changes is told, once.
    let other = TenantRecord {
        raw_retention: DAY,
        ..asked
    };
    let changed = store.apply_tenant(&stamp, &other).await.unwrap();
    assert_eq!(changed, Written::Done);
    assert_eq!(store.version().await.unwrap(), version + 1);
}

pub async fn a_former_leader_changes_nothing(store: Store) {
    let former = lead(&store, 1).await;
    let asked = settings("former");
    let key = managed(1, "former", false);
    let _ = store.apply_tenant(&former, &asked).await.unwrap();
    let _ = store.apply_key(&former, &key).await.unwrap();
    let leader = lead(&store, 1).await;
    let (version, shown) = (store.version().await.unwrap(), everything(&store).await);
    // Also where the former leader knows a newer generation, or another resource, and where its epoch was never given out.
    let knows = [
        former,
        Stamp {
            generation: 9,
            ..former
        },
        Stamp {
            uid: Uuid::from_u128(9),
            ..former
        },
        Stamp {
            epoch: leader.epoch + 1,
            ..former
        },
    ];
    let by = Superseder::Leader {
        epoch: leader.epoch,
    };
    for stamp in knows {
        let written = everything_by(&store, &stamp, "former", &key).await;
        assert_eq!(written, [Written::Superseded { by }; 5], "{stamp:?}");
        // Nor makes it what is not there.
        let new = settings("former-new");
        let written = store.apply_tenant(&stamp, &new).await.unwrap();
        assert_eq!(written, Written::Superseded { by });
        let retained = store.retain_tenant(&stamp, &new.id, NOW).await.unwrap();
        assert_eq!(retained, Written::Superseded { by });
    }
    assert_eq!(everything(&store).await, shown);
    assert_eq!(store.version().await.unwrap(), version);
    let written = everything_by(&store, &leader, "former", &key).await;
    assert_eq!(written, [Written::Done; 5]);
}

pub async fn an_older_generation_of_one_resource_changes_nothing(store: Store) {
    let older = lead(&store, 1).await;
    let newer = Stamp {
        generation: 5,
        ..older
    };
    let key = managed(1, "older", false);
    let _ = store
        .apply_tenant(&newer, &settings("older"))
        .await
        .unwrap();
    let _ = store.apply_key(&newer, &key).await.unwrap();
    let (version, shown) = (store.version().await.unwrap(), everything(&store).await);
    let by = Superseder::Generation { generation: 5 };
    let written = everything_by(&store, &older, "older", &key).await;
    assert_eq!(written, [Written::Superseded { by }; 5]);
    assert_eq!(everything(&store).await, shown);
    assert_eq!(store.version().await.unwrap(), version);
    // Of another resource of that name every generation is new: it was made again.
    let again = Stamp {
        uid: Uuid::from_u128(2),
        ..older
    };
    let written = everything_by(&store, &again, "older", &key).await;
    assert_eq!(written, [Written::Done; 5]);
    assert_eq!(stored(&store, "older").await.stamp, Some(again));
}

pub async fn a_retained_tenant_is_suspended_and_keeps_everything(store: Store) {
    let applied = lead(&store, 1).await;
    let asked = settings("retained");
    let key = managed(1, "retained", true);
    let _ = store.apply_tenant(&applied, &asked).await.unwrap();
    let _ = store.apply_key(&applied, &key).await.unwrap();
    let pipeline = pipeline("default", "retained");
    store.put_pipeline(&pipeline).await.unwrap();
    // Its deletion is a generation of its own.
    let deleted = Stamp {
        generation: 2,
        ..applied
    };
    let retained = store.retain_tenant(&deleted, &asked.id, NOW).await.unwrap();
    assert_eq!(retained, Written::Done);
    let expected = TenantRecord {
        suspended: true,
        retained_at: Some(NOW),
        stamp: Some(deleted),
        ..asked.clone()
    };
    let shown = snapshot(&control(&store)).await;
    assert_eq!(shown.tenants, std::slice::from_ref(&expected));
    assert_eq!(shown.pipelines, [pipeline]);
    assert_same(find(&shown, &key.id), &key);
    // Once: the first moment stands.
    let later = NOW.plus(HOUR);
    let again = store.retain_tenant(&deleted, &asked.id, later).await;
    assert_eq!(again.unwrap(), Written::Done);
    assert_eq!(store.version().await.unwrap(), shown.version);
    // What the resource said before it was deleted comes too late.
    let late = store.apply_tenant(&applied, &asked).await.unwrap();
    let by = Superseder::Generation { generation: 2 };
    assert_eq!(late, Written::Superseded { by });
    assert_eq!(stored(&store, "retained").await, expected);
    // Made again, it is taken over as it is.
    let adopting = lead(&store, 2).await;
    let adopted = store.apply_tenant(&adopting, &asked).await.unwrap();
    assert_eq!(adopted, Written::Done);
    let expected = TenantRecord {
        stamp: Some(adopting),
        ..asked.clone()
    };
    assert_eq!(stored(&store, "retained").await, expected);
    assert_same(&stored_key(&store, &key.id).await, &key);
}

pub async fn retaining_what_is_not_there_is_done(store: Store) {
    let stamp = lead(&store, 1).await;
    let version = store.version().await.unwrap();
    let retained = store.retain_tenant(&stamp, &tenant("nobody"), NOW).await;
    assert_eq!(retained.unwrap(), Written::Done);
    assert!(snapshot(&control(&store)).await.tenants.is_empty());
    assert_eq!(store.version().await.unwrap(), version);
}

pub async fn people_write_beside_an_operator_and_leave_its_marks(store: Store) {
    let stamp = lead(&store, 1).await;
    let asked = settings("beside");
    let _ = store.apply_tenant(&stamp, &asked).await.unwrap();
    let suspended = TenantRecord {
        suspended: true,
        ..asked.clone()
    };
    store.put_tenant(&suspended).await.unwrap();
    let expected = TenantRecord {
        stamp: Some(stamp),
        ..suspended
    };
    assert_eq!(stored(&store, "beside").await, expected);
    // The next pass puts it right.
    let _ = store.apply_tenant(&stamp, &asked).await.unwrap();
    assert!(!stored(&store, "beside").await.suspended);
    // What nobody's resource stands for is not taken up again by a person who knew it before.
    let _ = store.retain_tenant(&stamp, &asked.id, NOW).await.unwrap();
    let version = store.version().await.unwrap();
    store.put_tenant(&asked).await.unwrap();
    let expected = TenantRecord {
        retained_at: Some(NOW),
        ..expected
    };
    assert_eq!(stored(&store, "beside").await, expected);
    assert_eq!(store.version().await.unwrap(), version);
    // And a tenant that people made has no marks until an operator takes it over.
    store.put_tenant(&settings("by-hand")).await.unwrap();
    assert_eq!(stored(&store, "by-hand").await, settings("by-hand"));
    let _ = store
        .apply_tenant(&stamp, &settings("by-hand"))
        .await
        .unwrap();
    assert_eq!(stored(&store, "by-hand").await.stamp, Some(stamp));
}

pub async fn the_same_applied_by_many_at_once_is_one_change(store: Store) {
    let stamp = lead(&store, 1).await;
    let version = store.version().await.unwrap();
    let mut tasks = Vec::new();
    for _ in 0..8 {
        let store = store.clone();
        tasks.push(tokio::spawn(async move {
            let asked = settings("at-once");
            let written = store.apply_tenant(&stamp, &asked).await.unwrap();
            let key = managed(1, "at-once", false);
            (written, store.apply_key(&stamp, &key).await.unwrap())
        }));
    }
    for task in tasks {
        assert_eq!(task.await.unwrap(), (Written::Done, KeyWritten::Done));
    }
    assert_eq!(store.version().await.unwrap(), version + 2);
}

pub async fn who_loses_the_lead_in_the_middle_stops_there(store: Store) {
    const LEADERS: u64 = 6;
    let mut tasks = Vec::new();
    for _ in 0..LEADERS {
        let store = store.clone();
        tasks.push(tokio::spawn(async move {
            let stamp = lead(&store, 1).await;
            let mut done = 0;
            for generation in 1..=30i64 {
                let asked = TenantRecord {
                    // Says whose and which write it is.
                    raw_retention: stamp.epoch as i64 * 1_000 + generation,
                    ..settings("race")
                };
                let stamp = Stamp {
                    generation,
                    ..stamp
                };
                match store.apply_tenant(&stamp, &asked).await.unwrap() {
                    Written::Done => done = generation,
                    // Of the same resource another leader may have written more.
                    Written::Superseded {
                        by: Superseder::Generation { .. },
                    } => {}
                    Written::Superseded {
                        by: Superseder::Leader { epoch },
                    } => {
                        assert!(epoch > stamp.epoch, "{epoch} after {}", stamp.epoch);
                        return (stamp.epoch, done, true);
                    }
                }
            }
            (stamp.epoch, done, false)
        }));
    }
    let mut last = None;
    for task in tasks {
        let (epoch, done, stopped) = task.await.unwrap();
        if epoch == LEADERS {
            assert!(!stopped, "nobody came after the last one");
            last = Some(done);
        }
    }
    let shown = stored(&store, "race").await;
    assert_eq!(last, Some(30));
    assert_eq!(shown.raw_retention, LEADERS as i64 * 1_000 + 30);
}
