use serde_json::{Value, json};

use crate::{
    events::{known, percentile},
    harness::Api,
};

const HOUR: &str = "/api/v1/summary?from=now-1h";

#[tokio::test]
async fn an_hour_in_numbers_and_the_one_before_it() {
    let api = Api::new().await;
    api.count(&known()).await;
    let mut answer = api.ok(HOUR).await;
    // 09:31:00 to 10:31:20 are 3,620 seconds.
    let per_minute = answer["data"]["requestsPerMinute"].take().as_f64().unwrap();
    assert!(
        (per_minute - 6.0 * 60.0 / 3_620.0).abs() < 1e-12,
        "{per_minute}"
    );
    let all = [10.0, 20.0, 30.0, 40.0, 50.0, 60.0];
    assert_eq!(
        answer["data"],
        json!({
            "requests": 6, "requestsPerMinute": null,
            "errors": 3, "errorRate": 0.5,
            "clientErrors": 1, "clientErrorRate": 1.0 / 6.0,
            "averageMs": 35.0, "p50Ms": percentile(&all, 0.5), "p95Ms": percentile(&all, 0.95),
            "p99Ms": percentile(&all, 0.99), "maxMs": 60.0,
            "bytesIn": 100, "bytesOut": 1050
        })
    );
    let previous = &answer["previous"];
    assert_eq!(
        previous["requests"], 2,
        "08:30:40 moved down to the minute, to 09:31"
    );
    assert_eq!(previous["averageMs"], 6.0);
    assert_eq!(
        (&previous["errors"], &previous["errorRate"]),
        (&json!(0), &json!(0.0))
    );
    assert_eq!(
        answer["meta"],
        json!({
            "from": "2026-04-02T09:31:00.000Z", "to": "2026-04-02T10:32:00.000Z", "tz": "UTC",
            "step": "1m", "completeThrough": "2026-04-02T10:31:20.000Z", "received": 9, "late": 0,
            "sdkDropped": null, "percentileMaxRelError": 0.0109, "tzApproximate": false, "queryMs": 0
        })
    );
}

#[tokio::test]
async fn filters_match_exactly() {
    let api = Api::new().await;
    api.count(&known()).await;
    for (filter, requests, average) in [
        ("service=shop", 5, json!(30.0)),
        ("environment=production", 4, json!(25.0)),
        ("environment=staging", 1, json!(60.0)),
        ("service=shop&environment=production", 4, json!(25.0)),
        ("service=shop&endpoint=/a", 3, json!(26.667)),
        (
            "service=shop&endpoint=%2Fa&environment=production",
            2,
            json!(15.0),
        ),
        ("service=shop&method=POST", 2, json!(35.0)),
        ("service=shop&method=post&endpoint=/b", 2, json!(35.0)),
        ("service=shop&method=POST&endpoint=/a", 0, Value::Null),
        ("service=sho", 0, Value::Null),
        ("service=pay&environment=production", 0, Value::Null),
    ] {
        let answer = api.ok(&format!("{HOUR}&{filter}")).await;
        assert_eq!(answer["data"]["requests"], requests, "{filter}");
        assert_eq!(answer["data"]["averageMs"], average, "{filter}");
    }
}

#[tokio::test]
async fn of_nothing_rates_and_latencies_are_unknown() {
    let api = Api::new().await;
    let answer = api.ok("/api/v1/summary").await;
    let nothing = json!({
        "requests": 0, "requestsPerMinute": 0.0, "errors": 0, "errorRate": null, "clientErrors": 0,
        "clientErrorRate": null, "averageMs": null, "p50Ms": null, "p95Ms": null, "p99Ms": null,
        "maxMs": null, "bytesIn": 0, "bytesOut": 0
    });
    assert_eq!(answer["data"], nothing);
    assert_eq!(answer["previous"], nothing);
    assert_eq!(answer["meta"]["step"], "15m");
    for list in ["endpoints", "services", "status-codes"] {
        assert_eq!(api.ok(&format!("/api/v1/{list}")).await["data"], json!([]));
    }
    let series = api.ok("/api/v1/timeseries?from=now-2h&step=1h").await;
    assert_eq!(
        series["data"],
        json!({
            "t": [1_775_116_800_000_i64, 1_775_120_400_000_i64, 1_775_124_000_000_i64], "requests": {},
            "errors": [0, 0, 0], "averageMs": [null, null, null], "p50Ms": [null, null, null],
            "p95Ms": [null, null, null], "p99Ms": [null, null, null], "bytesIn": [0, 0, 0],
            "bytesOut": [0, 0, 0]
        })
    );
}

#[tokio::test]
async fn a_range_that_ended_is_read_to_its_end() {
    let api = Api::new().await;
    api.count(&known()).await;
    let answer = api
        .ok("/api/v1/summary?from=2026-04-02T10:00:00Z&to=2026-04-02T10:02:00Z")
        .await;
    assert_eq!(answer["data"]["requests"], 2, "10:02 itself is outside");
    assert_eq!(answer["data"]["requestsPerMinute"], 1.0);
}
