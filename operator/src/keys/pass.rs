//! Takes the steps.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::Secret;
use kube::{
    Api,
    api::{ListParams, PostParams},
};
use sendry_crds::names::{API_KEY_LABEL, TENANT_LABEL};
use sendry_domain::{
    api_key::{ApiKey, ENTROPY},
    id::KeyId,
    time::UnixMillis,
};
use sendry_store::{KeyRecord, KeyWritten, ManagedKey, StoreError, Superseder, Written};

use super::{
    Owner, Ports,
    entry::KeyEntry,
    plan::{Rest, Scene, Step, Trouble, plan},
    report::{EntryReport, Told, report},
    secret::{Change, SecretView},
};
use crate::error::{Category, Failure};

/// Steps that bring any state to rest, beside two for each key.
const STEPS: usize = 24;
/// How soon to try again what the machine gave no random bytes for.
const SOON: i64 = 30_000;

/// Brings an entry to where its spec wants it.
///
/// `known` are the tenant's verifiers, read before this is called; those of other entries are passed over. What changed
/// is put into `told` as it happens, so that it is there also when the pass does not end.
///
/// To be called only while the namespace is there and is not ending: a Secret that vanished with its namespace is not a
/// wish.
///
/// # Errors
/// [`Failure`] where the API server or the store did not do a step. Nothing is half done: the next pass goes on.
pub async fn reconcile(
    ports: &Ports,
    owner: &Owner,
    entry: &KeyEntry,
    known: &[KeyRecord],
    told: &mut Vec<Told>,
) -> Result<EntryReport, Failure> {
    let mut pass = Pass::begin(ports, owner, entry, known).await?;
    for _ in 0..STEPS + 2 * known.len() {
        let now = pass.now();
        match plan(&pass.scene(now)) {
            Step::Rest(rest) => return Ok(report(entry, &pass.known, &rest, now)),
            Step::Look => pass.look().await?,
            Step::Reap(id) => pass.reap(&id).await?,
            Step::Verify { record, told: news } => {
                if pass.verify(*record).await? {
                    told.extend(news);
                }
            }
            Step::Write { change, told: news } => {
                if !pass.write(&change).await? {
                    let mut report = report(entry, &pass.known, &no_entropy(), now);
                    report.next = Some(now.plus(SOON));
                    return Ok(report);
                }
                told.extend(news);
            }
        }
    }
    Err(Failure {
        category: Category::Conflict,
        doing: pass.doing("settle"),
        source: "it changes as fast as it is put right".into(),
    })
}

/// Revokes the keys of entries that were taken out of the spec, or revoked in it: those that do not `stay`. It needs the store
/// alone, so a leaked key is refused also while the namespace is going or away. `known` are the tenant's verifiers,
/// and say afterwards what the store says, so that no later step does or tells it again.
///
/// Their Secrets are left as they are, with `api-key`: an entry that goes is often one that was renamed, and what mounts
/// the Secret then goes on starting and is told by a 403 that its key is revoked. Nothing in it is accepted any more.
///
/// # Errors
/// [`Failure`] where the store did not do it.
pub async fn revoke_gone(
    ports: &Ports,
    owner: &Owner,
    stays: &(dyn Fn(&str) -> bool + Sync),
    known: &mut [KeyRecord],
    told: &mut Vec<Told>,
) -> Result<(), Failure> {
    for record in known {
        let Some(managed) = &record.managed else {
            continue;
        };
        if stays(&managed.entry) || record.revoked_at.is_some() || record.tenant != owner.tenant {
            continue;
        }
        let revoked = KeyRecord {
            revoked_at: Some(UnixMillis(ports.clock.now_ms())),
            ..record.clone()
        };
        if apply(ports, owner, &revoked).await? {
            let note = format!(
                "key `{}` is refused from now on: its entry `{}` was taken out or revoked",
                record.id, managed.entry
            );
            told.push(Told::normal("KeyRevoked", note));
        }
        *record = revoked;
    }
    Ok(())
}

/// What a pass has observed.
struct Pass<'a> {
    ports: &'a Ports,
    owner: &'a Owner,
    entry: &'a KeyEntry,
    secrets: Api<Secret>,
    secret: Option<SecretView>,
    elsewhere: Option<Vec<SecretView>>,
    known: Vec<KeyRecord>,
    refused: BTreeSet<KeyId>,
}

impl<'a> Pass<'a> {
    async fn begin(
        ports: &'a Ports,
        owner: &'a Owner,
        entry: &'a KeyEntry,
        known: &[KeyRecord],
    ) -> Result<Self, Failure> {
        let is_ours = |record: &&KeyRecord| {
            let managed = record.managed.as_ref();
            let named = managed.is_some_and(|managed| managed.entry == entry.name);
            named && record.tenant == owner.tenant
        };
        let mut pass = Self {
            ports,
            owner,
            entry,
            secrets: Api::namespaced(ports.client.clone(), &owner.namespace),
            secret: None,
            elsewhere: None,
            known: known.iter().filter(is_ours).cloned().collect(),
            refused: BTreeSet::new(),
        };
        let found = pass.secrets.get_opt(entry.secret()).await;
        pass.secret = found
            .map_err(|error| Failure::kubernetes(pass.doing("read the Secret of"), error))?
            .map(SecretView::of);
        Ok(pass)
    }

