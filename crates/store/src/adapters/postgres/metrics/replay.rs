//! Settling dead letters: counted after all, or given up. The letter's row is locked first, so that of any number of
//! replays and discards one settles it.

use sendry_domain::{
    dead_letter::{DeadLetter, DeadLetterId, State},
    event::Event,
    id::TenantId,
    ledger::{Tally, shard},
    message::Scope,
    rollup::{self, MINUTE_RETENTION},
    time::UnixMillis,
};
use sqlx::{PgConnection, Row};

use super::{
    super::{
        failure::Failure,
        names::{Learned, Shared},
    },
    Decided, count, dead_letters, floor,
    naming::Naming,
    tallies,
};
use crate::{ReplayError, Replayed};

/// A letter to count.
pub struct Replay {
    /// Whose.
    pub tenant: TenantId,
    /// Its names.
    pub names: Shared,
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
    pub async fn run(
        &self,
        connection: &mut PgConnection,
    ) -> Decided<(Replayed, (Shared, Learned))> {
        let no = self.names.no;
        let names = [(self.tenant.clone(), self.names.clone())].into();
        floor::stand(connection, &names).await?;
        let mut letter = match open(connection, &self.tenant, self.id).await? {
            Ok(letter) => letter,
            Err(unfit) => return Ok(Err(unfit)),
        };
        // One that stands for several events has no event of its own.
        if !letter.replayable || letter.events > 1 {
            return Ok(Err(ReplayError::NotReplayable(letter.reason)));
        }
        let mut naming = [Naming::new(self.names.clone())];
        let event = count::admit_one(connection, &mut naming, &self.event).await?;
        let minute_floor = self.at.plus(-MINUTE_RETENTION);
        let cells = rollup::fold([event.as_ref()], minute_floor);
        let shard = shard(self.id.message);
        count::add_cells(connection, &mut naming, vec![cells], shard).await?;
        let late = letter.scope == Scope::Live && event.timestamp < minute_floor;
        let tally = Tally {
            dead_open: -1,
            counted: 1,
            replayed: 1,
            late: late.into(),
            ..Tally::default()
        };
        tallies::add(connection, shard, &[(no, tally)].into()).await?;
        letter.state = State::Replayed;
        letter.service = Some(event.service.to_string());
        letter.body.clone_from(&self.body);
        let sql = "UPDATE dead_letter
                   SET state = $1, service = $2, body = $3, settled_at = $4, endpoint = $5, raw_owed = TRUE
                   WHERE tenant = $6 AND message = $7 AND position = $8";
        sqlx::query(sql)
            .bind(letter.state.as_str())
            .bind(&letter.service)
            .bind(&letter.body)
            .bind(self.at.0)
            .bind(&*event.endpoint)
            .bind(no)
            .bind(self.id.message.0)
            .bind(i64::from(self.id.position))
            .execute(connection)
            .await?;
        let endpoint = event.endpoint.clone();
        let [naming] = naming;
        Ok(Ok((Replayed { letter, endpoint }, naming.learned())))
    }
}

/// A letter to give up.
pub struct Discard {
    /// Whose.
    pub tenant: TenantId,
    /// Its number.
    pub no: i32,
    /// Which.
    pub id: DeadLetterId,
    /// Why.
    pub reason: String,
    /// The moment.
    pub at: UnixMillis,
}

impl Discard {
    /// Closes the letter.
    pub async fn run(&self, connection: &mut PgConnection) -> Decided<DeadLetter> {
        let mut letter = match open(connection, &self.tenant, self.id).await? {
            Ok(letter) => letter,
            Err(unfit) => return Ok(Err(unfit)),
        };
        let events = i64::from(letter.events);
        let tally = Tally {
            dead_open: -events,
            discarded: events,
            ..Tally::default()
        };
        tallies::add(
            connection,
            shard(self.id.message),
            &[(self.no, tally)].into(),
        )
        .await?;
        letter.state = State::Discarded;
        letter.message.clone_from(&self.reason);
        let sql = "UPDATE dead_letter SET state = $1, explanation = $2, settled_at = $3
                   WHERE tenant = $4 AND message = $5 AND position = $6";
        sqlx::query(sql)
            .bind(letter.state.as_str())
            .bind(&letter.message)
            .bind(self.at.0)
            .bind(self.no)
            .bind(self.id.message.0)
            .bind(i64::from(self.id.position))
            .execute(connection)
            .await?;
        Ok(Ok(letter))
    }
}

/// A letter that is still open, locked.
async fn open(
    connection: &mut PgConnection,
    tenant: &TenantId,
    id: DeadLetterId,
) -> Decided<DeadLetter> {
    let sql = concat!(
        "SELECT ",
        dead_letters::columns!(),
        " FROM dead_letter AS d JOIN tenant AS t ON t.no = d.tenant
          WHERE t.name = $1 AND d.message = $2 AND d.position = $3 FOR UPDATE OF d"
    );
    let found = sqlx::query(sql)
        .bind(tenant.as_str())
        .bind(id.message.0)
        .bind(i64::from(id.position))
        .fetch_optional(connection)
        .await?;
    let found = found.as_ref().map(dead_letters::read).transpose()?;
    Ok(match found {
        None => Err(ReplayError::NotFound),
        Some(letter) if letter.state == State::Open => Ok(letter),
        Some(letter) => Err(ReplayError::NotOpen(letter.state)),
    })
}

/// Replayed letters whose raw event is still owed, oldest first.
pub async fn raw_owed(snapshot: &mut PgConnection, limit: u32) -> Result<Vec<Replayed>, Failure> {
    let sql = concat!(
        "SELECT ",
        dead_letters::columns!(),
        ", d.endpoint FROM dead_letter AS d JOIN tenant AS t ON t.no = d.tenant
          WHERE d.raw_owed ORDER BY d.settled_at, d.message, d.position LIMIT $1"
    );
    let rows = sqlx::query(sql)
        .bind(i64::from(limit))
        .fetch_all(snapshot)
        .await?;
    let mut owed = Vec::with_capacity(rows.len());
    for row in &rows {
        let endpoint: &str = row.try_get(16)?;
        owed.push(Replayed {
            letter: dead_letters::read(row)?,
            endpoint: endpoint.into(),
        });
    }
    Ok(owed)
}

/// The raw event of a letter is stored.
pub async fn raw_settled(
    connection: &mut PgConnection,
    tenant: &TenantId,
    letter: DeadLetterId,
) -> Result<(), Failure> {
    let sql = "UPDATE dead_letter SET raw_owed = FALSE
               WHERE tenant = (SELECT no FROM tenant WHERE name = $1) AND message = $2 AND position = $3";
    sqlx::query(sql)
        .bind(tenant.as_str())
        .bind(letter.message.0)
        .bind(i64::from(letter.position))
        .execute(connection)
        .await?;
    Ok(())
}
