use serde_json::json;

use crate::{
    events::{event, known, percentile},
    harness::{Api, at},
};

#[tokio::test]
async fn quarters_of_an_hour_by_class_of_status() {
    let api = Api::new().await;
    api.count(&known()).await;
    let answer = api.ok("/api/v1/timeseries?from=now-1h&step=15m").await;
    let t = ["09:30", "09:45", "10:00", "10:15", "10:30"];
    let t = t.map(|t| at(&format!("2026-04-02T{t}:00Z")).0);
    let (first, third, last) = ([50.0, 5.0], [10.0, 20.0, 30.0], [40.0, 60.0]);
    let column = |q| {
        let of = |latencies: &[f64]| percentile(latencies, q);
        json!([of(&first), null, of(&third), null, of(&last)])
    };
    assert_eq!(
        answer["data"],
        json!({
            "t": t,
            "requests": {
                "2xx": [1, 0, 2, 0, 1], "4xx": [0, 0, 1, 0, 0], "5xx": [0, 0, 0, 0, 1],
                "none": [1, 0, 0, 0, 0]
            },
            "errors": [1, 0, 0, 0, 2],
            "averageMs": [27.5, null, 20.0, null, 50.0],
            "p50Ms": column(0.5), "p95Ms": column(0.95), "p99Ms": column(0.99),
            "bytesIn": [0, 0, 100, 0, 0],
            "bytesOut": [0, 0, 1050, 0, 0]
        })
    );
    assert_eq!(answer["meta"]["from"], "2026-04-02T09:30:00.000Z");
}

#[tokio::test]
async fn percentiles_of_a_point_are_merged_over_statuses() {
    let api = Api::new().await;
    let mut events: Vec<_> = (0..99)
        .map(|_| event("2026-04-02T10:05:00Z", 1.0))
        .collect();
    events.push(crate::events::but(
        event("2026-04-02T10:05:30Z", 1_000.0),
        json!({"statusCode": 503}),
    ));
    api.count(&events).await;
    let data = api.ok("/api/v1/timeseries?from=now-30m&step=1h").await["data"].clone();
    // An average of the two statuses' percentiles would be near 500.
    let mut all = vec![1.0; 99];
    all.push(1_000.0);
    assert_eq!(data["p50Ms"][0], percentile(&all, 0.5));
    assert_eq!(data["p99Ms"][0], percentile(&all, 0.99));
    assert!(percentile(&all, 0.99) < 1.02);
    assert_eq!(data["requests"], json!({"2xx": [99], "5xx": [1]}));
}

#[tokio::test]
async fn filters_choose_the_series() {
    let api = Api::new().await;
    api.count(&known()).await;
    for (filter, requests) in [
        ("service=shop&endpoint=/b", json!({"4xx": [1], "5xx": [1]})),
        ("service=pay", json!({"2xx": [1]})),
        (
            "environment=production",
            json!({"2xx": [2], "4xx": [1], "5xx": [1]}),
        ),
        ("service=nobody", json!({})),
    ] {
        let path = format!("/api/v1/timeseries?from=2026-04-02T10:00:00Z&step=1h&{filter}");
        assert_eq!(
            api.ok(&path).await["data"]["requests"],
            requests,
            "{filter}"
        );
    }
}
