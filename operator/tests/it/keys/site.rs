//! A namespace, a store and a clock of a test; in it any number of tenants.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use k8s_openapi::{ByteString, api::core::v1::Secret};
use kube::{
    Api,
    api::{DeleteParams, ObjectMeta, PostParams},
};
use sendry_domain::{
    api_key::{ApiKey, ENTROPY},
    id::TenantId,
    time::{DAY, HOUR, UnixMillis},
    window::Window,
};
use sendry_operator::{
    context::{Entropy, SystemEntropy},
    error::Failure,
    keys::{EntryReport, KeyEntry, Owner, Ports, Source, Told, reconcile, revoke_gone},
};
use sendry_runtime::clock::{Clock, ManualClock};
use sendry_servers::Server;
use sendry_store::{
    KeyRecord, OperatorStore, Stamp, TenantRecord, Written,
    adapters::sqlite::{Options, SqliteStore},
};
use uuid::Uuid;

use crate::{crash::Saboteur, support::Corner};

pub const START: UnixMillis = UnixMillis(1_800_000_000_000);

/// Dropped, its namespace goes too.
pub struct Site {
    pub store: Arc<dyn OperatorStore>,
    pub epoch: u64,
    corner: Corner,
    _folder: tempfile::TempDir,
}

/// A tenant of the site with one entry, and a clock of its own.
pub struct Place<'a> {
    pub site: &'a Site,
    pub owner: Owner,
    pub clock: Arc<ManualClock>,
}

impl Site {
    pub async fn new() -> Self {
        let kubeconfig = sendry_servers::url(Server::Kubernetes);
        let corner = Corner::on(Path::new(&kubeconfig)).await;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.db");
        let store = SqliteStore::open(&path, Options::default()).unwrap();
        let epoch = store.claim_epoch().await.unwrap();
        Self {
            store: Arc::new(store),
            epoch,
            corner,
            _folder: folder,
        }
    }

    /// Another tenant.
    pub async fn place(&self, tenant: &str) -> Place<'_> {
        let owner = Owner {
            tenant: TenantId::new(tenant).unwrap(),
            namespace: self.corner.name.clone(),
            stamp: Stamp {
                epoch: self.epoch,
                uid: Uuid::new_v4(),
                generation: 1,
            },
        };
        let record = TenantRecord {
            id: owner.tenant.clone(),
            suspended: false,
            rate: None,
            window: Window::live(2 * DAY),
            raw_retention: 30 * DAY,
            max_payload: None,
            retained_at: None,
            stamp: None,
        };
        let made = self.store.apply_tenant(&owner.stamp, &record).await;
        assert_eq!(made.unwrap(), Written::Done);
        Place {
            site: self,
            owner,
            clock: ManualClock::at(START.0),
        }
    }
}

impl Place<'_> {
    /// The entry of this tenant; its Secret is named like the tenant, for they share a namespace.
    pub fn entry(&self) -> KeyEntry {
        KeyEntry {
            name: "web".to_owned(),
            services: Vec::new(),
            source: Source::Generate {
                secret: self.owner.tenant.to_string(),
            },
            interval: None,
            overlap: HOUR,
            trigger: None,
            expires_at: None,
            revoked: false,
        }
    }

    /// A pass over all entries, as a tenant's pass makes it.
    pub async fn pass(
        &self,
        saboteur: &Saboteur,
        entries: &[KeyEntry],
        told: &mut Vec<Told>,
    ) -> Result<Vec<EntryReport>, Failure> {
        let ports = Ports {
            client: saboteur.client(&self.site.corner.client),
            store: saboteur.store(Arc::clone(&self.site.store)),
            clock: Arc::clone(&self.clock) as Arc<dyn Clock>,
            entropy: Arc::new(SystemEntropy) as Arc<dyn Entropy>,
        };
        let mut known = self.known().await;
        let stays = |name: &str| entries.iter().any(|entry| entry.name == name);
        revoke_gone(&ports, &self.owner, &stays, &mut known, told).await?;
        let mut reports = Vec::new();
        for entry in entries {
            reports.push(reconcile(&ports, &self.owner, entry, &known, told).await?);
        }
        Ok(reports)
    }

    /// A pass that nobody spoils.
    pub async fn settle(&self, entries: &[KeyEntry]) -> Vec<EntryReport> {
        let mut told = Vec::new();
        self.pass(&Saboteur::idle(), entries, &mut told)
            .await
            .unwrap()
    }

    /// Its verifiers, the oldest first.
    pub async fn known(&self) -> Vec<KeyRecord> {
        let keys = self.site.store.snapshot().await.unwrap().keys;
        let mut known: Vec<KeyRecord> = keys
            .into_iter()
            .filter(|key| key.tenant == self.owner.tenant)
            .collect();
        known.sort_by(|a, b| (a.created_at, &a.id).cmp(&(b.created_at, &b.id)));
        known
    }

    pub fn secrets(&self) -> Api<Secret> {
        Api::namespaced(self.site.corner.client.clone(), &self.owner.namespace)
    }

    pub async fn secret(&self) -> Option<Secret> {
        let name = self.owner.tenant.as_str();
        self.secrets().get_opt(name).await.unwrap()
    }

    /// A value of its Secret.
    pub async fn value(&self, name: &str) -> Option<String> {
        let data = self.secret().await?.data?;
        let bytes = data.get(name)?.0.clone();
        Some(String::from_utf8(bytes).unwrap())
    }

    /// Somebody deletes its Secret.
    pub async fn delete(&self) {
        let how = DeleteParams::default();
        let name = self.owner.tenant.as_str();
        self.secrets().delete(name, &how).await.unwrap();
    }

    /// Somebody puts a key into its Secret, as an external vault does.
    pub async fn put(&self, key: &ApiKey) {
        let name = self.owner.tenant.to_string();
        let labels = BTreeMap::from([("sendry.io/tenant".to_owned(), name.clone())]);
        let text = ByteString(key.expose().as_bytes().to_vec());
        let metadata = ObjectMeta {
            name: Some(name),
            labels: Some(labels),
            ..ObjectMeta::default()
        };
        let mut secret = Secret {
            metadata,
            data: Some(BTreeMap::from([("api-key".to_owned(), text)])),
            ..Secret::default()
        };
        let how = PostParams::default();
        match self.secret().await {
            None => self.secrets().create(&how, &secret).await.unwrap(),
            Some(held) => {
                secret.metadata.resource_version = held.metadata.resource_version;
                let name = self.owner.tenant.as_str();
                self.secrets().replace(name, &how, &secret).await.unwrap()
            }
        };
    }

    /// Whether ingest would take it.
    pub async fn accepts(&self, text: &str) -> bool {
        let hash = ApiKey::parse(text).unwrap().hash();
        let now = UnixMillis(self.clock.now_ms());
        self.known().await.iter().any(|record| {
            record.hash.matches(&hash)
                && record.revoked_at.is_none()
                && record.not_after.is_none_or(|end| now < end)
        })
    }
}

/// A key as `sendry keys generate` makes it.
pub fn mint() -> ApiKey {
    let mut bytes = [0; ENTROPY];
    SystemEntropy.fill(&mut bytes).unwrap();
    ApiKey::mint(&bytes)
}
