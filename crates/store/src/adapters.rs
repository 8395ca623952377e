//! Adapters: the only modules of this crate that name a database library.

pub mod mongodb;
pub mod postgres;
pub mod sqlite;

mod erasure;
mod marks;
mod operator;
mod pipelines;
mod retention;
mod rows;
