mod silence;

use std::collections::BTreeMap;

use k8s_openapi::{
    api::core::v1::Namespace, apimachinery::pkg::apis::meta::v1::Time, jiff::Timestamp,
};
use sendry_crds::{SendryTenantSpec, condition as kinds, condition::find};
use serde_json::json;

use super::*;
use crate::{settings::Settings, topology::Synced};

fn tenant(spec: serde_json::Value) -> SendryTenant {
    let mut whole = json!({"namespace": "team-acme"});
    for (key, value) in spec.as_object().unwrap() {
        whole[key] = value.clone();
    }
    let spec: SendryTenantSpec = serde_json::from_value(whole).unwrap();
    let mut tenant = SendryTenant::new("acme", spec);
    tenant.metadata.uid = Some("6a0e0a5c-53c4-4b3e-8d62-0d3f4f4a9a11".to_owned());
    tenant.metadata.generation = Some(3);
    tenant
}

fn world() -> World {
    World {
        namespace: None,
        older: None,
        record: None,
        keys: Vec::new(),
    }
}

fn labelled(label: Option<&str>) -> Namespace {
    let mut namespace = Namespace::default();
    namespace.metadata.name = Some("team-acme".to_owned());
    namespace.metadata.labels =
        label.map(|value| BTreeMap::from([(names::TENANT_LABEL.to_owned(), value.to_owned())]));
    namespace
}

fn reason(spec: serde_json::Value, world: &World) -> &'static str {
    let invalid = match validate(&tenant(spec), world, &Settings::default()) {
        Ok(valid) => {
            // Without the namespace nothing is written into it.
            assert_eq!(valid.namespace, NamespacePlan::Leave);
            valid.trouble.unwrap()
        }
        Err(invalid) => invalid,
    };
    assert!(!invalid.message.is_empty());
    invalid.reason
}

#[test]
fn what_the_schema_cannot_refuse_is_refused_here() {
    let there = |label| World {
        namespace: Some(labelled(label)),
        ..world()
    };
    assert_eq!(
        reason(json!({"namespace": "sendry-system"}), &world()),
        "NamespaceReserved"
    );
    assert_eq!(reason(json!({}), &there(None)), "NamespaceNotLabelled");
    assert_eq!(
        reason(json!({}), &there(Some("other"))),
        "NamespaceConflict"
    );
    let older = World {
        older: Some("older".to_owned()),
        ..world()
    };
    assert_eq!(reason(json!({}), &older), "NamespaceConflict");
    // Who has it keeps it, whatever clocks to the second say.
    let kept = World {
        namespace: Some(labelled(Some("acme"))),
        ..older
    };
    let valid = validate(&tenant(json!({})), &kept, &Settings::default()).unwrap();
    assert_eq!(valid.namespace, NamespacePlan::Keep);
    assert_eq!(reason(json!({"window": "soon"}), &world()), "InvalidSpec");
}

#[test]
fn a_namespace_is_made_kept_or_left_alone() {
    let plan = |world: &World| validate(&tenant(json!({})), world, &Settings::default());
    assert_eq!(plan(&world()).unwrap().namespace, NamespacePlan::Make);
    let mut there = World {
        namespace: Some(labelled(Some("acme"))),
        ..world()
    };
    assert_eq!(plan(&there).unwrap().namespace, NamespacePlan::Keep);
    let going = there.namespace.as_mut().unwrap();
    going.metadata.deletion_timestamp = Some(Time(Timestamp::UNIX_EPOCH));
    assert_eq!(plan(&there).unwrap().namespace, NamespacePlan::Leave);
}

#[test]
fn what_is_not_said_has_its_default() {
    let valid = validate(&tenant(json!({})), &world(), &Settings::default()).unwrap();
    let record = build::record(&valid);
    assert_eq!(record.rate, None);
    assert_eq!(record.raw_retention, 30 * 86_400_000);
    assert_eq!(record.window.past(), 48 * 3_600_000);
    assert_eq!(record.max_payload, None);
    assert_eq!(valid.backlog_bytes, 4 << 30);
    let limits =
        json!({"limits": {"eventsPerSecond": 10, "maxPayload": "64Ki", "backlogBytes": "1Gi"}});
    let valid = validate(&tenant(limits), &world(), &Settings::default()).unwrap();
    let rate = valid.rate.unwrap();
    assert_eq!((rate.per_second, rate.burst), (10, 20));
    assert_eq!(build::record(&valid).max_payload, Some(64 << 10));
    assert_eq!(valid.backlog_bytes, 1 << 30);
}

