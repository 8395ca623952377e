//! One consistent picture of the settings, indexed for the hot path.

use std::{collections::HashMap, net::IpAddr, sync::Arc};

use ipnet::IpNet;
use sendry_domain::{
    id::{KeyId, TenantId},
    routing::{Pattern, Router},
};
use sendry_store::{ControlSnapshot, KeyRecord, TenantRecord};

/// A tenant with its choice of pipelines.
#[derive(Debug)]
pub struct Tenant {
    /// As stored.
    pub record: TenantRecord,
    /// Which pipeline an event goes to.
    pub router: Router,
}

/// A key with its tenant.
#[derive(Debug)]
pub struct Key {
    /// As stored.
    pub record: KeyRecord,
    /// Whose.
    pub tenant: Arc<Tenant>,
    networks: Vec<IpNet>,
}

impl Key {
    /// Whether it may be used from `address`.
    #[must_use]
    pub fn allows_address(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.record.networks.is_empty() || self.networks.iter().any(|n| n.contains(&address))
    }

    /// Whether it may write for `service`.
    #[must_use]
    pub fn allows_service(&self, service: &str) -> bool {
        self.record.services.is_empty() || self.record.services.iter().any(|s| s == service)
    }
}

/// The picture.
#[derive(Debug, Default)]
pub struct View {
    keys: Arc<HashMap<KeyId, Arc<Key>>>,
    version: u64,
    loaded: bool,
    asked_at: u64,
}

impl View {
    /// Indexes a snapshot that was asked for at `asked_at` (monotonic ms).
    #[must_use]
    pub fn new(snapshot: ControlSnapshot, asked_at: u64) -> Self {
        let ControlSnapshot {
            version,
            tenants,
            pipelines,
            keys,
        } = snapshot;
        let mut patterns: HashMap<TenantId, Vec<Pattern>> = HashMap::new();
        for p in pipelines.into_iter().filter(|p| !p.retired) {
            patterns.entry(p.tenant).or_default().push(Pattern {
                pipeline: p.name,
                services: p.services,
                environments: p.environments,
                created_at: p.created_at,
            });
        }
        let tenants: HashMap<TenantId, Arc<Tenant>> = tenants
            .into_iter()
            .map(|record| {
                let router = Router::new(patterns.remove(&record.id).unwrap_or_default());
                (record.id.clone(), Arc::new(Tenant { record, router }))
            })
            .collect();
        let keys = keys
            .into_iter()
            .filter_map(|record| {
                let tenant = tenants.get(&record.tenant)?.clone();
                // A network that cannot be read admits nobody; an empty list would admit everybody.
                let networks = record
                    .networks
                    .iter()
                    .filter_map(|n| n.parse().ok())
                    .collect();
                Some((
                    record.id.clone(),
                    Arc::new(Key {
                        record,
                        tenant,
                        networks,
                    }),
                ))
            })
            .collect();
        Self {
            keys: Arc::new(keys),
            version,
            loaded: true,
            asked_at,
        }
    }

    /// The same picture, confirmed at `asked_at`.
    #[must_use]
    pub fn as_of(&self, asked_at: u64) -> Self {
        Self {
            keys: self.keys.clone(),
            version: self.version,
            loaded: self.loaded,
            asked_at,
        }
    }

    /// A key by its public part.
    #[must_use]
    pub fn key(&self, id: &KeyId) -> Option<Arc<Key>> {
        self.keys.get(id).cloned()
    }

    /// The store's version.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Whether it came from the store at all.
    #[must_use]
    pub fn is_loaded(&self) -> bool {
        self.loaded
    }

    /// When the store confirmed it (monotonic ms).
    #[must_use]
    pub fn asked_at(&self) -> u64 {
        self.asked_at
    }
}
