//! What the store should say of the keys of an entry.

use sendry_domain::{api_key::ApiKey, time::UnixMillis};
use sendry_store::{KeyRecord, ManagedKey};

use super::{Scene, Step, slots::Previous};
use crate::keys::report::Told;

/// What becomes of keys that are neither current, previous nor next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Old {
    /// They have been replaced: each is valid for the overlap, or for what it was promised before.
    Retire,
    /// Nothing has replaced them: they stay valid.
    Keep,
}

/// Whether a key's time was never limited because another one took its place.
///
/// A store keeps one end of a key's time, so a retired key that expires with its entry counts as unretired. That is no
/// harm: its end cannot move.
#[must_use]
pub fn is_unretired(record: &KeyRecord, expires_at: Option<UnixMillis>) -> bool {
    record.not_after.is_none() || record.not_after == expires_at
}

pub(super) fn is_published(record: &KeyRecord) -> bool {
    record
        .managed
        .as_ref()
        .is_some_and(|managed| managed.published)
}

pub(super) fn is_live(record: &KeyRecord, now: UnixMillis) -> bool {
    record.revoked_at.is_none() && record.not_after.is_none_or(|end| now < end)
}

pub(super) fn earlier(a: Option<UnixMillis>, b: Option<UnixMillis>) -> Option<UnixMillis> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (one, other) => one.or(other),
    }
}

impl Scene<'_> {
    /// Whether a key that was published is accepted.
    pub(super) fn has_live(&self) -> bool {
        let live = |record: &KeyRecord| is_published(record) && is_live(record, self.now);
        self.known.iter().any(live)
    }

    /// Whether one other than `key` is.
    pub(super) fn has_live_but(&self, key: &ApiKey) -> bool {
        self.known.iter().any(|record| {
            is_published(record) && is_live(record, self.now) && record.id != *key.id()
        })
    }

    /// When a key that was just replaced stops being valid.
    pub(super) fn retirement(&self) -> UnixMillis {
        let end = self.now.plus(self.entry.overlap);
        self.entry.expires_at.map_or(end, |expiry| end.min(expiry))
    }

    /// The verifier of a key as a new one.
    pub(super) fn verifier(&self, key: &ApiKey, made: UnixMillis, published: bool) -> KeyRecord {
        KeyRecord {
            id: key.id().clone(),
            tenant: self.tenant.clone(),
            hash: key.hash(),
            name: self.entry.name.clone(),
            services: self.entry.services.clone(),
            networks: Vec::new(),
            backfill: false,
            created_at: made,
            not_after: self.entry.expires_at,
            revoked_at: None,
            managed: Some(ManagedKey {
                entry: self.entry.name.clone(),
                published,
            }),
        }
    }

    /// Brings a verifier to what the entry says and to `not_after`; `None` = it is there.
    pub(super) fn settle(
        &self,
        record: &KeyRecord,
        not_after: Option<UnixMillis>,
        published: bool,
    ) -> Option<Step> {
        let settled = KeyRecord {
            name: self.entry.name.clone(),
            services: self.entry.services.clone(),
            not_after,
            managed: Some(ManagedKey {
                entry: self.entry.name.clone(),
                published: published || is_published(record),
            }),
            ..record.clone()
        };
        let same = settled.name == record.name
            && settled.services == record.services
            && settled.not_after == record.not_after
            && settled.managed == record.managed;
        (!same).then(|| verify(settled))
    }

    /// Revokes what is not revoked yet.
    pub(super) fn revoke(&self, why: &str) -> Option<Step> {
        let open = |record: &&KeyRecord| record.revoked_at.is_none();
        let record = self.known.iter().find(open)?;
        let revoked = KeyRecord {
            revoked_at: Some(self.now),
            ..record.clone()
        };
        let note = format!(
            "key `{}` of the entry `{}` is refused from now on: {why}",
            record.id, self.entry.name
        );
        Some(Step::Verify {
            record: Box::new(revoked),
            told: Some(Told::normal("KeyRevoked", note)),
        })
    }

    /// The old keys.
    pub(super) fn settle_old(
        &self,
        old: Old,
        aside: &[&ApiKey],
        previous: Option<&Previous>,
    ) -> Option<Step> {
        let is_aside =
            |record: &KeyRecord| aside.iter().any(|key| key.hash().matches(&record.hash));
        let olds = self.known.iter().filter(|record| {
            is_published(record) && is_live(record, self.now) && !is_aside(record)
        });
        let settle = |record: &KeyRecord| {
            let promised = previous.filter(|previous| previous.key.hash().matches(&record.hash));
            let end = match (promised, old) {
                (Some(promised), _) => Some(promised.until),
                (None, Old::Retire) if is_unretired(record, self.entry.expires_at) => {
                    Some(self.retirement())
                }
                (None, Old::Retire | Old::Keep) => earlier(record.not_after, self.entry.expires_at),
            };
            self.settle(record, end, true)
        };
        olds.into_iter().find_map(settle)
    }

    /// Removes a verifier that no Secret shows and no Secret ever showed.
    pub(super) fn reap(&self, next: Option<&ApiKey>) -> Option<Step> {
        let is_next = |record: &KeyRecord| next.is_some_and(|key| key.hash().matches(&record.hash));
        let orphan = |record: &&KeyRecord| !is_published(record) && !is_next(record);
        let record = self.known.iter().find(orphan)?;
        Some(Step::Reap(record.id.clone()))
    }
}

pub(super) fn verify(record: KeyRecord) -> Step {
    Step::Verify {
        record: Box::new(record),
        told: None,
    }
}