#[test]
fn entries_beyond_the_limit_are_reported_and_the_others_honoured() {
    let spec = json!({"limits": {"keys": 1}, "apiKeys": [{"name": "one"}, {"name": "two"}]});
    let valid = validate(&tenant(spec), &world(), &Settings::default()).unwrap();
    assert_eq!(valid.entries.len(), 1);
    assert_eq!(valid.refused[0].entry, "two");
    assert_eq!(valid.refused[0].reason, "TooManyKeys");
}

fn said(report: &Report, before: Option<&SendryTenantStatus>, second: i64) -> SendryTenantStatus {
    status::status(before, report, 3, Timestamp::from_second(second).unwrap())
}

fn is(status: &SendryTenantStatus, kind: &str) -> (String, String) {
    let condition = find(&status.conditions, kind).unwrap();
    assert_eq!(condition.observed_generation, Some(3));
    (condition.status.clone(), condition.reason.clone())
}

#[test]
fn a_status_that_says_the_same_again_is_the_same() {
    let report = Report {
        synced: Some(Synced::Whole),
        ..Report::default()
    };
    let first = said(&report, None, 1);
    assert_eq!(is(&first, kinds::READY).0, "True");
    assert_eq!(said(&report, Some(&first), 2), first);
    assert_eq!(transition(Some(&first), &first), None);
    assert!(!transition(None, &first).unwrap().warning);
}

#[test]
fn a_time_that_was_read_back_is_no_change() {
    let mut key = sendry_crds::tenant::KeyStatus {
        id: "1".to_owned(),
        fingerprint: "2".to_owned(),
        state: sendry_crds::tenant::KeyState::Current,
        not_before: Time(Timestamp::from_millisecond(1_234).unwrap()),
        not_after: None,
    };
    let mut status = SendryTenantStatus::default();
    status
        .api_keys
        .push(sendry_crds::tenant::ApiKeyStatus::default());
    status.api_keys[0].keys.push(key.clone());
    let read: SendryTenantStatus =
        serde_json::from_value(serde_json::to_value(&status).unwrap()).unwrap();
    assert!(same(&read, &status));
    key.id = "3".to_owned();
    status.api_keys[0].keys[0] = key;
    assert!(!same(&read, &status));
}

#[test]
fn a_broker_that_is_away_is_unknown_and_passes_by_itself() {
    let report = Report {
        synced: Some(Synced::Not {
            reason: "BrokerUnreachable",
            message: "no answer".to_owned(),
        }),
        ..Report::default()
    };
    let status = said(&report, None, 1);
    assert_eq!(is(&status, kinds::TOPOLOGY_SYNCED).0, "Unknown");
    assert_eq!(is(&status, kinds::READY).0, "False");
    assert_eq!(is(&status, kinds::RECONCILING).0, "True");
    assert_eq!(is(&status, kinds::STALLED).0, "False");
    assert_eq!(is(&status, kinds::KEYS_READY).0, "True");
}

#[test]
fn what_could_not_be_looked_at_is_as_it_was_last_seen() {
    let keys = vec![sendry_crds::tenant::ApiKeyStatus {
        name: "app".to_owned(),
        ..Default::default()
    }];
    let whole = Report {
        synced: Some(Synced::Whole),
        keys: keys.clone(),
        ..Report::default()
    };
    let before = said(&whole, None, 1);
    let failed = Report {
        failure: Some(("StoreUnavailable", "away".to_owned())),
        ..Report::default()
    };
    let after = said(&failed, Some(&before), 2);
    assert_eq!(after.api_keys, keys);
    assert_eq!(is(&after, kinds::KEYS_READY).0, "True");
    assert_eq!(is(&after, kinds::READY).1, "StoreUnavailable");
    assert!(transition(Some(&before), &after).unwrap().warning);
}

#[test]
fn what_needs_a_person_goes_before_what_passes_by_itself() {
    let report = Report {
        synced: Some(Synced::Not {
            reason: "BrokerUnreachable",
            message: String::new(),
        }),
        refused: vec![Refused {
            entry: "app".to_owned(),
            reason: "SecretConflict".to_owned(),
            message: "label it".to_owned(),
        }],
        ..Report::default()
    };
    let status = said(&report, None, 1);
    assert_eq!(
        is(&status, kinds::STALLED),
        ("True".to_owned(), "SecretConflict".to_owned())
    );
    assert_eq!(is(&status, kinds::KEYS_READY).0, "False");
}
