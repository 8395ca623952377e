use serde_json::{Value, json};

use super::{error::Rule, *};
use crate::{
    time::{HOUR, UnixMillis},
    window::Window,
};

const NOW: UnixMillis = UnixMillis(1_800_000_000_000);

fn valid() -> Value {
    json!({
        "eventId": "order-1", "timestamp": NOW.0 - 5, "serviceName": "shop", "endpoint": "/orders/:id",
        "method": "get", "statusCode": 200, "latencyMs": 12.3456, "requestSize": 10, "responseSize": 0,
        "clientIp": "203.0.113.9", "userAgent": "curl/8", "path": "/orders/1", "environment": "production",
        "version": "1.2", "host": "shop.example", "consumer": "acme", "requestId": "r-1",
        "traceId": "0af7651916cd43dd8448eb211c80319c", "spanId": "b7ad6b7169203331",
        "errorMessage": "line one\nline two", "aborted": false,
        "requestHeaders": {"accept": "*/*"}, "attributes": {"a": 1}, "requestBody": {"x": [1]}
    })
}

fn check(event: &Value) -> Result<Event, EventError> {
    parse(&event.to_string(), Window::default(), NOW).map(|p| p.event)
}

fn with(field: &str, value: Value) -> Value {
    let mut event = valid();
    event[field] = value;
    event
}

#[test]
fn a_full_event_is_read_exactly() {
    let event = check(&valid()).unwrap();
    assert_eq!(&*event.method, "GET");
    assert_eq!(event.latency_us, 12_346, "rounded to whole microseconds");
    assert_eq!(
        (event.request_size, event.response_size),
        (Some(10), Some(0))
    );
    assert_eq!(event.timestamp, NOW.plus(-5));
}

#[test]
fn absent_and_null_are_the_same() {
    for field in [
        "eventId",
        "requestSize",
        "environment",
        "version",
        "consumer",
        "errorType",
        "aborted",
    ] {
        let mut absent = valid();
        absent.as_object_mut().unwrap().remove(field);
        assert_eq!(check(&absent), check(&with(field, Value::Null)), "{field}");
    }
    assert_eq!(
        check(&with("requestSize", Value::Null))
            .unwrap()
            .request_size,
        None
    );
}

#[test]
fn an_event_without_a_time_is_stamped() {
    let parsed = parse(
        &with("timestamp", Value::Null).to_string(),
        Window::default(),
        NOW,
    )
    .unwrap();
    assert!(parsed.needs_stamp && parsed.names_timestamp);
    assert_eq!(parsed.event.timestamp, NOW);
}

#[test]
fn every_refusal_names_its_field_and_rule() {
    use Rule::*;
    let long = |n: usize| json!("x".repeat(n));
    let big_map: Value = (0..65)
        .map(|i| (format!("h{i}"), json!("v")))
        .collect::<serde_json::Map<_, _>>()
        .into();
    let cases: Vec<(&str, Value, Rule)> = vec![
        ("serviceName", Value::Null, MissingField),
        ("endpoint", Value::Null, MissingField),
        ("method", Value::Null, MissingField),
        ("statusCode", Value::Null, MissingField),
        ("latencyMs", Value::Null, MissingField),
        ("eventId", long(129), TooLong),
        ("eventId", json!("a b"), InvalidValue),
        ("eventId", json!(5), InvalidType),
        ("serviceName", long(65), TooLong),
        ("serviceName", json!(""), InvalidValue),
        ("serviceName", json!("a/b"), InvalidValue),
        ("endpoint", json!("orders"), InvalidValue),
        ("endpoint", json!(format!("/{}", "x".repeat(256))), TooLong),
        ("endpoint", json!("/a\u{0}"), InvalidValue),
        ("method", long(17), TooLong),
        ("method", json!("G T"), InvalidValue),
        ("statusCode", json!(99), OutOfRange),
        ("statusCode", json!(600), OutOfRange),
        ("statusCode", json!(-1), OutOfRange),
        ("statusCode", json!(200.5), OutOfRange),
        ("statusCode", json!("200"), InvalidType),
        ("latencyMs", json!(-0.5), OutOfRange),
        ("latencyMs", json!(86_400_001), OutOfRange),
        ("latencyMs", json!("12"), InvalidType),
        ("latencyMs", json!([1]), InvalidType),
        ("requestSize", json!(-1), OutOfRange),
        ("requestSize", json!(1.5), OutOfRange),
        ("responseSize", json!((1u64 << 53) + 1), OutOfRange),
        ("timestamp", json!("yesterday"), InvalidValue),
        ("timestamp", json!(true), InvalidType),
        ("timestamp", json!("1970-01-01T00:00:00Z"), TimestampTooOld),
        ("timestamp", json!(NOW.0 - 48 * HOUR - 1), TimestampTooOld),
        (
            "timestamp",
            json!("2100-01-01T00:00:00Z"),
            TimestampInFuture,
        ),
        ("clientIp", json!("1.2.3"), InvalidValue),
        ("clientIp", long(46), TooLong),
        ("userAgent", long(513), TooLong),
        ("path", long(1025), TooLong),
        ("environment", long(65), TooLong),
        ("version", long(65), TooLong),
        ("host", long(256), TooLong),
        ("consumer", long(129), TooLong),
        ("requestId", long(129), TooLong),
        ("traceId", json!("0".repeat(32)), InvalidValue),
        ("spanId", json!("xyz"), InvalidValue),
        ("errorType", long(129), TooLong),
        ("errorMessage", long(1025), TooLong),
        ("aborted", json!("no"), InvalidType),
        ("requestHeaders", big_map.clone(), TooLong),
        ("responseHeaders", json!([]), InvalidType),
        ("attributes", big_map, TooLong),
        ("requestBody", long(64 * 1024), TooLong),
        ("responseBody", long(64 * 1024), TooLong),
    ];
    for (field, value, rule) in cases {
        let error = check(&with(field, value)).expect_err(field);
        assert_eq!((error.field.as_ref(), error.rule), (field, rule), "{error}");
        assert!(error.message.len() > 10, "{field} needs a sentence");
    }
}

