//! Declaring the topology over AMQP, where no operator does it and the management API cannot be reached.
//!
//! Policies need that API, so here the limits are arguments of the queue ([`Queue::arguments_alone`]): dead-lettering is
//! at-least-once, publishes past a length limit are refused and the delivery limit holds all the same, but changing a
//! limit means deleting the queue. With the API, declare through
//! [`super::super::rabbitmq_management`] instead. A queue that is there already is left as it is, whoever declared it;
//! only its bindings are made.

use std::time::Duration;

use lapin::{
    Channel, ExchangeKind,
    options::{ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions},
    protocol::{AMQPErrorKind, AMQPSoftError},
    types::{AMQPValue, FieldTable},
};
use serde_json::Value;

use super::{
    error::{Fault, queue_error, within},
    link::Link,
};
use crate::{
    QueueError,
    topology::{Arguments, Binding, Exchange, Queue, Topology},
};

/// Declares what is missing. Safe to repeat, and from several processes at once.
pub(super) async fn declare(
    link: &Link,
    topology: &Topology,
    limit: Duration,
) -> Result<(), QueueError> {
    let mut channel = link.channel("declare", "sendry").await?;
    for exchange in &topology.exchanges {
        declare_exchange(&channel, exchange, limit).await?;
    }
    for queue in &topology.queues {
        match declare_queue(&channel, queue, limit).await {
            Err(error) if is_there(&error) => {
                tracing::info!(queue.name = %queue.name, "the queue is there with other arguments and stays as it is");
                // The broker closed the channel.
                channel = link.channel("declare", "sendry").await?;
            }
            other => other?,
        }
    }
    for binding in &topology.bindings {
        bind(&channel, binding, limit).await?;
    }
    Ok(())
}

/// Asks for a queue without making it. The broker closes the channel when there is none.
pub(super) async fn passive(
    channel: &Channel,
    name: &str,
    limit: Duration,
) -> Result<lapin::Queue, QueueError> {
    let options = QueueDeclareOptions {
        passive: true,
        ..QueueDeclareOptions::default()
    };
    let asked = channel.queue_declare(name.into(), options, FieldTable::default());
    within(limit, "ask", name, asked).await
}

/// Whether the broker refused to declare what it has in another form.
fn is_there(error: &QueueError) -> bool {
    let kind = error.source.downcast_ref().map(lapin::Error::kind);
    let code = AMQPErrorKind::Soft(AMQPSoftError::PRECONDITIONFAILED);
    matches!(kind, Some(lapin::ErrorKind::ProtocolError(error)) if *error.kind() == code)
}

async fn declare_exchange(
    channel: &Channel,
    exchange: &Exchange,
    limit: Duration,
) -> Result<(), QueueError> {
    let options = ExchangeDeclareOptions {
        durable: exchange.durable,
        ..ExchangeDeclareOptions::default()
    };
    let kind = ExchangeKind::Custom(exchange.kind.clone());
    let arguments = table(&exchange.name, &exchange.arguments)?;
    let declared =
        channel.exchange_declare(exchange.name.as_str().into(), kind, options, arguments);
    within(limit, "declare exchange", &exchange.name, declared).await
}

async fn declare_queue(
    channel: &Channel,
    queue: &Queue,
    limit: Duration,
) -> Result<(), QueueError> {
    let options = QueueDeclareOptions {
        durable: true,
        ..QueueDeclareOptions::default()
    };
    let name = queue.name.to_string();
    let arguments = table(&name, &queue.arguments_alone)?;
    let declared = channel.queue_declare(name.as_str().into(), options, arguments);
    within(limit, "declare", &name, declared).await?;
    Ok(())
}

async fn bind(channel: &Channel, binding: &Binding, limit: Duration) -> Result<(), QueueError> {
    let (queue, source) = (binding.queue.as_str(), binding.source.as_str());
    let key = binding.routing_key.as_str();
    let (options, none) = (QueueBindOptions::default(), FieldTable::default());
    let bound = channel.queue_bind(queue.into(), source.into(), key.into(), options, none);
    within(limit, "bind", queue, bound).await
}

fn table(name: &str, arguments: &Arguments) -> Result<FieldTable, QueueError> {
    let mut table = FieldTable::default();
    for (key, value) in arguments {
        let value = match value {
            Value::String(text) => AMQPValue::LongString(text.as_str().into()),
            Value::Bool(flag) => AMQPValue::Boolean(*flag),
            value => match value.as_i64() {
                Some(number) => AMQPValue::LongLongInt(number),
                None => {
                    let fault = Fault(format!("argument {key} has no AMQP form: {value}"));
                    return Err(queue_error("declare", name, fault));
                }
            },
        };
        table.insert(key.as_str().into(), value);
    }
    Ok(table)
}
