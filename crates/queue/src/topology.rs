//! What should stand on a RabbitMQ for these tenants and pipelines, as a value. Pure: nothing here talks to a broker.
//!
//! ```text
//! sendry.events ── <tenant>.<pipeline> ─▶ sendry.<tenant>.<pipeline> ─ past its delivery limit ─▶ sendry.parked
//!       └─ what has no queue ─▶ sendry.unrouted ── <tenant>.# ─▶ sendry.<tenant>.parked ◀── <tenant>.# ──┘
//! ```
//!
//! **Arguments or policy.** What never changes stands in a queue's arguments, what may change in a policy, which is set
//! before the queue is declared, so that no message ever meets a queue without its limits. The policy's name,
//! `<owner>/<queue>`, says whose the queue is: what carries another owner's name is left alone. Where nobody may write
//! policies (no management API), [`Queue::arguments_alone`] has the limits as arguments too; a broker takes the smaller
//! of the two, so an operator may take such a queue over later. [`diff`] accepts both.
//!
//! Dead-lettering is at-least-once only with `reject-publish`, so that stands among the limits of every pipeline's queue,
//! whatever its length limits are: nothing leaves a queue but by an ack or to the parked queue.

mod diff;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use sendry_domain::{
    id::{PipelineName, TenantId},
    routing::{DELIVERY_LIMIT, EXCHANGE, QueueName},
};
use serde_json::{Value, json};

pub use self::diff::{Conflict, Plan, Repair, diff};

/// Where the broker sends what [`EXCHANGE`] has no queue for.
pub const UNROUTED: &str = "sendry.unrouted";

/// Where the broker sends what exceeded its delivery limit.
pub const PARKED: &str = "sendry.parked";

/// Deliveries of a parked message before the broker would drop it: in practice never. Said aloud, because RabbitMQ 4
/// has a limit of 20 where none is set.
pub const PARKED_DELIVERY_LIMIT: u32 = 1_000_000;

/// The smallest delivery limit a pipeline may ask for. The crash of a worker counts for all it held, so a smaller limit
/// would park the neighbours of the message that is to blame.
pub const MIN_DELIVERY_LIMIT: u32 = 20;

/// Above the priority of a policy that an administrator sets for everything.
const PRIORITY: i64 = 100;

/// Arguments of an exchange, queue or binding, or the definition of a policy.
pub type Arguments = BTreeMap<String, Value>;

/// What may change about a pipeline's queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most bytes of bodies that may be ready; beyond it publishes are refused.
    pub max_bytes: Option<u64>,
    /// Most messages that may be ready; beyond it publishes are refused.
    pub max_messages: Option<u64>,
    /// Deliveries without an ack before a message is parked; at least [`MIN_DELIVERY_LIMIT`].
    pub delivery_limit: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_bytes: None,
            max_messages: None,
            delivery_limit: DELIVERY_LIMIT,
        }
    }
}

/// A tenant and its pipelines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TenantQueues {
    /// Whose.
    pub tenant: TenantId,
    /// Its pipelines with their limits.
    pub pipelines: Vec<(PipelineName, Limits)>,
}

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

/// Everything that should stand on the broker.
#[derive(Clone, Debug, PartialEq)]
pub struct Topology {
    /// Who declares it, for example the cluster's id.
    pub owner: String,
    /// Exchanges, each before one that names it.
    pub exchanges: Vec<Exchange>,
    /// Queues, parked ones first: where a queue's dead letters go has to be there before it.
    pub queues: Vec<Queue>,
    /// All bindings of our exchanges to our queues.
    pub bindings: Vec<Binding>,
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
}

