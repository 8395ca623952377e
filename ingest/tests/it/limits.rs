//! The limits of every field, as the contract has them.

use serde_json::{Map, Value, json};

use crate::{client::event, harness::NOW};

/// A good event with other fields.
pub fn with(changes: &[(&str, Value)]) -> String {
    let mut event: Map<String, Value> = serde_json::from_str(&event("")).unwrap();
    for (name, value) in changes {
        event.insert((*name).to_owned(), value.clone());
    }
    Value::Object(event).to_string()
}

pub fn text(n: usize) -> Value {
    Value::from("x".repeat(n))
}

fn names(n: usize) -> Value {
    (0..n)
        .map(|n| (format!("n{n}"), json!(1)))
        .collect::<Map<_, _>>()
        .into()
}

fn named(name: usize, value: usize) -> Value {
    Map::from_iter([("x".repeat(name), text(value))]).into()
}

/// (field, the most it may hold, what is too much, the refusal's code)
pub fn limits() -> Vec<(&'static str, Value, Value, &'static str)> {
    let path = |n: usize| Value::from(format!("/{}", "x".repeat(n - 1)));
    let mut rows = vec![
        ("serviceName", text(64), text(65), "too_long"),
        (
            "serviceName",
            json!("a.b_c-1"),
            json!("a b"),
            "invalid_value",
        ),
        ("serviceName", json!("a"), json!(""), "invalid_value"),
        ("serviceName", json!("a"), Value::Null, "missing_field"),
        ("serviceName", json!("a"), json!(["a"]), "invalid_type"),
        ("endpoint", path(256), path(257), "too_long"),
        (
            "endpoint",
            json!("(unmatched)"),
            json!("users"),
            "invalid_value",
        ),
        ("endpoint", json!("/ä"), json!("/\n"), "invalid_value"),
        ("method", text(16), text(17), "too_long"),
        ("method", json!("get"), json!("G T"), "invalid_value"),
        ("statusCode", json!(599), json!(600), "out_of_range"),
        ("statusCode", json!(100), json!(99), "out_of_range"),
        ("statusCode", json!(0), json!(-1), "out_of_range"),
        ("statusCode", json!(200.0), json!(200.5), "out_of_range"),
        ("statusCode", json!(200), json!("200"), "invalid_type"),
        (
            "latencyMs",
            json!(86_400_000),
            json!(86_400_000.001),
            "out_of_range",
        ),
        ("latencyMs", json!(0), json!(-0.001), "out_of_range"),
        ("latencyMs", json!(0.001), json!(1e300), "out_of_range"),
        ("latencyMs", json!(1), json!("1"), "invalid_type"),
        (
            "requestSize",
            json!(1u64 << 53),
            json!((1u64 << 53) + 1),
            "out_of_range",
        ),
        ("responseSize", json!(0), json!(-1), "out_of_range"),
        ("environment", text(64), text(65), "too_long"),
        ("environment", json!("prod"), json!("a/b"), "invalid_value"),
        (
            "clientIp",
            json!("2001:db8::1"),
            json!("999.1.1.1"),
            "invalid_value",
        ),
        (
            "clientIp",
            json!("::ffff:255.255.255.255"),
            text(46),
            "too_long",
        ),
        (
            "traceId",
            json!("0af7651916cd43dd8448eb211c80319c"),
            text(32),
            "invalid_value",
        ),
        (
            "spanId",
            json!("b7ad6b7169203331"),
            json!("0000000000000000"),
            "invalid_value",
        ),
        ("aborted", json!(true), json!("yes"), "invalid_type"),
        (
            "requestBody",
            text(64 * 1024 - 2),
            text(64 * 1024 - 1),
            "too_long",
        ),
        (
            "responseBody",
            json!({"any": [1]}),
            text(64 * 1024),
            "too_long",
        ),
        ("eventId", text(128), text(129), "too_long"),
        ("eventId", json!("a.b:c_d-1"), json!("a b"), "invalid_value"),
        ("eventId", json!("a"), json!(7), "invalid_type"),
        (
            "timestamp",
            json!(NOW - 48 * 3_600_000),
            json!(NOW - 48 * 3_600_000 - 1),
            "timestamp_too_old",
        ),
        (
            "timestamp",
            json!(NOW + 600_000),
            json!(NOW + 600_001),
            "timestamp_in_future",
        ),
        (
            "timestamp",
            json!("2027-01-15T09:00:00+01:00"),
            json!("2100-01-01T00:00:00Z"),
            "timestamp_in_future",
        ),
        (
            "timestamp",
            Value::Null,
            json!("1970-01-01T00:00:00Z"),
            "timestamp_too_old",
        ),
        (
            "timestamp",
            json!(NOW as f64),
            json!(0),
            "timestamp_too_old",
        ),
        (
            "timestamp",
            json!(NOW),
            json!("2027-01-15 08:00"),
            "invalid_value",
        ),
        ("timestamp", json!(NOW), json!(1e300), "out_of_range"),
        ("timestamp", json!(NOW), json!([]), "invalid_type"),
    ];
    let longest = [
        ("version", 64),
        ("consumer", 128),
        ("requestId", 128),
        ("errorType", 128),
        ("errorMessage", 1_024),
        ("host", 255),
        ("path", 1_024),
        ("userAgent", 512),
    ];
    rows.extend(longest.map(|(field, n)| (field, text(n), text(n + 1), "too_long")));
    for field in ["requestHeaders", "responseHeaders", "attributes"] {
        rows.push((field, names(64), names(65), "too_long"));
        rows.push((field, named(128, 1), named(129, 1), "too_long"));
        rows.push((
            field,
            named(1, 8 * 1024 - 2),
            named(1, 8 * 1024 - 1),
            "too_long",
        ));
        rows.push((field, json!({}), json!([]), "invalid_type"));
    }
    rows
}
