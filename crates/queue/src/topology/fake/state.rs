//! What stands in the broker in memory, and how it changes.

use std::collections::HashMap;

use regex::Regex;

use crate::topology::{
    Binding, Category, Exchange, HASHING, Logins, Observed, ObservedQueue, ObservedUser,
    Permission, Policy, Queue, Reading, Removal, Repair, User, queue_named,
};

#[derive(Default)]
pub(super) struct State {
    stands: Observed,
    users: Vec<ObservedUser>,
    permissions: Vec<(String, Permission)>,
    /// Bulk reads that still show what was before.
    pub lag: u32,
    /// How many of them are left, where policies changed.
    due: Option<u32>,
    salt: u32,
}

impl State {
    pub fn observed(&self, reading: Reading) -> Observed {
        let mut observed = self.stands.clone();
        if reading == Reading::QueuesAndLogins {
            observed.logins = Logins::Read {
                users: self.users.clone(),
                permissions: self.permissions.clone(),
            };
        }
        observed
    }

    /// What stands there, with every policy in effect that needs no further reading.
    pub fn now(&mut self) -> Observed {
        if self.due == Some(0) {
            self.settle();
        }
        self.observed(Reading::QueuesAndLogins)
    }

    pub fn meddle<T>(&mut self, change: impl FnOnce(&mut Observed) -> T) -> T {
        let mut observed = self.observed(Reading::QueuesAndLogins);
        let result = change(&mut observed);
        if let Logins::Read { users, permissions } = std::mem::take(&mut observed.logins) {
            (self.users, self.permissions) = (users, permissions);
        }
        self.stands = observed;
        self.settle();
        result
    }

    /// One read passes.
    pub fn time_passes(&mut self) {
        self.due = match self.due {
            Some(0) => {
                self.settle();
                None
            }
            due => due.map(|reads| reads - 1),
        };
    }

    pub fn apply(&mut self, repair: &Repair) -> Result<(), Category> {
        match repair {
            Repair::DeclareExchange(exchange) => return self.declare_exchange(exchange),
            Repair::PutPolicy(policy) => {
                Regex::new(&policy.pattern).map_err(|_| Category::Invalid)?;
                self.stands.policies.retain(|p| p.name != policy.name);
                self.stands.policies.push(policy.clone());
                self.due = Some(self.lag);
            }
            Repair::RemovePolicy(name) => self.remove_policy(name),
            Repair::DeclareQueue(queue) => return self.declare_queue(queue),
            Repair::Bind(binding) => return self.bind(binding),
            Repair::Unbind(binding) => self.stands.bindings.retain(|b| b != binding),
            Repair::PutUser(user) => self.put_user(user),
            Repair::PutPermission(user, permission) => {
                if self.users.iter().all(|u| u.name != *user) {
                    return Err(Category::Invalid);
                }
                self.permissions.retain(|(name, _)| name != user);
                self.permissions.push((user.clone(), permission.clone()));
            }
        }
        Ok(())
    }

    pub fn remove(&mut self, removal: &Removal) {
        match removal {
            Removal::User(name) => {
                self.users.retain(|u| u.name != *name);
                self.permissions.retain(|(user, _)| user != name);
            }
            Removal::Queue(name) => {
                self.stands.queues.retain(|q| q.name != *name);
                self.stands.bindings.retain(|b| b.queue != *name);
            }
            Removal::Policy(name) => self.remove_policy(name),
        }
    }

    fn declare_exchange(&mut self, exchange: &Exchange) -> Result<(), Category> {
        let exchanges = &mut self.stands.exchanges;
        match exchanges.iter().find(|e| e.name == exchange.name) {
            Some(found) if found != exchange => Err(Category::Invalid),
            Some(_) => Ok(()),
            None => {
                exchanges.push(exchange.clone());
                Ok(())
            }
        }
    }

    /// A queue gets its policy the moment it is declared.
    fn declare_queue(&mut self, queue: &Queue) -> Result<(), Category> {
        let name = queue.name.to_string();
        match self.stands.queues.iter().find(|q| q.name == name) {
            Some(found) if found.arguments != queue.arguments => Err(Category::Invalid),
            Some(_) => Ok(()),
            None => {
                let policy = if self.lag == 0 {
                    self.due = Some(0);
                    None
                } else {
                    Effects::of(&self.stands.policies).on(&name)
                };
                self.stands.queues.push(ObservedQueue {
                    name,
                    arguments: queue.arguments.clone(),
                    policy,
                });
                Ok(())
            }
        }
    }

    fn bind(&mut self, binding: &Binding) -> Result<(), Category> {
        let stands = &mut self.stands;
        let both = stands.exchanges.iter().any(|e| e.name == binding.source)
            && stands.queues.iter().any(|q| q.name == binding.queue);
        if !both {
            return Err(Category::NotFound);
        }
        if !stands.bindings.contains(binding) {
            stands.bindings.push(binding.clone());
        }
        Ok(())
    }

    fn put_user(&mut self, user: &User) {
        self.salt += 1;
        self.users.retain(|u| u.name != user.name);
        self.users.push(ObservedUser {
            name: user.name.clone(),
            password_hash: user.password.hashed(self.salt.to_be_bytes()),
            hashing: HASHING.to_owned(),
            tags: user.tags.clone(),
        });
    }

    fn remove_policy(&mut self, name: &str) {
        self.stands.policies.retain(|p| p.name != name);
        self.due = Some(self.lag);
    }

    /// What changed is in effect.
    pub fn settle(&mut self) {
        self.due = None;
        let Observed {
            queues, policies, ..
        } = &mut self.stands;
        let effects = Effects::of(policies);
        for queue in queues {
            queue.policy = effects.on(&queue.name);
        }
    }
}

/// Policies, those of exactly one queue by its name: there are as many of them as queues.
struct Effects<'a> {
    of_one: HashMap<String, Vec<&'a Policy>>,
    of_many: Vec<(Regex, &'a Policy)>,
}

impl<'a> Effects<'a> {
    fn of(policies: &'a [Policy]) -> Self {
        let mut this = Self {
            of_one: HashMap::new(),
            of_many: Vec::new(),
        };
        let of_queues = |p: &&Policy| matches!(p.apply_to.as_str(), "queues" | "all");
        for policy in policies.iter().filter(of_queues) {
            match literal(&policy.pattern) {
                Some(name) => this.of_one.entry(name).or_default().push(policy),
                None => this
                    .of_many
                    .extend(Regex::new(&policy.pattern).ok().map(|r| (r, policy))),
            }
        }
        this
    }

    /// Of the policies that match, the one with the highest priority.
    fn on(&self, queue: &str) -> Option<String> {
        let many = self.of_many.iter().filter(|(r, _)| r.is_match(queue));
        let one = self.of_one.get(queue).into_iter().flatten().copied();
        one.chain(many.map(|(_, policy)| *policy))
            .max_by_key(|policy| policy.priority)
            .map(|policy| policy.name.clone())
    }
}

/// The one queue of ours that a pattern matches, if it is such a pattern.
fn literal(pattern: &str) -> Option<String> {
    let name = pattern.strip_prefix('^')?.strip_suffix('$')?;
    let name = name.replace("\\.", ".");
    queue_named(&name).map(|_| name)
}
