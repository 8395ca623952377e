//! Why are there fewer workers than there should be? Pure.

/// Whether as many workers as asked for can be had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Availability {
    /// They are there, or on their way and nothing is in it.
    Yes,
    /// Something is in the way.
    No {
        /// One of [`sendry_crds::condition::REASONS`].
        reason: &'static str,
        /// In the words of the cluster.
        message: String,
    },
}
