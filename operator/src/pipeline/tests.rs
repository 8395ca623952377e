use sendry_crds::SendryTenant;
use sendry_domain::{limit::Rate, window::Window};
use sendry_store::{Stamp, TenantRecord};
use serde_json::{Value, json};

use super::{dereference::World, *};

const UID: &str = "6a0e0a5c-53c4-4b3e-8d62-0d3f4f4a9a11";

fn pipeline(spec: Value) -> SendryPipeline {
    let mut pipeline = SendryPipeline::new("shop", serde_json::from_value(spec).unwrap());
    pipeline.metadata.namespace = Some("team-acme".to_owned());
    pipeline.metadata.uid = Some("1d0e0a5c-53c4-4b3e-8d62-0d3f4f4a9a12".to_owned());
    pipeline.metadata.generation = Some(3);
    pipeline
}

fn tenant(spec: Value) -> SendryTenant {
    let mut whole = json!({"namespace": "team-acme"});
    for (key, value) in spec.as_object().unwrap() {
        whole[key] = value.clone();
    }
    let mut tenant = SendryTenant::new("acme", serde_json::from_value(whole).unwrap());
    tenant.metadata.uid = Some(UID.to_owned());
    tenant
}

fn record(uid: &str) -> TenantRecord {
    TenantRecord {
        id: TenantId::new("acme").unwrap(),
        suspended: false,
        rate: None::<Rate>,
        window: Window::default(),
        raw_retention: 1,
        max_payload: None,
        retained_at: None,
        stamp: Some(Stamp {
            epoch: 1,
            uid: uid.parse().unwrap(),
            generation: 1,
        }),
    }
}

fn world(tenant: SendryTenant) -> World {
    World {
        namespace_goes: false,
        tenant: Whose::Tenant(Box::new(tenant)),
        record: Some(record(UID)),
        rows: Vec::new(),
        siblings: Vec::new(),
    }
}

fn waits(world: &World) -> &'static str {
    match validate(&pipeline(json!({})), world) {
        Err(Refused::Waits(invalid)) => invalid.reason,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_it_stands_on_has_to_be_there() {
    let whole = world(tenant(json!({})));
    validate(&pipeline(json!({})), &whole).unwrap();
    let nobodys = World {
        tenant: Whose::Nobodys,
        ..whole.clone()
    };
    assert_eq!(waits(&nobodys), "NoTenant");
    let goes = World {
        namespace_goes: true,
        ..whole.clone()
    };
    assert_eq!(waits(&goes), "NamespaceTerminating");
    for record in [None, Some(record("00000000-0000-0000-0000-000000000001"))] {
        let early = World {
            record,
            ..whole.clone()
        };
        assert_eq!(waits(&early), "TenantNotReady");
    }
    let mut leaving = tenant(json!({}));
    leaving.metadata.deletion_timestamp = Some(
        k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(Timestamp::UNIX_EPOCH),
    );
    assert_eq!(waits(&world(leaving)), "TenantNotReady");
}

#[test]
fn what_it_asks_for_becomes_a_row_and_workers() {
    let spec = json!({
        "services": ["shop"], "environments": ["*"],
        "queue": {"maxLengthBytes": "64Mi", "deliveryLimit": 20},
        "scaling": {"min": 2, "max": 5},
    });
    let tenant = tenant(json!({"limits": {"backlogBytes": "1Gi"}}));
    let valid = validate(&pipeline(spec), &world(tenant)).unwrap();
    let row = build::row(&valid, false);
    assert!(row.record.retired, "ingest sends nothing there yet");
    assert_eq!(row.record.services, ["shop"]);
    assert!(row.record.environments.is_empty(), "all");
    assert_eq!(
        (row.max_bytes, row.delivery_limit),
        (Some(64 << 20), Some(20))
    );
    assert_eq!(valid.broker.backlog_bytes, 1 << 30);
    assert_eq!((valid.min, valid.suspended), (2, false));
    assert_eq!(but(&valid), None);
}

#[test]
fn suspended_it_has_no_workers_and_says_so() {
    let suspended = validate(
        &pipeline(json!({"suspend": true})),
        &world(tenant(json!({}))),
    );
    let suspended = suspended.unwrap();
    assert!(suspended.suspended);
    assert_eq!(but(&suspended).unwrap().0, "Suspended");
    let of_tenant = world(tenant(json!({"suspend": true})));
    let of_tenant = validate(&pipeline(json!({})), &of_tenant).unwrap();
    assert_eq!(but(&of_tenant).unwrap().0, "TenantSuspended");
}
