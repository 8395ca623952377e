//! Dead letters as rows.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use sendry_domain::{
    bitmap::Bitmap,
    counting::Verdict,
    dead_letter::{DeadLetter, DeadLetterId, State},
    id::TenantId,
    ledger::{Tally, shard},
    time::UnixMillis,
};
use sqlx::{PgConnection, Row, postgres::PgRow};
use uuid::Uuid;

use super::{
    super::{
        super::erasure::is_erased,
        column::{place, read_scope, scope, storable},
        database::Query,
        failure::Failure,
        names::{self, Shared},
    },
    floor, tallies,
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
pub fn read(row: &PgRow) -> Result<DeadLetter, Failure> {
    let state: &str = row.try_get(3)?;
    Ok(DeadLetter {
        tenant: names::tenant(row.try_get(0)?)?,
        id: place(row.try_get(1)?, row.try_get(2)?)?,
        state: state.parse().map_err(Failure::damaged)?,
        reason: row.try_get(4)?,
        replayable: row.try_get(5)?,
        field: row.try_get(6)?,
        message: row.try_get(7)?,
        request_id: row.try_get(8)?,
        event_id: row.try_get(9)?,
        service: row.try_get(10)?,
        body: row.try_get(11)?,
        scope: read_scope(row.try_get(12)?)?,
        events: u32::try_from(row.try_get::<i64, _>(13)?).map_err(Failure::damaged)?,
        accepted_at: UnixMillis(row.try_get(14)?),
        recorded_at: UnixMillis(row.try_get(15)?),
    })
}

/// Stores letters and returns the places of those that are new; where one stands already, it stays.
///
/// A letter is kept whatever its bytes: NUL, which a text cannot hold here, is replaced.
async fn insert(
    connection: &mut PgConnection,
    names: &HashMap<TenantId, Shared>,
    letters: &[&DeadLetter],
) -> Result<HashSet<(i32, DeadLetterId)>, Failure> {
    let mut rows = Vec::with_capacity(letters.len());
    for letter in letters {
        rows.push((no(names, &letter.tenant)?, *letter));
    }
    rows.sort_by_key(|(no, letter)| (*no, letter.id));
    let inserted = insertion(&rows).fetch_all(connection).await?;
    let mut new = HashSet::with_capacity(inserted.len());
    for row in inserted {
        new.insert((row.try_get(0)?, place(row.try_get(1)?, row.try_get(2)?)?));
    }
    Ok(new)
}

fn insertion(rows: &[(i32, &DeadLetter)]) -> Query {
    let texts = |of: fn(&DeadLetter) -> &str| -> Vec<std::borrow::Cow<'_, str>> {
        rows.iter()
            .map(|(_, letter)| storable(of(letter)))
            .collect()
    };
    let options =
        |of: fn(&DeadLetter) -> &Option<String>| -> Vec<Option<std::borrow::Cow<'_, str>>> {
            let texts = rows.iter().map(|(_, letter)| of(letter).as_deref());
            texts.map(|text| text.map(storable)).collect()
        };
    let numbers = |of: fn(&DeadLetter) -> i64| -> Vec<i64> {
        rows.iter().map(|(_, letter)| of(letter)).collect()
    };
    let settled = |(_, letter): &(i32, &DeadLetter)| {
        (letter.state != State::Open).then_some(letter.recorded_at.0)
    };
    let sql = "INSERT INTO dead_letter
                   (tenant, message, position, state, reason, replayable, field, explanation, request_id, event_id,
                    service, body, scope, events, accepted_at, recorded_at, settled_at)
               SELECT * FROM unnest($1::int4[], $2::uuid[], $3::int8[], $4::text[], $5::text[], $6::bool[], $7::text[],
                                    $8::text[], $9::text[], $10::text[], $11::text[], $12::text[], $13::int2[],
                                    $14::int8[], $15::int8[], $16::int8[], $17::int8[])
               ON CONFLICT DO NOTHING RETURNING tenant, message, position";
    sqlx::query(sql)
        .bind(rows.iter().map(|(no, _)| *no).collect::<Vec<_>>())
        .bind(
            rows.iter()
                .map(|(_, l)| l.id.message.0)
                .collect::<Vec<Uuid>>(),
        )
        .bind(numbers(|letter| letter.id.position.into()))
        .bind(texts(|letter| letter.state.as_str()))
        .bind(texts(|letter| &letter.reason))
        .bind(rows.iter().map(|(_, l)| l.replayable).collect::<Vec<_>>())
        .bind(options(|letter| &letter.field))
        .bind(texts(|letter| &letter.message))
        .bind(options(|letter| &letter.request_id))
        .bind(options(|letter| &letter.event_id))
        .bind(options(|letter| &letter.service))
        .bind(texts(|letter| &letter.body))
        .bind(rows.iter().map(|(_, l)| scope(l.scope)).collect::<Vec<_>>())
        .bind(numbers(|letter| letter.events.into()))
        .bind(numbers(|letter| letter.accepted_at.0))
        .bind(numbers(|letter| letter.recorded_at.0))
        .bind(rows.iter().map(settled).collect::<Vec<_>>())
}

