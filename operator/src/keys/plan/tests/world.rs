//! The simulated world. A pass that crashes is one that stops between two steps, so a test takes as many as it likes.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::{ByteString, api::core::v1::Secret};
use sendry_domain::{
    api_key::{ApiKey, ENTROPY, KeyHash},
    id::{KeyId, TenantId},
    time::{HOUR, UnixMillis},
};
use sendry_store::KeyRecord;

use super::super::{Rest, Scene, Step, plan};
use crate::keys::{
    entry::{KeyEntry, Source},
    report::Told,
    secret::{CURRENT, FINGERPRINT_NOTE, NEXT, PREVIOUS, PREVIOUS_NOT_AFTER, SecretView, Value},
};

/// Steps within which everything must come to rest.
const STEPS: usize = 64;

pub struct World {
    pub tenant: TenantId,
    pub secrets: BTreeMap<String, Secret>,
    pub records: Vec<KeyRecord>,
    /// Ids that another tenant has.
    pub taken: BTreeSet<KeyId>,
    pub now: UnixMillis,
    pub told: Vec<Told>,
    pub steps: Vec<String>,
    made: u64,
    refused: BTreeSet<KeyId>,
    looked: bool,
}

impl World {
    pub fn new() -> Self {
        Self {
            tenant: TenantId::new("acme").unwrap(),
            secrets: BTreeMap::new(),
            records: Vec::new(),
            taken: BTreeSet::new(),
            now: UnixMillis(1_800_000_000_000),
            told: Vec::new(),
            steps: Vec::new(),
            made: 0,
            refused: BTreeSet::new(),
            looked: false,
        }
    }

    pub fn fresh(&mut self) -> ApiKey {
        self.made += 1;
        let mut bytes = [0; ENTROPY];
        for (at, byte) in self.made.to_be_bytes().into_iter().enumerate() {
            bytes[at] = byte;
            bytes[at + 12] = byte;
        }
        ApiKey::mint(&bytes)
    }

    pub fn advance(&mut self, millis: i64) {
        self.now = self.now.plus(millis);
    }

    /// A pass ends or crashes: what it alone knew is gone.
    pub fn restart(&mut self) {
        self.refused.clear();
        self.looked = false;
    }

    /// One step; the rest, if there is nothing left to do.
    pub fn step(&mut self, entry: &KeyEntry) -> Option<Rest> {
        let before = self.shown(entry);
        let known = self.of(entry);
        let view = self.view(entry.secret());
        let others: Vec<SecretView> = self.others(entry);
        let step = plan(&Scene {
            tenant: &self.tenant,
            entry,
            secret: view.as_ref(),
            elsewhere: self.looked.then_some(others.as_slice()),
            known: &known,
            refused: &self.refused,
            now: self.now,
        });
        let name = match step {
            Step::Rest(rest) => {
                self.restart();
                return Some(rest);
            }
            Step::Look => {
                self.looked = true;
                return None;
            }
            Step::Reap(id) => {
                let unseen = |r: &KeyRecord| r.id == id && !r.managed.as_ref().unwrap().published;
                assert!(
                    self.records.iter().any(unseen),
                    "only what nobody saw is reaped"
                );
                self.records.retain(|record| record.id != id);
                "reap".to_owned()
            }
            Step::Verify { record, told } => match self.apply(&record) {
                true => {
                    self.told.extend(told);
                    format!("verify {}", said(&record))
                }
                false => {
                    self.refused.insert(record.id.clone());
                    "claimed".to_owned()
                }
            },
            Step::Write { change, told } => {
                let fresh = change.needs_fresh().then(|| self.fresh());
                let after = change.over(view.as_ref(), entry.secret(), fresh.as_ref());
                assert!(change.needs_fresh() || view.is_none_or(|view| change.differs(&view)));
                self.secrets.insert(entry.secret().to_owned(), after);
                self.told.extend(told);
                let what = if fresh.is_some() { "stage" } else { "write" };
                what.to_owned()
            }
        };
        self.steps.push(name);
        self.check_step(entry, &before);
        None
    }

