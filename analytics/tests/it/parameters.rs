use serde_json::json;

use crate::harness::{Api, refusal};

#[tokio::test]
async fn every_bad_parameter_has_its_code_and_a_hint() {
    let api = Api::new().await;
    for (path, code) in [
        ("summary?from=yesterday", "invalid_time"),
        ("summary?to=tomorrow", "invalid_time"),
        ("summary?from=2026-04-01T00:00:00+02:00", "invalid_time"),
        ("summary?tz=Moon", "invalid_tz"),
        ("summary?step=2m", "invalid_step"),
        ("summary?from=now&to=now-1h", "invalid_range"),
        ("timeseries?from=now-3d&step=1m", "query_too_wide"),
        (
            "timeseries?from=now-20d&to=now-19d&step=5m",
            "minutes_expired",
        ),
        ("summary?servce=shop", "unknown_parameter"),
        ("summary?limit=5", "unknown_parameter"),
        ("summary?service=a&service=b", "duplicate_parameter"),
        ("summary?service=", "empty_parameter"),
        ("summary?endpoint=/a", "service_required"),
        ("endpoints?method=GET", "service_required"),
        ("endpoints?sort=name", "invalid_sort"),
        ("endpoints?limit=0", "invalid_limit"),
        ("endpoints?limit=1001", "invalid_limit"),
        ("endpoints?limit=x", "invalid_limit"),
        ("pipeline/ledger?from=now-1h", "unknown_parameter"),
        ("tenants?tenant=default", "unknown_parameter"),
        ("dead-letters?state=closed", "invalid_state"),
        ("dead-letters?limit=501", "invalid_limit"),
        ("dead-letters?limit=0", "invalid_limit"),
        ("dead-letters?cursor=abc", "invalid_cursor"),
    ] {
        api.refused(&format!("/api/v1/{path}"), 422, code).await;
    }
    let problem = api
        .refused("/api/v1/summary?servce=shop", 422, "unknown_parameter")
        .await;
    assert_eq!(problem["detail"], "there is no parameter `servce`");
    let problem = api
        .refused(
            "/api/v1/timeseries?from=now-3d&step=1m",
            422,
            "query_too_wide",
        )
        .await;
    assert_eq!(problem["hint"], "use step=5m or a shorter range");
    let ok = api
        .ok("/api/v1/summary?from=2026-04-01T00:00:00%2B02:00")
        .await;
    assert_eq!(ok["meta"]["from"], "2026-03-31T22:00:00.000Z");
}

#[tokio::test]
async fn other_paths_and_methods_are_problems_too() {
    let api = Api::new().await;
    let reply = api.get("/api/v1/nothing").await;
    assert_eq!(
        (reply.status.as_u16(), &reply.json()["code"]),
        (404, &json!("not_found"))
    );
    refusal(
        &api.post("/api/v1/summary", None).await,
        405,
        "method_not_allowed",
    );
    api.refused(
        "/api/v1/dead-letters/x.1/discard",
        405,
        "method_not_allowed",
    )
    .await;
}
