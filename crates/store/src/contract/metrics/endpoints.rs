//! The limit on route templates ([`sendry_domain::endpoint_guard`]), kept by the store.

use std::{collections::BTreeSet, sync::Arc};

use sendry_domain::{
    endpoint_guard::{LIMIT, OTHER},
    event::UNMATCHED,
    rollup::Level,
    series::SeriesKind,
};

use super::{
    super::build::{NOW, event, request, request_of},
    View, parse, won,
};
use crate::MetricStore;

/// Fills `service` of `t` up to the limit, as messages from `number` on.
async fn fill(t: &View, service: &str, number: u32) {
    let events = (0..LIMIT).map(|i| event().service(service).endpoint(&format!("/e/{i}")));
    t.send(number, &request(events)).await;
}

async fn endpoints(t: &View, service: &str) -> BTreeSet<String> {
    let series = t
        .by_series(SeriesKind::Endpoint, Level::Hour)
        .await
        .into_keys();
    let of_service = series.filter(|s| s.service.as_deref() == Some(service));
    of_service
        .filter_map(|s| s.endpoint.map(|e| e.to_string()))
        .collect()
}

pub async fn past_the_limit_endpoints_count_as_other_and_stay_so(store: Arc<dyn MetricStore>) {
    let t = View::of(&store, "cardinality");
    fill(&t, "shop", 1).await;
    let more = request([
        event().endpoint("/e/5"),
        event().endpoint("/one/too/many"),
        event().endpoint(UNMATCHED),
        event().endpoint("/and/another").status(500),
    ]);
    let first = t.send(2, &more).await;
    assert_eq!(won(&first), [0, 1, 2, 3]);
    let other: Vec<_> = first.folded.iter().map(|(p, e)| (*p, &**e)).collect();
    assert_eq!(other, [(1, OTHER), (3, OTHER)]);
    let known = endpoints(&t, "shop").await;
    assert_eq!(known.len(), LIMIT + 2);
    assert!(known.contains(OTHER) && known.contains(UNMATCHED) && known.contains("/e/999"));
    assert!(!known.contains("/one/too/many"));
    // A redelivery is told the same, so that the raw events agree whoever stores them.
    let again = t.send(2, &more).await;
    assert!(again.won.redelivered);
    assert_eq!(again.folded, first.folded);
    // One call with an old message and a new one of the same unknown route.
    let newer = request([event().endpoint("/one/too/many").status(404)]);
    let both = [t.seal.message(2, &more), t.seal.message(3, &newer)];
    let both = t.count(&both).await;
    assert_eq!(both[0].folded, first.folded);
    assert_eq!(both[1].folded.len(), 1);
    assert_eq!(endpoints(&t, "shop").await, known);
    assert_eq!(t.account().await, (1_005, 1_005, 0, 0, 0));
}

pub async fn each_service_of_each_tenant_has_its_own_limit(store: Arc<dyn MetricStore>) {
    let (a, b) = (View::of(&store, "limits-a"), View::of(&store, "limits-b"));
    fill(&a, "shop", 1).await;
    let fresh = request([event().service("auth").endpoint("/new")]);
    assert!(a.send(2, &fresh).await.folded.is_empty());
    let fresh = request([event().service("shop").endpoint("/new")]);
    assert!(b.send(2, &fresh).await.folded.is_empty());
    assert_eq!(a.send(3, &fresh).await.folded.len(), 1);
    // Environments share the limit of their service.
    let staging = event()
        .service("shop")
        .endpoint("/new")
        .with("environment", "staging");
    assert_eq!(a.send(4, &request([staging])).await.folded.len(), 1);
}

pub async fn a_replay_obeys_the_limit(store: Arc<dyn MetricStore>) {
    let t = View::of(&store, "replay-limit");
    fill(&t, "shop", 1).await;
    t.send(2, &request_of(["{}".to_owned()])).await;
    let body = event().endpoint("/one/too/many").json();
    let id = t.place(2, 0);
    let replayed = store
        .replay(&t.id, id, &parse(&body), &body, NOW)
        .await
        .unwrap();
    assert_eq!(&*replayed.endpoint, OTHER);
    assert!(endpoints(&t, "shop").await.contains(OTHER));
    let owed = store.raw_owed(1_000).await.unwrap();
    let owed = owed.iter().find(|owed| owed.letter.id == id).unwrap();
    assert_eq!(&*owed.endpoint, OTHER);
    assert_eq!(owed.letter.body, body, "the bytes stay as they are");
}
