//! Events to count, and what is known of them.

use sendry_domain::{
    fingerprint::Fingerprint,
    histogram::Histogram,
    id::{KeyId, MessageId, PipelineName, TenantId},
    message::{Message, MessageEvent, RequestRef, Scope, VERSION},
    time::UnixMillis,
};
use serde_json::{Value, json, value::RawValue};

/// `GET /a` of `shop` in production, answered 200 in `ms`.
pub fn event(at: &str, ms: f64) -> Value {
    json!({
        "timestamp": at, "serviceName": "shop", "environment": "production", "endpoint": "/a",
        "method": "GET", "statusCode": 200, "latencyMs": ms
    })
}

/// The event with other fields; `null` takes one away.
pub fn but(mut event: Value, changes: Value) -> Value {
    let (Value::Object(fields), Value::Object(changes)) = (&mut event, changes) else {
        panic!("events and changes are objects");
    };
    for (name, value) in changes {
        if value.is_null() {
            fields.remove(&name);
        } else {
            fields.insert(name, value);
        }
    }
    event
}

/// Six events of the last hour (09:31 to now), and two of the hour before it.
pub fn known() -> Vec<Value> {
    let (shop, b) = (
        json!({"endpoint": "/a"}),
        json!({"endpoint": "/b", "method": "POST"}),
    );
    let event = |at: &str, ms, like: &Value, more: Value| {
        let at = format!("2026-04-02T{at}Z");
        but(but(event(&at, ms), like.clone()), more)
    };
    vec![
        event(
            "10:00:00",
            10.0,
            &shop,
            json!({"requestSize": 100, "responseSize": 1000}),
        ),
        event("10:01:00", 20.0, &shop, json!({})),
        event(
            "10:02:00",
            30.0,
            &b,
            json!({"statusCode": 404, "responseSize": 50}),
        ),
        event("10:30:00", 40.0, &b, json!({"statusCode": 500})),
        event(
            "09:31:00",
            50.0,
            &shop,
            json!({"statusCode": 0, "environment": null}),
        ),
        event(
            "10:31:10",
            60.0,
            &json!({"serviceName": "pay", "environment": "staging", "endpoint": "/c"}),
            json!({"errorType": "Timeout"}),
        ),
        event("09:30:59.999", 5.0, &shop, json!({})),
        event("08:30:00", 7.0, &shop, json!({})),
        // Neither in the hour nor in the one before.
        event("08:29:59.999", 9.0, &shop, json!({})),
    ]
}

pub fn message(
    id: MessageId,
    tenant: TenantId,
    scope: Scope,
    accepted_at: UnixMillis,
    events: &[Value],
) -> Message {
    let events = events.iter().zip(0u32..).map(|(event, index)| {
        let text = event.to_string();
        MessageEvent {
            request: 0,
            index,
            fingerprint: event
                .get("eventId")
                .map(|_| Fingerprint::of_event(text.as_bytes())),
            body: RawValue::from_string(text).unwrap(),
        }
    });
    Message {
        v: VERSION,
        id,
        tenant,
        pipeline: PipelineName::fallback(),
        accepted_at,
        scope,
        requests: vec![RequestRef {
            request_id: "req-1".to_owned(),
            key_id: KeyId::new("k1").unwrap(),
            batch: None,
        }],
        events: events.collect(),
    }
}

/// What the API has to say of a percentile: the estimate of the merged histogram between the extremes, to the
/// microsecond, which is within the promised error of the truth.
pub fn percentile(latencies_ms: &[f64], q: f64) -> f64 {
    let mut sorted: Vec<u64> = latencies_ms
        .iter()
        .map(|ms| (ms * 1_000.0) as u64)
        .collect();
    sorted.sort_unstable();
    let mut histogram = Histogram::default();
    for us in &sorted {
        histogram.record(*us);
    }
    let estimate = histogram.quantile(q).unwrap().estimate_us;
    let shown = estimate
        .clamp(sorted[0] as f64, *sorted.last().unwrap() as f64)
        .round()
        / 1_000.0;
    let rank = ((q * sorted.len() as f64).ceil() as usize).max(1);
    let exact = sorted[rank - 1] as f64 / 1_000.0;
    assert!((shown / exact - 1.0).abs() <= 0.0109, "{shown} for {exact}");
    shown
}
