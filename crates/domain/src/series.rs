//! What is counted apart from what.
//!
//! The finest series is (service, environment, endpoint, method, status) within a tenant. Above it stand totals, written
//! in the same transaction, so that a chart of a whole tenant reads a handful of rows, whatever the number of endpoints.

use std::sync::Arc;

use crate::event::Event;

/// How much of a series' name is fixed, from the whole tenant to one status of one endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum SeriesKind {
    /// The whole tenant, by status.
    Tenant = 0,
    /// One service in one environment, by status.
    Service = 1,
    /// One endpoint and method, all statuses together.
    Endpoint = 2,
    /// One endpoint and method, by status.
    Status = 3,
}

impl SeriesKind {
    /// All kinds, coarsest first.
    pub const ALL: [Self; 4] = [Self::Tenant, Self::Service, Self::Endpoint, Self::Status];

    /// Reads the stored number.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }
}

/// The name of a series within its tenant. Fields that its kind does not fix are `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Series {
    /// The service.
    pub service: Option<Arc<str>>,
    /// The environment; also `None` where events carry none.
    pub environment: Option<Arc<str>>,
    /// Route template.
    pub endpoint: Option<Arc<str>>,
    /// HTTP method.
    pub method: Option<Arc<str>>,
    /// HTTP status; 0 = no response.
    pub status: Option<u16>,
}

impl Series {
    /// The finest series of an event.
    #[must_use]
    pub fn of(event: &Event) -> Self {
        Self {
            service: Some(event.service.clone()),
            environment: event.environment.clone(),
            endpoint: Some(event.endpoint.clone()),
            method: Some(event.method.clone()),
            status: Some(event.status),
        }
    }

    /// This series seen as one of `kind`: what that kind does not fix is dropped.
    #[must_use]
    pub fn as_kind(&self, kind: SeriesKind) -> Self {
        let keep = |field: &Option<Arc<str>>, from: SeriesKind| {
            if kind >= from { field.clone() } else { None }
        };
        Self {
            service: keep(&self.service, SeriesKind::Service),
            environment: keep(&self.environment, SeriesKind::Service),
            endpoint: keep(&self.endpoint, SeriesKind::Endpoint),
            method: keep(&self.method, SeriesKind::Endpoint),
            status: if kind == SeriesKind::Endpoint {
                None
            } else {
                self.status
            },
        }
    }
}