fn no(names: &HashMap<TenantId, Shared>, tenant: &TenantId) -> Result<i32, Failure> {
    let names = names.get(tenant);
    let names = names.ok_or_else(|| Failure::damaged("a tenant's names were not loaded"))?;
    Ok(names.no)
}

/// Keeps the letters of a verdict.
///
/// A place can be taken only if its message was forgotten by the ledger and came once more; its letter, open ever since,
/// is then the same event, so that it is tallied as a duplicate and the number of letters stays the number tallied.
pub async fn keep(
    connection: &mut PgConnection,
    names: &HashMap<TenantId, Shared>,
    verdict: &mut Verdict,
) -> Result<(), Failure> {
    if verdict.dead.is_empty() {
        return Ok(());
    }
    let letters: Vec<_> = verdict.dead.iter().collect();
    let mut new = insert(connection, names, &letters).await?;
    for letter in &verdict.dead {
        if new.remove(&(no(names, &letter.tenant)?, letter.id)) {
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

/// Letters that stand for whole messages.
pub struct Burial {
    /// The letters.
    pub letters: Vec<DeadLetter>,
    /// By tenant.
    pub names: HashMap<TenantId, Shared>,
}

/// Keeps letters that stand for whole messages, and claims those messages in the ledger: a message is either counted or
/// buried, and that once, whatever is delivered again.
pub async fn bury(connection: &mut PgConnection, burial: &Burial) -> Result<(), Failure> {
    let Burial { letters, names } = burial;
    let known = floor::stand(connection, names).await?;
    let letters = letters
        .iter()
        .filter(|letter| !is_erased(&known, &letter.tenant, letter.id.message));
    let letters: Vec<_> = letters.collect();
    // Of several letters of one message the first claims it.
    let mut claims = BTreeMap::new();
    for letter in &letters {
        claims.entry(letter.id.message).or_insert(*letter);
    }
    let Some(first) = claims.keys().next().copied() else {
        return Ok(());
    };
    let mut tenants = Vec::with_capacity(claims.len());
    for letter in claims.values() {
        tenants.push(no(names, &letter.tenant)?);
    }
    let last = claims.values().map(|l| l.recorded_at.max(l.accepted_at).0);
    let sql = "INSERT INTO ledger_message (id, tenant, won, scope, last)
               SELECT n.id, n.tenant, $1, n.scope, n.last
               FROM unnest($2::uuid[], $3::int4[], $4::int2[], $5::int8[]) AS n (id, tenant, scope, last)
               ON CONFLICT DO NOTHING RETURNING id";
    let claimed: Vec<Uuid> = sqlx::query_scalar(sql)
        .bind(Bitmap::default().as_bytes())
        .bind(claims.keys().map(|id| id.0).collect::<Vec<_>>())
        .bind(tenants)
        .bind(claims.values().map(|l| scope(l.scope)).collect::<Vec<_>>())
        .bind(last.collect::<Vec<_>>())
        .fetch_all(&mut *connection)
        .await?;
    let claimed: BTreeSet<_> = claimed.into_iter().collect();
    let ours = letters
        .into_iter()
        .filter(|l| claimed.contains(&l.id.message.0));
    let ours: Vec<_> = ours.collect();
    let mut new = insert(connection, names, &ours).await?;
    let mut sums = BTreeMap::<i32, Tally>::new();
    for letter in ours {
        let no = no(names, &letter.tenant)?;
        if new.remove(&(no, letter.id)) {
            let events = i64::from(letter.events);
            sums.entry(no).or_default().add(&Tally {
                received: events,
                dead_open: events,
                ..Tally::default()
            });
        }
    }
    tallies::add(connection, shard(first), &sums).await
}

/// One letter.
pub async fn find(
    connection: &mut PgConnection,
    tenant: &TenantId,
    letter: DeadLetterId,
) -> Result<Option<DeadLetter>, Failure> {
    let sql = concat!(
        "SELECT ",
        columns!(),
        " FROM dead_letter AS d JOIN tenant AS t ON t.no = d.tenant
          WHERE t.name = $1 AND d.message = $2 AND d.position = $3"
    );
    let found = sqlx::query(sql)
        .bind(tenant.as_str())
        .bind(letter.message.0)
        .bind(i64::from(letter.position))
        .fetch_optional(connection)
        .await?;
    found.as_ref().map(read).transpose()
}

/// A page of letters, newest first. One letter more than asked for is read, to know whether there is a next page.
pub async fn list(
    snapshot: &mut PgConnection,
    tenant: &TenantId,
    query: &DeadLetterQuery,
) -> Result<DeadLetterPage, Failure> {
    // Two statements and not one with "or": each follows its own index.
    let all = concat!(
        "SELECT ",
        columns!(),
        " FROM dead_letter AS d JOIN tenant AS t ON t.no = d.tenant
          WHERE d.tenant = (SELECT no FROM tenant WHERE name = $1)
                AND (d.recorded_at, d.message, d.position) < ($2, $3, $4)
          ORDER BY d.recorded_at DESC, d.message DESC, d.position DESC LIMIT $5"
    );
    let of_state = concat!(
        "SELECT ",
        columns!(),
        " FROM dead_letter AS d JOIN tenant AS t ON t.no = d.tenant
          WHERE d.tenant = (SELECT no FROM tenant WHERE name = $1)
                AND (d.recorded_at, d.message, d.position) < ($2, $3, $4) AND d.state = $6
          ORDER BY d.recorded_at DESC, d.message DESC, d.position DESC LIMIT $5"
    );
    // Without a letter to continue after: after one that is newer than any.
    let (recorded_at, message, position) = match query.after {
        Some((at, after)) => (at.0, after.message.0, i64::from(after.position)),
        None => (i64::MAX, Uuid::max(), i64::MAX),
    };
    let base = |sql: &'static str| {
        sqlx::query(sql)
            .bind(tenant.as_str())
            .bind(recorded_at)
            .bind(message)
            .bind(position)
            .bind(i64::from(query.limit) + 1)
    };
    let asked = match query.state {
        None => base(all),
        Some(state) => base(of_state).bind(state.as_str()),
    };
    let rows = asked.fetch_all(snapshot).await?;
    let mut page = DeadLetterPage {
        letters: Vec::with_capacity(rows.len()),
        next: None,
    };
    for row in &rows {
        if page.letters.len() == query.limit as usize {
            page.next = page.letters.last().map(|last| (last.recorded_at, last.id));
            break;
        }
        page.letters.push(read(row)?);
    }
    Ok(page)
}
