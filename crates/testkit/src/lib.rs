//! Test-only: a running `sendry up` to talk to, a load that journals every attempt, and the oracle that afterwards
//! compares the journal with what the stores hold.

pub mod chaos;
pub mod client;
pub mod cluster;
pub mod journal;
pub mod latency;
pub mod load;
pub mod nemesis;
pub mod oracle;
pub mod process;
pub mod proxy;
