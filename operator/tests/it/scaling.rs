//! The autoscaler against a real API server, and from zero with a real broker.

mod external;
mod failing;
mod leaving;
mod stage;
mod waking;
mod whole;
