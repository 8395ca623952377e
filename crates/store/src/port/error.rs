//! How a store can fail, by what the caller has to do.

/// A failed store operation.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The store is away, slow, locked or full: try again later. Nothing was changed, or, where `unknown`, perhaps.
    #[error("failed to {doing}: the {store} store is unavailable")]
    Unavailable {
        /// Which store: `metric`, `raw`, `control`.
        store: &'static str,
        /// The operation.
        doing: &'static str,
        /// The failure came at COMMIT: it may have taken effect.
        unknown: bool,
        /// What the adapter saw.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The store refuses this data and would refuse it again (SQLSTATE classes 22 and 23). Nothing was changed.
    #[error("failed to {doing}: the {store} store refuses the data")]
    Refused {
        /// Which store.
        store: &'static str,
        /// The operation.
        doing: &'static str,
        /// What the adapter saw.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// What is stored cannot be read: a bug or a damaged file. Needs a person.
    #[error("failed to {doing}: the {store} store holds damaged data")]
    Damaged {
        /// Which store.
        store: &'static str,
        /// The operation.
        doing: &'static str,
        /// What the adapter saw.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl StoreError {
    /// A bounded word for metrics and back-off: `unavailable`, `refused` or `damaged`.
    #[must_use]
    pub fn category(&self) -> &'static str {
        match self {
            Self::Unavailable { .. } => "unavailable",
            Self::Refused { .. } => "refused",
            Self::Damaged { .. } => "damaged",
        }
    }
}
