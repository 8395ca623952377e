//! Deciding what each event of a delivery is: counted, duplicate, conflict or dead.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::arrival::{Arrival, ArrivedEvent, EventKey, SourceKey};
use crate::{
    bitmap::Bitmap,
    dead_letter::{DeadLetter, DeadLetterId, Reason, Refusal, State},
    event::Event,
    fingerprint::Fingerprint,
    id::{MessageId, TenantId},
    identity::Identity,
    ledger::Tally,
    message::Scope,
    time::UnixMillis,
};

/// The rows a store has to lock and load before judging, each set sorted so that concurrent workers lock alike.
#[derive(Debug, Default)]
pub struct Lookups {
    /// Tenants whose floor is needed.
    pub tenants: BTreeSet<TenantId>,
    /// Messages.
    pub messages: BTreeSet<MessageId>,
    /// Sources.
    pub sources: BTreeSet<SourceKey>,
    /// Client-named events, with their tenants.
    pub events: BTreeMap<EventKey, TenantId>,
}

impl Lookups {
    /// Everything that could know an event of `arrivals`.
    #[must_use]
    pub fn of(arrivals: &[Arrival]) -> Self {
        let mut lookups = Self::default();
        for arrival in arrivals {
            lookups.tenants.insert(arrival.tenant.clone());
            lookups.messages.insert(arrival.id);
            for event in &arrival.events {
                match &event.identity {
                    Identity::Event(id) => {
                        lookups
                            .events
                            .insert(arrival.event_key(id), arrival.tenant.clone());
                    }
                    Identity::Indexed { source, .. } => {
                        lookups.sources.insert((arrival.tenant.clone(), *source));
                    }
                }
            }
        }
        lookups
    }
}

/// What the ledger says about a [`Lookups`]; rows it does not hold are absent.
#[derive(Debug, Default)]
pub struct Known {
    /// Positions won by messages counted before.
    pub messages: HashMap<MessageId, Bitmap>,
    /// Sources seen before.
    pub sources: HashMap<SourceKey, SourceRow>,
    /// Content of client-named events seen before.
    pub events: HashMap<EventKey, Option<Fingerprint>>,
    /// Floors; a tenant without one has never been purged.
    pub floors: HashMap<TenantId, UnixMillis>,
    /// When tenants were erased; one made again goes on from there.
    pub erased: HashMap<TenantId, UnixMillis>,
}

impl Known {
    /// Whether what was accepted at `accepted_at` went with the tenant's erasure: it is a late worker's, or comes from a
    /// queue that nobody emptied, and is to leave no trace.
    #[must_use]
    pub fn is_erased(&self, tenant: &TenantId, accepted_at: UnixMillis) -> bool {
        let erased = self.erased.get(tenant);
        erased.is_some_and(|erased| accepted_at < *erased)
    }
}

/// A source (client batch or message) and which of its events have been seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceRow {
    /// Indexes seen.
    pub seen: Bitmap,
    /// Over the whole batch; `None` until a sender gave one.
    pub fingerprint: Option<Fingerprint>,
    /// Latest event time: the row stays as long as any of its events could come again.
    pub newest_event: UnixMillis,
    /// Imported history keeps its rows as long as its buckets: a file imported again must count once.
    pub scope: Scope,
}

/// A message row to write.
#[derive(Clone, Debug)]
pub struct MessageRow {
    /// Whose.
    pub tenant: TenantId,
    /// Positions counted by it.
    pub won: Bitmap,
    /// Latest event time in it.
    pub newest_event: UnixMillis,
    /// Live or imported.
    pub scope: Scope,
}

/// A client-named event to write.
#[derive(Clone, Debug)]
pub struct EventRow {
    /// Whose.
    pub tenant: TenantId,
    /// Its content.
    pub content: Option<Fingerprint>,
    /// Its time.
    pub event_time: UnixMillis,
    /// Live or imported.
    pub scope: Scope,
}

