//! What the management API answers, as far as it is read here.

use serde::Deserialize;

use crate::topology::{Arguments, Binding, Exchange, ObservedQueue, Policy};

#[derive(Deserialize)]
pub(super) struct ExchangeForm {
    name: String,
    #[serde(rename = "type")]
    kind: String,
    durable: bool,
    arguments: Arguments,
}

#[derive(Deserialize)]
pub(super) struct QueueForm {
    name: String,
    arguments: Arguments,
    #[serde(default)]
    policy: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct BindingForm {
    source: String,
    destination: String,
    destination_type: String,
    routing_key: String,
    arguments: Arguments,
    /// Its name among the bindings of these two.
    pub properties_key: String,
}

#[derive(Deserialize)]
pub(super) struct PolicyForm {
    name: String,
    pattern: String,
    #[serde(rename = "apply-to")]
    apply_to: String,
    priority: i64,
    definition: Arguments,
}

/// A refusal.
#[derive(Deserialize)]
pub(super) struct Refusal {
    #[serde(default)]
    pub reason: serde_json::Value,
}

impl From<ExchangeForm> for Exchange {
    fn from(form: ExchangeForm) -> Self {
        Self {
            name: form.name,
            kind: form.kind,
            durable: form.durable,
            arguments: form.arguments,
        }
    }
}

impl From<QueueForm> for ObservedQueue {
    fn from(form: QueueForm) -> Self {
        Self {
            name: form.name,
            arguments: form.arguments,
            policy: form.policy.filter(|policy| !policy.is_empty()),
        }
    }
}

impl BindingForm {
    /// A binding of an exchange to a queue. The broker's own, of the nameless exchange, and those between exchanges are
    /// not ours to know.
    pub fn to_queue(&self) -> Option<Binding> {
        (!self.source.is_empty() && self.destination_type == "queue").then(|| Binding {
            source: self.source.clone(),
            queue: self.destination.clone(),
            routing_key: self.routing_key.clone(),
            arguments: self.arguments.clone(),
        })
    }
}

impl From<PolicyForm> for Policy {
    fn from(form: PolicyForm) -> Self {
        Self {
            name: form.name,
            pattern: form.pattern,
            apply_to: form.apply_to,
            priority: form.priority,
            definition: form.definition,
        }
    }
}
