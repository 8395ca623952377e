//! Settling dead letters: counted after all, or given up.

use std::collections::BTreeSet;

use rusqlite::{Connection, params};
use sendry_domain::{
    dead_letter::{DeadLetter, DeadLetterId, State},
    event::Event,
    id::TenantId,
    ledger::{Tally, shard},
    message::Scope,
    rollup::{self, MINUTE_RETENTION},
    time::UnixMillis,
};

use super::{
    super::{column::id, failure::Failure, names::Names},
    Decided, buckets, count, dead_letters, dirty, tallies,
};
use crate::{ReplayError, Replayed};

/// A letter to count.
pub struct Replay {
    /// Whose.
    pub tenant: TenantId,
    /// Which.
    pub id: DeadLetterId,
    /// Its event, perhaps corrected.
    pub event: Event,
    /// The event's bytes.
    pub body: String,
    /// The moment of counting.
    pub at: UnixMillis,
}

impl Replay {
    /// Counts the letter's event and closes the letter.
    pub fn run(self, transaction: &Connection, names: &mut Names) -> Decided<Replayed> {
        let Self {
            tenant,
            id: letter_id,
            event,
            body,
            at,
        } = self;
        let mut letter = match open(transaction, &tenant, letter_id)? {
            Ok(letter) => letter,
            Err(unfit) => return Ok(Err(unfit)),
        };
        // One that stands for several events has no event of its own.
        if !letter.replayable || letter.events > 1 {
            return Ok(Err(ReplayError::NotReplayable(letter.reason)));
        }
        let version = names.next_version(transaction)?;
        let of_tenant = names.of(transaction, &tenant)?;
        let no = of_tenant.no;
        let event = count::resolve(of_tenant, &event);
        let minute_floor = at.plus(-MINUTE_RETENTION);
        let cells = rollup::fold([event.as_ref()], minute_floor);
        buckets::add_all(transaction, of_tenant, &cells)?;
        let starts: BTreeSet<_> = cells.keys().map(|key| key.start).collect();
        dirty::mark(transaction, no, starts, version)?;
        let late = letter.scope == Scope::Live && event.timestamp < minute_floor;
        let tally = Tally {
            dead_open: -1,
            counted: 1,
            replayed: 1,
            late: late.into(),
            ..Tally::default()
        };
        tallies::add(transaction, no, shard(letter_id.message), &tally)?;
        letter.state = State::Replayed;
        letter.service = Some(event.service.to_string());
        letter.body = body;
        let sql = "UPDATE dead_letter
                   SET state = ?, service = ?, body = ?, settled_at = ?, endpoint = ?, raw_owed = 1
                   WHERE tenant = ? AND message = ? AND position = ?";
        transaction.prepare_cached(sql)?.execute(params![
            letter.state.as_str(),
            letter.service,
            letter.body,
            at.0,
            event.endpoint,
            no,
            id(letter_id.message),
            letter_id.position,
        ])?;
        let endpoint = event.endpoint.clone();
        Ok(Ok(Replayed { letter, endpoint }))
    }
}

/// Gives a letter up.
pub fn discard(
    transaction: &Connection,
    names: &mut Names,
    tenant: &TenantId,
    letter_id: DeadLetterId,
    reason: &str,
    at: UnixMillis,
) -> Decided<DeadLetter> {
    let mut letter = match open(transaction, tenant, letter_id)? {
        Ok(letter) => letter,
        Err(unfit) => return Ok(Err(unfit)),
    };
    let no = names.of(transaction, tenant)?.no;
    let events = i64::from(letter.events);
    let tally = Tally {
        dead_open: -events,
        discarded: events,
        ..Tally::default()
    };
    tallies::add(transaction, no, shard(letter_id.message), &tally)?;
    letter.state = State::Discarded;
    letter.message = reason.to_owned();
    let sql = "UPDATE dead_letter SET state = ?, explanation = ?, settled_at = ?
               WHERE tenant = ? AND message = ? AND position = ?";
    transaction.prepare_cached(sql)?.execute(params![
        letter.state.as_str(),
        letter.message,
        at.0,
        no,
        id(letter_id.message),
        letter_id.position,
    ])?;
    Ok(Ok(letter))
}

/// A letter that is still open.
fn open(transaction: &Connection, tenant: &TenantId, id: DeadLetterId) -> Decided<DeadLetter> {
    let found = dead_letters::find(transaction, tenant, id)?;
    Ok(match found {
        None => Err(ReplayError::NotFound),
        Some(letter) if letter.state == State::Open => Ok(letter),
        Some(letter) => Err(ReplayError::NotOpen(letter.state)),
    })
}

/// Replayed letters whose raw event is still owed, oldest first.
pub fn raw_owed(snapshot: &Connection, limit: u32) -> Result<Vec<Replayed>, Failure> {
    let sql = concat!(
        "SELECT ",
        dead_letters::columns!(),
        ", d.endpoint FROM dead_letter AS d JOIN tenant AS t ON t.no = d.tenant
          WHERE d.raw_owed ORDER BY d.settled_at, d.message, d.position LIMIT ?"
    );
    let mut statement = snapshot.prepare_cached(sql)?;
    let mut rows = statement.query([limit])?;
    let mut owed = Vec::new();
    while let Some(row) = rows.next()? {
        owed.push(Replayed {
            letter: dead_letters::read(row)?,
            endpoint: row.get(16)?,
        });
    }
    Ok(owed)
}

/// The raw event of a letter is stored.
pub fn raw_settled(
    transaction: &Connection,
    tenant: &TenantId,
    letter: DeadLetterId,
) -> Result<(), Failure> {
    let sql = "UPDATE dead_letter SET raw_owed = 0
               WHERE tenant = (SELECT no FROM tenant WHERE name = ?) AND message = ? AND position = ?";
    let key = params![tenant.as_str(), id(letter.message), letter.position];
    transaction.prepare_cached(sql)?.execute(key)?;
    Ok(())
}
