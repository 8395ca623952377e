//! What every Sendry process shares, and nothing about what Sendry does: settings, logs, metrics,
//! health, HTTP serving, shutdown. It depends on no other crate of the workspace, so any of them
//! may use it.
//!
//! | module | question it answers |
//! |---|---|
//! | [`config`] | which settings are there, what are they set to, and who set them? |
//! | [`telemetry`] | where do log lines go, and what are their fields called? |
//! | [`metrics`] | what may Prometheus scrape? |
//! | [`health`], [`admin`] | is this process alive, and should it get traffic? |
//! | [`http`] | how is an HTTP request accepted, named, guarded and refused? |
//! | [`process`] | what frames a long-running process? |
//! | [`shutdown`] | who stops whom, and how long may it take? |
//! | [`clock`] | what time is it, and who says so? |
//! | [`backoff`], [`error_chain`] | how long until the next try; how is an error told, once? |

pub mod admin;
pub mod backoff;
pub mod clock;
pub mod config;
pub mod error_chain;
pub mod health;
pub mod http;
pub mod metrics;
pub mod process;
pub mod shutdown;
pub mod telemetry;
