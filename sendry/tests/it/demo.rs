//! `sendry up --demo`: a shop to look at.

use crate::support::{client, eventually, start};

#[tokio::test]
async fn the_shop_has_three_services_and_25_endpoints_and_counts_once() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = ["--demo", "--demo-events", "6000"];
    let up = start(folder.path(), &arguments);
    let mut http = client(&up.ready);
    // Newest days first: when the oldest has traffic, all of it is in.
    let path = "/api/v1/timeseries?from=now-30d&step=1d";
    let full = |days: &serde_json::Value| {
        let ok = days["data"]["requests"]["2xx"].as_array();
        ok.is_some_and(|ok| ok.iter().filter(|n| n.as_u64() > Some(0)).count() >= 30)
    };
    eventually(&mut http, path, full).await;
    let services = http
        .get_json("/api/v1/services?from=now-31d")
        .await
        .unwrap();
    assert_eq!(services["data"].as_array().unwrap().len(), 3, "{services}");
    let endpoints = http
        .get_json("/api/v1/endpoints?from=now-31d&limit=500")
        .await
        .unwrap();
    assert_eq!(endpoints["total"], 25, "{endpoints}");
    up.stop().unwrap();

    // A second start sends the same history again, and none of it counts twice.
    let up = start(folder.path(), &arguments);
    let mut http = client(&up.ready);
    let again = |l: &serde_json::Value| l["data"]["duplicates"].as_u64() >= Some(5_000);
    let ledger = eventually(&mut http, "/api/v1/pipeline/ledger", again).await;
    assert!(
        ledger["data"]["counted"].as_u64().unwrap() < 7_000,
        "{ledger}"
    );
    assert_eq!(ledger["data"]["conflicts"], 0, "{ledger}");
    up.stop().unwrap();
}
