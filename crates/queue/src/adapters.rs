//! Adapters: the only modules of this crate that name a broker or database library.

pub mod amqp;
pub mod rabbitmq_management;
pub mod sqlite;

#[cfg(test)]
mod vhost;