    fn scene(&self, now: UnixMillis) -> Scene<'_> {
        Scene {
            tenant: &self.owner.tenant,
            entry: self.entry,
            secret: self.secret.as_ref(),
            elsewhere: self.elsewhere.as_deref(),
            known: &self.known,
            refused: &self.refused,
            now,
        }
    }

    fn now(&self) -> UnixMillis {
        UnixMillis(self.ports.clock.now_ms())
    }

    fn doing(&self, what: &str) -> String {
        format!(
            "{what} the API key `{}` of tenant `{}` (Secret `{}/{}`)",
            self.entry.name,
            self.owner.tenant,
            self.owner.namespace,
            self.entry.secret()
        )
    }

    async fn look(&mut self) -> Result<(), Failure> {
        let labels = format!(
            "{TENANT_LABEL}={},{API_KEY_LABEL}={}",
            self.owner.tenant, self.entry.name
        );
        let found = self
            .secrets
            .list(&ListParams::default().labels(&labels))
            .await
            .map_err(|error| {
                Failure::kubernetes(self.doing("look for another Secret of"), error)
            })?;
        self.elsewhere = Some(found.items.into_iter().map(SecretView::of).collect());
        Ok(())
    }

    async fn reap(&mut self, id: &KeyId) -> Result<(), Failure> {
        let store = &self.ports.store;
        let written = store
            .reap_key(&self.owner.stamp, &self.owner.tenant, id)
            .await;
        match written
            .map_err(|error| Failure::store(self.doing("remove an unused verifier of"), error))?
        {
            Written::Done => self.known.retain(|record| record.id != *id),
            Written::Superseded { by } => return Err(superseded(self.owner, id, by)),
        }
        Ok(())
    }

    /// Whether the store took it.
    async fn verify(&mut self, record: KeyRecord) -> Result<bool, Failure> {
        if !apply(self.ports, self.owner, &record).await? {
            self.refused.insert(record.id);
            return Ok(false);
        }
        match self.known.iter_mut().find(|known| known.id == record.id) {
            Some(known) => *known = record,
            None => self.known.push(record),
        }
        Ok(true)
    }

    /// Whether there was a key to write.
    async fn write(&mut self, change: &Change) -> Result<bool, Failure> {
        let mut fresh = None;
        if change.needs_fresh() {
            fresh = self.mint();
            if fresh.is_none() {
                return Ok(false);
            }
        }
        let name = self.entry.secret();
        let secret = change.over(self.secret.as_ref(), name, fresh.as_ref());
        let how = PostParams::default();
        let written = match &self.secret {
            None => self.secrets.create(&how, &secret).await,
            Some(_) => self.secrets.replace(name, &how, &secret).await,
        };
        let secret = written.map_err(|error| self.unwritten(error))?;
        self.secret = Some(SecretView::of(secret));
        Ok(true)
    }

    fn unwritten(&self, error: kube::Error) -> Failure {
        let doing = self.doing("write the Secret of");
        let vanished = self.secret.is_some()
            && matches!(&error, kube::Error::Api(status) if status.code == 404);
        if vanished {
            return Failure {
                category: Category::Conflict,
                doing,
                source: Box::new(error),
            };
        }
        Failure::kubernetes(doing, error)
    }

    fn mint(&self) -> Option<ApiKey> {
        let mut bytes = [0; ENTROPY];
        self.ports.entropy.fill(&mut bytes).ok()?;
        Some(ApiKey::mint(&bytes))
    }
}

/// Whether the store took it; if not, somebody else has a key of that id.
async fn apply(ports: &Ports, owner: &Owner, record: &KeyRecord) -> Result<bool, Failure> {
    match ports.store.apply_key(&owner.stamp, record).await {
        Ok(KeyWritten::Done) => Ok(true),
        Ok(KeyWritten::Claimed { .. }) => Ok(false),
        Ok(KeyWritten::Superseded { by }) => Err(superseded(owner, &record.id, by)),
        Err(error) => Err(unstored(owner, record, error)),
    }
}

fn unstored(owner: &Owner, record: &KeyRecord, error: StoreError) -> Failure {
    let entry = record.managed.as_ref().map(entry_of).unwrap_or_default();
    let doing = format!(
        "write the verifier `{}` of the API key `{entry}` of tenant `{}`",
        record.id, owner.tenant
    );
    Failure::store(doing, error)
}

fn entry_of(managed: &ManagedKey) -> &str {
    &managed.entry
}

fn superseded(owner: &Owner, id: &KeyId, by: Superseder) -> Failure {
    let doing = format!("write the verifier `{id}` of tenant `{}`", owner.tenant);
    Failure::superseded(doing, by)
}

fn no_entropy() -> Rest {
    Rest {
        current: None,
        next_rotation: None,
        trouble: Some(Trouble {
            reason: "NoEntropy",
            message:
                "the operator's machine gives no random bytes to make a key of; it is tried again"
                    .to_owned(),
        }),
    }
}
