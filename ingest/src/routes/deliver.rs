//! The valid events of a request made durable, over one route or several.

use futures_util::future::join_all;
use sendry_domain::{
    id::{MessageId, PipelineName},
    identity::{self, Place},
    message::{BatchRef, MessageEvent, RequestRef},
};
use uuid::Uuid;

use super::Admitted;
use crate::{
    Ingest,
    accept::Accepted,
    publish::{Consignment, NotSent, Sent},
};

/// Why a request is not durable as a whole.
#[derive(Debug)]
pub(super) enum Failure {
    /// Surely nothing was stored. Come back after so many milliseconds.
    Unavailable(u64),
    /// Surely nothing was stored: its queue is full.
    Full,
    /// Something may be stored; these are the ids to retry under.
    Unknown(Vec<Retry>),
}

/// An event and the id to retry it under; `None` where it was surely not stored and any retry is safe. Events of a named
/// batch always have one: a client that changes some of the batch's events changes its fingerprint, too.
#[derive(Debug)]
pub(super) struct Retry {
    pub(super) index: u32,
    pub(super) event_id: Option<String>,
}

/// What a consignment's events are called, kept while the events themselves travel.
struct Names {
    events: Vec<(u32, Option<String>)>,
}

/// Sends the events and waits for every confirm. Returns where the first group was put.
pub(super) async fn deliver(
    ingest: &Ingest,
    admitted: &Admitted,
    batch: Option<BatchRef>,
    accepted: impl IntoIterator<Item = (PipelineName, Vec<Accepted>)>,
) -> Result<Vec<Sent>, Failure> {
    let key = &admitted.caller.key.record;
    let mut sending = Vec::new();
    for (pipeline, events) in accepted {
        let names = Names {
            events: events
                .iter()
                .map(|e| (e.index, e.event_id.as_ref().map(ToString::to_string)))
                .collect(),
        };
        let request = RequestRef {
            request_id: admitted.request_id.as_str().to_owned(),
            key_id: key.id.clone(),
            batch,
        };
        let events = events
            .into_iter()
            .map(|e| MessageEvent {
                request: 0,
                index: e.index,
                fingerprint: e.fingerprint,
                body: e.body,
            })
            .collect();
        let consignment = Consignment {
            tenant: key.tenant.clone(),
            pipeline,
            scope: admitted.caller.scope,
            accepted_at: admitted.at,
            request,
            events,
        };
        sending.push((names, ingest.publisher.send(consignment)));
    }
    // Nearly every request has one route; more are sent side by side, each awaited to its end.
    let (names, futures): (Vec<_>, Vec<_>) = sending.into_iter().unzip();
    let outcomes = join_all(futures).await;
    if outcomes.iter().all(Result::is_ok) {
        return Ok(outcomes.into_iter().flatten().collect());
    }
    Err(failure(&names, &outcomes, batch))
}

fn failure(
    names: &[Names],
    outcomes: &[Result<Sent, NotSent>],
    batch: Option<BatchRef>,
) -> Failure {
    let stored = |o: &Result<Sent, NotSent>| matches!(o, Ok(_) | Err(NotSent::Unknown(_)));
    if !outcomes.iter().any(stored) {
        let wait = outcomes.iter().filter_map(|o| match o {
            Err(NotSent::Unavailable(wait)) => Some(*wait),
            _ => None,
        });
        return wait.max().map_or(Failure::Full, Failure::Unavailable);
    }
    let mut retries: Vec<Retry> = names
        .iter()
        .zip(outcomes)
        .flat_map(|(names, outcome)| {
            let place = match outcome {
                Ok(sent) | Err(NotSent::Unknown(sent)) => Some(*sent),
                Err(NotSent::Unavailable(_) | NotSent::Full) => None,
            };
            names
                .events
                .iter()
                .zip(0u32..)
                .map(move |((index, own), n)| {
                    let in_batch = batch.map(|b| (b.id, *index));
                    let minted = || match in_batch {
                        // Within a named batch the message plays no part.
                        Some(_) => Some(identity::mint(Place {
                            batch: in_batch,
                            message: MessageId(Uuid::nil()),
                            position: n,
                        })),
                        None => place.map(|sent| sent.minted(n, None)),
                    };
                    Retry {
                        index: *index,
                        event_id: own.clone().or_else(minted),
                    }
                })
        })
        .collect();
    retries.sort_by_key(|retry| retry.index);
    Failure::Unknown(retries)
}
