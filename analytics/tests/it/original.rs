use serde_json::{Value, json};

use crate::{events::known, harness::Api};

#[tokio::test]
async fn the_old_routes_answer_the_same_numbers_in_the_old_envelope() {
    let api = Api::new().await;
    api.count(&known()).await;
    let range = "from=now-1h&step=15m";
    let data = async |route: &str| {
        let answer = api.ok(&format!("/api/analytics/{route}?{range}")).await;
        assert_eq!(
            (&answer["success"], &answer["statusCode"]),
            (&json!(true), &json!(200))
        );
        assert!(answer["message"].is_string());
        answer["data"].clone()
    };
    let summary = api.ok(&format!("/api/v1/summary?{range}")).await["data"].clone();
    assert_eq!(data("stats").await, summary);
    let endpoints = api.ok(&format!("/api/v1/endpoints?{range}")).await["data"].clone();
    assert_eq!(data("top-endpoints").await, endpoints);
    let trends = data("error-trends").await;
    assert_eq!(
        trends[0],
        json!({"timestamp": "2026-04-02T09:30:00.000Z", "requests": 2, "errors": 1, "errorRate": 0.5})
    );
    assert_eq!(
        (trends.as_array().unwrap().len(), &trends[1]["errorRate"]),
        (5, &Value::Null)
    );
    let latency = data("latency-percentiles").await;
    assert_eq!(
        (&latency["p95Ms"], &latency["maxMs"]),
        (&summary["p95Ms"], &json!(60.0))
    );
    let all = data("dashboard").await;
    assert_eq!(
        all,
        json!({"latencyPercentiles": latency, "stats": summary, "topEndpoints": endpoints, "errorTrends": trends})
    );
}

#[tokio::test]
async fn their_refusals_say_so_in_both_ways() {
    let api = Api::new().await;
    let problem = api
        .refused("/api/analytics/stats?step=7m", 422, "invalid_step")
        .await;
    assert_eq!(problem["success"], false);
    let one = api.ok("/api/analytics/top-endpoints?limit=1").await;
    assert_eq!(one["data"], json!([]));
}
