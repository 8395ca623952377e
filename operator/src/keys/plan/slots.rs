//! Whose the values of a Secret are: what we wrote, or what somebody put there.

use sendry_domain::{api_key::ApiKey, time::UnixMillis};
use sendry_store::KeyRecord;

use super::{
    Scene,
    verifiers::{earlier, is_published, is_unretired},
};
use crate::keys::secret::{
    CURRENT, FINGERPRINT_NOTE, NEXT, NOT_AFTER, NOT_BEFORE_NOTE, PREVIOUS,
    PREVIOUS_FINGERPRINT_NOTE, PREVIOUS_NOT_AFTER, PREVIOUS_NOT_AFTER_NOTE, SecretView, Value,
};

/// A Secret of this entry, understood.
#[derive(Debug)]
pub(super) struct Slots {
    pub current: Result<Current, Loss>,
    pub previous: Option<Previous>,
    pub next: Option<ApiKey>,
}

/// The key to use.
#[derive(Debug)]
pub(super) struct Current {
    pub key: ApiKey,
    pub made: UnixMillis,
}

/// The key before it.
#[derive(Debug)]
pub(super) struct Previous {
    pub key: ApiKey,
    pub until: UnixMillis,
}

/// Why a Secret shows no key to use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Loss {
    /// There is no value.
    Absent,
    /// The value is no key.
    Malformed,
    /// The value is a key that we did not put there.
    Foreign,
    /// The key was revoked, by a person or because its entry had been taken out.
    Revoked,
    /// The key's time was over because another had replaced it; an old Secret was restored.
    Retired,
}

impl Slots {
    pub(super) fn read(scene: &Scene<'_>, view: &SecretView) -> Self {
        let current = current(scene, view);
        let key = current.as_ref().ok().map(|current| &current.key);
        Self {
            previous: previous(scene, view, key),
            next: next(scene, view, key),
            current,
        }
    }
}

fn marks(view: &SecretView, note: &str, key: &ApiKey) -> bool {
    view.note(note) == Some(key.hash().fingerprint().as_str())
}

/// The key to use, if we put it there. A store that was restored from a backup may not know it any more: our mark on the
/// Secret stands in for its verifier.
pub(super) fn current(scene: &Scene<'_>, view: &SecretView) -> Result<Current, Loss> {
    let key = match view.value(CURRENT) {
        Value::Absent => return Err(Loss::Absent),
        Value::Malformed => return Err(Loss::Malformed),
        Value::Key(key) => key,
    };
    let marked = marks(view, FINGERPRINT_NOTE, &key);
    let ours = match scene.record(&key) {
        _ if scene.is_refused(&key) => false,
        Some(record) if !record.hash.matches(&key.hash()) => false,
        Some(record) => {
            if record.revoked_at.is_some() {
                return Err(Loss::Revoked);
            }
            // As the entry expires, or as it did when the Secret was written.
            let natural = is_unretired(record, scene.entry.expires_at)
                || record.not_after == view.moment(NOT_AFTER);
            if !natural && record.not_after.is_some_and(|end| end <= scene.now) {
                return Err(Loss::Retired);
            }
            marked || (is_published(record) && natural)
        }
        // A Secret that was made ready for us: handed over, it goes on.
        None => marked || (view.note(FINGERPRINT_NOTE).is_none() && !scene.has_live()),
    };
    if !ours {
        return Err(Loss::Foreign);
    }
    let made = scene.record(&key).map(|record| record.created_at);
    let noted = || view.noted_moment(NOT_BEFORE_NOTE);
    Ok(Current {
        made: made.or_else(noted).unwrap_or(scene.now),
        key,
    })
}

/// The key before the current one with the end that it was promised; the end may be over.
fn previous(scene: &Scene<'_>, view: &SecretView, current: Option<&ApiKey>) -> Option<Previous> {
    let Value::Key(key) = view.value(PREVIOUS) else {
        return None;
    };
    let is_current = current.is_some_and(|current| current.hash().matches(&key.hash()));
    if is_current || scene.is_refused(&key) {
        return None;
    }
    let noted = view.noted_moment(PREVIOUS_NOT_AFTER_NOTE);
    // What clients read; the note is what we go by.
    let promised = noted.or_else(|| view.moment(PREVIOUS_NOT_AFTER));
    let until = match scene.record(&key) {
        Some(record) => {
            let seen = record.hash.matches(&key.hash()) && is_published(record);
            if !seen || record.revoked_at.is_some() {
                return None;
            }
            if is_unretired(record, scene.entry.expires_at) {
                promised.unwrap_or_else(|| scene.retirement())
            } else {
                record.not_after?
            }
        }
        None if marks(view, PREVIOUS_FINGERPRINT_NOTE, &key) => promised?,
        None => return None,
    };
    earlier(Some(until), scene.entry.expires_at).map(|until| Previous { key, until })
}

/// The key that will come, if it can still become the current one.
fn next(scene: &Scene<'_>, view: &SecretView, current: Option<&ApiKey>) -> Option<ApiKey> {
    let Value::Key(key) = view.value(NEXT) else {
        return None;
    };
    let is_current = current.is_some_and(|current| current.hash().matches(&key.hash()));
    if is_current || scene.is_refused(&key) {
        return None;
    }
    let fits = |record: &KeyRecord| {
        record.hash.matches(&key.hash())
            && record.revoked_at.is_none()
            && (!is_published(record) || is_unretired(record, scene.entry.expires_at))
    };
    scene.record(&key).is_none_or(fits).then_some(key)
}
