//! Why a pass did not end, by what to do about it.
//!
//! Each error says what its layer was doing; the category decides when it is tried again and is the only part of it that
//! becomes a metric's label or a condition's reason.

use std::time::Duration;

use sendry_runtime::backoff::Backoff;

/// What to do about a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Category {
    /// Somebody wrote in between: read again, soon.
    Conflict,
    /// The API server is away, slow or refuses.
    Kubernetes,
    /// The store of settings is away.
    Store,
    /// The broker is away or refuses.
    Broker,
    /// Another operator leads, or the resource was changed since it was read: leave it to who knows better.
    Superseded,
    /// An object of a name that we need is somebody else's: it is left alone until a person decides.
    Foreign,
}

impl Category {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Conflict,
        Self::Kubernetes,
        Self::Store,
        Self::Broker,
        Self::Superseded,
        Self::Foreign,
    ];

    /// For labels.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Conflict => "conflict",
            Self::Kubernetes => "kubernetes",
            Self::Store => "store",
            Self::Broker => "broker",
            Self::Superseded => "superseded",
            Self::Foreign => "foreign",
        }
    }

    /// For conditions and Events.
    #[must_use]
    pub fn reason(self) -> &'static str {
        match self {
            Self::Conflict => "Conflict",
            Self::Kubernetes => "ApiServerUnavailable",
            Self::Store => "StoreUnavailable",
            Self::Broker => "BrokerUnavailable",
            Self::Superseded => "Superseded",
            Self::Foreign => "NameTaken",
        }
    }

    /// How long to wait before the next try, growing with each failure in a row.
    #[must_use]
    pub fn backoff(self) -> Backoff {
        let (first, most) = match self {
            Self::Conflict => (50, 2_000),
            Self::Superseded => (500, 5_000),
            Self::Kubernetes | Self::Store | Self::Broker => (500, 30_000),
            Self::Foreign => (5_000, 60_000),
        };
        Backoff::new(Duration::from_millis(first), Duration::from_millis(most))
    }
}

/// What the API server said instead, in its own words and once: they stand in conditions.
#[derive(Debug, thiserror::Error)]
#[error("the API server answered {code}: {message}")]
struct Answer {
    code: u16,
    message: String,
}

/// A pass that did not end.
#[derive(Debug, thiserror::Error)]
#[error("failed to {doing}")]
pub struct Failure {
    /// What to do about it.
    pub category: Category,
    /// The step, with its object.
    pub doing: String,
    /// Why.
    #[source]
    pub source: Box<dyn std::error::Error + Send + Sync>,
}

impl Failure {
    /// A failure of the API server to do something.
    #[must_use]
    pub fn kubernetes(doing: impl Into<String>, source: kube::Error) -> Self {
        let category = match &source {
            kube::Error::Api(status) if status.code == 409 => Category::Conflict,
            refused if crate::gate::is_refused(refused) => Category::Superseded,
            _ => Category::Kubernetes,
        };
        Self {
            category,
            doing: doing.into(),
            source: match source {
                kube::Error::Api(status) => Box::new(Answer {
                    code: status.code,
                    message: status.message.clone(),
                }),
                other => Box::new(other),
            },
        }
    }

    /// Whether somebody else wrote, or leads.
    #[must_use]
    pub fn is_anothers(&self) -> bool {
        matches!(self.category, Category::Conflict | Category::Superseded)
    }

    /// A failure of the store of settings.
    #[must_use]
    pub fn store(doing: impl Into<String>, source: sendry_store::StoreError) -> Self {
        Self {
            category: Category::Store,
            doing: doing.into(),
            source: Box::new(source),
        }
    }

    /// An object of our name is not ours.
    #[must_use]
    pub fn foreign(doing: impl Into<String>, why: impl std::fmt::Display) -> Self {
        Self {
            category: Category::Foreign,
            doing: doing.into(),
            source: why.to_string().into(),
        }
    }

    /// A failure of the broker.
    #[must_use]
    pub fn broker(
        doing: impl Into<String>,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self {
            category: Category::Broker,
            doing: doing.into(),
            source: source.into(),
        }
    }

    /// Somebody knows better.
    #[must_use]
    pub fn superseded(doing: impl Into<String>, by: impl std::fmt::Display) -> Self {
        Self {
            category: Category::Superseded,
            doing: doing.into(),
            source: format!("superseded by {by}").into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use kube::core::Status;
    use sendry_runtime::error_chain::chain;

    use super::*;

    #[test]
    fn an_answer_is_told_once() {
        let status = Status {
            code: 403,
            message: "namespaces is forbidden".to_owned(),
            ..Status::default()
        };
        let failure = Failure::kubernetes("make namespace x", kube::Error::Api(Box::new(status)));
        assert_eq!(failure.category, Category::Kubernetes);
        assert_eq!(
            chain(&failure).to_string(),
            "failed to make namespace x: the API server answered 403: namespaces is forbidden"
        );
    }
}
