//! Dead letters as rows.

use std::collections::HashSet;

use rusqlite::{Connection, OptionalExtension, Row, params, types::Value};
use sendry_domain::{
    bitmap::Bitmap,
    counting::{Known, Verdict},
    dead_letter::{DeadLetter, DeadLetterId, State},
    id::TenantId,
    ledger::{Tally, shard},
    time::UnixMillis,
};

use super::{
    super::{
        super::erasure::is_erased,
        column::{id, place, read_scope, scope},
        failure::Failure,
        names::{self, Names, number},
    },
    erase, tallies,
};
use crate::{DeadLetterPage, DeadLetterQuery};

/// The columns that [`read`] reads, of `dead_letter AS d JOIN tenant AS t`.
macro_rules! columns {
    () => {
        "t.name, d.message, d.position, d.state, d.reason, d.replayable, d.field, d.explanation, \
         d.request_id, d.event_id, d.service, d.body, d.scope, d.events, d.accepted_at, \
         d.recorded_at"
    };
}
pub(super) use columns;

/// A row of the [`columns`].
pub fn read(row: &Row<'_>) -> Result<DeadLetter, Failure> {
    let state: String = row.get(3)?;
    Ok(DeadLetter {
        tenant: names::tenant(&row.get::<_, String>(0)?)?,
        id: place(row.get(1)?, row.get(2)?),
        state: state.parse().map_err(Failure::damaged)?,
        reason: row.get(4)?,
        replayable: row.get(5)?,
        field: row.get(6)?,
        message: row.get(7)?,
        request_id: row.get(8)?,
        event_id: row.get(9)?,
        service: row.get(10)?,
        body: row.get(11)?,
        scope: read_scope(row.get(12)?)?,
        events: row.get(13)?,
        accepted_at: UnixMillis(row.get(14)?),
        recorded_at: UnixMillis(row.get(15)?),
    })
}

/// Stores a letter; `false` if there is one in its place, which stays.
fn insert(transaction: &Connection, tenant: i64, letter: &DeadLetter) -> Result<bool, Failure> {
    let settled = (letter.state != State::Open).then_some(letter.recorded_at.0);
    let sql = "INSERT INTO dead_letter
                   (tenant, message, position, state, reason, replayable, field, explanation,
                    request_id, event_id, service, body, scope, events, accepted_at, recorded_at,
                    settled_at)
               VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
               ON CONFLICT DO NOTHING";
    let rows = transaction.prepare_cached(sql)?.execute(params![
        tenant,
        id(letter.id.message),
        letter.id.position,
        letter.state.as_str(),
        letter.reason,
        letter.replayable,
        letter.field,
        letter.message,
        letter.request_id,
        letter.event_id,
        letter.service,
        letter.body,
        scope(letter.scope),
        letter.events,
        letter.accepted_at.0,
        letter.recorded_at.0,
        settled,
    ])?;
    Ok(rows > 0)
}

/// Keeps the letters of a verdict.
///
/// A place can be taken only if its message was forgotten by the ledger and came once more; its letter, open ever since,
/// is then the same event, so that it is tallied as a duplicate and the number of letters stays the number tallied.
pub fn keep(
    transaction: &Connection,
    names: &mut Names,
    verdict: &mut Verdict,
) -> Result<(), Failure> {
    for letter in &verdict.dead {
        let no = names.of(transaction, &letter.tenant)?.no;
        if insert(transaction, no, letter)? {
            continue;
        }
        let key = (letter.tenant.clone(), letter.id.message);
        let tally = verdict.tallies.entry(key).or_default();
        let held = match letter.state {
            State::Conflict => &mut tally.conflicts,
            State::Open | State::Replayed | State::Discarded => &mut tally.dead_open,
        };
        *held -= 1;
        tally.duplicates += 1;
    }
    Ok(())
}

/// Keeps letters that stand for whole messages, and claims those messages in the ledger: a message is either counted or
/// buried, and that once, whatever is delivered again.
pub fn bury(
    transaction: &Connection,
    names: &mut Names,
    letters: &[DeadLetter],
) -> Result<(), Failure> {
    let sql = "INSERT INTO ledger_message (id, tenant, won, scope, last) VALUES (?, ?, ?, ?, ?)
               ON CONFLICT DO NOTHING";
    let mut claim = transaction.prepare_cached(sql)?;
    let mut claimed = HashSet::new();
    let mut known = Known::default();
    for letter in letters {
        erase::load(transaction, &letter.tenant, &mut known)?;
        if is_erased(&known, &letter.tenant, letter.id.message) {
            continue;
        }
        let no = names.of(transaction, &letter.tenant)?.no;
        let message = letter.id.message;
        let won = Bitmap::default();
        let last = letter.recorded_at.max(letter.accepted_at).0;
        let row = params![id(message), no, won.as_bytes(), scope(letter.scope), last];
        let new = claimed.contains(&message) || claim.execute(row)? > 0;
        if !new || !insert(transaction, no, letter)? {
            continue;
        }
        claimed.insert(message);
        let events = i64::from(letter.events);
        let tally = Tally {
            received: events,
            dead_open: events,
            ..Tally::default()
        };
        tallies::add(transaction, no, shard(message), &tally)?;
    }
    Ok(())
}

/// One letter.
pub fn find(
    connection: &Connection,
    tenant: &TenantId,
    letter: DeadLetterId,
) -> Result<Option<DeadLetter>, Failure> {
    let sql = concat!(
        "SELECT ",
        columns!(),
        " FROM dead_letter AS d JOIN tenant AS t ON t.no = d.tenant
          WHERE t.name = ? AND d.message = ? AND d.position = ?"
    );
    let mut statement = connection.prepare_cached(sql)?;
    let key = params![tenant.as_str(), id(letter.message), letter.position];
    let found = statement.query_row(key, |row| Ok(read(row)));
    found.optional()?.transpose()
}

/// A page of letters, newest first. One letter more than asked for is read, to know whether there is a next page.
pub fn list(
    snapshot: &Connection,
    tenant: &TenantId,
    query: &DeadLetterQuery,
) -> Result<DeadLetterPage, Failure> {
    let mut page = DeadLetterPage {
        letters: Vec::new(),
        next: None,
    };
    let Some(no) = number(snapshot, tenant)? else {
        return Ok(page);
    };
    let mut sql = concat!(
        "SELECT ",
        columns!(),
        " FROM dead_letter AS d JOIN tenant AS t ON t.no = d.tenant WHERE d.tenant = ?"
    )
    .to_owned();
    let mut values: Vec<Value> = vec![no.into()];
    if let Some(state) = query.state {
        sql.push_str(" AND d.state = ?");
        values.push(state.as_str().to_owned().into());
    }
    if let Some((recorded_at, after)) = query.after {
        sql.push_str(" AND (d.recorded_at, d.message, d.position) < (?, ?, ?)");
        let message = id(after.message).to_vec();
        values.extend([recorded_at.0.into(), message.into(), after.position.into()]);
    }
    sql.push_str(" ORDER BY d.recorded_at DESC, d.message DESC, d.position DESC LIMIT ?");
    values.push((i64::from(query.limit) + 1).into());
    let mut statement = snapshot.prepare_cached(&sql)?;
    let mut rows = statement.query(rusqlite::params_from_iter(values))?;
    while let Some(row) = rows.next()? {
        if page.letters.len() == query.limit as usize {
            page.next = page.letters.last().map(|last| (last.recorded_at, last.id));
            break;
        }
        page.letters.push(read(row)?);
    }
    Ok(page)
}
