//! What a pass means for one tenant.

use sendry_queue::topology::{Category, Check, Pass, TenantPass, TopologyError};

/// How a tenant's topology stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Synced {
    /// Everything is there, and our limits were seen in effect.
    Whole,
    /// Only a person can settle it.
    Conflict {
        /// What, and what to do.
        message: String,
    },
    /// Not yet. It is tried again.
    Not {
        /// In one word.
        reason: &'static str,
        /// What was seen, and what to do.
        message: String,
    },
}

impl Synced {
    /// Of what a pass did and found for a tenant.
    #[must_use]
    pub fn of(pass: &TenantPass<'_>) -> Self {
        if let Some(failed) = pass.failed.first() {
            return Self::not(&failed.error);
        }
        if !pass.conflicts.is_empty() {
            let each: Vec<String> = pass.conflicts.iter().map(ToString::to_string).collect();
            return Self::Conflict {
                message: each.join("; "),
            };
        }
        if pass.is_whole() {
            return Self::Whole;
        }
        Self::Not {
            reason: "PolicyNotInEffect",
            message: "the broker has not yet applied what it was told; it is looked at again"
                .to_owned(),
        }
    }

    /// What concerns everybody: the broker went away in the middle.
    pub(super) fn of_everything(pass: &Pass) -> Option<Self> {
        if let Check::Failed(error) = &pass.check {
            return Some(Self::not(error));
        }
        let failed = pass.failed.iter();
        let mut of_everything = failed.filter(|f| f.error.category.is_of_everything());
        of_everything.next().map(|f| Self::not(&f.error))
    }

    /// The broker could not even be read.
    pub(super) fn unread(error: &TopologyError) -> Self {
        Self::not(error)
    }

    /// Nobody makes passes any more.
    pub(super) fn stopped() -> Self {
        Self::Not {
            reason: "Stopping",
            message: "this operator leaves; the next one goes on".to_owned(),
        }
    }

    /// The tenant went while it was waited for.
    pub(super) fn forgotten() -> Self {
        Self::Not {
            reason: "TenantNotReady",
            message: "the tenant is being deleted: what it has stays as it is".to_owned(),
        }
    }

    fn not(error: &TopologyError) -> Self {
        let reason = match error.category {
            Category::Unreachable => "BrokerUnreachable",
            Category::Unauthorized => "BrokerUnauthorized",
            Category::Forbidden => "BrokerForbidden",
            Category::NotFound => "BrokerNotFound",
            Category::Invalid => "BrokerRefused",
            Category::Broken => "BrokerInTrouble",
        };
        Self::Not {
            reason,
            message: error.to_string(),
        }
    }
}
