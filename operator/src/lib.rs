//! The operator: what `SendryTenant` and `SendryPipeline` ask for, made so and kept so.
//!
//! **Guarantee.** Whatever is interrupted is finished by the next pass: every decision is made from what is observed, never
//! from what was intended, and every write may be repeated. Nothing is ever deleted because something is *absent* from what
//! was read. At rest there are no writes. A former leader that wakes up changes nothing: its Kubernetes writes stop with
//! its lease, its settings carry an epoch that the store refuses.
//!
//! A pass is dereference → validate → build → apply → status; validate and build are pure, and tested without a server.
//!
//! | module | question |
//! |---|---|
//! | [`tenant`] | what does a tenant need, and what is said of it? |
//! | [`pipeline`] | what does a pipeline need, and how does it go? |
//! | [`keys`] | how does an API key come, change and go, whatever is interrupted? |
//! | [`workers`] | which objects are a pipeline's workers, and how do they stand? |
//! | [`autoscaler`] | how many workers does each pipeline have? |
//! | [`topology`] | does the broker have what it should? |
//! | [`controller`], [`work`], [`watch`] | who is reconciled next, and who notices changes? |
//! | [`leader`], [`gate`] | who may write? |
//! | [`condition`], [`events`], [`metrics`] | who is told what? |
//! | [`context`], [`settings`], [`assemble`], [`run`], [`cli`] | what everybody is handed, and the composition root |

pub mod assemble;
pub mod autoscaler;
pub mod cli;
pub mod condition;
pub mod context;
pub mod controller;
pub mod error;
pub mod events;
pub mod gate;
pub mod keys;
pub mod leader;
pub mod metrics;
pub mod pipeline;
pub mod quantity;
pub mod run;
pub mod settings;
pub mod tenant;
pub mod topology;
pub mod watch;
pub mod work;
pub mod workers;