/// What should stand on the broker for `tenants`. The same for any order of them.
#[must_use]
pub fn desired(owner: &str, tenants: &[TenantQueues]) -> Topology {
    let mut topology = Topology {
        owner: owner.to_owned(),
        exchanges: exchanges(),
        queues: Vec::new(),
        bindings: Vec::new(),
    };
    let pipelines: BTreeMap<&TenantId, BTreeMap<&PipelineName, Limits>> = tenants
        .iter()
        .map(|t| {
            (
                &t.tenant,
                t.pipelines.iter().map(|(p, l)| (p, *l)).collect(),
            )
        })
        .collect();
    for tenant in pipelines.keys() {
        let queue = parked_queue(owner, tenant);
        for source in [UNROUTED, PARKED] {
            topology.bind(source, &queue, format!("{tenant}.#"));
        }
        topology.queues.push(queue);
    }
    for (tenant, pipelines) in pipelines {
        for (pipeline, limits) in pipelines {
            let queue = pipeline_queue(owner, tenant, pipeline, limits);
            topology.bind(EXCHANGE, &queue, queue.name.routing_key());
            topology.queues.push(queue);
        }
    }
    topology
}

impl Topology {
    fn bind(&mut self, source: &str, queue: &Queue, routing_key: String) {
        self.bindings.push(Binding {
            source: source.to_owned(),
            queue: queue.name.to_string(),
            routing_key,
            arguments: Arguments::new(),
        });
    }
}

fn exchanges() -> Vec<Exchange> {
    let topic = |name: &str, arguments| Exchange {
        name: name.to_owned(),
        kind: "topic".to_owned(),
        durable: true,
        arguments,
    };
    let alternate = Arguments::from([("alternate-exchange".to_owned(), json!(UNROUTED))]);
    vec![
        topic(UNROUTED, Arguments::new()),
        topic(PARKED, Arguments::new()),
        topic(EXCHANGE, alternate),
    ]
}

fn pipeline_queue(
    owner: &str,
    tenant: &TenantId,
    pipeline: &PipelineName,
    limits: Limits,
) -> Queue {
    let name = QueueName::Pipeline(tenant.clone(), pipeline.clone());
    let arguments = Arguments::from([
        ("x-queue-type".to_owned(), json!("quorum")),
        ("x-dead-letter-exchange".to_owned(), json!(PARKED)),
        ("x-dead-letter-strategy".to_owned(), json!("at-least-once")),
    ]);
    // A broker parks what came back more often than it says, which is one delivery later.
    let delivery_limit = limits.delivery_limit.max(MIN_DELIVERY_LIMIT) - 1;
    let mut definition = Arguments::from([
        ("overflow".to_owned(), json!("reject-publish")),
        ("delivery-limit".to_owned(), json!(delivery_limit)),
    ]);
    let lengths = [
        ("max-length-bytes", limits.max_bytes),
        ("max-length", limits.max_messages),
    ];
    for (key, limit) in lengths {
        definition.extend(limit.map(|limit| (key.to_owned(), json!(limit))));
    }
    queue(owner, name, arguments, definition)
}

fn parked_queue(owner: &str, tenant: &TenantId) -> Queue {
    let arguments = Arguments::from([("x-queue-type".to_owned(), json!("quorum"))]);
    let definition = Arguments::from([("delivery-limit".to_owned(), json!(PARKED_DELIVERY_LIMIT))]);
    queue(
        owner,
        QueueName::Parked(tenant.clone()),
        arguments,
        definition,
    )
}

fn queue(owner: &str, name: QueueName, arguments: Arguments, definition: Arguments) -> Queue {
    let limits = definition
        .iter()
        .map(|(key, value)| (format!("x-{key}"), value.clone()));
    Queue {
        arguments_alone: arguments.clone().into_iter().chain(limits).collect(),
        policy: Policy {
            name: format!("{owner}/{name}"),
            pattern: exactly(&name.to_string()),
            apply_to: "queues".to_owned(),
            priority: PRIORITY,
            definition,
        },
        arguments,
        name,
    }
}

/// A regular expression that matches `name` and nothing else.
fn exactly(name: &str) -> String {
    let mut pattern = String::from("^");
    for character in name.chars() {
        if !character.is_ascii_alphanumeric() && character != '-' {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    pattern.push('$');
    pattern
}
