//! What the platform may say of workers' pods beside the operator's own flags: where they go, and annotations. Nothing of it
//! can change what runs in a pod, or as whom.

use std::{collections::BTreeMap, str::FromStr};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// What annotations of ours begin with.
const OURS: &str = "sendry.io/";

/// The fields of `--worker-pod-template`, as a pod has them. What is empty is not written: the API server forgets it, and it
/// would be missed at every look.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct PodTemplate {
    /// Labels that a node must have.
    pub node_selector: BTreeMap<String, String>,
    /// Taints that are borne.
    pub tolerations: Vec<Toleration>,
    /// A PriorityClass; empty for none.
    pub priority_class_name: String,
    /// Of the pods.
    pub annotations: BTreeMap<String, String>,
}

/// A taint that is borne, as a pod says it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Toleration {
    /// The taint's key; empty with `Exists` for all of them.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub key: String,
    /// `Equal`, also where it is empty, or `Exists`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub operator: String,
    /// The taint's value.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub value: String,
    /// `NoSchedule`, `PreferNoSchedule` or `NoExecute`; empty for all of them.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub effect: String,
    /// How long a pod stays on a node with a taint `NoExecute`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub toleration_seconds: Option<i64>,
}

/// Not such a template.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTemplate {
    /// No JSON, or a field that is not to be said here.
    #[error(
        "expected JSON with nodeSelector, tolerations, priorityClassName and annotations, each as a pod has it, and nothing \
         else: {0}"
    )]
    Json(String),
    /// No pod could be made of it.
    #[error("{field} `{text}`: {rule}")]
    Rule {
        /// Which.
        field: &'static str,
        /// What it has.
        text: String,
        /// What it must be.
        rule: &'static str,
    },
}

impl FromStr for PodTemplate {
    type Err = InvalidTemplate;

    fn from_str(text: &str) -> Result<Self, InvalidTemplate> {
        let wrong = |error: serde_json::Error| InvalidTemplate::Json(error.to_string());
        // By names alone: serde would take a list for the fields in their order.
        let fields: Map<String, Value> = serde_json::from_str(text).map_err(wrong)?;
        let read: Self = serde_json::from_value(Value::Object(fields)).map_err(wrong)?;
        read.check()?;
        Ok(read)
    }
}

impl PodTemplate {
    /// The fields of the pod, without those that are empty.
    pub(super) fn pod(&self) -> BTreeMap<&'static str, Value> {
        let fields = [
            ("nodeSelector", json!(self.node_selector)),
            ("tolerations", json!(self.tolerations)),
            ("priorityClassName", json!(self.priority_class_name)),
        ];
        let is_said =
            |(_, value): &(&str, Value)| ![json!({}), json!([]), json!("")].contains(value);
        fields.into_iter().filter(is_said).collect()
    }

    fn check(&self) -> Result<(), InvalidTemplate> {
        let rule = |field, text: &str, rule| {
            let text = text.to_owned();
            Err(InvalidTemplate::Rule { field, text, rule })
        };
        const KEY: &str =
            "must be a key such as example.com/zone: letters, digits, `-`, `_` and `.`";
        for (key, value) in &self.node_selector {
            if !is_key(key) {
                return rule("nodeSelector", key, KEY);
            }
            if !value.is_empty() && !is_word(value) {
                return rule("nodeSelector", value, "must be the value of a label");
            }
        }
        for key in self.annotations.keys() {
            if !is_key(key) {
                return rule("annotations", key, KEY);
            }
            if key.starts_with(OURS) {
                return rule("annotations", key, "is the operator's own");
            }
        }
        let class = &self.priority_class_name;
        if !class.is_empty() && !is_domain(class) {
            return rule(
                "priorityClassName",
                class,
                "must be the name of a PriorityClass",
            );
        }
        self.tolerations.iter().try_for_each(Toleration::check)
    }
}

