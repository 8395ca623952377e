//! The port through which a broker's topology is read and repaired.

use std::{error::Error, fmt};

use async_trait::async_trait;
use sendry_domain::routing::QueueName;

use super::{Observed, Removal, Repair};

/// How much is read in one go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// Exchanges, queues, bindings and policies.
    Queues,
    /// Users and permissions too, which only an administrator may list. Where the broker refuses just that,
    /// [`Logins::Forbidden`](super::Logins::Forbidden) says so and the rest is there.
    QueuesAndLogins,
}

/// A broker whose topology can be read and repaired.
///
/// Reading is in bulk: its cost in calls is the same for one tenant as for a thousand. Every write may be repeated, and
/// removing what is not there is success, so whoever got no answer may ask again.
#[async_trait]
pub trait TopologyBroker: Send + Sync {
    /// What stands there. Which policy is in effect may be a moment older than the policies themselves.
    ///
    /// # Errors
    /// When the broker cannot be reached or refuses.
    async fn observe(&self, reading: Reading) -> Result<Observed, TopologyError>;

    /// How many messages a queue held in all some seconds ago: ready, delivered, or on their way to be dead-lettered,
    /// which nothing else tells. `None`: it is not known.
    ///
    /// # Errors
    /// As [`observe`](Self::observe).
    async fn held(&self, queue: &QueueName) -> Result<Option<u64>, TopologyError>;

    /// Does one repair.
    ///
    /// # Errors
    /// When the broker cannot be reached or refuses. After [`Category::Unreachable`] it may have been done.
    async fn apply(&self, repair: &Repair) -> Result<(), TopologyError>;

    /// Erases one thing, with the messages in it.
    ///
    /// # Errors
    /// As [`apply`](Self::apply).
    async fn apply_removal(&self, removal: &Removal) -> Result<(), TopologyError>;
}

/// What a failure means for whoever asked. Bounded: fit for a metric, a condition's reason, a choice of when to ask again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Category {
    /// Not reached, not trusted, or no answer in time. Everything else would fail as well.
    Unreachable,
    /// The broker does not know the user or the password. Everything else would fail as well.
    Unauthorized,
    /// The user may not do this. Others things may go on.
    Forbidden,
    /// The virtual host, or what the step needed, is not there.
    NotFound,
    /// The broker does not accept it; asking again will not help.
    Invalid,
    /// The broker, or something in front of it, is in trouble.
    Broken,
}

impl Category {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Unreachable,
        Self::Unauthorized,
        Self::Forbidden,
        Self::NotFound,
        Self::Invalid,
        Self::Broken,
    ];

    /// In one word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::Unauthorized => "unauthorized",
            Self::Forbidden => "forbidden",
            Self::NotFound => "not_found",
            Self::Invalid => "invalid",
            Self::Broken => "broken",
        }
    }

    /// Whether whatever is asked next would fail in the same way.
    #[must_use]
    pub fn is_of_everything(self) -> bool {
        matches!(self, Self::Unreachable | Self::Unauthorized)
    }
}

/// Why a broker did not do what it was asked to. Carries no password and no address with one.
#[derive(Debug, thiserror::Error)]
#[error("failed to {doing}: {seen}; {advice}")]
pub struct TopologyError {
    /// What it means.
    pub category: Category,
    /// The step, with the names in it.
    pub doing: String,
    /// Where, and what was seen.
    pub seen: String,
    /// What to do next.
    pub advice: String,
    /// What led to it.
    #[source]
    pub source: Option<Box<dyn Error + Send + Sync>>,
}

impl fmt::Display for Category {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
