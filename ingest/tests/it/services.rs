//! A key held to services: other events are refused one by one, and a single one as a whole.

use serde_json::json;

use crate::{
    client::{BATCH, HIT, INGEST, bare, batch, event},
    harness::Stage,
};

#[tokio::test]
async fn only_the_events_of_other_services_are_refused() {
    let stage = Stage::new().await;
    let shop = stage
        .add_key(40, |key| key.services = vec!["shop".to_owned()])
        .await;
    let with = |route| {
        bare(route)
            .header("x-api-key", shop.expose())
            .header("content-type", "application/json")
    };
    let pay = event(r#","eventId":"p""#).replace("shop", "pay");
    let answer = stage
        .send(with(BATCH), batch(&[event(""), pay.clone()]))
        .await
        .accepted();
    assert_eq!(
        (&answer["accepted"], &answer["rejected"]),
        (&json!(1), &json!(1))
    );
    let error = &answer["errors"][0];
    assert_eq!(
        (&error["index"], &error["eventId"]),
        (&json!(1), &json!("p"))
    );
    assert_eq!(
        (&error["code"], &error["field"]),
        (&json!("service_not_allowed"), &json!("serviceName"))
    );
    assert_eq!(stage.drain("default").await[0].events.len(), 1);

    stage
        .send(with(BATCH), batch(std::slice::from_ref(&pay)))
        .await
        .refused(422, "all_events_rejected");
    for route in [INGEST, HIT] {
        let problem = stage.send(with(route), pay.clone()).await;
        let problem = problem.refused_on(route, 403, "service_not_allowed");
        assert_eq!(problem["field"], "serviceName");
    }
    stage.works_and_is_clean().await;
}
