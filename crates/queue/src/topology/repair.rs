//! One step towards the desired topology, and what only a person can settle.

use std::fmt;

use sendry_domain::id::TenantId;

use super::{
    name::{is_of, mark, tenant_in},
    object::{Binding, Exchange, Permission, Policy, Queue, User},
};

/// One step towards the desired topology. Doing it twice does no harm, and none of them loses a message.
#[derive(Clone, Debug, PartialEq)]
pub enum Repair {
    /// An exchange is missing.
    DeclareExchange(Exchange),
    /// A policy is missing or differs.
    PutPolicy(Policy),
    /// Another owner's mark on a queue that was adopted; ours stands before it in the plan.
    RemovePolicy(String),
    /// A queue is missing; its policy stands before it in the plan.
    DeclareQueue(Box<Queue>),
    /// A binding is missing.
    Bind(Binding),
    /// A binding of our exchange to our queue that should not be: it would bring the same message twice, or a foreign one.
    Unbind(Binding),
    /// A user is missing, or has another password or other tags.
    PutUser(User),
    /// A user of ours may do more, less or something else in our virtual host.
    PutPermission(String, Permission),
}

/// What a repair or removal does, whatever to. Bounded: fit for a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verb {
    /// [`Repair::DeclareExchange`].
    DeclareExchange,
    /// [`Repair::PutPolicy`].
    PutPolicy,
    /// [`Repair::RemovePolicy`], or a removal's.
    RemovePolicy,
    /// [`Repair::DeclareQueue`].
    DeclareQueue,
    /// [`Repair::Bind`].
    Bind,
    /// [`Repair::Unbind`].
    Unbind,
    /// [`Repair::PutUser`].
    PutUser,
    /// [`Repair::PutPermission`].
    PutPermission,
    /// A removal's.
    RemoveQueue,
    /// A removal's.
    RemoveUser,
}

impl Verb {
    /// For labels.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::DeclareExchange => "declare_exchange",
            Self::PutPolicy => "put_policy",
            Self::RemovePolicy => "remove_policy",
            Self::DeclareQueue => "declare_queue",
            Self::Bind => "bind",
            Self::Unbind => "unbind",
            Self::PutUser => "put_user",
            Self::PutPermission => "put_permission",
            Self::RemoveQueue => "remove_queue",
            Self::RemoveUser => "remove_user",
        }
    }
}

impl Repair {
    /// What it does.
    #[must_use]
    pub fn verb(&self) -> Verb {
        match self {
            Self::DeclareExchange(_) => Verb::DeclareExchange,
            Self::PutPolicy(_) => Verb::PutPolicy,
            Self::RemovePolicy(_) => Verb::RemovePolicy,
            Self::DeclareQueue(_) => Verb::DeclareQueue,
            Self::Bind(_) => Verb::Bind,
            Self::Unbind(_) => Verb::Unbind,
            Self::PutUser(_) => Verb::PutUser,
            Self::PutPermission(..) => Verb::PutPermission,
        }
    }

    /// Whose it is. Exchanges are everybody's.
    #[must_use]
    pub fn tenant(&self) -> Option<TenantId> {
        tenant_in(self.of_tenant()?.as_ref())
    }

    /// Whether it is `tenant`'s.
    #[must_use]
    pub fn is_of(&self, tenant: &TenantId) -> bool {
        self.of_tenant().is_some_and(|name| is_of(&name, tenant))
    }

    /// The queue it is about, where it is about one.
    pub(super) fn queue(&self) -> Option<std::borrow::Cow<'_, str>> {
        match self {
            Self::PutPolicy(Policy { name, .. }) | Self::RemovePolicy(name) => {
                mark(name).map(|(_, queue)| queue.into())
            }
            Self::DeclareQueue(queue) => Some(queue.name.to_string().into()),
            Self::Bind(binding) | Self::Unbind(binding) => Some(binding.queue.as_str().into()),
            Self::DeclareExchange(_) | Self::PutUser(_) | Self::PutPermission(..) => None,
        }
    }

    /// A name that says whose it is.
    fn of_tenant(&self) -> Option<std::borrow::Cow<'_, str>> {
        match self {
            Self::PutUser(User { name, .. }) | Self::PutPermission(name, _) => {
                Some(name.as_str().into())
            }
            Self::DeclareExchange(_) => None,
            _ => self.queue(),
        }
    }
}

impl fmt::Display for Repair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DeclareExchange(exchange) => write!(f, "declare exchange {}", exchange.name),
            Self::PutPolicy(policy) => write!(f, "set policy {}", policy.name),
            Self::RemovePolicy(name) => write!(f, "remove policy {name}"),
            Self::DeclareQueue(queue) => write!(f, "declare queue {}", queue.name),
            Self::Bind(binding) => write!(f, "bind queue {}", binding.queue),
            Self::Unbind(binding) => write!(f, "unbind queue {}", binding.queue),
            Self::PutUser(user) => write!(f, "set user {}", user.name),
            Self::PutPermission(user, _) => write!(f, "set permissions of user {user}"),
        }
    }
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
        "queue {name} belongs to another owner: its policy is {policy}; delete that policy, or say that the tenant adopts what is there"
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
    /// A user by our name has not our mark.
    #[error(
        "user {name} belongs to somebody else: it has not the tag {tag}; delete the user, or say that the tenant adopts what is there"
    )]
    ForeignUser {
        /// The user.
        name: String,
        /// The mark it should have.
        tag: String,
    },
    /// Nobody could look whether a user is as it should be.
    #[error(
        "user {name} could not be checked ({why}): give our own user the tag `administrator`, which listing and setting users takes"
    )]
    LoginsUnknown {
        /// The user.
        name: String,
        /// Why.
        why: String,
    },
    /// A queue of a tenant that is to be erased has nobody's mark.
    #[error(
        "queue {name} has not our mark, policy {policy}: if it is ours, let it be reconciled before it is removed; else delete it by hand"
    )]
    Unmarked {
        /// The queue.
        name: String,
        /// The mark it should have.
        policy: String,
    },
}

impl Conflict {
    /// Whose it is. Exchanges are everybody's.
    #[must_use]
    pub fn tenant(&self) -> Option<TenantId> {
        tenant_in(self.name()?)
    }

    /// Whether it is `tenant`'s.
    #[must_use]
    pub fn is_of(&self, tenant: &TenantId) -> bool {
        self.name().is_some_and(|name| is_of(name, tenant))
    }

    /// The queue or the user that it is about.
    pub(super) fn name(&self) -> Option<&str> {
        match self {
            Self::Exchange { .. } => None,
            Self::Arguments { name, .. }
            | Self::Foreign { name, .. }
            | Self::Overridden { name, .. }
            | Self::ForeignUser { name, .. }
            | Self::LoginsUnknown { name, .. }
            | Self::Unmarked { name, .. } => Some(name),
        }
    }
}
