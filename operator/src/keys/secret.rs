//! What stands in the Secret of a key, and how it is changed without touching what is not ours.

use std::{collections::BTreeMap, fmt};

use k8s_openapi::{ByteString, api::core::v1::Secret};
use kube::api::ObjectMeta;
use sendry_crds::names::{API_KEY_LABEL, MANAGED_BY, MANAGED_BY_LABEL, TENANT_LABEL};
use sendry_domain::{api_key::ApiKey, id::TenantId, time::UnixMillis};

/// The value to use.
pub const CURRENT: &str = "api-key";
/// The public part of it.
pub const KEY_ID: &str = "key-id";
/// When it stops being valid, where the entry expires.
pub const NOT_AFTER: &str = "not-after";
/// The value before it, while it is valid.
pub const PREVIOUS: &str = "previous-api-key";
/// The public part of that.
pub const PREVIOUS_ID: &str = "previous-key-id";
/// When that stops being valid.
pub const PREVIOUS_NOT_AFTER: &str = "previous-not-after";
/// The value that will come, before ingest knows it. Not to be used.
pub const NEXT: &str = "next-api-key";

/// Annotation: the trigger for which the current key was made; empty where there was none.
pub const TRIGGER_NOTE: &str = "sendry.io/trigger";
/// Annotation: when the current key was made.
pub const NOT_BEFORE_NOTE: &str = "sendry.io/not-before";
/// Annotation: which key we wrote as the current one, so that another one is known to be somebody else's.
pub const FINGERPRINT_NOTE: &str = "sendry.io/fingerprint";
/// Annotation: which key we wrote as the previous one.
pub const PREVIOUS_FINGERPRINT_NOTE: &str = "sendry.io/previous-fingerprint";
/// Annotation: when the previous key stops being valid, written in the update that made it the previous one.
pub const PREVIOUS_NOT_AFTER_NOTE: &str = "sendry.io/previous-not-after";
/// Annotation: `revoked` or `expired`; absent while the current key is accepted.
pub const STATE_NOTE: &str = "sendry.io/state";

/// A Secret as it was read.
#[derive(Clone)]
pub struct SecretView(Secret);

/// What a value is.
#[derive(Clone, Debug)]
pub enum Value {
    /// Not there.
    Absent,
    /// No key of ours.
    Malformed,
    /// A key.
    Key(ApiKey),
}

/// What a value becomes.
#[derive(Clone, Debug)]
pub enum Text {
    /// A text that is no secret.
    Plain(String),
    /// A key.
    Key(ApiKey),
    /// A key that is yet to be made.
    Fresh,
}

/// A change of a Secret; what it does not name stays.
#[derive(Clone, Debug, Default)]
pub struct Change {
    data: BTreeMap<&'static str, Option<Text>>,
    notes: BTreeMap<&'static str, Option<String>>,
    labels: BTreeMap<&'static str, String>,
}

impl SecretView {
    /// A Secret as the API server gave it.
    #[must_use]
    pub fn of(secret: Secret) -> Self {
        Self(secret)
    }

    /// One of its values.
    #[must_use]
    pub fn value(&self, name: &str) -> Value {
        let Some(ByteString(bytes)) = self.0.data.as_ref().and_then(|data| data.get(name)) else {
            return Value::Absent;
        };
        let text = std::str::from_utf8(bytes).ok();
        // Editors and `echo` add a line's end, and no header can carry one.
        let key = text.and_then(|text| ApiKey::parse(text.trim()).ok());
        key.map_or(Value::Malformed, Value::Key)
    }

    /// One of its values, where it is a moment.
    #[must_use]
    pub fn moment(&self, name: &str) -> Option<UnixMillis> {
        let ByteString(bytes) = self.0.data.as_ref()?.get(name)?;
        read(std::str::from_utf8(bytes).ok()?)
    }

    /// An annotation.
    #[must_use]
    pub fn note(&self, name: &str) -> Option<&str> {
        let notes = self.0.metadata.annotations.as_ref()?;
        notes.get(name).map(String::as_str)
    }

