//! A key that somebody else puts into a Secret. That Secret is only read.

use sendry_crds::names::TENANT_LABEL;
use sendry_domain::api_key::ApiKey;

use super::{Rest, Scene, Step, Trouble, verifiers::Old};
use crate::keys::{report::Told, secret::Value};

pub(super) fn plan(scene: &Scene<'_>, name: &str) -> Step {
    if scene.entry.revoked {
        return scene
            .revoke("the spec says `revoked`")
            .or_else(|| scene.reap(None))
            .unwrap_or(Step::Rest(Rest::with(None)));
    }
    let shown = shown(scene, name);
    let step = match &shown {
        Ok(key) => accept(scene, key),
        Err(Unusable::Unlabelled(Some(key))) => withdraw(scene, key),
        Err(Unusable::Unlabelled(None) | Unusable::Trouble(_)) => None,
    };
    // The new one first: between the two both are valid.
    let olds = || {
        let aside: Vec<&ApiKey> = shown.iter().collect();
        scene.settle_old(Old::Retire, &aside, None)
    };
    if let Some(step) = step.or_else(olds).or_else(|| scene.reap(None)) {
        return step;
    }
    Step::Rest(match shown {
        Ok(key) => Rest {
            current: Some(key.id().clone()),
            next_rotation: None,
            trouble: None,
        },
        Err(Unusable::Unlabelled(_)) => Rest::with(Some(not_labelled(scene))),
        Err(Unusable::Trouble(trouble)) => Rest::with(Some(trouble)),
    })
}

/// Why there is no key to accept.
enum Unusable {
    /// The Secret is not ours to read for; with the key in it.
    Unlabelled(Option<ApiKey>),
    /// What else is wrong.
    Trouble(Trouble),
}

fn shown(scene: &Scene<'_>, name: &str) -> Result<ApiKey, Unusable> {
    let secret = scene.entry.secret();
    let trouble = |reason, message| Err(Unusable::Trouble(Trouble { reason, message }));
    let Some(view) = scene.secret else {
        let message = format!(
            "Secret `{secret}` is not there; keys that came from it are valid for rotation.overlap: make it, with the \
             label `{TENANT_LABEL}: {}`",
            scene.tenant
        );
        return trouble("SecretMissing", message);
    };
    let value = view.value(name);
    if !view.is_of_tenant(scene.tenant) {
        let key = match value {
            Value::Key(key) => Some(key),
            Value::Absent | Value::Malformed => None,
        };
        return Err(Unusable::Unlabelled(key));
    }
    let key = match value {
        Value::Key(key) => key,
        Value::Absent => {
            let message = format!(
                "Secret `{secret}` has no value `{name}`: add it, or name another one in secretRef.key"
            );
            return trouble("ValueMissing", message);
        }
        Value::Malformed => {
            let message = format!(
                "the value `{name}` of Secret `{secret}` is no key of ours: make one with `sendry keys generate`"
            );
            return trouble("MalformedKey", message);
        }
    };
    if scene.is_refused(&key) {
        let message = format!(
            "the key `{}` in Secret `{secret}` is in use elsewhere already: give each entry a key of its own, made with \
             `sendry keys generate`",
            key.id()
        );
        return trouble("KeyClaimed", message);
    }
    let revoked = scene
        .record(&key)
        .is_some_and(|record| record.hash.matches(&key.hash()) && record.revoked_at.is_some());
    if revoked {
        let message = format!(
            "the key `{}` in Secret `{secret}` was revoked, which is for good: put another one there",
            key.id()
        );
        return trouble("KeyRevoked", message);
    }
    Ok(key)
}

fn accept(scene: &Scene<'_>, key: &ApiKey) -> Option<Step> {
    let known = scene.record(key);
    if let Some(record) = known.filter(|record| record.hash.matches(&key.hash())) {
        return scene.settle(record, scene.entry.expires_at, true);
    }
    let note = format!(
        "key `{}` of the entry `{}` came from Secret `{}` and is accepted",
        key.id(),
        scene.entry.name,
        scene.entry.secret()
    );
    // It was seen before we were told of it. One with our id and another secret is for the store to refuse.
    Some(Step::Verify {
        record: Box::new(scene.verifier(key, scene.now, true)),
        told: Some(Told::normal("KeyAccepted", note)),
    })
}

/// Whoever takes the label from a Secret takes its key from us.
fn withdraw(scene: &Scene<'_>, key: &ApiKey) -> Option<Step> {
    let mut record = scene.record(key)?.clone();
    if record.revoked_at.is_some() || !record.hash.matches(&key.hash()) {
        return None;
    }
    let note = format!(
        "key `{}` of the entry `{}` is refused from now on: Secret `{}` is not labelled as the tenant's any more",
        key.id(),
        scene.entry.name,
        scene.entry.secret()
    );
    record.revoked_at = Some(scene.now);
    Some(Step::Verify {
        record: Box::new(record),
        told: Some(Told::warning("KeyRevoked", note)),
    })
}

fn not_labelled(scene: &Scene<'_>) -> Trouble {
    Trouble {
        reason: "NotLabelled",
        message: format!(
            "Secret `{}` does not carry the label `{TENANT_LABEL}: {}`, so its key is not taken: add the label (a key that \
             was revoked with it needs another value)",
            scene.entry.secret(),
            scene.tenant
        ),
    }
}
