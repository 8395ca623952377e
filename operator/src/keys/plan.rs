//! Which step is next. Pure: what was observed comes in, and fresh keys are only asked for.
//!
//! Every step leads to a state from which this function names the step after it, so it does not matter who takes which
//! step, nor when the last pass ended.

use std::collections::BTreeSet;

use sendry_crds::names::{API_KEY_LABEL, TENANT_LABEL};
use sendry_domain::{
    api_key::ApiKey,
    id::{KeyId, TenantId},
    time::UnixMillis,
};
use sendry_store::KeyRecord;

use super::{
    entry::{KeyEntry, Source},
    report::Told,
    secret::{Change, SecretView},
};

mod generated;
mod reference;
mod slots;
mod verifiers;

#[cfg(test)]
mod tests;

pub use verifiers::is_unretired;

/// What is observed of an entry.
#[derive(Clone, Copy, Debug)]
pub struct Scene<'a> {
    /// The tenant.
    pub tenant: &'a TenantId,
    /// What is asked for.
    pub entry: &'a KeyEntry,
    /// The entry's Secret.
    pub secret: Option<&'a SecretView>,
    /// Other Secrets that are labelled as this entry's; `None` = nobody looked.
    pub elsewhere: Option<&'a [SecretView]>,
    /// The verifiers of this entry, and no others.
    pub known: &'a [KeyRecord],
    /// Keys that the store said somebody else has.
    pub refused: &'a BTreeSet<KeyId>,
    /// The time.
    pub now: UnixMillis,
}

/// What to do next.
#[derive(Clone, Debug)]
pub enum Step {
    /// Read the other Secrets that are labelled as this entry's.
    Look,
    /// Write a verifier. Where the store says that somebody else has the key: note that, and look again.
    Verify {
        /// It.
        record: Box<KeyRecord>,
        /// What to tell when it is done.
        told: Option<Told>,
    },
    /// Remove a verifier of a key that nobody can have seen.
    Reap(KeyId),
    /// Create the Secret, or update what was read.
    Write {
        /// How.
        change: Box<Change>,
        /// What to tell when it is done.
        told: Option<Told>,
    },
    /// Nothing.
    Rest(Rest),
}

/// How an entry stands when there is nothing left to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rest {
    /// The key to use, where one is known.
    pub current: Option<KeyId>,
    /// When the next key is made.
    pub next_rotation: Option<UnixMillis>,
    /// What is in the way.
    pub trouble: Option<Trouble>,
}

/// What is in the way of what the spec asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// In a word.
    pub reason: &'static str,
    /// In a sentence, with what to do.
    pub message: String,
}

impl Scene<'_> {
    /// The verifier of a key, by its public part.
    fn record(&self, key: &ApiKey) -> Option<&KeyRecord> {
        self.known.iter().find(|record| record.id == *key.id())
    }

    fn is_refused(&self, key: &ApiKey) -> bool {
        self.refused.contains(key.id())
    }

    fn is_expired(&self) -> bool {
        self.entry.is_expired(self.now)
    }

    fn change(&self) -> Change {
        Change::labelled(self.tenant, &self.entry.name)
    }
}

impl Rest {
    fn with(trouble: Option<Trouble>) -> Self {
        Self {
            current: None,
            next_rotation: None,
            trouble,
        }
    }
}

/// The next step.
#[must_use]
pub fn plan(scene: &Scene<'_>) -> Step {
    let step = match &scene.entry.source {
        Source::Generate { .. } => generated::plan(scene),
        Source::Reference { key, .. } => reference::plan(scene, key),
    };
    match (&step, scene.secret) {
        (Step::Write { .. }, Some(view)) if view.is_immutable() => {
            Step::Rest(Rest::with(Some(immutable(scene))))
        }
        _ => step,
    }
}

fn immutable(scene: &Scene<'_>) -> Trouble {
    Trouble {
        reason: "SecretImmutable",
        message: format!(
            "Secret `{}` is immutable, so its key cannot be changed as the spec asks: delete the Secret (the old key \
             stays valid for rotation.overlap), or name another one in secretName",
            scene.entry.secret()
        ),
    }
}

fn conflict(scene: &Scene<'_>) -> Trouble {
    Trouble {
        reason: "SecretConflict",
        message: format!(
            "Secret `{name}` is not this entry's and is left alone: name another one in secretName, or label it \
             `{TENANT_LABEL}: {tenant}` and `{API_KEY_LABEL}: {entry}` to hand it over",
            name = scene.entry.secret(),
            tenant = scene.tenant,
            entry = scene.entry.name,
        ),
    }
}
