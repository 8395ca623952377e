//! What should stand on the broker for some tenants.

use std::collections::BTreeMap;

use sendry_domain::{
    id::{PipelineName, TenantId},
    routing::{DELIVERY_LIMIT, EXCHANGE, QueueName},
};
use serde_json::json;

use super::{
    MIN_DELIVERY_LIMIT, PARKED, PARKED_DELIVERY_LIMIT, Reading, UNROUTED,
    name::reader_of,
    object::{Arguments, Binding, Exchange, Permission, Policy, Queue, User},
    secret::SecretText,
};

/// Above the priority of a policy that an administrator sets for everything.
const PRIORITY: i64 = 100;

/// Matches no name.
const NOTHING: &str = "^$";

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

/// A pipeline of a tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PipelineQueue {
    /// Which.
    pub name: PipelineName,
    /// What its queue may hold.
    pub limits: Limits,
    /// The password of a user that may read this queue and nothing else. `None` leaves such a user as it is.
    pub reader: Option<SecretText>,
    /// Nothing comes into it any more: it stands without a binding, and what is still sent to it is parked.
    pub closed: bool,
}

/// A tenant and its pipelines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TenantQueues {
    /// Whose.
    pub tenant: TenantId,
    /// Its pipelines.
    pub pipelines: Vec<PipelineQueue>,
    /// The password of a user that may read the tenant's parked queue and nothing else. `None` leaves such a user as it
    /// is.
    pub parked_reader: Option<SecretText>,
    /// Whether queues that another owner marks, and users without our mark, are taken over.
    pub adopt: bool,
}

impl TenantQueues {
    /// A tenant with these pipelines, all alike, and without users.
    #[must_use]
    pub fn new(tenant: TenantId, pipelines: Vec<PipelineName>, limits: Limits) -> Self {
        let of = |name| PipelineQueue {
            name,
            limits,
            reader: None,
            closed: false,
        };
        Self {
            tenant,
            pipelines: pipelines.into_iter().map(of).collect(),
            parked_reader: None,
            adopt: false,
        }
    }
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
    /// Users that read one queue each.
    pub users: Vec<User>,
}

/// What should stand on the broker for `tenants`. The same for any order of them.
#[must_use]
pub fn desired(owner: &str, tenants: &[TenantQueues]) -> Topology {
    let mut topology = Topology {
        owner: owner.to_owned(),
        exchanges: exchanges(),
        queues: Vec::new(),
        bindings: Vec::new(),
        users: Vec::new(),
    };
    let tenants: BTreeMap<&TenantId, &TenantQueues> =
        tenants.iter().map(|t| (&t.tenant, t)).collect();
    for (tenant, wanted) in &tenants {
        let mut queue = parked_queue(owner, tenant);
        queue.adopt = wanted.adopt;
        for source in [UNROUTED, PARKED] {
            topology.bind(source, &queue, format!("{tenant}.#"));
        }
        topology.add(queue, wanted.parked_reader.as_ref());
    }
    for (tenant, wanted) in &tenants {
        let pipelines: BTreeMap<&PipelineName, &PipelineQueue> =
            wanted.pipelines.iter().map(|p| (&p.name, p)).collect();
        for (name, pipeline) in pipelines {
            let mut queue = pipeline_queue(owner, tenant, name, pipeline.limits);
            queue.adopt = wanted.adopt;
            if !pipeline.closed {
                topology.bind(EXCHANGE, &queue, queue.name.routing_key());
            }
            topology.add(queue, pipeline.reader.as_ref());
        }
    }
    topology
}

/// The tag that marks a user as `owner`'s.
#[must_use]
pub fn owner_tag(owner: &str) -> String {
    format!("sendry-owner-{owner}")
}

impl Topology {
    /// What has to be read to compare with it. Users are shown to administrators only, so they are not asked for in vain.
    #[must_use]
    pub fn reading(&self) -> Reading {
        if self.users.is_empty() {
            Reading::Queues
        } else {
            Reading::QueuesAndLogins
        }
    }

    fn bind(&mut self, source: &str, queue: &Queue, routing_key: String) {
        self.bindings.push(Binding {
            source: source.to_owned(),
            queue: queue.name.to_string(),
            routing_key,
            arguments: Arguments::new(),
        });
    }

    fn add(&mut self, queue: Queue, reader: Option<&SecretText>) {
        let owner = &self.owner;
        self.users.extend(reader.map(|password| User {
            name: reader_of(&queue.name),
            password: password.clone(),
            tags: vec![owner_tag(owner)],
            permission: Permission {
                configure: NOTHING.to_owned(),
                write: NOTHING.to_owned(),
                read: exactly(&queue.name.to_string()),
            },
            adopt: queue.adopt,
        }));
        self.queues.push(queue);
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

pub(super) fn parked_queue(owner: &str, tenant: &TenantId) -> Queue {
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
        adopt: false,
    }
}

/// A regular expression that matches `name` and nothing else.
pub(super) fn exactly(name: &str) -> String {
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