impl Toleration {
    fn check(&self) -> Result<(), InvalidTemplate> {
        let rule = |rule| {
            let text = json!(self).to_string();
            let field = "tolerations";
            Err(InvalidTemplate::Rule { field, text, rule })
        };
        let exists = match self.operator.as_str() {
            "" | "Equal" => false,
            "Exists" => true,
            _ => return rule("operator must be Equal or Exists"),
        };
        if exists && !self.value.is_empty() {
            return rule("with the operator Exists there is no value");
        }
        if !exists && self.key.is_empty() {
            return rule("without a key the operator must be Exists, which bears every taint");
        }
        if !self.key.is_empty() && !is_key(&self.key) {
            return rule("key must be one of a taint");
        }
        if !self.value.is_empty() && !is_word(&self.value) {
            return rule("value must be one of a taint");
        }
        if !["", "NoSchedule", "PreferNoSchedule", "NoExecute"].contains(&self.effect.as_str()) {
            return rule("effect must be NoSchedule, PreferNoSchedule or NoExecute");
        }
        if self.toleration_seconds.is_some() && self.effect != "NoExecute" {
            return rule("tolerationSeconds is only for the effect NoExecute");
        }
        Ok(())
    }
}

/// A key of labels, annotations and taints: a name, and before it perhaps a domain.
fn is_key(text: &str) -> bool {
    match text.split_once('/') {
        Some((domain, name)) => is_domain(domain) && is_word(name),
        None => is_word(text),
    }
}

/// A name, or the value of a label.
fn is_word(text: &str) -> bool {
    let good = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    let ends = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    let bytes = text.as_bytes();
    bytes.len() <= 63
        && bytes.iter().copied().all(good)
        && ends(bytes.first())
        && ends(bytes.last())
}

fn is_domain(text: &str) -> bool {
    let good = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let is_label = |label: &str| {
        !label.is_empty()
            && label.bytes().all(good)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    text.len() <= 253 && text.split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_pod_cannot_have_is_refused_by_name() {
        let refused = |text: &str| text.parse::<PodTemplate>().unwrap_err().to_string();
        for (text, named) in [
            ("", "nodeSelector, tolerations"),
            ("[]", "nodeSelector, tolerations"),
            (r#"{"hostNetwork": true}"#, "hostNetwork"),
            (r#"{"tolerations": [{"keys": "a"}]}"#, "keys"),
            (r#"{"nodeSelector": {"a": 1}}"#, "expected a string"),
            (r#"{"nodeSelector": {"a b": "c"}}"#, "a b"),
            (r#"{"nodeSelector": {"a": "-"}}"#, "value of a label"),
            (r#"{"annotations": {"/x": ""}}"#, "/x"),
            (
                r#"{"annotations": {"sendry.io/config": "x"}}"#,
                "operator's own",
            ),
            (
                r#"{"priorityClassName": "High"}"#,
                "priorityClassName `High`",
            ),
            (r#"{"tolerations": [{}]}"#, "Exists"),
            (
                r#"{"tolerations": [{"key": "a", "operator": "exists"}]}"#,
                "Equal or Exists",
            ),
            (
                r#"{"tolerations": [{"key": "a", "operator": "Exists", "value": "b"}]}"#,
                "no value",
            ),
            (
                r#"{"tolerations": [{"key": "a", "effect": "Never"}]}"#,
                "effect",
            ),
            (
                r#"{"tolerations": [{"key": "a", "tolerationSeconds": 1}]}"#,
                "NoExecute",
            ),
        ] {
            let said = refused(text);
            assert!(said.contains(named), "{text}: {said}");
        }
    }

    #[test]
    fn what_is_empty_is_not_said_to_the_api_server() {
        let plain: PodTemplate = "{}".parse().unwrap();
        assert_eq!(plain, PodTemplate::default());
        assert!(plain.pod().is_empty());
        let empty = r#"{"nodeSelector": {}, "tolerations": [], "priorityClassName": "", "annotations": {}}"#;
        assert_eq!(empty.parse(), Ok(plain));
        let taint = r#"{"tolerations": [{"key": "a", "operator": "", "value": "", "effect": "NoExecute"}]}"#;
        let taint: PodTemplate = taint.parse().unwrap();
        let expected = json!([{"key": "a", "effect": "NoExecute"}]);
        assert_eq!(taint.pod()["tolerations"], expected);
    }
}
