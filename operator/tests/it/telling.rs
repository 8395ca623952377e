//! Events, as a cluster keeps them.

use k8s_openapi::api::events::v1::Event;
use kube::{Api, Resource};
use sendry_operator::{events::Events, metrics::OperatorMetrics};
use serde_json::json;

use crate::support::Corner;

#[tokio::test]
async fn the_same_once_more_is_one_event_that_counts() {
    let corner = Corner::shared().await;
    let name = corner.tenant("shop").await;
    let metrics = OperatorMetrics::default();
    let events = Events::cluster(corner.client.clone(), "it", metrics.clone());
    for window in ["24h", "25h", "26h"] {
        corner
            .change(&name, json!({"spec": {"window": window}}))
            .await;
        let tenant = corner.tenants().get(&name).await.unwrap();
        events
            .warning(
                &tenant,
                "BrokerUnavailable",
                "Reconcile",
                "the broker is away",
            )
            .await;
    }
    let tenant = corner.tenants().get(&name).await.unwrap();
    events
        .normal(&tenant, "Ready", "Reconcile", "all is there")
        .await;

    let api: Api<Event> = Api::namespaced(corner.client.clone(), "default");
    let all = api.list(&Default::default()).await.unwrap();
    let about = |event: &Event| event.regarding.as_ref().and_then(|about| about.uid.clone());
    let uid = tenant.meta().uid.clone();
    let ours: Vec<Event> = all
        .items
        .into_iter()
        .filter(|event| about(event) == uid)
        .collect();
    let mut told: Vec<_> = ours
        .iter()
        .map(|event| {
            let count = event.series.as_ref().map(|series| series.count);
            (
                event.reason.as_deref().unwrap(),
                event.type_.as_deref().unwrap(),
                count,
            )
        })
        .collect();
    told.sort_unstable();
    assert_eq!(
        told,
        [
            ("BrokerUnavailable", "Warning", Some(3)),
            ("Ready", "Normal", None)
        ]
    );
    assert_eq!(metrics.events_lost.get(), 0);
}