    /// A whole pass.
    pub fn settle(&mut self, entry: &KeyEntry) -> Rest {
        self.steps.clear();
        for _ in 0..STEPS {
            if let Some(rest) = self.step(entry) {
                return rest;
            }
        }
        panic!("no rest after {STEPS} steps: {:?}", self.steps);
    }

    /// As the store does it.
    fn apply(&mut self, asked: &KeyRecord) -> bool {
        if self.taken.contains(&asked.id) {
            return false;
        }
        let Some(held) = self.records.iter_mut().find(|held| held.id == asked.id) else {
            self.records.push(asked.clone());
            return true;
        };
        let entry = |record: &KeyRecord| record.managed.as_ref().unwrap().entry.clone();
        if !held.hash.matches(&asked.hash) || entry(held) != entry(asked) {
            return false;
        }
        let seen = held.managed.as_ref().unwrap().published;
        held.services.clone_from(&asked.services);
        held.not_after = asked.not_after;
        held.revoked_at = held.revoked_at.or(asked.revoked_at);
        held.managed.as_mut().unwrap().published =
            seen || asked.managed.as_ref().unwrap().published;
        true
    }

    /// What a step may do to what is shown: nothing that was accepted stops being so, and what is newly shown is accepted.
    fn check_step(&self, entry: &KeyEntry, before: &[(KeyHash, bool)]) {
        if entry.revoked || entry.is_expired(self.now) {
            return;
        }
        for (hash, accepted) in self.shown(entry) {
            let was = before.iter().find(|(other, _)| other.matches(&hash));
            let excused = was.is_some_and(|(_, accepted)| !accepted);
            let print = hash.fingerprint();
            assert!(
                accepted || excused,
                "{print} is shown and refused after {:?}",
                self.steps
            );
        }
    }

    /// What the Secret tells clients to use, and whether ingest accepts it.
    pub fn shown(&self, entry: &KeyEntry) -> Vec<(KeyHash, bool)> {
        let Some(view) = self.view(entry.secret()) else {
            return Vec::new();
        };
        let previous = view
            .moment(PREVIOUS_NOT_AFTER)
            .is_some_and(|end| self.now < end);
        let slots = [Some(CURRENT), previous.then_some(PREVIOUS)];
        let keys = slots
            .into_iter()
            .flatten()
            .filter_map(|slot| match view.value(slot) {
                Value::Key(key) => Some(key.hash()),
                Value::Absent | Value::Malformed => None,
            });
        keys.map(|hash| (hash, self.accepts(&hash))).collect()
    }

    /// What ingest would say.
    pub fn accepts(&self, hash: &KeyHash) -> bool {
        self.records.iter().any(|record| {
            record.hash.matches(hash)
                && record.revoked_at.is_none()
                && record.not_after.is_none_or(|end| self.now < end)
        })
    }

    pub fn view(&self, name: &str) -> Option<SecretView> {
        self.secrets.get(name).cloned().map(SecretView::of)
    }

    pub fn key(&self, name: &str, slot: &str) -> Option<ApiKey> {
        match self.view(name)?.value(slot) {
            Value::Key(key) => Some(key),
            Value::Absent | Value::Malformed => None,
        }
    }

    pub fn current(&self) -> ApiKey {
        self.key("web", CURRENT).expect("a current key")
    }

    pub fn record(&self, key: &ApiKey) -> &KeyRecord {
        let found = self.records.iter().find(|record| record.id == *key.id());
        found.expect("a verifier")
    }

    pub fn of(&self, entry: &KeyEntry) -> Vec<KeyRecord> {
        let is_ours = |r: &&KeyRecord| r.managed.as_ref().is_some_and(|m| m.entry == entry.name);
        self.records.iter().filter(is_ours).cloned().collect()
    }

    fn others(&self, entry: &KeyEntry) -> Vec<SecretView> {
        let views = self.secrets.values().cloned().map(SecretView::of);
        views
            .filter(|view| view.name() != entry.secret() && view.is_of(&self.tenant, &entry.name))
            .collect()
    }