    /// An annotation, where it is a moment.
    #[must_use]
    pub fn noted_moment(&self, name: &str) -> Option<UnixMillis> {
        self.note(name).and_then(read)
    }

    /// A label.
    #[must_use]
    pub fn label(&self, name: &str) -> Option<&str> {
        let labels = self.0.metadata.labels.as_ref()?;
        labels.get(name).map(String::as_str)
    }

    /// Whether its labels say that it is the tenant's.
    #[must_use]
    pub fn is_of_tenant(&self, tenant: &TenantId) -> bool {
        self.label(TENANT_LABEL) == Some(tenant.as_str())
    }

    /// Whether its labels say that it is this entry's.
    #[must_use]
    pub fn is_of(&self, tenant: &TenantId, entry: &str) -> bool {
        self.is_of_tenant(tenant) && self.label(API_KEY_LABEL) == Some(entry)
    }

    /// Whether the API server would refuse a change of its values.
    #[must_use]
    pub fn is_immutable(&self) -> bool {
        self.0.immutable == Some(true)
    }

    /// Its name; empty where it has none.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.metadata.name.as_deref().unwrap_or_default()
    }
}

impl Change {
    /// Nothing but the labels of this entry.
    #[must_use]
    pub fn labelled(tenant: &TenantId, entry: &str) -> Self {
        Self {
            labels: BTreeMap::from([
                (TENANT_LABEL, tenant.as_str().to_owned()),
                (API_KEY_LABEL, entry.to_owned()),
                (MANAGED_BY_LABEL, MANAGED_BY.to_owned()),
            ]),
            ..Self::default()
        }
    }

    /// Sets a value, or takes it away.
    #[must_use]
    pub fn value(mut self, name: &'static str, text: Option<Text>) -> Self {
        self.data.insert(name, text);
        self
    }

    /// Sets an annotation, or takes it away.
    #[must_use]
    pub fn note(mut self, name: &'static str, text: Option<String>) -> Self {
        self.notes.insert(name, text);
        self
    }

    /// Whether it needs a key that is yet to be made.
    #[must_use]
    pub fn needs_fresh(&self) -> bool {
        let fresh = |text: &Option<Text>| matches!(text, Some(Text::Fresh));
        self.data.values().any(fresh)
    }

    /// Whether `view` is other than this would make it.
    #[must_use]
    pub fn differs(&self, view: &SecretView) -> bool {
        let data = view.0.data.as_ref();
        let value = |name: &str| data.and_then(|data| data.get(name));
        self.needs_fresh()
            || self.data.iter().any(|(name, text)| {
                let wanted = text.as_ref().and_then(|text| text.reveal(None));
                value(name).map(|held| held.0.as_slice()) != wanted.as_deref()
            })
            || self
                .notes
                .iter()
                .any(|(name, text)| view.note(name) != text.as_deref())
            || self
                .labels
                .iter()
                .any(|(name, text)| view.label(name) != Some(text))
    }

    /// The Secret to write: `view` with this change or, where there is none, a new one. Without `fresh`, a value that needs
    /// it is left out.
    #[must_use]
    pub fn over(&self, view: Option<&SecretView>, name: &str, fresh: Option<&ApiKey>) -> Secret {
        let mut secret = view.map_or_else(|| empty(name), |view| view.0.clone());
        let data = secret.data.get_or_insert_default();
        for (name, text) in &self.data {
            match text.as_ref().and_then(|text| text.reveal(fresh)) {
                Some(bytes) => drop(data.insert((*name).to_owned(), ByteString(bytes))),
                None => drop(data.remove(*name)),
            }
        }
        let notes = secret.metadata.annotations.get_or_insert_default();
        for (name, text) in &self.notes {
            match text {
                Some(text) => drop(notes.insert((*name).to_owned(), text.clone())),
                None => drop(notes.remove(*name)),
            }
        }
        let labels = secret.metadata.labels.get_or_insert_default();
        for (name, text) in &self.labels {
            labels.insert((*name).to_owned(), text.clone());
        }
        secret
    }
}

