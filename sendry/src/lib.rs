//! The `sendry` command: the whole platform in one process, and the tools around it.
//!
//! | module | command |
//! |---|---|
//! | [`up`] | `sendry up`: ingest, workers, keeper, analytics and dashboard on SQLite; `--demo` adds a simulated shop |
//! | [`import`] | `sendry import FILE`: access logs as history, through ingest |
//! | [`keys`] | `sendry keys`: API keys of a data folder |
//! | [`cli`] | arguments, and what every command shares |
//!
//! [`access_log`] and [`demo`] are pure: they make events and know nothing of Sendry's insides.

pub mod access_log;
pub mod cli;
pub mod data_dir;
pub mod demo;
pub mod import;
pub mod keys;
pub mod send;
pub mod up;
