//! The `sendry` command: the whole platform in one process, and the tools around it.
//!
//! | module | command |
//! |---|---|
//! | [`up`] | `sendry up`: ingest, workers, keeper, analytics and dashboard on SQLite; `--demo` adds a simulated shop |
//! | [`migrate`] | `sendry migrate`: the schemas of PostgreSQL and MongoDB |
//! | [`tenants`], [`pipelines`] | `sendry tenants`, `sendry pipelines`: settings where no operator keeps them |
//! | [`purge`] | `sendry tenants purge`: the only eraser |
//! | [`import`] | `sendry import FILE`: access logs as history, through ingest |
//! | [`scaling`] | `sendry scaling simulate`: the autoscaler and KEDA over a load, side by side |
//! | [`keys`] | `sendry keys`: API keys |
//! | `sendry ingest`, `worker`, `analytics` | the separate processes, as their crates put them together |
//! | [`cli`] | arguments, and what every command shares |
//!
//! [`access_log`] and [`demo`] are pure: they make events and know nothing of Sendry's insides.

pub mod access_log;
pub mod cli;
mod dashboard;
pub mod data_dir;
pub mod demo;
pub mod import;
pub mod keys;
pub mod migrate;
pub mod pipelines;
pub mod purge;
pub mod scaling;
pub mod send;
pub mod settings_store;
pub mod tenants;
pub mod up;