/// The positions of one arrival that it counted, now or at an earlier delivery: exactly these need their raw event.
#[derive(Clone, Debug)]
pub struct Won {
    /// The message.
    pub message: MessageId,
    /// Counted at an earlier delivery: only the raw step may be missing.
    pub redelivered: bool,
    /// Positions.
    pub positions: Bitmap,
}

/// What a store has to write, all or nothing.
#[derive(Debug, Default)]
pub struct Verdict {
    /// New message rows.
    pub messages: BTreeMap<MessageId, MessageRow>,
    /// Source rows as they are to stand.
    pub sources: BTreeMap<SourceKey, SourceRow>,
    /// New event rows.
    pub events: BTreeMap<EventKey, EventRow>,
    /// Tallies by message, for sharding.
    pub tallies: BTreeMap<(TenantId, MessageId), Tally>,
    /// Dead letters and kept conflicts.
    pub dead: Vec<DeadLetter>,
    /// The events to fold into buckets: (index of the arrival, position).
    pub counted: Vec<(usize, u32)>,
    /// By arrival, in order: what its raw step has to hold.
    pub won: Vec<Won>,
}

/// Judges `arrivals` in order; of repeats in one call the first wins. `at` is the moment of counting, `minute_floor` the
/// start of the minute level.
#[must_use]
pub fn judge(
    arrivals: &[Arrival],
    known: &Known,
    at: UnixMillis,
    minute_floor: UnixMillis,
) -> Verdict {
    let mut verdict = Verdict::default();
    for (number, arrival) in arrivals.iter().enumerate() {
        if known.is_erased(&arrival.tenant, arrival.accepted_at) {
            verdict.won.push(Won {
                message: arrival.id,
                redelivered: true,
                positions: Bitmap::default(),
            });
            continue;
        }
        let earlier = known
            .messages
            .get(&arrival.id)
            .or_else(|| verdict.messages.get(&arrival.id).map(|row| &row.won));
        if let Some(won) = earlier {
            let positions = won.clone();
            verdict.won.push(Won {
                message: arrival.id,
                redelivered: true,
                positions,
            });
            continue;
        }
        let floor = known
            .floors
            .get(&arrival.tenant)
            .copied()
            .unwrap_or(UnixMillis(i64::MIN));
        let mut tally = Tally::default();
        let mut won = Bitmap::default();
        let mut newest_event = UnixMillis(i64::MIN);
        for (event, position) in arrival.events.iter().zip(0u32..) {
            tally.received += 1;
            let event_time = event
                .parsed
                .as_ref()
                .map_or(arrival.accepted_at, |e| e.timestamp);
            newest_event = newest_event.max(event_time);
            match claim(arrival, event, event_time, known, &mut verdict) {
                Claim::Duplicate => tally.duplicates += 1,
                Claim::Conflict => {
                    tally.conflicts += 1;
                    let refusal = conflict();
                    verdict
                        .dead
                        .push(letter(arrival, event, position, &refusal, at));
                }
                Claim::New => match countable(event, floor, arrival.scope) {
                    Ok(parsed) => {
                        tally.counted += 1;
                        let late = arrival.scope == Scope::Live && parsed.timestamp < minute_floor;
                        tally.late += i64::from(late);
                        won.insert(position);
                        verdict.counted.push((number, position));
                    }
                    Err(refusal) => {
                        tally.dead_open += 1;
                        verdict
                            .dead
                            .push(letter(arrival, event, position, &refusal, at));
                    }
                },
            }
        }
        verdict
            .tallies
            .insert((arrival.tenant.clone(), arrival.id), tally);
        verdict.won.push(Won {
            message: arrival.id,
            redelivered: false,
            positions: won.clone(),
        });
        let row = MessageRow {
            tenant: arrival.tenant.clone(),
            won,
            newest_event,
            scope: arrival.scope,
        };
        verdict.messages.insert(arrival.id, row);
    }
    verdict
}

enum Claim {
    New,
    Duplicate,
    Conflict,
}

