//! Names inside a transaction: what it counts each event under, and the numbers of its series.
//!
//! What the process remembers ([`Names`](super::super::names::Names)) is asked first. An endpoint that a service would be
//! new for is admitted under a lock on that service, with what every process has committed until then in view, so the
//! limit holds exactly whatever the number of workers; in the long run no endpoint is new and nobody locks.

use std::{
    borrow::Cow,
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use sendry_domain::{
    endpoint_guard::EndpointGuard,
    event::Event,
    fingerprint::Fingerprint,
    series::{Series, SeriesKind},
};
use sqlx::PgConnection;

use super::super::{
    database::Query,
    failure::Failure,
    names::{Learned, Shared, read_series},
};

/// One tenant's names, as a transaction sees them.
#[derive(Debug)]
pub struct Naming {
    names: Shared,
    /// Guards of services that this transaction holds the lock of.
    guards: HashMap<Arc<str>, EndpointGuard>,
    /// Series that it inserted or found.
    found: HashMap<(SeriesKind, Series), i32>,
}

impl Naming {
    /// Knows what the process knows.
    pub fn new(names: Shared) -> Self {
        Self {
            names,
            guards: HashMap::new(),
            found: HashMap::new(),
        }
    }

    /// The tenant's number.
    pub fn no(&self) -> i32 {
        self.names.no
    }

    /// Services among these events that would be given an endpoint they are not known by.
    pub fn growing<'a>(&self, events: impl Iterator<Item = &'a Event>) -> BTreeSet<Arc<str>> {
        let known = self.names.known();
        let grows = |event: &&Event| {
            let guard = known.guards.get(&event.service);
            guard.is_none_or(|guard| guard.settled(&event.endpoint).is_none())
        };
        events.filter(grows).map(|e| e.service.clone()).collect()
    }

    /// Loads the guards of services whose locks ([`lock`]) the transaction holds.
    pub async fn load(
        &mut self,
        connection: &mut PgConnection,
        services: &BTreeSet<Arc<str>>,
    ) -> Result<(), Failure> {
        let asked: Vec<&str> = services.iter().map(AsRef::as_ref).collect();
        let sql = "SELECT DISTINCT service, endpoint FROM series
                   WHERE tenant = $1 AND kind = $2 AND coalesce(service, '') = ANY($3)";
        let rows: Vec<(Option<String>, Option<String>)> = sqlx::query_as(sql)
            .bind(self.no())
            .bind(SeriesKind::Endpoint as i16)
            .bind(asked)
            .fetch_all(connection)
            .await?;
        let mut endpoints = HashMap::<String, Vec<Arc<str>>>::new();
        for (service, endpoint) in rows {
            if let (Some(service), Some(endpoint)) = (service, endpoint) {
                endpoints.entry(service).or_default().push(endpoint.into());
            }
        }
        for service in services {
            let known = endpoints.remove(&**service).unwrap_or_default();
            let guard = EndpointGuard::knowing(known);
            self.guards.insert(service.clone(), guard);
        }
        Ok(())
    }

    /// The event as it counts: its own, or a copy under the endpoint that stands for those past the limit.
    ///
    /// What this admits must be counted in the same transaction, which gives it its row in the dictionary.
    pub fn resolve<'a>(&mut self, event: &'a Event) -> Result<Cow<'a, Event>, Failure> {
        let endpoint = match self.guards.get_mut(&event.service) {
            Some(guard) => guard.resolve(&event.endpoint),
            None => {
                let known = self.names.known();
                let guard = known.guards.get(&event.service);
                let settled = guard.and_then(|guard| guard.settled(&event.endpoint));
                settled.ok_or_else(|| {
                    Failure::damaged("an endpoint was not admitted under its lock")
                })?
            }
        };
        if endpoint == event.endpoint {
            return Ok(Cow::Borrowed(event));
        }
        Ok(Cow::Owned(Event {
            endpoint,
            ..event.clone()
        }))
    }

    /// The number of a series that [`number_all`] has been asked for.
    pub fn series(&self, kind: SeriesKind, series: &Series) -> Result<i32, Failure> {
        let known = self.names.known().series[kind as usize]
            .get(series)
            .copied();
        let found = known.or_else(|| self.found.get(&(kind, series.clone())).copied());
        found.ok_or_else(|| Failure::damaged("a series has no number after its insertion"))
    }

    /// What to remember once the transaction is committed.
    pub fn learned(self) -> (Shared, Learned) {
        let series = self.found.into_iter();
        let learned = Learned {
            series: series
                .map(|((kind, series), no)| (kind, series, no))
                .collect(),
            guards: self.guards.into_iter().collect(),
        };
        (self.names, learned)
    }
}

