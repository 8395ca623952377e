//! An event as a document, and back.

use mongodb::bson::{Binary, DateTime, spec::BinarySubtype};
use sendry_domain::{
    dead_letter::DeadLetterId,
    id::{MessageId, TenantId},
    time::UnixMillis,
};
use serde::{Deserialize, Serialize};

use super::Failure;
use crate::RawEvent;

/// The largest document that servers take.
pub const MAX_DOCUMENT: usize = 16 * 1024 * 1024;
/// What a document needs beside its texts, rounded up: names of fields, types, lengths and numbers.
const FRAME: usize = 256;

/// A document; borrowed (`&str`) to be written, owned to be read.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Stored<T> {
    #[serde(rename = "_id")]
    pub id: Binary,
    pub tenant: T,
    pub timestamp: DateTime,
    pub service: T,
    pub endpoint: T,
    pub method: T,
    pub status: i32,
    pub latency_us: i64,
    pub request_id: T,
    pub body: T,
}

impl<'a> Stored<&'a str> {
    /// The event's document; `None` where no server could take it.
    pub fn of(event: &'a RawEvent) -> Option<Self> {
        let stored = Self {
            id: place(event.id),
            tenant: event.tenant.as_str(),
            timestamp: date(event.timestamp),
            service: &event.service,
            endpoint: &event.endpoint,
            method: &event.method,
            status: i32::from(event.status),
            latency_us: i64::try_from(event.latency_us).ok()?,
            request_id: &event.request_id,
            body: &event.body,
        };
        (stored.bytes() <= MAX_DOCUMENT + FRAME).then_some(stored)
    }

    /// Its size, at most [`FRAME`] too large.
    pub fn bytes(&self) -> usize {
        let texts = [
            self.tenant,
            self.service,
            self.endpoint,
            self.method,
            self.request_id,
            self.body,
        ];
        FRAME + texts.iter().map(|text| text.len()).sum::<usize>()
    }
}

impl Stored<String> {
    /// The event.
    pub fn event(self) -> Result<RawEvent, Failure> {
        let id = read_place(&self.id.bytes);
        let damaged =
            |field: &str| Failure::Damaged(format!("document {} has a strange {field}", self.id));
        Ok(RawEvent {
            id: id.ok_or_else(|| damaged("_id"))?,
            tenant: TenantId::new(&self.tenant).map_err(|_| damaged("tenant"))?,
            timestamp: UnixMillis(self.timestamp.timestamp_millis()),
            service: self.service,
            endpoint: self.endpoint,
            method: self.method,
            status: u16::try_from(self.status).map_err(|_| damaged("status"))?,
            latency_us: u64::try_from(self.latency_us).map_err(|_| damaged("latencyUs"))?,
            request_id: self.request_id,
            body: self.body,
        })
    }
}

/// A time as the server's date.
pub fn date(time: UnixMillis) -> DateTime {
    DateTime::from_millis(time.0)
}

/// A place as an `_id`.
pub fn place(id: DeadLetterId) -> Binary {
    let mut bytes = Vec::with_capacity(20);
    bytes.extend(id.message.0.as_bytes());
    bytes.extend(id.position.to_be_bytes());
    Binary {
        subtype: BinarySubtype::Generic,
        bytes,
    }
}

fn read_place(bytes: &[u8]) -> Option<DeadLetterId> {
    let (message, position) = bytes.split_first_chunk()?;
    Some(DeadLetterId {
        message: MessageId(uuid::Uuid::from_bytes(*message)),
        position: u32::from_be_bytes(position.try_into().ok()?),
    })
}

#[cfg(test)]
mod tests {
    use mongodb::bson::serialize_to_vec;

    use super::*;

    fn event(body: String) -> RawEvent {
        RawEvent {
            id: DeadLetterId {
                message: MessageId(uuid::Uuid::from_u128(7)),
                position: 0x0102_0304,
            },
            tenant: TenantId::new("acme").unwrap(),
            timestamp: UnixMillis(-5),
            service: "shop".to_owned(),
            endpoint: "/orders/:id".to_owned(),
            method: "GET".to_owned(),
            status: 599,
            latency_us: 3,
            request_id: "r".to_owned(),
            body,
        }
    }

    #[test]
    fn a_place_is_read_back() {
        let event = event(String::new());
        let id = place(event.id).bytes;
        assert_eq!(id[16..], [1, 2, 3, 4]);
        assert_eq!(read_place(&id), Some(event.id));
        for bad in [&id[..19], &id[..3], &[id.as_slice(), &[0]].concat()] {
            assert_eq!(read_place(bad), None);
        }
    }

    #[test]
    fn a_size_is_never_estimated_too_small() {
        for length in [0, 1, 300, 70_000] {
            let event = event("x".repeat(length));
            let stored = Stored::of(&event).unwrap();
            let real = serialize_to_vec(&stored).unwrap().len();
            assert!((real..=real + FRAME).contains(&stored.bytes()), "{real}");
        }
    }

    #[test]
    fn what_no_server_could_take_is_no_document() {
        assert!(Stored::of(&event("x".repeat(MAX_DOCUMENT - FRAME))).is_some());
        assert!(Stored::of(&event("x".repeat(MAX_DOCUMENT + FRAME))).is_none());
        let slow = RawEvent {
            latency_us: 1 << 63,
            ..event(String::new())
        };
        assert!(Stored::of(&slow).is_none());
    }
}