    /// Somebody edits a value by hand.
    pub fn edit(&mut self, name: &str, slot: &str, bytes: Option<&[u8]>) {
        let Some(secret) = self.secrets.get_mut(name) else {
            return;
        };
        let data = secret.data.get_or_insert_default();
        match bytes {
            Some(bytes) => drop(data.insert(slot.to_owned(), ByteString(bytes.to_vec()))),
            None => drop(data.remove(slot)),
        }
    }

    pub fn label(&mut self, name: &str, label: &str, value: Option<&str>) {
        let secret = self.secrets.get_mut(name).unwrap();
        let labels = secret.metadata.labels.get_or_insert_default();
        match value {
            Some(value) => drop(labels.insert(label.to_owned(), value.to_owned())),
            None => drop(labels.remove(label)),
        }
    }

    /// Somebody else makes a Secret.
    pub fn put(&mut self, name: &str, slot: &str, text: &str) {
        let data = BTreeMap::from([(slot.to_owned(), ByteString(text.as_bytes().to_vec()))]);
        let mut secret = Secret {
            data: Some(data),
            ..Secret::default()
        };
        secret.metadata.name = Some(name.to_owned());
        self.secrets.insert(name.to_owned(), secret);
    }

    /// Everything that must hold of an entry at rest, and that there is nothing left to write.
    pub fn check_rest(&mut self, entry: &KeyEntry, rest: &Rest) {
        assert_eq!(&self.settle(entry), rest, "rest is rest");
        assert_eq!(self.steps, Vec::<String>::new(), "no writes at rest");
        let known = self.of(entry);
        if entry.revoked {
            assert!(known.iter().all(|record| record.revoked_at.is_some()));
            return;
        }
        if entry.is_expired(self.now) {
            let over = |r: &KeyRecord| r.not_after.is_some_and(|end| end <= self.now);
            assert!(
                known.iter().all(|r| r.revoked_at.is_some() || over(r)),
                "{known:?}"
            );
            return;
        }
        if rest.trouble.is_some() {
            return;
        }
        let view = self.view(entry.secret()).expect("a Secret");
        let current = self.key(entry.secret(), CURRENT).expect("a current key");
        assert_eq!(rest.current.as_ref(), Some(current.id()));
        assert!(self.accepts(&current.hash()));
        let fingerprint = current.hash().fingerprint();
        assert_eq!(view.note(FINGERPRINT_NOTE), Some(fingerprint.as_str()));
        assert!(matches!(view.value(NEXT), Value::Absent));
        for record in &known {
            assert!(
                record.managed.as_ref().unwrap().published,
                "nothing is left half made"
            );
            if record.hash.matches(&current.hash()) {
                assert_eq!(record.not_after, entry.expires_at);
                assert_eq!(record.services, entry.services);
            } else {
                let ends = record.revoked_at.is_some() || record.not_after.is_some();
                assert!(ends, "every old key has an end: {record:?}");
            }
        }
    }
}

fn said(record: &KeyRecord) -> &'static str {
    match record.managed.as_ref().unwrap().published {
        _ if record.revoked_at.is_some() => "revoked",
        true => "published",
        false => "unpublished",
    }
}

pub fn entry() -> KeyEntry {
    KeyEntry {
        name: "web".to_owned(),
        services: Vec::new(),
        source: Source::Generate {
            secret: "web".to_owned(),
        },
        interval: None,
        overlap: HOUR,
        trigger: None,
        expires_at: None,
        revoked: false,
    }
}

pub fn triggered(trigger: &str) -> KeyEntry {
    KeyEntry {
        trigger: Some(trigger.to_owned()),
        ..entry()
    }
}

/// A world in which `entry` is at rest.
pub fn made(entry: &KeyEntry) -> World {
    let mut world = World::new();
    let rest = world.settle(entry);
    world.check_rest(entry, &rest);
    world
}

/// What was told, and whether somebody should look.
pub fn reasons(world: &World) -> Vec<(&'static str, bool)> {
    let told = world.told.iter();
    told.map(|told| (told.reason, told.warning)).collect()
}

/// What is in the way.
pub fn reason(rest: &Rest) -> Option<&'static str> {
    rest.trouble.as_ref().map(|trouble| trouble.reason)
}
