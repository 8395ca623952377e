//! What of a message stands beside its bytes on the broker, so that one which cannot be read any more can still be
//! accounted for.

use lapin::{
    BasicProperties,
    message::Delivery as Delivered,
    types::{AMQPValue, FieldTable, ShortString},
};
use sendry_domain::{
    fingerprint::Fingerprint,
    id::MessageId,
    routing::{DELIVERY_LIMIT, QueueName},
    time::UnixMillis,
};
use uuid::Uuid;

use crate::Sealed;

const EVENTS: &str = "sendry-events";
const ACCEPTED_AT: &str = "sendry-accepted-at";
const TENANT: &str = "sendry-tenant";
/// How often a quorum queue delivered a message before; absent the first time.
const DELIVERIES: &str = "x-delivery-count";
/// How often a quorum queue handed it out, from RabbitMQ 4.0 on.
const ACQUIRED: &str = "x-acquired-count";
/// On disk before it is confirmed.
const PERSISTENT: u8 = 2;

/// The properties of `message`.
pub(super) fn of(message: &Sealed) -> BasicProperties {
    let mut headers = FieldTable::default();
    let number = AMQPValue::LongLongInt;
    headers.insert(EVENTS.into(), number(i64::from(message.events)));
    headers.insert(ACCEPTED_AT.into(), number(message.accepted_at.0));
    let tenant = message.queue.tenant().to_string();
    headers.insert(TENANT.into(), AMQPValue::LongString(tenant.into()));
    BasicProperties::default()
        .with_delivery_mode(PERSISTENT)
        .with_content_type("application/json".into())
        .with_message_id(message.id.to_string().into())
        .with_timestamp(u64::try_from(message.accepted_at.0 / 1_000).unwrap_or(0))
        .with_headers(headers)
}

/// The message's name, if it is one of ours.
pub(super) fn id(properties: &BasicProperties) -> Option<MessageId> {
    let text = properties.message_id().as_ref().map(ShortString::as_str)?;
    Uuid::parse_str(text).ok().map(MessageId)
}

/// The message and how often it was delivered before.
///
/// One that is not ours still becomes a message, so that a worker can give it up and the keeper bury it: named by its
/// bytes, the same every time it comes; one event; accepted at the beginning of time, so that nothing is forgotten
/// while it lies there.
pub(super) fn message(queue: &QueueName, delivered: Delivered) -> (Sealed, u32) {
    let properties = &delivered.properties;
    let number = |key: &str| {
        let headers = properties.headers().as_ref()?;
        headers.inner().get(key).and_then(whole)
    };
    let counted = counted(
        queue,
        delivered.redelivered,
        number(DELIVERIES),
        number(ACQUIRED),
    );
    let message = Sealed {
        queue: queue.clone(),
        id: id(properties).unwrap_or_else(|| named_by(&delivered.data)),
        events: number(EVENTS).map_or(1, |n| u32::try_from(n).unwrap_or(1)),
        accepted_at: number(ACCEPTED_AT).map_or(UnixMillis(0), UnixMillis),
        body: delivered.data,
    };
    (message, counted)
}

/// How often this queue delivered the message before, from what stands beside it.
///
/// From RabbitMQ 4.3 on, a dead-lettered message keeps the counts of the queue it left until the parked queue sets its
/// own, at its second delivery. Foreign is a count beyond the times it was handed out here; and in a parked queue one as
/// high as what parks a message, for the keeper buries long before that.
fn counted(
    queue: &QueueName,
    redelivered: bool,
    deliveries: Option<i64>,
    acquired: Option<i64>,
) -> u32 {
    let parks = i64::from(DELIVERY_LIMIT) - 1;
    let own = deliveries
        .filter(|count| acquired.is_none_or(|acquired| *count <= acquired))
        .map(|count| u32::try_from(count).unwrap_or(u32::MAX).max(1));
    match (queue, deliveries) {
        _ if !redelivered => 0,
        (QueueName::Parked(_), Some(count)) if count >= parks => 0,
        _ => own.unwrap_or(1),
    }
}

fn named_by(body: &[u8]) -> MessageId {
    let Fingerprint(bytes) = Fingerprint::of_event(body);
    MessageId(uuid::Builder::from_custom_bytes(bytes).into_uuid())
}

/// Brokers and clients write whole numbers in any width.
fn whole(value: &AMQPValue) -> Option<i64> {
    match *value {
        AMQPValue::ShortShortInt(n) => Some(n.into()),
        AMQPValue::ShortShortUInt(n) => Some(n.into()),
        AMQPValue::ShortInt(n) => Some(n.into()),
        AMQPValue::ShortUInt(n) => Some(n.into()),
        AMQPValue::LongInt(n) => Some(n.into()),
        AMQPValue::LongUInt(n) => Some(n.into()),
        AMQPValue::LongLongInt(n) => Some(n),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_count_of_the_queue_it_left_is_not_believed() {
        use sendry_domain::{
            id::{PipelineName, TenantId},
            routing::QueueName,
        };
        let tenant = TenantId::new("acme").unwrap();
        let orders = QueueName::Pipeline(tenant.clone(), PipelineName::fallback());
        let parked = QueueName::Parked(tenant);
        let counted = super::counted;
        // RabbitMQ 3.10: no second count.
        assert_eq!(counted(&orders, false, None, None), 0);
        assert_eq!(counted(&orders, true, Some(3), None), 3);
        assert_eq!(counted(&orders, true, Some(50), Some(50)), 50);
        // 4.3: parked after 50 deliveries elsewhere; then handed out and given back without blame, and with it.
        assert_eq!(counted(&parked, true, Some(50), Some(50)), 0);
        assert_eq!(counted(&orders, true, Some(50), Some(1)), 1);
        assert_eq!(counted(&parked, true, Some(2), Some(3)), 2);
    }
}
