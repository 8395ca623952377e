//! Whether an object has to be written. Pure.
//!
//! Everything wanted has to be there as it is wanted; what is there beside it is the API server's or somebody else's. A
//! field that is no longer wanted shows in the hash of the whole, which stands in an annotation that is wanted, too.

use serde::Serialize;
use serde_json::Value;

/// Whether `found` lacks anything of `wanted`, or has it otherwise.
pub(super) fn differs(wanted: &Value, found: &impl Serialize) -> bool {
    match serde_json::to_value(found) {
        Ok(found) => !within(wanted, &found),
        // It cannot be told, so it is written: that repeats itself, and is seen.
        Err(_) => true,
    }
}

fn within(wanted: &Value, found: &Value) -> bool {
    match (wanted, found) {
        (Value::Object(wanted), Value::Object(found)) => wanted
            .iter()
            .all(|(key, value)| found.get(key).is_some_and(|found| within(value, found))),
        // The lists in what we make are sets of named things, and others may have added some of their own.
        (Value::Array(wanted), Value::Array(found)) => wanted
            .iter()
            .all(|value| found.iter().any(|found| within(value, found))),
        (wanted, found) => wanted == found,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_stands_beside_what_is_wanted_is_no_difference() {
        let wanted = json!({"a": {"b": 1}, "list": [{"name": "x", "v": 1}]});
        let mut found = json!({
            "a": {"b": 1, "default": true}, "status": {},
            "list": [{"name": "sidecar"}, {"name": "x", "v": 1, "more": 2}],
        });
        assert!(!differs(&wanted, &found));
        found["a"]["b"] = json!(2);
        assert!(differs(&wanted, &found));
        found["a"] = json!({});
        assert!(differs(&wanted, &found));
        found["a"] = json!({"b": 1});
        found["list"] = json!([{"name": "x", "v": 2}]);
        assert!(differs(&wanted, &found));
    }
}
