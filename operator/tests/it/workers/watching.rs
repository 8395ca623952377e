//! What the watch says, as real controllers change what there is.

use std::sync::{Arc, Mutex};

use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::DeleteParams;
use sendry_operator::{
    metrics::OperatorMetrics,
    workers::{Availability, Look, WorkersWatch},
};
use sendry_runtime::health::Health;

use super::place::Place;
use crate::{
    crash::Saboteur,
    support::{eventually, is},
};

/// Waits until the watch says so.
async fn says(watch: &WorkersWatch, place: &Place, what: &str, so: impl Fn(&Look) -> bool) -> Look {
    eventually(what, async || {
        let look = watch.look(&place.tenant, &place.pipeline);
        match look {
            Some(look) if so(&look) => Ok(look),
            other => Err(format!("{other:?}")),
        }
    })
    .await
}

#[tokio::test]
async fn it_says_why_there_are_no_workers_and_wakes_who_cares() {
    let place = Place::new().await;
    let (watch, told) = (WorkersWatch::default(), Arc::new(Mutex::new(Vec::new())));
    let client = place.client.clone();
    let (following, tell, namespace) =
        (watch.clone(), told.clone(), place.corner.operators.clone());
    let task = tokio::spawn(async move {
        let health = Health::new();
        let changed = |tenant: &_, pipeline: &_| {
            tell.lock().unwrap().push(format!("{tenant}/{pipeline}"));
        };
        let metrics = OperatorMetrics::default();
        following
            .run(client, &namespace, &health, metrics, changed)
            .await;
    });
    eventually("the first lists", async || is(watch.ready(), ())).await;
    assert_eq!(watch.look(&place.tenant, &place.pipeline), None);
    assert_eq!(*told.lock().unwrap(), [""; 0]);

    place.settle().await;
    place.scale(1).await;
    // There is no account for its pods yet, so none can be made.
    let look = says(&watch, &place, "FailedCreate", |look| {
        matches!(
            look.available,
            Availability::No {
                reason: "FailedCreate",
                ..
            }
        )
    })
    .await;
    let Availability::No { message, .. } = look.available else {
        unreachable!()
    };
    assert!(message.contains("sendry-worker"), "{message}");
    assert_eq!((look.wanted, look.there, look.ready), (1, 0, 0));
    assert!(told.lock().unwrap().iter().all(|of| of == "acme/orders"));
    place.account().await;
    says(&watch, &place, "a pod on its way", |look| {
        look.available == Availability::Yes && look.there == 1
    })
    .await;

    // What is not looked at by the watch itself wakes, too.
    told.lock().unwrap().clear();
    let configs = place.api::<ConfigMap>();
    configs
        .delete(&place.name(), &DeleteParams::default())
        .await
        .unwrap();
    eventually("to be told of the ConfigMap", async || {
        is(!told.lock().unwrap().is_empty(), ())
    })
    .await;
    place.removal(&Saboteur::idle()).await.unwrap();
    eventually("nothing to be said", async || {
        let look = watch.look(&place.tenant, &place.pipeline);
        is(look.is_none(), look)
    })
    .await;
    task.abort();
}