impl Text {
    fn reveal(&self, fresh: Option<&ApiKey>) -> Option<Vec<u8>> {
        let text = match self {
            Self::Plain(text) => text.as_str(),
            Self::Key(key) => key.expose(),
            Self::Fresh => fresh?.expose(),
        };
        Some(text.as_bytes().to_vec())
    }
}

impl fmt::Debug for SecretView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretView({}, [redacted])", self.name())
    }
}

/// A moment as Secrets carry it.
#[must_use]
pub fn written(moment: UnixMillis) -> String {
    // What no calendar holds is carried as its number: it is read back as nothing, and written once.
    moment.to_rfc3339().unwrap_or_else(|| moment.0.to_string())
}

fn read(text: &str) -> Option<UnixMillis> {
    let moment = text.trim().parse::<jiff::Timestamp>().ok()?;
    Some(UnixMillis(moment.as_millisecond()))
}

fn empty(name: &str) -> Secret {
    Secret {
        metadata: ObjectMeta {
            name: Some(name.to_owned()),
            ..ObjectMeta::default()
        },
        type_: Some("Opaque".to_owned()),
        ..Secret::default()
    }
}

#[cfg(test)]
mod tests {
    use sendry_domain::api_key::ENTROPY;

    use super::*;

    fn key(seed: u8) -> ApiKey {
        ApiKey::mint(&[seed; ENTROPY])
    }

    fn view(json: serde_json::Value) -> SecretView {
        SecretView::of(serde_json::from_value(json).unwrap())
    }

    #[test]
    fn what_is_not_named_stays() {
        let held = view(serde_json::json!({
            "metadata": {"name": "web", "resourceVersion": "7", "labels": {"team": "a"}, "annotations": {"x/y": "z"}},
            "data": {"theirs": "AAEC", "next-api-key": "AAEC"},
            "type": "example.com/own",
        }));
        let tenant = TenantId::new("acme").unwrap();
        let change = Change::labelled(&tenant, "web")
            .value(CURRENT, Some(Text::Key(key(1))))
            .value(NEXT, None)
            .note(TRIGGER_NOTE, Some(String::new()));
        assert!(change.differs(&held));
        let after = change.over(Some(&held), "web", None);
        let data = after.data.clone().unwrap();
        assert_eq!(data.keys().collect::<Vec<_>>(), ["api-key", "theirs"]);
        assert_eq!(after.metadata.resource_version.as_deref(), Some("7"));
        assert_eq!(after.type_.as_deref(), Some("example.com/own"));
        let after = SecretView::of(after);
        assert_eq!(
            (after.label("team"), after.note("x/y")),
            (Some("a"), Some("z"))
        );
        assert!(after.is_of(&tenant, "web"));
        assert!(!change.differs(&after));
    }

    #[test]
    fn a_line_s_end_is_no_other_key_and_is_still_put_right() {
        let text = format!("{}\n", key(1).expose());
        let mut held = Change::default().over(None, "web", None);
        held.data = Some(BTreeMap::from([(
            CURRENT.to_owned(),
            ByteString(text.into_bytes()),
        )]));
        let held = SecretView::of(held);
        assert!(
            matches!(held.value(CURRENT), Value::Key(read) if read.hash().matches(&key(1).hash()))
        );
        let right = Change::default().value(CURRENT, Some(Text::Key(key(1))));
        assert!(right.differs(&held));
    }

    #[test]
    fn no_value_is_ever_printed() {
        let change = Change::default().value(CURRENT, Some(Text::Key(key(1))));
        let held = SecretView::of(change.over(None, "web", None));
        let printed = format!("{change:?} {held:?} {:?}", held.value(CURRENT));
        assert!(!printed.contains(&key(1).expose()[22..]), "{printed}");
    }

    #[test]
    fn moments_come_back_to_the_millisecond() {
        let moment = UnixMillis(1_767_323_045_678);
        assert_eq!(read(&written(moment)), Some(moment));
        assert_eq!(read("soon"), None);
    }
}
