//! Masks secrets in an event, a second time after the SDK, and stamps a time where the client gave none.
//!
//! The mask has a constant length, so that it does not tell the length of what it hides. What is not touched keeps its
//! bytes: an event is written anew only when something in it changed.

use serde_json::{Map, Value};

use crate::time::UnixMillis;

/// What stands in place of a secret.
pub const MASK: &str = "[redacted]";

/// Parts of a name that mark its value as a secret, compared in lower case without `-` and `_`.
const SECRET_PARTS: [&str; 14] = [
    "authorization",
    "cookie",
    "password",
    "passwd",
    "secret",
    "token",
    "apikey",
    "privatekey",
    "credential",
    "session",
    "signature",
    "cardnumber",
    "cvv",
    "ssn",
];

/// The bytes of an event as they may be queued: stamped with `stamp` if given, secrets masked if `redact`.
/// `None` means that the client's bytes are right as they are.
///
/// # Errors
/// When the JSON holds a number that cannot be written again exactly; such an event is refused.
pub fn rewrite(
    json: &str,
    stamp: Option<UnixMillis>,
    names_timestamp: bool,
    redact: bool,
) -> Result<Option<String>, serde_json::Error> {
    if redact {
        let mut event: Map<String, Value> = serde_json::from_str(json)?;
        let masked = mask_event(&mut event);
        if masked || (stamp.is_some() && names_timestamp) {
            if let Some(at) = stamp {
                event.insert("timestamp".to_owned(), at.0.into());
            }
            return serde_json::to_string(&event).map(Some);
        }
    }
    let Some(at) = stamp else { return Ok(None) };
    if names_timestamp {
        let mut event: Map<String, Value> = serde_json::from_str(json)?;
        event.insert("timestamp".to_owned(), at.0.into());
        return serde_json::to_string(&event).map(Some);
    }
    Ok(Some(splice_timestamp(json, at)))
}

/// Adds the field after the opening brace: the rest keeps its bytes.
fn splice_timestamp(json: &str, at: UnixMillis) -> String {
    let inside = json.trim_start().strip_prefix('{').unwrap_or(json);
    let comma = if inside.trim_start().starts_with('}') {
        ""
    } else {
        ","
    };
    format!("{{\"timestamp\":{}{comma}{inside}", at.0)
}

fn mask_event(event: &mut Map<String, Value>) -> bool {
    let mut masked = false;
    for name in [
        "requestHeaders",
        "responseHeaders",
        "attributes",
        "requestBody",
        "responseBody",
    ] {
        if let Some(value) = event.get_mut(name) {
            masked |= mask_value(value);
        }
    }
    if let Some(Value::String(path)) = event.get_mut("path") {
        masked |= mask_query(path);
    }
    masked
}

fn mask_value(value: &mut Value) -> bool {
    match value {
        Value::Object(map) => {
            let mut masked = false;
            for (name, inner) in map.iter_mut() {
                if is_secret_name(name) {
                    masked |= inner.as_str() != Some(MASK);
                    *inner = Value::String(MASK.to_owned());
                } else {
                    masked |= mask_value(inner);
                }
            }
            masked
        }
        Value::Array(items) => items
            .iter_mut()
            .fold(false, |masked, item| mask_value(item) | masked),
        // A body captured as text may itself be JSON.
        Value::String(text) if text.starts_with(['{', '[']) => {
            let Ok(mut inner) = serde_json::from_str::<Value>(text) else {
                return false;
            };
            let masked = mask_value(&mut inner);
            if masked {
                *text = inner.to_string();
            }
            masked
        }
        _ => false,
    }
}

/// Masks the values of secret parameters in the query of a path.
fn mask_query(path: &mut String) -> bool {
    let Some((before, query)) = path.split_once('?') else {
        return false;
    };
    let mut masked = false;
    let parameters: Vec<String> = query
        .split('&')
        .map(|parameter| match parameter.split_once('=') {
            Some((name, value)) if is_secret_name(name) && value != MASK => {
                masked = true;
                format!("{name}={MASK}")
            }
            _ => parameter.to_owned(),
        })
        .collect();
    if masked {
        *path = format!("{before}?{}", parameters.join("&"));
    }
    masked
}

fn is_secret_name(name: &str) -> bool {
    let plain: String = name
        .chars()
        .filter(|c| !matches!(c, '-' | '_'))
        .flat_map(char::to_lowercase)
        .collect();
    SECRET_PARTS.iter().any(|part| plain.contains(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn redacted(json: &str) -> Option<String> {
        rewrite(json, None, false, true).unwrap()
    }

    #[test]
    fn secrets_are_masked_wherever_they_stand() {
        let json = r#"{"path":"/a?x=1&api_key=K1","requestHeaders":{"Authorization":"K2","accept":"*"},"requestBody":"{\"user\":{\"passWord\":\"K3\"}}","responseBody":[{"refresh-token":"K4"}],"attributes":{"session.id":"K5"}}"#;
        let out = redacted(json).unwrap();
        for secret in ["K1", "K2", "K3", "K4", "K5"] {
            assert!(!out.contains(secret), "{secret} in {out}");
        }
        assert!(out.contains("accept") && out.contains("x=1"));
        assert_eq!(redacted(&out), None, "masking again changes nothing");
    }

    #[test]
    fn what_holds_no_secret_keeps_its_bytes() {
        assert_eq!(
            redacted(r#"{ "path" : "/a?page=2", "latencyMs": 1.50 }"#),
            None
        );
    }

    #[test]
    fn a_stamp_leaves_the_other_bytes_alone() {
        let at = Some(UnixMillis(5));
        let out = rewrite(r#" { "latencyMs": 1.50 }"#, at, false, false)
            .unwrap()
            .unwrap();
        assert_eq!(out, r#"{"timestamp":5, "latencyMs": 1.50 }"#);
        assert_eq!(
            rewrite("{}", at, false, false).unwrap().unwrap(),
            r#"{"timestamp":5}"#
        );
        let null = rewrite(r#"{"timestamp":null,"a":1}"#, at, true, false)
            .unwrap()
            .unwrap();
        assert_eq!(null, r#"{"timestamp":5,"a":1}"#);
    }
}
