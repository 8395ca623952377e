//! Numbers for names: what a process remembers of the dictionaries.
//!
//! Only what is committed is remembered, so a name that a rolled-back transaction inserted is never used. What other
//! processes committed meanwhile is missing; a transaction that needs it finds it in the database
//! ([`super::metrics`]).

mod dictionary;

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard},
};

use sendry_domain::{
    endpoint_guard::EndpointGuard,
    id::TenantId,
    series::{Series, SeriesKind},
};
use sqlx::{PgConnection, Row, postgres::PgRow};

use super::{
    database::{Database, Work},
    failure::Failure,
};

pub use dictionary::Dictionary;

/// A tenant's names, shared by all transactions of the process.
pub type Shared = Arc<TenantNames>;

/// What a process remembers.
#[derive(Debug, Default)]
pub struct Names(RwLock<HashMap<TenantId, Shared>>);

/// One tenant's names.
#[derive(Debug)]
pub struct TenantNames {
    /// The tenant's number.
    pub no: i32,
    known: RwLock<Known>,
}

/// What is known of one tenant.
#[derive(Debug, Default)]
pub struct Known {
    /// Numbers by name, by kind.
    pub series: [HashMap<Series, i32>; SeriesKind::ALL.len()],
    /// By service.
    pub guards: HashMap<Arc<str>, EndpointGuard>,
}

/// Names that a transaction inserted or found: to be remembered once it is committed.
#[derive(Debug, Default)]
pub struct Learned {
    /// (kind, name, number).
    pub series: Vec<(SeriesKind, Series, i32)>,
    /// By service: guards that know every endpoint committed when the transaction held the service's lock.
    pub guards: Vec<(Arc<str>, EndpointGuard)>,
}

impl Names {
    /// The names of these tenants; one never met before gets a number.
    pub async fn of(
        &self,
        database: &Database,
        tenants: &BTreeSet<TenantId>,
    ) -> Result<HashMap<TenantId, Shared>, Failure> {
        let mut names = HashMap::with_capacity(tenants.len());
        for tenant in tenants {
            let held = self.held(tenant);
            let held = match held {
                Some(held) => held,
                None => {
                    let loaded = database
                        .transact(Some(tenant), tenant.clone(), boxed_load)
                        .await?;
                    self.keep(tenant, loaded)
                }
            };
            names.insert(tenant.clone(), held);
        }
        Ok(names)
    }

    /// Remembers nothing of these tenants any more ([`Failure::Renumbered`]).
    pub fn forget(&self, tenants: &BTreeSet<TenantId>) {
        let mut held = self.0.write().unwrap_or_else(PoisonError::into_inner);
        held.retain(|tenant, _| !tenants.contains(tenant));
    }

    fn held(&self, tenant: &TenantId) -> Option<Shared> {
        let held = self.0.read().unwrap_or_else(PoisonError::into_inner);
        held.get(tenant).cloned()
    }

    /// Of two that loaded at once the first one's copy is kept.
    fn keep(&self, tenant: &TenantId, loaded: TenantNames) -> Shared {
        let mut held = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let kept = held.entry(tenant.clone());
        kept.or_insert_with(|| Arc::new(loaded)).clone()
    }
}

impl TenantNames {
    /// To look names up; not to be held while waiting for anything.
    pub fn known(&self) -> RwLockReadGuard<'_, Known> {
        self.known.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Remembers what a committed transaction learned.
    pub fn learn(&self, learned: Learned) {
        if learned.series.is_empty() && learned.guards.is_empty() {
            return;
        }
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        for (kind, series, no) in learned.series {
            known.series[kind as usize].insert(series, no);
        }
        for (service, guard) in learned.guards {
            let held = known.guards.entry(service).or_default();
            // A transaction that held the lock later may have come here first. Of two the one that knows more knows all
            // that the other does, and what is known once must stay so: a transaction under way may rely on it.
            if held.admitted() < guard.admitted() {
                *held = guard;
            }
        }
    }
}

