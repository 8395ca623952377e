//! Erasing a tenant's raw events.

use std::sync::Arc;

use super::{
    super::build::tenant,
    cases::{insert, list, raw},
};
use crate::{RawEventEraser, RawEventStore};

pub async fn erasing_drops_every_event_of_a_tenant_and_none_of_another(
    store: Arc<dyn RawEventEraser>,
) {
    let port: Arc<dyn RawEventStore> = store.clone();
    // More than an adapter may drop in one go.
    let events: Vec<_> = (0..4_500).map(|i| raw("gone", i, i64::from(i))).collect();
    insert(&port, &events).await;
    let others: Vec<_> = (0..10).map(|i| raw("stays", i, i64::from(i))).collect();
    insert(&port, &others).await;
    let gone = tenant("gone");
    let held = async |name: &str| store.footprint(&tenant(name)).await.unwrap().total();
    assert_eq!((held("gone").await, held("stays").await), (4_500, 10));
    let (mut rows, mut steps) = (0, 0);
    loop {
        let erased = store.erase(&gone, 1_000).await.unwrap();
        assert!(erased.rows <= 1_000, "{erased:?}");
        (rows, steps) = (rows + erased.rows, steps + 1);
        assert_eq!(held("gone").await, 4_500 - rows);
        if erased.done {
            break;
        }
    }
    assert!(rows == 4_500 && steps >= 5, "{rows} in {steps}");
    let again = store.erase(&gone, 1_000).await.unwrap();
    assert!(again.done && again.rows == 0);
    assert!(list(&port, "gone").await.is_empty());
    let mut left = list(&port, "stays").await;
    left.reverse();
    assert_eq!(left, others);
    // What comes after it is there.
    insert(&port, &events[..3]).await;
    assert_eq!(held("gone").await, 3);
}
