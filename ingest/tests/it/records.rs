//! Tenants and keys for tests.

use sendry_domain::{
    api_key::{ApiKey, ENTROPY},
    id::{PipelineName, TenantId},
    routing::QueueName,
    time::UnixMillis,
    window::Window,
};
use sendry_store::{KeyRecord, TenantRecord};

/// Where every clock stands at first: 2027-01-15T08:00:00Z.
pub const NOW: i64 = 1_800_000_000_000;

pub fn tenant(name: &str) -> TenantId {
    TenantId::new(name).unwrap()
}

pub fn pipeline(tenant_name: &str, name: &str) -> QueueName {
    QueueName::Pipeline(tenant(tenant_name), PipelineName::new(name).unwrap())
}

/// The `n`-th key there could be; nobody knows it until it is added.
pub fn key(n: u8) -> ApiKey {
    ApiKey::mint(&entropy(n))
}

/// The id takes each byte modulo 62, so the first holds what that loses.
pub fn entropy(n: u8) -> [u8; ENTROPY] {
    let mut bytes = [n; ENTROPY];
    bytes[0] = n / 62;
    bytes
}

pub fn tenant_record(name: &str) -> TenantRecord {
    TenantRecord {
        id: tenant(name),
        suspended: false,
        rate: None,
        window: Window::default(),
        raw_retention: i64::MAX / 4,
        retained_at: None,
        stamp: None,
    }
}

pub fn key_record(owner: &str, key: &ApiKey) -> KeyRecord {
    KeyRecord {
        id: key.id().clone(),
        tenant: tenant(owner),
        hash: key.hash(),
        name: "test".to_owned(),
        services: vec![],
        networks: vec![],
        backfill: false,
        created_at: UnixMillis(NOW),
        not_after: None,
        revoked_at: None,
        managed: None,
    }
}