fn boxed_load<'a>(connection: &'a mut PgConnection, tenant: &'a TenantId) -> Work<'a, TenantNames> {
    Box::pin(load(connection, tenant))
}

/// The number of a tenant, made where it has none, and its series.
async fn load(connection: &mut PgConnection, tenant: &TenantId) -> Result<TenantNames, Failure> {
    let sql = "INSERT INTO tenant (name) VALUES ($1) ON CONFLICT DO NOTHING";
    let no = match number(connection, tenant).await? {
        Some(no) => no,
        None => {
            let insert = sqlx::query(sql).bind(tenant.as_str());
            insert.execute(&mut *connection).await?;
            let no = number(connection, tenant).await?;
            no.ok_or_else(|| Failure::damaged("a tenant's row is not there after its insertion"))?
        }
    };
    let mut known = Known::default();
    let mut endpoints = HashMap::<Arc<str>, Vec<Arc<str>>>::new();
    let sql = "SELECT no, kind, service, environment, endpoint, method, status
               FROM series WHERE tenant = $1";
    for row in sqlx::query(sql).bind(no).fetch_all(connection).await? {
        let (no, kind, series) = read_series(&row)?;
        if let (SeriesKind::Endpoint, Some(service), Some(endpoint)) =
            (kind, &series.service, &series.endpoint)
        {
            let of_service = endpoints.entry(service.clone()).or_default();
            of_service.push(endpoint.clone());
        }
        known.series[kind as usize].insert(series, no);
    }
    let knowing = |(service, known)| (service, EndpointGuard::knowing(known));
    known.guards = endpoints.into_iter().map(knowing).collect();
    Ok(TenantNames {
        no,
        known: RwLock::new(known),
    })
}

/// The number of a tenant; `None` if the store has never met it.
pub async fn number(
    connection: &mut PgConnection,
    tenant: &TenantId,
) -> Result<Option<i32>, Failure> {
    let found = sqlx::query_scalar("SELECT no FROM tenant WHERE name = $1")
        .bind(tenant.as_str())
        .fetch_optional(connection)
        .await?;
    Ok(found)
}

/// A tenant's name from its column.
pub fn tenant(name: &str) -> Result<TenantId, Failure> {
    TenantId::new(name).map_err(Failure::damaged)
}

/// Number, kind and name, from columns in the order of [`load`].
pub fn read_series(row: &PgRow) -> Result<(i32, SeriesKind, Series), Failure> {
    let kind: i16 = row.try_get(1)?;
    let known = u8::try_from(kind).ok().and_then(SeriesKind::from_number);
    let kind =
        known.ok_or_else(|| Failure::damaged(format!("no kind of series has number {kind}")))?;
    let text = |column| -> Result<Option<Arc<str>>, Failure> {
        let text: Option<&str> = row.try_get(column)?;
        Ok(text.map(Arc::from))
    };
    let status: Option<i16> = row.try_get(6)?;
    let series = Series {
        service: text(2)?,
        environment: text(3)?,
        endpoint: text(4)?,
        method: text(5)?,
        status: status.map(i16::unsigned_abs),
    };
    Ok((row.try_get(0)?, kind, series))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_that_is_known_stays_known_in_whatever_order_transactions_are_learned() {
        let names = TenantNames {
            no: 1,
            known: RwLock::default(),
        };
        let service: Arc<str> = "shop".into();
        let guard = |endpoints: &[&str]| {
            let endpoints = endpoints.iter().map(|endpoint| Arc::from(*endpoint));
            let guards = vec![(service.clone(), EndpointGuard::knowing(endpoints))];
            names.learn(Learned {
                series: Vec::new(),
                guards,
            });
        };
        guard(&["/a", "/b"]);
        guard(&["/a"]);
        let known = names.known();
        let settled = known.guards[&service].settled(&"/b".into());
        assert_eq!(settled.as_deref(), Some("/b"));
    }
}
