//! When the next API key expires, over all tenants, without a series for each.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use prometheus_client::{
    metrics::gauge::Gauge,
    registry::{Registry, Unit},
};
use sendry_domain::time::UnixMillis;

/// The soonest expiry of a key that nothing replaces. Clones are the same.
#[derive(Clone, Debug, Default)]
pub struct KeyExpiry {
    by_tenant: Arc<Mutex<HashMap<String, UnixMillis>>>,
    /// Seconds since the epoch; 0 = none expires.
    soonest: Gauge,
}

impl KeyExpiry {
    /// The soonest of a tenant's; `None` = none of its keys expires, or it is gone.
    pub fn set(&self, tenant: &str, soonest: Option<UnixMillis>) {
        let mut by_tenant = self
            .by_tenant
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        match soonest {
            Some(at) => by_tenant.insert(tenant.to_owned(), at),
            None => by_tenant.remove(tenant),
        };
        let soonest = by_tenant.values().map(|at| at.0).min();
        self.soonest.set(soonest.map_or(0, |at| at / 1000));
    }

    pub(super) fn register(self, registry: &mut Registry) {
        registry.register_with_unit(
            "sendry_apikey_next_expiry_timestamp",
            "When the next API key that nothing replaces expires; 0 when none does",
            Unit::Seconds,
            self.soonest,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_soonest_of_all_is_told() {
        let expiry = KeyExpiry::default();
        let told = || expiry.soonest.get();
        assert_eq!(told(), 0);
        expiry.set("a", Some(UnixMillis(9_000)));
        expiry.set("b", Some(UnixMillis(5_000)));
        assert_eq!(told(), 5);
        expiry.set("b", None);
        assert_eq!(told(), 9);
        expiry.set("a", None);
        assert_eq!(told(), 0);
    }
}
