//! Queues and what is put into them.

use sendry_domain::{
    id::{MessageId, PipelineName},
    message::Message,
    routing::QueueName,
};
use sendry_queue::Sealed;
use sendry_store::contract::build::{NOW, tenant};
use uuid::Uuid;

/// The pipeline queue of `acme`.
pub fn pipeline() -> QueueName {
    QueueName::Pipeline(tenant("acme"), PipelineName::fallback())
}

pub fn parked() -> QueueName {
    QueueName::Parked(tenant("acme"))
}

pub fn sealed(queue: QueueName, message: &Message) -> Sealed {
    Sealed {
        queue,
        id: message.id,
        events: message.events.len() as u32,
        accepted_at: message.accepted_at,
        body: message.encode().unwrap(),
    }
}

/// Bytes that are no message, said to hold `events` events.
pub fn junk(queue: QueueName, id: u128, events: u32, body: &str) -> Sealed {
    Sealed {
        queue,
        id: MessageId(Uuid::from_u128(id)),
        events,
        accepted_at: NOW,
        body: body.into(),
    }
}