#[test]
fn a_value_over_its_limit_is_named_by_its_path() {
    let error = check(&with("requestHeaders", json!({"x-big": "v".repeat(9000)}))).unwrap_err();
    assert_eq!(error.field, "requestHeaders.x-big");
}

#[test]
fn text_that_json_can_write_but_not_hold_is_refused() {
    let base = r#"{"serviceName":"s","endpoint":"/","method":"GET","statusCode":200,"latencyMs":"#;
    for (tail, rule) in [
        ("NaN}", Rule::InvalidJson),
        ("1e400}", Rule::OutOfRange),
        ("1e10}", Rule::OutOfRange),
        ("1,\"latencyMs\":2}", Rule::DuplicateField),
        (
            "1,\"clientIp\":\"::1\",\"ip\":\"::1\"}",
            Rule::DuplicateField,
        ),
        ("1,\"version\":\"\\ud800\"}", Rule::InvalidValue),
        ("1} x", Rule::InvalidJson),
        ("1", Rule::InvalidJson),
    ] {
        let json = format!("{base}{tail}");
        let error = parse(&json, Window::default(), NOW).expect_err(&json);
        assert_eq!(error.rule, rule, "{json}");
    }
    for (json, rule) in [
        ("[]", Rule::InvalidJson),
        ("null", Rule::InvalidJson),
        ("", Rule::InvalidJson),
    ] {
        assert_eq!(parse(json, Window::default(), NOW).unwrap_err().rule, rule);
    }
    let huge = format!("{{\"x\":\"{}\"}}", "y".repeat(limits::EVENT_BYTES));
    assert_eq!(
        parse(&huge, Window::default(), NOW).unwrap_err().rule,
        Rule::EventTooLarge
    );
}

#[test]
fn whole_numbers_may_be_written_as_fractions() {
    assert_eq!(
        check(&with("statusCode", json!(204.0))).unwrap().status,
        204
    );
    assert_eq!(
        check(&with("latencyMs", json!(-0.0))).unwrap().latency_us,
        0
    );
    assert_eq!(
        check(&with("latencyMs", json!(86_400_000)))
            .unwrap()
            .latency_us,
        86_400_000_000
    );
}

#[test]
fn unknown_fields_are_counted_and_unknown_methods_folded() {
    let json = with("surprise", json!({"deep": [1, 2]})).to_string();
    assert_eq!(
        parse(&json, Window::default(), NOW).unwrap().unknown_fields,
        1
    );
    assert_eq!(
        &*check(&with("method", json!("brew"))).unwrap().method,
        OTHER_METHOD
    );
    assert_eq!(
        &*check(&with("endpoint", json!(UNMATCHED))).unwrap().endpoint,
        UNMATCHED
    );
}
