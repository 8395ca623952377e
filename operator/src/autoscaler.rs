//! How many workers each pipeline has.

mod fleet;

pub use fleet::{Fleet, Followed, Workers};
