//! Kubernetes Events: what a person sees under `kubectl describe`.
//!
//! Told on transitions only, which the caller knows. **Best effort:** what cannot be told is logged and counted, and stops
//! nothing; the state itself stands in conditions. A note is cut at 1,000 bytes, and never carries a secret: who writes
//! one has none at hand ([`crate::keys`] keeps them in types that cannot be printed).

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use k8s_openapi::api::core::v1::ObjectReference;
use kube::{
    Client, Resource,
    runtime::events::{Event, EventType, Recorder, Reporter},
};
use sendry_crds::{SendryTenant, names::MANAGED_BY};
use sendry_runtime::error_chain::chain;

use crate::metrics::OperatorMetrics;

/// The API server's limits: 128 for reasons and actions, 1,024 for notes.
const WORD: usize = 128;
const NOTE: usize = 1_000;
/// A pass does not wait longer for an Event.
const TOLD_WITHIN: Duration = Duration::from_secs(5);

/// Who is told. Clones tell the same.
#[derive(Clone)]
pub struct Events(To);

#[derive(Clone)]
enum To {
    Nobody,
    Memory(Arc<Mutex<Vec<Told>>>),
    Cluster(Box<Recorder>, Box<OperatorMetrics>),
}

/// An Event, as it was told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// The name of the object.
    pub name: String,
    /// Whether somebody should look.
    pub warning: bool,
    /// In one word, `PascalCase`.
    pub reason: String,
    /// What was done or tried, `PascalCase`.
    pub action: String,
    /// A sentence for a person.
    pub note: String,
}

impl Events {
    /// Tells the cluster, as this process.
    #[must_use]
    pub fn cluster(client: Client, identity: &str, metrics: OperatorMetrics) -> Self {
        let reporter = Reporter {
            controller: MANAGED_BY.to_owned(),
            instance: Some(cut(identity, WORD)),
        };
        Self(To::Cluster(
            Box::new(Recorder::new(client, reporter)),
            Box::new(metrics),
        ))
    }

    /// Tells nobody.
    #[must_use]
    pub fn silent() -> Self {
        Self(To::Nobody)
    }

    /// Keeps in mind what was told; see [`Self::told`].
    #[must_use]
    pub fn recording() -> Self {
        Self(To::Memory(Arc::default()))
    }

    /// What was told so far, oldest first; empty unless [`Self::recording`].
    #[must_use]
    pub fn told(&self) -> Vec<Told> {
        match &self.0 {
            To::Memory(told) => told.lock().unwrap_or_else(PoisonError::into_inner).clone(),
            To::Nobody | To::Cluster(..) => Vec::new(),
        }
    }

    /// Something about a tenant went as it should.
    pub async fn normal(&self, tenant: &SendryTenant, reason: &str, action: &str, note: &str) {
        let about = tenant.object_ref(&());
        self.publish(&about, EventType::Normal, reason, action, note)
            .await;
    }

    /// Somebody should look at a tenant.
    pub async fn warning(&self, tenant: &SendryTenant, reason: &str, action: &str, note: &str) {
        let about = tenant.object_ref(&());
        self.publish(&about, EventType::Warning, reason, action, note)
            .await;
    }

    /// Tells of any object. Of one without a namespace in `default`, as is the custom.
    pub async fn publish(
        &self,
        about: &ObjectReference,
        type_: EventType,
        reason: &str,
        action: &str,
        note: &str,
    ) {
        let (reason, action, note) = (cut(reason, WORD), cut(action, WORD), cut(note, NOTE));
        // With it the same Event of an object that changed meanwhile would be another one.
        let about = ObjectReference {
            resource_version: None,
            ..about.clone()
        };
        let name = about.name.clone().unwrap_or_default();
        match &self.0 {
            To::Nobody => {}
            To::Memory(told) => {
                let told = &mut told.lock().unwrap_or_else(PoisonError::into_inner);
                told.push(Told {
                    name,
                    warning: matches!(type_, EventType::Warning),
                    reason,
                    action,
                    note,
                });
            }
            To::Cluster(recorder, metrics) => {
                let event = Event {
                    type_,
                    reason,
                    note: Some(note),
                    action,
                    secondary: None,
                };
                let lost = match tokio::time::timeout(TOLD_WITHIN, recorder.publish(&event, &about))
                    .await
                {
                    Ok(Ok(())) => return,
                    Ok(Err(error)) => chain(&error).to_string(),
                    Err(slow) => slow.to_string(),
                };
                metrics.events_lost.inc();
                tracing::warn!(object.name = %name, event.reason = %event.reason, error = %lost, "failed to tell an Event");
            }
        }
    }
}

/// At most `most` bytes of it, whole characters.
fn cut(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.to_owned();
    }
    let end = text.floor_char_boundary(most - '…'.len_utf8());
    format!("{}…", &text[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_notes_are_cut_between_characters() {
        assert_eq!(cut("short", WORD), "short");
        let long = cut(&"ü".repeat(1_000), NOTE);
        assert!(long.len() <= NOTE && long.ends_with("ü…"), "{}", long.len());
    }

    #[tokio::test]
    async fn what_was_told_is_kept_in_mind() {
        let events = Events::recording();
        let tenant = SendryTenant::new("shop", spec());
        events
            .clone()
            .warning(&tenant, "SecretConflict", "Publish", "it is another's")
            .await;
        events
            .normal(&tenant, "Ready", "Reconcile", "all is there")
            .await;
        let told = events.told();
        let short: Vec<_> = told
            .iter()
            .map(|t| (t.name.as_str(), t.warning, t.reason.as_str()))
            .collect();
        assert_eq!(
            short,
            [("shop", true, "SecretConflict"), ("shop", false, "Ready")]
        );
        Events::silent()
            .normal(&tenant, "Ready", "Reconcile", "")
            .await;
        assert_eq!(Events::silent().told(), []);
    }

    fn spec() -> sendry_crds::SendryTenantSpec {
        serde_json::from_str(r#"{"namespace":"shop"}"#).unwrap()
    }
}
