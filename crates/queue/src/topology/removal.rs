//! What of a tenant is erased, when a person says so, and what of a pipeline, when it was drained: the only ways by which
//! a queue or a user is ever deleted.

use std::{collections::HashSet, fmt};

use sendry_domain::{id::TenantId, routing::QueueName};

use super::{
    Conflict, Logins, Observed, Verb,
    name::{is_of, mark, queue_named, read_by, reader_of},
    owner_tag,
};

/// One thing to erase. Erasing what is gone already is success.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Removal {
    /// A user: nobody logs in with it any more.
    User(String),
    /// A queue, with the messages in it.
    Queue(String),
    /// A policy: after its queue, whose mark it is, so that who was interrupted still knows whose the queue is.
    Policy(String),
}

impl Removal {
    /// What it does.
    #[must_use]
    pub fn verb(&self) -> Verb {
        match self {
            Self::User(_) => Verb::RemoveUser,
            Self::Queue(_) => Verb::RemoveQueue,
            Self::Policy(_) => Verb::RemovePolicy,
        }
    }
}

impl fmt::Display for Removal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(name) => write!(f, "remove user {name}"),
            Self::Queue(name) => write!(f, "remove queue {name}"),
            Self::Policy(name) => write!(f, "remove policy {name}"),
        }
    }
}

/// What is erased of a tenant, and what is not ours to erase.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Removals {
    /// In this order.
    pub removals: Vec<Removal>,
    /// By the tenant's names, but not marked as `owner`'s: they stay.
    pub conflicts: Vec<Conflict>,
}

/// What of `tenant` stands on the broker and is `owner`'s. Another tenant's, and what has not our mark, is never in it.
#[must_use]
pub fn removal(owner: &str, tenant: &TenantId, observed: &Observed) -> Removals {
    of(owner, &format!("sendry.{tenant}"), observed, &|name| {
        is_of(name, tenant)
    })
}

/// The same of one queue: its user, the queue, its policy. Who asks has seen that nothing is in the queue and that nothing
/// comes into it: a broker deletes a quorum queue whatever is in it.
#[must_use]
pub fn removal_of_queue(owner: &str, queue: &QueueName, observed: &Observed) -> Removals {
    let (name, user) = (queue.to_string(), reader_of(queue));
    of(owner, &user, observed, &|found| {
        found == name || found == user
    })
}

/// Of queues, users and marks whose names `ours` knows; `about` is what is said where users are not shown.
fn of(owner: &str, about: &str, observed: &Observed, ours: &dyn Fn(&str) -> bool) -> Removals {
    let mut found = Removals::default();
    users(owner, about, &observed.logins, ours, &mut found);
    let policies: HashSet<&str> = observed.policies.iter().map(|p| p.name.as_str()).collect();
    let queues = observed.queues.iter().filter(|q| ours(&q.name));
    for queue in queues.filter(|q| queue_named(&q.name).is_some()) {
        let name = queue.name.clone();
        let ours = format!("{owner}/{name}");
        let effective = queue.policy.as_deref();
        let other = effective.filter(|p| mark(p).is_some_and(|(o, q)| q == name && o != owner));
        if let Some(policy) = other {
            let policy = policy.to_owned();
            found.conflicts.push(Conflict::Foreign { name, policy });
        } else if effective == Some(ours.as_str()) || policies.contains(ours.as_str()) {
            found.removals.push(Removal::Queue(name));
        } else {
            let policy = ours;
            found.conflicts.push(Conflict::Unmarked { name, policy });
        }
    }
    let contested: HashSet<String> = found
        .conflicts
        .iter()
        .filter_map(|conflict| match conflict {
            Conflict::Foreign { name, .. } => Some(name.clone()),
            _ => None,
        })
        .collect();
    for policy in &observed.policies {
        let marks = mark(&policy.name).filter(|(by, queue)| {
            *by == owner
                && ours(queue)
                && queue_named(queue).is_some()
                && !contested.contains(*queue)
        });
        if marks.is_some() {
            found.removals.push(Removal::Policy(policy.name.clone()));
        }
    }
    found
}

fn users(
    owner: &str,
    about: &str,
    logins: &Logins,
    ours: &dyn Fn(&str) -> bool,
    found: &mut Removals,
) {
    let tag = owner_tag(owner);
    let why = match logins {
        Logins::Read { users, .. } => {
            let users = users.iter().filter(|u| ours(&u.name));
            for user in users.filter(|u| read_by(&u.name).is_some()) {
                let name = user.name.clone();
                if user.tags.contains(&tag) {
                    found.removals.push(Removal::User(name));
                } else {
                    let tag = tag.clone();
                    found.conflicts.push(Conflict::ForeignUser { name, tag });
                }
            }
            return;
        }
        Logins::Unread => "nobody asked for users",
        Logins::Forbidden(why) => why,
    };
    found.conflicts.push(Conflict::LoginsUnknown {
        name: about.to_owned(),
        why: why.to_owned(),
    });
}
