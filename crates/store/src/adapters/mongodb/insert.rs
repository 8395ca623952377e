//! Storing events: in few commands, each of which can be sent again.

use std::collections::HashSet;

use mongodb::error::ErrorKind;

use super::{
    MongoStore,
    document::Stored,
    failure::{Failure, is_content},
};
use crate::RawEvent;

/// Documents a command.
const MAX_DOCUMENTS: usize = 2_000;
/// Bytes a command, unless one document has more.
const MAX_BYTES: usize = 8 * 1024 * 1024;
/// The server's word for "that `_id` is there already".
const DUPLICATE: i32 = 11_000;

type Indexed<'a> = (usize, Stored<&'a str>);

/// Stores events; returns the indexes of those the server refuses for their content.
pub async fn insert(store: &MongoStore, events: &[RawEvent]) -> Result<Vec<usize>, Failure> {
    let (documents, mut refused) = documents(events);
    let mut sent = false;
    for command in commands(&documents) {
        let outcome = isolate(store, command).await;
        // What an earlier command stored stays.
        refused.extend(outcome.map_err(|failure| failure.after(sent))?);
        sent = true;
    }
    refused.sort_unstable();
    Ok(refused)
}

/// The documents, and the indexes of events that cannot be one. Of repeats the first stays: the order in which a server
/// works on an unordered command is its own.
fn documents(events: &[RawEvent]) -> (Vec<Indexed<'_>>, Vec<usize>) {
    let mut places = HashSet::with_capacity(events.len());
    let (mut documents, mut refused) = (Vec::with_capacity(events.len()), Vec::new());
    for (index, event) in events.iter().enumerate() {
        match Stored::of(event) {
            Some(document) if places.insert(event.id) => documents.push((index, document)),
            Some(_) => {}
            None => refused.push(index),
        }
    }
    (documents, refused)
}

/// Cuts documents into commands.
fn commands<'a>(mut documents: &'a [Indexed<'a>]) -> impl Iterator<Item = &'a [Indexed<'a>]> {
    std::iter::from_fn(move || {
        let mut bytes = 0;
        let fits = documents.iter().take(MAX_DOCUMENTS).take_while(|(_, d)| {
            bytes += d.bytes();
            bytes <= MAX_BYTES
        });
        let count = fits.count().max(1).min(documents.len());
        let (command, rest) = documents.split_at(count);
        documents = rest;
        (count > 0).then_some(command)
    })
}

/// Sends a command. Where driver or server refuse it as a whole for its content, halves it until the document is found.
async fn isolate(store: &MongoStore, command: &[Indexed<'_>]) -> Result<Vec<usize>, Failure> {
    let (mut waiting, mut refused) = (vec![command], Vec::new());
    let mut sent = false;
    while let Some(part) = waiting.pop() {
        match send(store, part).await {
            Ok(indexes) => refused.extend(indexes),
            Err(failure) if !failure.is_refusal() => return Err(failure.after(sent)),
            Err(failure) => match part {
                [(index, _)] => {
                    tracing::warn!(error = %failure, "MongoDB refuses a document");
                    refused.push(*index);
                }
                _ => {
                    let (first, second) = part.split_at(part.len() / 2);
                    waiting.extend([second, first]);
                }
            },
        }
        sent = true;
    }
    Ok(refused)
}

async fn send(store: &MongoStore, part: &[Indexed<'_>]) -> Result<Vec<usize>, Failure> {
    let events = store.events.clone_with_type::<Stored<&str>>();
    let insert = events
        .insert_many(part.iter().map(|(_, document)| document))
        .ordered(false)
        .write_concern(store.durable());
    let Err(failure) = store.bounded(insert).await else {
        return Ok(Vec::new());
    };
    let Failure::Driver(error) = &failure else {
        return Err(failure);
    };
    let ErrorKind::InsertMany(outcome) = error.kind.as_ref() else {
        return Err(failure);
    };
    // Even where every document is a duplicate: the one that is there may not have reached a majority yet.
    if let Some(concern) = &outcome.write_concern_error {
        return Err(Failure::Concern {
            code: concern.code,
            message: concern.message.clone(),
        });
    }
    let mut refused = Vec::new();
    for error in outcome.write_errors.iter().flatten() {
        match (error.code, part.get(error.index)) {
            (DUPLICATE, _) => {}
            (code, Some((index, _))) if is_content(code) => {
                tracing::warn!(code, error = error.message, "MongoDB refuses a document");
                refused.push(*index);
            }
            (code, _) => {
                return Err(Failure::Write {
                    code,
                    message: error.message.clone(),
                });
            }
        }
    }
    Ok(refused)
}

#[cfg(test)]
mod tests {
    use sendry_domain::{
        dead_letter::DeadLetterId,
        id::{MessageId, TenantId},
        time::UnixMillis,
    };

    use super::*;

    fn event(position: u32, bytes: usize) -> RawEvent {
        RawEvent {
            id: DeadLetterId {
                message: MessageId(uuid::Uuid::from_u128(7)),
                position,
            },
            tenant: TenantId::new("acme").unwrap(),
            timestamp: UnixMillis(0),
            service: String::new(),
            endpoint: String::new(),
            method: String::new(),
            status: 0,
            latency_us: 0,
            request_id: String::new(),
            body: "x".repeat(bytes),
        }
    }

    fn sizes(events: &[RawEvent]) -> Vec<usize> {
        let (documents, _) = documents(events);
        commands(&documents).map(<[_]>::len).collect()
    }

    #[test]
    fn commands_are_bounded_in_documents_and_bytes() {
        let small: Vec<_> = (0..4_001).map(|p| event(p, 10)).collect();
        assert_eq!(sizes(&small), [2_000, 2_000, 1]);
        let large: Vec<_> = (0..5).map(|p| event(p, 3_000_000)).collect();
        assert_eq!(sizes(&large), [2, 2, 1]);
        let alone = [event(0, 10), event(1, 15_000_000), event(2, 10)];
        assert_eq!(sizes(&alone), [1, 1, 1]);
        assert_eq!(sizes(&[]), [0usize; 0]);
    }

    #[test]
    fn of_repeats_the_first_is_sent() {
        let events = [event(0, 1), event(1, 2), event(0, 3), event(1, 20_000_000)];
        let (documents, refused) = documents(&events);
        let indexes: Vec<_> = documents.iter().map(|(index, _)| *index).collect();
        assert_eq!((indexes, refused), (vec![0, 1], vec![3]));
    }
}
