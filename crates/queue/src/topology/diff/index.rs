//! What stands on the broker, found by name: a broker may have thousands of each, and every pass looks for all of ours.

use std::collections::HashMap;

use crate::topology::{Binding, Exchange, Observed, ObservedQueue, Policy, name::mark};

pub(super) struct Index<'a> {
    pub exchanges: HashMap<&'a str, &'a Exchange>,
    pub queues: HashMap<&'a str, &'a ObservedQueue>,
    pub policies: HashMap<&'a str, &'a Policy>,
    pub bindings: Bindings<'a>,
    /// Policies by the queue that their name marks.
    marks: HashMap<&'a str, Vec<&'a Policy>>,
}

impl<'a> Index<'a> {
    pub fn of(observed: &'a Observed) -> Self {
        let mut marks: HashMap<&str, Vec<&Policy>> = HashMap::new();
        for policy in &observed.policies {
            if let Some((_, queue)) = mark(&policy.name) {
                marks.entry(queue).or_default().push(policy);
            }
        }
        let (exchanges, queues) = (&observed.exchanges, &observed.queues);
        Self {
            exchanges: exchanges.iter().map(|e| (e.name.as_str(), e)).collect(),
            queues: queues.iter().map(|q| (q.name.as_str(), q)).collect(),
            policies: observed
                .policies
                .iter()
                .map(|p| (p.name.as_str(), p))
                .collect(),
            bindings: Bindings::of(&observed.bindings),
            marks,
        }
    }

    /// Policies whose name marks this queue, whoever's.
    pub fn marks(&self, queue: &str) -> impl Iterator<Item = &'a Policy> {
        self.marks.get(queue).into_iter().flatten().copied()
    }
}

/// Bindings by what they connect. Arguments are compared one by one: ours have none, and nobody has many.
pub(super) struct Bindings<'a>(HashMap<(&'a str, &'a str, &'a str), Vec<&'a Binding>>);

impl<'a> Bindings<'a> {
    pub fn of(bindings: &'a [Binding]) -> Self {
        let mut by_ends: HashMap<_, Vec<_>> = HashMap::with_capacity(bindings.len());
        for binding in bindings {
            by_ends.entry(ends(binding)).or_default().push(binding);
        }
        Self(by_ends)
    }

    pub fn contains(&self, binding: &Binding) -> bool {
        let same = self.0.get(&ends(binding));
        same.is_some_and(|same| same.contains(&binding))
    }
}

fn ends(binding: &Binding) -> (&str, &str, &str) {
    (&binding.source, &binding.queue, &binding.routing_key)
}
