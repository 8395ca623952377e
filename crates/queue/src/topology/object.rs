//! The things that stand on a broker, as values.

use std::collections::BTreeMap;

use sendry_domain::routing::QueueName;
use serde_json::Value;

use super::secret::SecretText;

/// Arguments of an exchange, queue or binding, or the definition of a policy.
pub type Arguments = BTreeMap<String, Value>;

/// An exchange.
#[derive(Clone, Debug, PartialEq)]
pub struct Exchange {
    /// Its name.
    pub name: String,
    /// `topic`.
    pub kind: String,
    /// Survives the broker.
    pub durable: bool,
    /// What it was declared with.
    pub arguments: Arguments,
}

/// A queue that should be.
#[derive(Clone, Debug, PartialEq)]
pub struct Queue {
    /// Which.
    pub name: QueueName,
    /// What it is declared with where its policy says the rest.
    pub arguments: Arguments,
    /// What it is declared with where no policy can be written.
    pub arguments_alone: Arguments,
    /// The policy that limits it and marks it as ours.
    pub policy: Policy,
    /// Whether it is taken over when another owner's policy marks it.
    pub adopt: bool,
}

/// A policy.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    /// `<owner>/<queue>`: the queue's owner marker.
    pub name: String,
    /// Matches exactly one queue.
    pub pattern: String,
    /// `queues`.
    pub apply_to: String,
    /// Of the policies that match, the broker applies the one with the highest.
    pub priority: i64,
    /// The limits.
    pub definition: Arguments,
}

/// A binding of an exchange to a queue.
#[derive(Clone, Debug, PartialEq)]
pub struct Binding {
    /// The exchange.
    pub source: String,
    /// The queue.
    pub queue: String,
    /// The key, or a pattern of keys.
    pub routing_key: String,
    /// None in ours.
    pub arguments: Arguments,
}

/// A user that should be: it may read one queue and nothing else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Its name.
    pub name: String,
    /// What it logs in with. The broker is sent its hash.
    pub password: SecretText,
    /// Its owner marker, and nothing else: none that lets it manage anything.
    pub tags: Vec<String>,
    /// What it may do in our virtual host.
    pub permission: Permission,
    /// Whether it is taken over when it has not our marker.
    pub adopt: bool,
}

/// What a user may do in one virtual host: regular expressions over the names of exchanges and queues.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Permission {
    /// What it may declare and delete.
    pub configure: String,
    /// What it may publish to and bind.
    pub write: String,
    /// What it may consume and bind from.
    pub read: String,
}

/// A queue as the broker has it.
#[derive(Clone, Debug, PartialEq)]
pub struct ObservedQueue {
    /// Its name.
    pub name: String,
    /// What it was declared with.
    pub arguments: Arguments,
    /// The one policy in effect.
    pub policy: Option<String>,
}

/// A user as the broker has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObservedUser {
    /// Its name.
    pub name: String,
    /// What the broker keeps of its password.
    pub password_hash: SecretText,
    /// How it was hashed.
    pub hashing: String,
    /// Its tags.
    pub tags: Vec<String>,
}

/// Users, and what they may do in our virtual host.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Logins {
    /// Nobody asked.
    #[default]
    Unread,
    /// The broker does not show them to us, in its words.
    Forbidden(String),
    /// As they are.
    Read {
        /// All users of the broker: they belong to no virtual host.
        users: Vec<ObservedUser>,
        /// User and permission.
        permissions: Vec<(String, Permission)>,
    },
}

/// What stands on the broker, ours or not.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Observed {
    /// Exchanges.
    pub exchanges: Vec<Exchange>,
    /// Queues.
    pub queues: Vec<ObservedQueue>,
    /// Bindings of exchanges to queues.
    pub bindings: Vec<Binding>,
    /// Policies.
    pub policies: Vec<Policy>,
    /// Users and permissions.
    pub logins: Logins,
}
