//! Erasing a tenant's settings: all of them, nobody else's, and only where nobody wants the tenant any more.

use std::sync::Arc;

use super::{
    super::build::tenant,
    cases::{key, pipeline, settings, snapshot},
};
use crate::{ControlEraser, ControlStore, TenantRecord};

type Store = Arc<dyn ControlEraser>;

/// A tenant with two keys and two pipelines.
async fn fill(store: &Store, name: &str, seed: u8, suspended: bool) {
    let record = TenantRecord {
        suspended,
        ..settings(name)
    };
    store.put_tenant(&record).await.unwrap();
    for seed in [seed, seed + 1] {
        store.add_key(&key(seed, name)).await.unwrap();
    }
    for of in ["default", "other"] {
        store.put_pipeline(&pipeline(of, name)).await.unwrap();
    }
}

async fn rows(store: &Store, name: &str) -> u64 {
    store.footprint(&tenant(name)).await.unwrap().total()
}

pub async fn a_suspended_tenant_is_erased_whole_and_no_other(store: Store) {
    fill(&store, "gone", 1, true).await;
    fill(&store, "stays", 10, true).await;
    assert_eq!(
        (rows(&store, "gone").await, rows(&store, "stays").await),
        (5, 5)
    );
    let version = store.version().await.unwrap();
    assert_eq!(store.erase(&tenant("gone")).await.unwrap(), Some(5));
    let control: Arc<dyn ControlStore> = store.clone();
    let shown = snapshot(&control).await;
    assert!(shown.version > version, "ingest has to hear of it");
    assert!(shown.tenants.iter().all(|t| t.id == tenant("stays")));
    assert!(shown.keys.iter().all(|k| k.tenant == tenant("stays")));
    assert_eq!(
        (shown.tenants.len(), shown.keys.len(), shown.pipelines.len()),
        (1, 2, 2)
    );
    assert_eq!(
        (rows(&store, "gone").await, rows(&store, "stays").await),
        (0, 5)
    );
    // Again, nothing; and nobody hears of it.
    assert_eq!(store.erase(&tenant("gone")).await.unwrap(), Some(0));
    assert_eq!(store.version().await.unwrap(), shown.version);
}

pub async fn a_tenant_that_takes_events_is_not_erased(store: Store) {
    fill(&store, "active", 1, false).await;
    let version = store.version().await.unwrap();
    assert_eq!(store.erase(&tenant("active")).await.unwrap(), None);
    assert_eq!(rows(&store, "active").await, 5);
    assert_eq!(store.version().await.unwrap(), version);
}