/// Claims the event's identity, or says who holds it.
fn claim(
    arrival: &Arrival,
    event: &ArrivedEvent,
    event_time: UnixMillis,
    known: &Known,
    verdict: &mut Verdict,
) -> Claim {
    match &event.identity {
        Identity::Event(id) => {
            let key = arrival.event_key(id);
            let held = known.events.get(&key).copied();
            let held = held.or_else(|| verdict.events.get(&key).map(|row| row.content));
            match held {
                Some(content) if differ(content, event.content) => Claim::Conflict,
                Some(_) => Claim::Duplicate,
                None => {
                    let row = EventRow {
                        tenant: arrival.tenant.clone(),
                        content: event.content,
                        event_time,
                        scope: arrival.scope,
                    };
                    verdict.events.insert(key, row);
                    Claim::New
                }
            }
        }
        Identity::Indexed { source, index } => {
            let key = (arrival.tenant.clone(), *source);
            let row = verdict.sources.entry(key).or_insert_with_key(|key| {
                known.sources.get(key).cloned().unwrap_or(SourceRow {
                    seen: Bitmap::default(),
                    fingerprint: None,
                    newest_event: UnixMillis(i64::MIN),
                    scope: arrival.scope,
                })
            });
            if differ(row.fingerprint, event.content) {
                return Claim::Conflict;
            }
            row.fingerprint = row.fingerprint.or(event.content);
            row.newest_event = row.newest_event.max(event_time);
            if row.seen.insert(*index) {
                Claim::New
            } else {
                Claim::Duplicate
            }
        }
    }
}

fn differ(held: Option<Fingerprint>, new: Option<Fingerprint>) -> bool {
    matches!((held, new), (Some(a), Some(b)) if a != b)
}

fn countable(event: &ArrivedEvent, floor: UnixMillis, scope: Scope) -> Result<&Event, Refusal> {
    let parsed = event.parsed.as_ref().map_err(Clone::clone)?;
    if scope == Scope::Live && parsed.timestamp < floor {
        return Err(Refusal {
            reason: Reason::TooLate,
            field: Some("timestamp".to_owned()),
            message:
                "older than the ledger remembers, so it could have been counted before; discard it"
                    .to_owned(),
        });
    }
    Ok(parsed)
}

fn conflict() -> Refusal {
    Refusal {
        reason: Reason::Conflict,
        field: Some("eventId".to_owned()),
        message: "this identity was counted before with other content; an id must name one event"
            .to_owned(),
    }
}

fn letter(
    arrival: &Arrival,
    event: &ArrivedEvent,
    position: u32,
    refusal: &Refusal,
    at: UnixMillis,
) -> DeadLetter {
    let is_conflict = refusal.reason == Reason::Conflict;
    DeadLetter {
        id: DeadLetterId {
            message: arrival.id,
            position,
        },
        tenant: arrival.tenant.clone(),
        state: if is_conflict {
            State::Conflict
        } else {
            State::Open
        },
        reason: refusal.reason.code().to_owned(),
        replayable: refusal.reason.replayable(),
        field: refusal.field.clone(),
        message: refusal.message.clone(),
        request_id: (!event.request_id.is_empty()).then(|| event.request_id.clone()),
        event_id: event.event_id.as_ref().map(ToString::to_string),
        service: event.parsed.as_ref().ok().map(|e| e.service.to_string()),
        body: event.body.get().to_owned(),
        scope: arrival.scope,
        events: 1,
        accepted_at: arrival.accepted_at,
        recorded_at: at,
    }
}

/// The dead letter of a message that cannot be read: one for all of its events, whose number travels beside the bytes.
#[must_use]
pub fn undecodable(
    tenant: TenantId,
    message: MessageId,
    events: u32,
    body: &[u8],
    why: &str,
    at: UnixMillis,
) -> DeadLetter {
    DeadLetter {
        id: DeadLetterId {
            message,
            position: 0,
        },
        tenant,
        state: State::Open,
        reason: Reason::Undecodable.code().to_owned(),
        replayable: Reason::Undecodable.replayable(),
        field: None,
        message: why.to_owned(),
        request_id: None,
        event_id: None,
        service: None,
        body: String::from_utf8_lossy(body).into_owned(),
        scope: Scope::Live,
        events: events.max(1),
        accepted_at: at,
        recorded_at: at,
    }
}
