//! What an entry of `spec.apiKeys` asks for, checked once.
//!
//! The API server has checked most of it by CEL. It is checked again because an entry may be older than the rule.

use sendry_crds::tenant::{ApiKeySpec, Rotation};
use sendry_domain::time::{HOUR, UnixMillis};

use crate::quantity::millis;

/// How long an old key stays valid where the spec says nothing.
const OVERLAP: i64 = 168 * HOUR;
const LONGEST_OVERLAP: i64 = 2160 * HOUR;
const SHORTEST_INTERVAL: i64 = HOUR;

/// An entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyEntry {
    /// Its identity within the tenant.
    pub name: String,
    /// Services its keys may send events of; none = all.
    pub services: Vec<String>,
    /// Where its keys come from.
    pub source: Source,
    /// How old a key grows before the next one is made, in milliseconds; `None` = any age.
    pub interval: Option<i64>,
    /// How long an old key stays valid beside the new one, in milliseconds.
    pub overlap: i64,
    /// A change of it makes exactly one new key. `None` wishes for nothing: taking a trigger away makes no new key.
    pub trigger: Option<String>,
    /// Its keys are not valid from then on.
    pub expires_at: Option<UnixMillis>,
    /// All its keys are refused for good.
    pub revoked: bool,
}

/// Where keys come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// The operator makes them.
    Generate {
        /// The Secret that shows them.
        secret: String,
    },
    /// Somebody else puts them into a Secret.
    Reference {
        /// The Secret.
        secret: String,
        /// Which of its values.
        key: String,
    },
}

/// An entry that cannot be honoured.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the API key `{name}` cannot be honoured: {why}")]
pub struct InvalidEntry {
    /// Its name.
    pub name: String,
    /// What is wrong, and what would be right.
    pub why: &'static str,
}

impl KeyEntry {
    /// The Secret where its key is published, or taken from.
    #[must_use]
    pub fn secret(&self) -> &str {
        match &self.source {
            Source::Generate { secret } | Source::Reference { secret, .. } => secret,
        }
    }

    /// Whether `expires_at` is over.
    #[must_use]
    pub fn is_expired(&self, now: UnixMillis) -> bool {
        self.expires_at.is_some_and(|at| at <= now)
    }
}

/// Reads an entry.
///
/// # Errors
/// When it contradicts itself, or one of its durations is none or out of bounds.
pub fn validate(spec: &ApiKeySpec) -> Result<KeyEntry, InvalidEntry> {
    let invalid = |why| InvalidEntry {
        name: spec.name.clone(),
        why,
    };
    let source = match (&spec.secret_ref, &spec.generate) {
        (Some(_), Some(_)) => {
            return Err(invalid(
                "a key is either made by the operator (generate) or taken from a Secret (secretRef)",
            ));
        }
        (Some(from), None) => Source::Reference {
            secret: from.name.clone(),
            key: from.key.clone(),
        },
        (None, _) => Source::Generate {
            secret: spec.secret_name.as_ref().unwrap_or(&spec.name).clone(),
        },
    };
    let rotation = spec.rotation.as_ref();
    let (interval, overlap) = rotation
        .map_or(Ok((None, OVERLAP)), times)
        .map_err(invalid)?;
    let trigger = rotation.and_then(|rotation| rotation.trigger.clone());
    let generated = matches!(source, Source::Generate { .. });
    Ok(KeyEntry {
        name: spec.name.clone(),
        services: spec.services.clone(),
        source,
        // A key from elsewhere is rotated there.
        interval: interval.filter(|_| generated),
        overlap,
        trigger: trigger.filter(|text| generated && !text.is_empty()),
        expires_at: spec
            .expires_at
            .as_ref()
            .map(|time| UnixMillis(time.0.as_millisecond())),
        revoked: spec.revoked,
    })
}

fn times(rotation: &Rotation) -> Result<(Option<i64>, i64), &'static str> {
    let overlap = millis(&rotation.overlap)
        .filter(|overlap| *overlap <= LONGEST_OVERLAP)
        .ok_or("rotation.overlap is a duration from 0s to 2160h, such as 168h")?;
    let Some(interval) = &rotation.interval else {
        return Ok((None, overlap));
    };
    let interval = millis(interval)
        .filter(|interval| *interval >= SHORTEST_INTERVAL)
        .ok_or("rotation.interval is a duration of at least 1h, such as 2160h")?;
    if overlap >= interval {
        return Err("rotation.overlap must be shorter than rotation.interval");
    }
    Ok((Some(interval), overlap))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(json: serde_json::Value) -> ApiKeySpec {
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn durations_are_read_as_the_resources_write_them() {
        for (text, wanted) in [
            ("0s", Some(0)),
            ("1h30m", Some(5_400_000)),
            ("1h1s", Some(3_601_000)),
            ("90m", Some(5_400_000)),
            ("168h", Some(604_800_000)),
            ("", None),
            ("h", None),
            ("1", None),
            ("1s1h", None),
            ("-1h", None),
            ("1h1h", None),
            ("1.5h", None),
            ("9999999999999999h", None),
        ] {
            assert_eq!(millis(text), wanted, "{text:?}");
        }
    }

    #[test]
    fn names_and_times_are_the_effective_ones() {
        let entry = validate(&spec(serde_json::json!({"name": "web"}))).unwrap();
        let own = Source::Generate {
            secret: "web".to_owned(),
        };
        assert_eq!(
            (entry.source, entry.overlap, entry.interval),
            (own, OVERLAP, None)
        );
        let entry = validate(&spec(serde_json::json!({
            "name": "web", "secretName": "other", "expiresAt": "2026-01-02T03:04:05Z",
            "rotation": {"interval": "48h", "overlap": "1h", "trigger": "t"},
        })))
        .unwrap();
        assert_eq!(entry.secret(), "other");
        assert_eq!(entry.interval, Some(48 * HOUR));
        assert_eq!(entry.trigger.as_deref(), Some("t"));
        assert_eq!(entry.expires_at, Some(UnixMillis(1_767_323_045_000)));
    }

    #[test]
    fn a_reference_has_no_rotation_of_its_own_but_an_overlap() {
        let entry = validate(&spec(serde_json::json!({
            "name": "web", "secretRef": {"name": "vault"},
            "rotation": {"interval": "48h", "overlap": "1h", "trigger": "t"},
        })))
        .unwrap();
        let from = Source::Reference {
            secret: "vault".to_owned(),
            key: "api-key".to_owned(),
        };
        assert_eq!(entry.source, from);
        assert_eq!(
            (entry.interval, entry.trigger, entry.overlap),
            (None, None, HOUR)
        );
    }

    #[test]
    fn contradictions_are_told_with_the_name() {
        for (json, says) in [
            (
                serde_json::json!({"name": "web", "generate": {}, "secretRef": {"name": "x"}}),
                "either",
            ),
            (
                serde_json::json!({"name": "web", "rotation": {"interval": "1h", "overlap": "1h"}}),
                "shorter",
            ),
            (
                serde_json::json!({"name": "web", "rotation": {"interval": "59m"}}),
                "at least 1h",
            ),
            (
                serde_json::json!({"name": "web", "rotation": {"overlap": "2161h"}}),
                "2160h",
            ),
        ] {
            let error = validate(&spec(json)).unwrap_err().to_string();
            assert!(error.contains("`web`") && error.contains(says), "{error}");
        }
    }
}
