//! What has to be done so that the broker has what it should.

mod index;
mod users;

use std::collections::HashSet;

use sendry_domain::{
    id::TenantId,
    routing::{EXCHANGE, QueueName},
};

use self::index::Index;
use super::{
    Arguments, Conflict, Exchange, Observed, ObservedQueue, PARKED, Policy, Queue, Repair,
    Topology, UNROUTED, name::mark,
};

/// Limits that a policy or an argument may say; a broker takes the smaller of the two.
const LIMITS: [&str; 4] = [
    "x-overflow",
    "x-delivery-limit",
    "x-max-length",
    "x-max-length-bytes",
];

/// What to do, in this order, and what not to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// What can be repaired.
    pub repairs: Vec<Repair>,
    /// What can not.
    pub conflicts: Vec<Conflict>,
    /// Queues whose policy is right, but that the broker has not got round to applying it to.
    pub waiting: Vec<QueueName>,
}

impl Plan {
    /// The part of one tenant. What is everybody's is in nobody's.
    #[must_use]
    pub fn of(&self, tenant: &TenantId) -> (Vec<&Repair>, Vec<&Conflict>) {
        (
            self.repairs.iter().filter(|r| r.is_of(tenant)).collect(),
            self.conflicts.iter().filter(|c| c.is_of(tenant)).collect(),
        )
    }
}

/// Compares. Whatever is not ours is left alone; nothing is ever deleted but a surplus binding between what is ours and,
/// of a queue that is adopted, the policy by which another owner marked it.
#[must_use]
pub fn diff(desired: &Topology, observed: &Observed) -> Plan {
    let seen = Index::of(observed);
    let mut plan = Plan::default();
    for exchange in &desired.exchanges {
        match seen.exchanges.get(exchange.name.as_str()) {
            None => plan.repairs.push(Repair::DeclareExchange(exchange.clone())),
            Some(found) if *found == exchange => {}
            Some(found) => plan.conflicts.push(Conflict::Exchange {
                name: exchange.name.clone(),
                found: exchange_text(found),
                wanted: exchange_text(exchange),
            }),
        }
    }
    let mut ours = HashSet::with_capacity(desired.queues.len());
    for queue in &desired.queues {
        let name = queue.name.to_string();
        if plan.queue(desired, queue, &name, &seen) {
            ours.insert(name);
        }
    }
    plan.bindings(desired, observed, &seen, &ours);
    users::compare(desired, &observed.logins, &mut plan);
    plan
}

impl Plan {
    /// Whether the queue is ours, or will be after the repairs.
    fn queue(&mut self, desired: &Topology, queue: &Queue, name: &str, seen: &Index<'_>) -> bool {
        let found = seen.queues.get(name).copied();
        if let Some(conflict) = found.and_then(|found| foreign(desired, queue, name, found)) {
            self.conflicts.push(conflict);
            return false;
        }
        let marks = seen.marks(name).filter(|policy| {
            queue.adopt
                && policy.name != queue.policy.name
                && policy.pattern == queue.policy.pattern
        });
        let marks: Vec<&Policy> = marks.collect();
        let ours = seen.policies.get(queue.policy.name.as_str());
        let right = ours.is_some_and(|policy| **policy == queue.policy);
        if !right {
            self.repairs.push(Repair::PutPolicy(queue.policy.clone()));
        }
        match found {
            None => self
                .repairs
                .push(Repair::DeclareQueue(Box::new(queue.clone()))),
            Some(found) if right && marks.is_empty() => self.effect(queue, name, found, seen),
            Some(_) => {}
        }
        let remove = |policy: &Policy| Repair::RemovePolicy(policy.name.clone());
        self.repairs.extend(marks.into_iter().map(remove));
        true
    }

    /// Whether the policy that is right is in effect too. A broker applies one only after it was told of it.
    fn effect(&mut self, queue: &Queue, name: &str, found: &ObservedQueue, seen: &Index<'_>) {
        let effective = found.policy.as_deref();
        if effective == Some(queue.policy.name.as_str()) {
            return;
        }
        let winner = effective
            .and_then(|effective| seen.policies.get(effective))
            .filter(|policy| policy.priority >= queue.policy.priority);
        match winner {
            Some(policy) => self.conflicts.push(Conflict::Overridden {
                name: name.to_owned(),
                policy: policy.name.clone(),
            }),
            None => self.waiting.push(queue.name.clone()),
        }
    }

    fn bindings(
        &mut self,
        desired: &Topology,
        observed: &Observed,
        seen: &Index<'_>,
        ours: &HashSet<String>,
    ) {
        for binding in &desired.bindings {
            if ours.contains(&binding.queue) && !seen.bindings.contains(binding) {
                self.repairs.push(Repair::Bind(binding.clone()));
            }
        }
        let wanted = index::Bindings::of(&desired.bindings);
        for binding in &observed.bindings {
            let between_ours = [EXCHANGE, UNROUTED, PARKED].contains(&binding.source.as_str())
                && ours.contains(&binding.queue);
            if between_ours && !wanted.contains(binding) {
                self.repairs.push(Repair::Unbind(binding.clone()));
            }
        }
    }
}

/// Why a queue by our name is not ours to touch.
fn foreign(
    desired: &Topology,
    queue: &Queue,
    name: &str,
    found: &ObservedQueue,
) -> Option<Conflict> {
    if !compatible(queue, &found.arguments) {
        return Some(Conflict::Arguments {
            name: name.to_owned(),
            found: text(&found.arguments),
            wanted: text(&queue.arguments),
        });
    }
    let policy = found.policy.as_ref()?;
    let (owner, marked) = mark(policy)?;
    let other = marked == name && owner != desired.owner;
    (other && !queue.adopt).then(|| Conflict::Foreign {
        name: name.to_owned(),
        policy: policy.clone(),
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
