use serde_json::{Value, json};

use crate::{
    events::{known, percentile},
    harness::{Api, at},
};

fn names(answer: &Value) -> Vec<String> {
    let rows = answer["data"].as_array().unwrap();
    rows.iter()
        .map(|row| {
            format!(
                "{} {} {}",
                row["service"], row["environment"], row["endpoint"]
            )
            .replace('"', "")
        })
        .collect()
}

/// Bins of five minutes from 09:30, all 0 but those given.
fn bins(filled: &[(usize, u64)]) -> Value {
    let mut values = vec![0; 13];
    for (bin, count) in filled {
        values[*bin] = *count;
    }
    json!({"start": at("2026-04-02T09:30:00Z").0, "stepMs": 300_000, "values": values})
}

#[tokio::test]
async fn endpoints_in_full() {
    let api = Api::new().await;
    api.count(&known()).await;
    let answer = api.ok("/api/v1/endpoints?from=now-1h").await;
    assert_eq!(answer["total"], 4);
    let all = [10.0, 20.0];
    assert_eq!(
        answer["data"][0],
        json!({
            "service": "shop", "environment": "production", "endpoint": "/a", "method": "GET",
            "requests": 2, "share": 2.0 / 6.0, "errors": 0, "errorRate": 0.0, "clientErrors": 0,
            "averageMs": 15.0, "p50Ms": percentile(&all, 0.5), "p95Ms": percentile(&all, 0.95),
            "p99Ms": percentile(&all, 0.99), "maxMs": 20.0, "impactMs": 30.0,
            "lastSeen": "2026-04-02T10:01:00.000Z", "spark": bins(&[(6, 2)])
        })
    );
    let b = &answer["data"][1];
    assert_eq!(
        (&b["endpoint"], &b["method"]),
        (&json!("/b"), &json!("POST"))
    );
    assert_eq!((&b["errors"], &b["clientErrors"]), (&json!(1), &json!(1)));
    assert_eq!(
        (&b["errorRate"], &b["impactMs"]),
        (&json!(0.5), &json!(70.0))
    );
    assert_eq!(b["spark"], bins(&[(6, 1), (12, 1)]));
    assert_eq!(answer["data"][3]["environment"], Value::Null);
    assert_eq!(answer["data"][3]["spark"], bins(&[(0, 1)]));
}

#[tokio::test]
async fn last_seen_is_a_minute_if_just_now_else_an_hour_or_a_day() {
    let api = Api::new().await;
    api.count(&known()).await;
    for (range, a, b) in [
        ("from=now-1h", "10:01", "10:30"),
        ("from=now-6h", "10:00", "10:30"),
        ("from=now-7d", "10:00", "10:30"),
        ("from=now-7d&to=2026-04-02T10:00:00Z", "09:00", "none"),
    ] {
        let answer = api
            .ok(&format!("/api/v1/endpoints?environment=production&{range}"))
            .await;
        for (endpoint, seen) in [("/a", a), ("/b", b)] {
            let rows = answer["data"].as_array().unwrap();
            let Some(row) = rows.iter().find(|row| row["endpoint"] == endpoint) else {
                assert_eq!(seen, "none", "{endpoint} {range}");
                continue;
            };
            assert_eq!(
                row["lastSeen"],
                format!("2026-04-02T{seen}:00.000Z"),
                "{endpoint} {range}"
            );
        }
    }
}

#[tokio::test]
async fn every_order() {
    let api = Api::new().await;
    api.count(&known()).await;
    let (a, b) = ("shop production /a", "shop production /b");
    let (c, bare) = ("pay staging /c", "shop null /a");
    for (sort, expected) in [
        ("requests", [a, b, c, bare]),
        ("errors", [b, c, bare, a]),
        ("errorRate", [c, bare, b, a]),
        ("p95", [c, bare, b, a]),
        ("impact", [b, c, bare, a]),
    ] {
        let path = format!("/api/v1/endpoints?from=now-1h&sort={sort}");
        assert_eq!(names(&api.ok(&path).await), expected, "{sort}");
    }
    let one = api
        .ok("/api/v1/endpoints?from=now-1h&sort=impact&limit=1")
        .await;
    assert_eq!(
        (names(&one), &one["total"]),
        (vec![b.to_owned()], &json!(4))
    );
    let shop = api
        .ok("/api/v1/endpoints?from=now-1h&service=shop&method=GET")
        .await;
    assert_eq!(names(&shop), [a, bare]);
    assert_eq!(
        shop["data"][0]["share"],
        2.0 / 3.0,
        "of what the question is about"
    );
}

#[tokio::test]
async fn services_and_status_codes() {
    let api = Api::new().await;
    api.count(&known()).await;
    let answer = api.ok("/api/v1/services?from=now-1h").await;
    let all = [10.0, 20.0, 30.0, 40.0];
    assert_eq!(
        answer["data"][0],
        json!({
            "service": "shop", "environment": "production", "requests": 4, "share": 4.0 / 6.0,
            "errors": 1, "errorRate": 0.25, "averageMs": 25.0, "p50Ms": percentile(&all, 0.5),
            "p95Ms": percentile(&all, 0.95), "p99Ms": percentile(&all, 0.99),
            "lastSeen": "2026-04-02T10:30:00.000Z", "spark": bins(&[(6, 3), (12, 1)])
        })
    );
    let rest: Vec<_> = answer["data"].as_array().unwrap()[1..]
        .iter()
        .map(|s| (&s["service"], &s["requests"]))
        .collect();
    assert_eq!(
        rest,
        [(&json!("pay"), &json!(1)), (&json!("shop"), &json!(1))]
    );
    let narrow = api
        .ok("/api/v1/services?from=now-1h&service=shop&endpoint=/b")
        .await;
    assert_eq!(narrow["data"][0]["requests"], 2);

    let codes = api.ok("/api/v1/status-codes?from=now-1h").await;
    let code = |status: u16, requests: u64| json!({"status": status, "requests": requests, "share": requests as f64 / 6.0});
    assert_eq!(
        codes["data"],
        json!([code(200, 3), code(0, 1), code(404, 1), code(500, 1)])
    );
    let codes = api
        .ok("/api/v1/status-codes?from=now-1h&service=shop&endpoint=/b")
        .await;
    assert_eq!(
        codes["data"],
        json!([{"status": 404, "requests": 1, "share": 0.5}, {"status": 500, "requests": 1, "share": 0.5}])
    );
}