/// Locks services of tenants against the admission of endpoints by others, until the transaction ends.
pub async fn lock(
    connection: &mut PgConnection,
    services: Vec<(i32, Arc<str>)>,
) -> Result<(), Failure> {
    // In one order for all, so that no two transactions wait for each other.
    let keys: BTreeSet<i64> = services.into_iter().map(key).collect();
    let keys: Vec<i64> = keys.into_iter().collect();
    sqlx::query("SELECT pg_advisory_xact_lock(key) FROM unnest($1::int8[]) AS key")
        .bind(keys)
        .execute(connection)
        .await?;
    Ok(())
}

fn key((tenant, service): (i32, Arc<str>)) -> i64 {
    let print = Fingerprint::of_event(format!("endpoints of {tenant} {service}").as_bytes());
    let [a, b, c, d, e, f, g, h, ..] = print.0;
    i64::from_be_bytes([a, b, c, d, e, f, g, h])
}

/// Gives numbers to series; those that the process does not know are inserted, or found where others inserted them.
pub async fn number_all(
    connection: &mut PgConnection,
    naming: &mut [Naming],
    asked: &[BTreeSet<(SeriesKind, Series)>],
) -> Result<(), Failure> {
    let mut unknown = unknown(naming, asked);
    if unknown.is_empty() {
        return Ok(());
    }
    let by_no: HashMap<i32, usize> = naming
        .iter()
        .enumerate()
        .map(|(at, n)| (n.no(), at))
        .collect();
    let insert = "INSERT INTO series AS s (tenant, kind, service, environment, endpoint, method, status)
                  SELECT * FROM unnest($1::int4[], $2::int2[], $3::text[], $4::text[], $5::text[], $6::text[], $7::int2[])
                  ON CONFLICT DO NOTHING
                  RETURNING s.no, s.kind, s.service, s.environment, s.endpoint, s.method, s.status, s.tenant";
    // Others' are committed by now: the insertion has waited for them.
    let find = "SELECT s.no, s.kind, s.service, s.environment, s.endpoint, s.method, s.status, s.tenant
                FROM unnest($1::int4[], $2::int2[], $3::text[], $4::text[], $5::text[], $6::text[], $7::int2[])
                     AS n (tenant, kind, service, environment, endpoint, method, status)
                JOIN series AS s ON s.tenant = n.tenant AND s.kind = n.kind
                     AND coalesce(s.service, '') = coalesce(n.service, '')
                     AND coalesce(s.environment, '') = coalesce(n.environment, '')
                     AND coalesce(s.endpoint, '') = coalesce(n.endpoint, '')
                     AND coalesce(s.method, '') = coalesce(n.method, '')
                     AND coalesce(s.status, -1::int2) = coalesce(n.status, -1::int2)";
    for sql in [insert, find] {
        let rows = asking(sql, &unknown).fetch_all(&mut *connection).await?;
        for row in &rows {
            let (no, kind, series) = read_series(row)?;
            let tenant: i32 = sqlx::Row::try_get(row, 7)?;
            if let Some(at) = by_no.get(&tenant) {
                naming[*at].found.insert((kind, series), no);
            }
        }
        unknown.retain(|(no, kind, series)| {
            let found = by_no.get(no).map(|at| &naming[*at].found);
            found.is_none_or(|found| !found.contains_key(&(*kind, (*series).clone())))
        });
        if unknown.is_empty() {
            break;
        }
    }
    Ok(())
}

fn asking(sql: &'static str, unknown: &[(i32, SeriesKind, &Series)]) -> Query {
    let text = |of: fn(&Series) -> &Option<Arc<str>>| -> Vec<Option<&str>> {
        unknown
            .iter()
            .map(|(.., series)| of(series).as_deref())
            .collect()
    };
    let status = |series: &Series| series.status.and_then(|status| i16::try_from(status).ok());
    sqlx::query(sql)
        .bind(unknown.iter().map(|(no, ..)| *no).collect::<Vec<_>>())
        .bind(
            unknown
                .iter()
                .map(|(_, kind, _)| *kind as i16)
                .collect::<Vec<_>>(),
        )
        .bind(text(|series| &series.service))
        .bind(text(|series| &series.environment))
        .bind(text(|series| &series.endpoint))
        .bind(text(|series| &series.method))
        .bind(unknown.iter().map(|(.., s)| status(s)).collect::<Vec<_>>())
}

/// The series that the process does not know, in one order for all.
fn unknown<'a>(
    naming: &[Naming],
    asked: &'a [BTreeSet<(SeriesKind, Series)>],
) -> Vec<(i32, SeriesKind, &'a Series)> {
    let mut unknown = Vec::new();
    for (naming, asked) in naming.iter().zip(asked) {
        let known = naming.names.known();
        let missing = asked
            .iter()
            .filter(|(kind, series)| !known.series[*kind as usize].contains_key(series));
        unknown.extend(missing.map(|(kind, series)| (naming.no(), *kind, series)));
    }
    unknown.sort();
    unknown
}
