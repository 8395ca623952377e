//! What the management API answers, as far as it is read here.

use serde::Deserialize;

use crate::topology::{
    Arguments, Binding, Exchange, ObservedQueue, ObservedUser, Permission, Policy, SecretText,
};

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

/// A queue's statistics, which a broker has only after a while, and not at all where somebody switched them off.
#[derive(Deserialize)]
pub(super) struct CountForm {
    /// Those to be dead-lettered too.
    messages: Option<u64>,
    messages_dlx: Option<u64>,
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

#[derive(Deserialize)]
pub(super) struct UserForm {
    name: String,
    #[serde(default)]
    password_hash: String,
    #[serde(default)]
    hashing_algorithm: String,
    #[serde(default)]
    tags: Tags,
}

/// A list, or before RabbitMQ 3.9 a text with commas.
#[derive(Deserialize)]
#[serde(untagged)]
enum Tags {
    List(Vec<String>),
    Text(String),
}

#[derive(Deserialize)]
pub(super) struct PermissionForm {
    user: String,
    configure: String,
    write: String,
    read: String,
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

impl CountForm {
    pub fn held(&self) -> Option<u64> {
        Some(self.messages?.max(self.messages_dlx.unwrap_or(0)))
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

impl From<UserForm> for ObservedUser {
    fn from(form: UserForm) -> Self {
        Self {
            name: form.name,
            password_hash: SecretText::new(form.password_hash),
            hashing: form.hashing_algorithm,
            tags: match form.tags {
                Tags::List(tags) => tags,
                Tags::Text(tags) => tags
                    .split(',')
                    .filter(|tag| !tag.is_empty())
                    .map(str::to_owned)
                    .collect(),
            },
        }
    }
}

impl Default for Tags {
    fn default() -> Self {
        Self::List(Vec::new())
    }
}

impl From<PermissionForm> for (String, Permission) {
    fn from(form: PermissionForm) -> Self {
        let permission = Permission {
            configure: form.configure,
            write: form.write,
            read: form.read,
        };
        (form.user, permission)
    }
}
