//! What is said of an entry: its status, and what is told when something changes.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use sendry_crds::tenant::{ApiKeyStatus, KeyState, KeyStatus};
use sendry_domain::{
    id::KeyId,
    time::{SECOND, UnixMillis},
};
use sendry_store::KeyRecord;

use super::{
    entry::KeyEntry,
    plan::{Rest, is_unretired},
};

/// Keys of an entry that a status has room for; older ones are left out.
const KEYS: usize = 16;

/// What a pass over an entry comes to.
#[derive(Clone, Debug, PartialEq)]
pub struct EntryReport {
    /// For the tenant's status.
    pub status: ApiKeyStatus,
    /// Whether it is as the spec asks. A revoked or expired entry is.
    pub ready: bool,
    /// When time alone changes something; the next pass is due then.
    pub next: Option<UnixMillis>,
}

/// A transition, for an Event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// In a word.
    pub reason: &'static str,
    /// Whether somebody should look.
    pub warning: bool,
    /// In a sentence.
    pub note: String,
}

impl Told {
    pub(super) fn normal(reason: &'static str, note: String) -> Self {
        Self {
            reason,
            warning: false,
            note,
        }
    }

    pub(super) fn warning(reason: &'static str, note: String) -> Self {
        Self {
            reason,
            warning: true,
            note,
        }
    }
}

/// What is in the way now and was not before, as the tenant's status said: (reason, message), for a Warning.
#[must_use]
pub fn transition(before: Option<&ApiKeyStatus>, after: &ApiKeyStatus) -> Option<(String, String)> {
    let reason = after.reason.clone()?;
    let known = before.and_then(|before| before.reason.as_ref());
    let message = after.message.clone().unwrap_or_default();
    (known != Some(&reason)).then_some((reason, message))
}

/// Says how an entry stands.
#[must_use]
pub fn report(entry: &KeyEntry, known: &[KeyRecord], rest: &Rest, now: UnixMillis) -> EntryReport {
    let current = rest.current.clone().or_else(|| used(entry, known, now));
    let mut records: Vec<&KeyRecord> = known.iter().collect();
    records.sort_by(|a, b| (b.created_at, &b.id).cmp(&(a.created_at, &a.id)));
    let keys = records
        .iter()
        .take(KEYS)
        .map(|record| status(record, current.as_ref(), now));
    let ends = known
        .iter()
        .filter(|record| record.revoked_at.is_none())
        .filter_map(|record| record.not_after);
    let moments = ends.chain(entry.expires_at).chain(rest.next_rotation);
    let trouble = rest.trouble.as_ref();
    EntryReport {
        status: ApiKeyStatus {
            name: entry.name.clone(),
            secret_name: entry.secret().to_owned(),
            reason: trouble.map(|trouble| trouble.reason.to_owned()),
            message: trouble.map(|trouble| trouble.message.clone()),
            next_rotation: rest.next_rotation.map(time),
            keys: keys.collect(),
        },
        ready: trouble.is_none(),
        next: moments.filter(|moment| *moment > now).min(),
    }
}

/// The key that clients use where its Secret does not say: the newest that nothing has replaced.
fn used(entry: &KeyEntry, known: &[KeyRecord], now: UnixMillis) -> Option<KeyId> {
    let in_use = known.iter().filter(|record| {
        is_published(record)
            && is_unretired(record, entry.expires_at)
            && state_of(record, None, now) == KeyState::Retiring
    });
    let newest = in_use.max_by_key(|record| record.created_at)?;
    Some(newest.id.clone())
}

fn is_published(record: &KeyRecord) -> bool {
    record
        .managed
        .as_ref()
        .is_some_and(|managed| managed.published)
}

fn status(record: &KeyRecord, current: Option<&KeyId>, now: UnixMillis) -> KeyStatus {
    KeyStatus {
        id: record.id.as_str().to_owned(),
        fingerprint: record.hash.fingerprint(),
        state: state_of(record, current, now),
        not_before: time(record.created_at),
        not_after: record.not_after.map(time),
    }
}

fn state_of(record: &KeyRecord, current: Option<&KeyId>, now: UnixMillis) -> KeyState {
    if record.revoked_at.is_some() {
        KeyState::Revoked
    } else if record.not_after.is_some_and(|end| end <= now) {
        KeyState::Expired
    } else if current == Some(&record.id) {
        KeyState::Current
    } else if is_published(record) {
        KeyState::Retiring
    } else {
        KeyState::Pending
    }
}

/// To the second, as the API server hands it back: what was said is compared with what is said.
fn time(moment: UnixMillis) -> Time {
    let end = if moment.0 < 0 {
        jiff::Timestamp::MIN
    } else {
        jiff::Timestamp::MAX
    };
    let read = jiff::Timestamp::from_second(moment.0.div_euclid(SECOND));
    let whole = jiff::Timestamp::from_second(end.as_second());
    Time(read.or(whole).unwrap_or(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_comes_back_from_a_manifest_as_it_was_said() {
        for millis in [0, 1_767_323_045_678, -1, i64::MAX] {
            let said = time(UnixMillis(millis));
            let text = serde_json::to_string(&said).unwrap();
            assert_eq!(serde_json::from_str::<Time>(&text).unwrap(), said, "{text}");
        }
    }
}
