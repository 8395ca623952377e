//! What has to be done so that the broker has what it should.

use sendry_domain::routing::EXCHANGE;

use super::{
    Arguments, Binding, Exchange, Observed, ObservedQueue, PARKED, Policy, Queue, Topology,
    UNROUTED,
};

/// Limits that a policy or an argument may say; a broker takes the smaller of the two.
const LIMITS: [&str; 4] = [
    "x-overflow",
    "x-delivery-limit",
    "x-max-length",
    "x-max-length-bytes",
];

/// One step towards the desired topology. Doing it twice does no harm, and none of them loses a message.
#[derive(Clone, Debug, PartialEq)]
pub enum Repair {
    /// An exchange is missing.
    DeclareExchange(Exchange),
    /// A policy is missing or differs.
    PutPolicy(Policy),
    /// A queue is missing; its policy stands before it in the plan.
    DeclareQueue(Box<Queue>),
    /// A binding is missing.
    Bind(Binding),
    /// A binding of our exchange to our queue that should not be: it would bring the same message twice, or a foreign one.
    Unbind(Binding),
}

/// What only a person can settle. It is reported and never touched.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Conflict {
    /// An exchange by our name is of another kind, or has other arguments, which can not be changed.
    #[error(
        "exchange {name} has {found} instead of {wanted}: delete it while ingest is stopped, it will be declared again"
    )]
    Exchange {
        /// The exchange.
        name: String,
        /// How it is.
        found: String,
        /// How it should be.
        wanted: String,
    },
    /// A queue by our name has other arguments, which can not be changed.
    #[error(
        "queue {name} has arguments {found} instead of {wanted}: drain and delete it, it will be declared again"
    )]
    Arguments {
        /// The queue.
        name: String,
        /// How it is.
        found: String,
        /// How it should be.
        wanted: String,
    },
    /// Another owner's policy marks the queue.
    #[error(
        "queue {name} belongs to another owner: its policy is {policy}; delete that policy to adopt the queue"
    )]
    Foreign {
        /// The queue.
        name: String,
        /// The mark.
        policy: String,
    },
    /// A policy that is not ours is in effect, so our limits are not.
    #[error(
        "policy {policy} overrides our limits of queue {name}: lower its priority or narrow its pattern"
    )]
    Overridden {
        /// The queue.
        name: String,
        /// What is in effect.
        policy: String,
    },
}

/// What to do, in this order, and what not to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// What can be repaired.
    pub repairs: Vec<Repair>,
    /// What can not.
    pub conflicts: Vec<Conflict>,
}

/// Compares. Whatever is not ours is left alone; nothing is ever deleted but a surplus binding between what is ours.
#[must_use]
pub fn diff(desired: &Topology, observed: &Observed) -> Plan {
    let mut plan = Plan::default();
    for exchange in &desired.exchanges {
        let found = observed.exchanges.iter().find(|e| e.name == exchange.name);
        match found {
            None => plan.repairs.push(Repair::DeclareExchange(exchange.clone())),
            Some(found) if found == exchange => {}
            Some(found) => plan.conflicts.push(Conflict::Exchange {
                name: exchange.name.clone(),
                found: exchange_text(found),
                wanted: exchange_text(exchange),
            }),
        }
    }
    let mut ours = Vec::with_capacity(desired.queues.len());
    for queue in &desired.queues {
        let name = queue.name.to_string();
        let found = observed.queues.iter().find(|q| q.name == name);
        if let Some(conflict) = found.and_then(|found| foreign(desired, queue, found)) {
            plan.conflicts.push(conflict);
            continue;
        }
        let policy = observed
            .policies
            .iter()
            .find(|p| p.name == queue.policy.name);
        if policy != Some(&queue.policy) {
            plan.repairs.push(Repair::PutPolicy(queue.policy.clone()));
        } else if let Some(conflict) = found.and_then(|found| overridden(queue, found, observed)) {
            plan.conflicts.push(conflict);
        }
        if found.is_none() {
            plan.repairs
                .push(Repair::DeclareQueue(Box::new(queue.clone())));
        }
        ours.push(name);
    }
    for binding in &desired.bindings {
        if ours.contains(&binding.queue) && !observed.bindings.contains(binding) {
            plan.repairs.push(Repair::Bind(binding.clone()));
        }
    }
    for binding in &observed.bindings {
        let between_ours = [EXCHANGE, UNROUTED, PARKED].contains(&binding.source.as_str())
            && ours.contains(&binding.queue);
        if between_ours && !desired.bindings.contains(binding) {
            plan.repairs.push(Repair::Unbind(binding.clone()));
        }
    }
    plan
}

/// Why a queue by our name is not ours to touch.
fn foreign(desired: &Topology, queue: &Queue, found: &ObservedQueue) -> Option<Conflict> {
    let name = queue.name.to_string();
    if !compatible(queue, &found.arguments) {
        return Some(Conflict::Arguments {
            name,
            found: text(&found.arguments),
            wanted: text(&queue.arguments),
        });
    }
    let mark = found.policy.as_ref()?;
    let owner = mark.strip_suffix(&format!("/{name}"))?;
    (owner != desired.owner).then(|| Conflict::Foreign {
        name,
        policy: mark.clone(),
    })
}

/// The policy that keeps ours from being in effect. A broker that has not got round to applying ours is none.
fn overridden(queue: &Queue, found: &ObservedQueue, observed: &Observed) -> Option<Conflict> {
    let effective = found.policy.as_ref()?;
    let wins = |p: &&Policy| p.name == *effective && p.priority >= queue.policy.priority;
    (*effective != queue.policy.name && observed.policies.iter().any(|p| wins(&p))).then(|| {
        Conflict::Overridden {
            name: queue.name.to_string(),
            policy: effective.clone(),
        }
    })
}

/// Whether a queue declared with `found` behaves as ours: as declared with a policy, or without one by a worker.
fn compatible(queue: &Queue, found: &Arguments) -> bool {
    let lasting = |(key, _): &(&String, &serde_json::Value)| !LIMITS.contains(&key.as_str());
    let overflow = found.get("x-overflow");
    found.iter().filter(lasting).eq(queue.arguments.iter())
        && overflow.is_none_or(|found| queue.arguments_alone.get("x-overflow") == Some(found))
}

fn exchange_text(exchange: &Exchange) -> String {
    let durable = if exchange.durable {
        "durable"
    } else {
        "transient"
    };
    format!("{durable} {} {}", exchange.kind, text(&exchange.arguments))
}

fn text(arguments: &Arguments) -> String {
    let pairs: Vec<String> = arguments.iter().map(|(k, v)| format!("{k}={v}")).collect();
    format!("{{{}}}", pairs.join(", "))
}
