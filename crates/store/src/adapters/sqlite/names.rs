//! Numbers for names: what the writer remembers, and what readers do ([`Dictionary`]).

mod dictionary;

use std::{collections::HashMap, sync::Arc};

use rusqlite::{Connection, OptionalExtension, Row, params};
use sendry_domain::{
    endpoint_guard::EndpointGuard,
    id::TenantId,
    series::{Series, SeriesKind},
};

use super::failure::Failure;

pub use dictionary::Dictionary;

/// The writer's memory of the dictionaries. Complete for each tenant it has met; forgotten whole when a transaction does
/// not commit, because it may hold names that the file does not.
#[derive(Debug, Default)]
pub struct Names {
    tenants: HashMap<TenantId, TenantNames>,
    /// The latest version of a mark ([`Names::next_version`]). Not forgotten: numbers may be lost, never used twice.
    version: i64,
}

/// One tenant's names.
#[derive(Debug)]
pub struct TenantNames {
    /// The tenant's number.
    pub no: i64,
    /// By kind.
    series: [HashMap<Series, i64>; SeriesKind::ALL.len()],
    /// By service.
    guards: HashMap<Arc<str>, EndpointGuard>,
}

impl Names {
    /// The names of a tenant; one never met before gets a number.
    pub fn of(
        &mut self,
        transaction: &Connection,
        tenant: &TenantId,
    ) -> Result<&mut TenantNames, Failure> {
        // Not `entry`: it would clone the name on every call.
        if !self.tenants.contains_key(tenant) {
            let names = TenantNames::load(transaction, tenant)?;
            self.tenants.insert(tenant.clone(), names);
        }
        let names = self.tenants.get_mut(tenant);
        names.ok_or_else(|| Failure::damaged("a tenant's names were not loaded"))
    }

    /// A version for marks that no earlier transaction of this process used. Only this process compares versions.
    pub fn next_version(&mut self, transaction: &Connection) -> Result<i64, Failure> {
        if self.version == 0 {
            let sql = "SELECT ifnull(max(version), 0) FROM dirty";
            self.version = transaction.query_row(sql, [], |row| row.get(0))?;
        }
        self.version += 1;
        Ok(self.version)
    }

    /// Drops everything that a rolled back transaction may have put here.
    pub fn forget(&mut self) {
        self.tenants.clear();
    }
}

impl TenantNames {
    fn load(transaction: &Connection, tenant: &TenantId) -> Result<Self, Failure> {
        let no = match number(transaction, tenant)? {
            Some(no) => no,
            None => transaction
                .prepare_cached("INSERT INTO tenant (name) VALUES (?) RETURNING no")?
                .query_row([tenant.as_str()], |row| row.get(0))?,
        };
        let mut names = Self {
            no,
            series: Default::default(),
            guards: HashMap::new(),
        };
        let sql = "SELECT no, tenant, kind, service, environment, endpoint, method, status
                   FROM series WHERE tenant = ?";
        let mut statement = transaction.prepare_cached(sql)?;
        let mut rows = statement.query([no])?;
        let mut endpoints = HashMap::<Arc<str>, Vec<Arc<str>>>::new();
        while let Some(row) = rows.next()? {
            let (no, _, kind, series) = read_series(row)?;
            if let (SeriesKind::Endpoint, Some(service), Some(endpoint)) =
                (kind, &series.service, &series.endpoint)
            {
                let of_service = endpoints.entry(service.clone()).or_default();
                of_service.push(endpoint.clone());
            }
            names.series[kind as usize].insert(series, no);
        }
        let knowing = |(service, known)| (service, EndpointGuard::knowing(known));
        names.guards = endpoints.into_iter().map(knowing).collect();
        Ok(names)
    }

    /// The number of a series; one never met before gets one.
    pub fn series(
        &mut self,
        transaction: &Connection,
        kind: SeriesKind,
        series: &Series,
    ) -> Result<i64, Failure> {
        if let Some(no) = self.series[kind as usize].get(series) {
            return Ok(*no);
        }
        let Series {
            service,
            environment,
            endpoint,
            method,
            status,
        } = series;
        let sql =
            "INSERT INTO series (no, tenant, kind, service, environment, endpoint, method, status)
                   SELECT 1 + max(ifnull((SELECT max(no) FROM series), 0), erased_series.no), ?, ?, ?, ?, ?, ?, ?
                   FROM erased_series RETURNING no";
        let no = transaction.prepare_cached(sql)?.query_row(
            params![
                self.no,
                kind as u8,
                service,
                environment,
                endpoint,
                method,
                status
            ],
            |row| row.get(0),
        )?;
        self.series[kind as usize].insert(series.clone(), no);
        Ok(no)
    }

    /// The endpoint that an event of `service` counts under (see [`sendry_domain::endpoint_guard`]).
    ///
    /// What it admits must be counted in the same transaction, which gives it its row in the dictionary.
    pub fn endpoint(&mut self, service: &Arc<str>, endpoint: &Arc<str>) -> Arc<str> {
        // Not `entry`: it would clone the name on every call.
        if let Some(guard) = self.guards.get_mut(service) {
            return guard.resolve(endpoint);
        }
        let guard = self.guards.entry(service.clone()).or_default();
        guard.resolve(endpoint)
    }
}

/// The number of a tenant; `None` if the store has never met it.
pub fn number(connection: &Connection, tenant: &TenantId) -> Result<Option<i64>, Failure> {
    let mut statement = connection.prepare_cached("SELECT no FROM tenant WHERE name = ?")?;
    let no = statement.query_row([tenant.as_str()], |row| row.get(0));
    Ok(no.optional()?)
}

/// A tenant's name from its column.
pub fn tenant(name: &str) -> Result<TenantId, Failure> {
    TenantId::new(name).map_err(Failure::damaged)
}

/// Number, tenant, kind and name, from the columns in the order of the table.
fn read_series(row: &Row<'_>) -> Result<(i64, i64, SeriesKind, Series), Failure> {
    let kind: u8 = row.get(2)?;
    let kind = SeriesKind::from_number(kind)
        .ok_or_else(|| Failure::damaged(format!("no kind of series has number {kind}")))?;
    let series = Series {
        service: row.get(3)?,
        environment: row.get(4)?,
        endpoint: row.get(5)?,
        method: row.get(6)?,
        status: row.get(7)?,
    };
    Ok((row.get(0)?, row.get(1)?, kind, series))
}
