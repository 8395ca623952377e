//! What makes two events the same one.
//!
//! The tenant is in every key; the pipeline and the time of arrival are in none, so neither re-routing nor a retry
//! across midnight can count an event twice.

use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::id::{EventId, MessageId, TenantId};

/// Largest index a source may have: bounds the bitmap that one row can grow to (8 KiB).
pub const MAX_INDEX: u32 = 65_535;

/// The identity of an event within its tenant.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Identity {
    /// The client named the event.
    Event(EventId),
    /// The `index`-th event of a source: a client's `batchId` with the position in its array, or, where there is no
    /// `batchId`, the `messageId` with the position in the message.
    Indexed {
        /// `batchId` or `messageId`.
        source: Uuid,
        /// Position, from 0, rejected events included.
        index: u32,
    },
}

/// Where an event stands, for events whose client named nothing.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// The client's batch and the position in the client's array, if it named its batch.
    pub batch: Option<(Uuid, u32)>,
    /// The message that carries the event.
    pub message: MessageId,
    /// Position in that message.
    pub position: u32,
}

impl Identity {
    /// The identity of an event: its `eventId`, else its batch, else its message.
    #[must_use]
    pub fn of(event_id: Option<&EventId>, place: Place) -> Self {
        match (event_id, place.batch) {
            (Some(id), _) => match parse_minted(id.as_str()) {
                Some((source, index)) => Self::Indexed { source, index },
                None => Self::Event(id.clone()),
            },
            (None, Some((source, index))) => Self::Indexed { source, index },
            (None, None) => Self::Indexed {
                source: place.message.0,
                index: place.position,
            },
        }
    }
}

/// The id that ingest answers with for an event its client did not name: when it comes back as `eventId`, it means
/// exactly the identity that the event had.
#[must_use]
pub fn mint(place: Place) -> String {
    match place.batch {
        Some((batch, index)) => format!("{batch}.{index}"),
        None => format!("{}.{}", place.message, place.position),
    }
}

/// `<uuid>.<index>` in its canonical spelling only; anything else is the client's own text.
fn parse_minted(text: &str) -> Option<(Uuid, u32)> {
    let (uuid, index) = (text.get(..36)?, text.get(36..)?.strip_prefix('.')?);
    let source = Uuid::try_parse(uuid).ok()?;
    let number: u32 = index.parse().ok().filter(|n| *n <= MAX_INDEX)?;
    (source.to_string() == uuid && number.to_string() == index).then_some((source, number))
}

/// The fixed-width key under which stores keep a client's event id: 128 bits of SHA-256 over tenant and id.
#[must_use]
pub fn event_key(tenant: &TenantId, id: &EventId) -> [u8; 16] {
    let mut hasher = Sha256::new();
    hasher.update(tenant.as_str());
    hasher.update([0]);
    hasher.update(id.as_str());
    let mut key = [0; 16];
    key.copy_from_slice(&hasher.finalize().as_slice()[..16]);
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(batch: Option<(Uuid, u32)>) -> Place {
        Place {
            batch,
            message: MessageId(Uuid::from_u128(7)),
            position: 3,
        }
    }

    #[test]
    fn the_clients_names_go_first() {
        let id = EventId::new("order-1").unwrap();
        let batch = Some((Uuid::from_u128(9), 5));
        assert_eq!(Identity::of(Some(&id), place(batch)), Identity::Event(id));
        assert_eq!(
            Identity::of(None, place(batch)),
            Identity::Indexed {
                source: Uuid::from_u128(9),
                index: 5
            }
        );
        assert_eq!(
            Identity::of(None, place(None)),
            Identity::Indexed {
                source: Uuid::from_u128(7),
                index: 3
            }
        );
    }

    #[test]
    fn a_minted_id_that_comes_back_is_the_same_identity() {
        for batch in [None, Some((Uuid::from_u128(9), 5))] {
            let id = EventId::new(&mint(place(batch))).unwrap();
            let elsewhere = Place {
                batch: Some((Uuid::from_u128(1), 0)),
                message: MessageId(Uuid::from_u128(2)),
                position: 0,
            };
            assert_eq!(
                Identity::of(Some(&id), elsewhere),
                Identity::of(None, place(batch))
            );
        }
    }

    #[test]
    fn only_the_canonical_spelling_is_minted() {
        let uuid = Uuid::from_u128(0xabc).to_string();
        for other in [
            format!("{}.1", uuid.to_uppercase()),
            format!("{uuid}.01"),
            format!("{uuid}.70000"),
            format!("{uuid}.+1"),
            format!("{uuid}1"),
            uuid.clone(),
        ] {
            if let Ok(id) = EventId::new(&other) {
                assert!(
                    matches!(Identity::of(Some(&id), place(None)), Identity::Event(_)),
                    "{other}"
                );
            }
        }
    }
}
