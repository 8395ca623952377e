use serde_json::json;

use super::*;

fn whom(pipeline: &str) -> Whom {
    (
        TenantId::new("acme").unwrap(),
        PipelineName::new(pipeline).unwrap(),
    )
}

fn labels(pipeline: &str) -> serde_json::Value {
    json!({"sendry.io/tenant": "acme", "sendry.io/pipeline": pipeline})
}

fn deployment(pipeline: &str, generation: i64, ready: i32) -> Deployment {
    let (tenant, name) = whom(pipeline);
    serde_json::from_value(json!({
        "metadata": {"name": super::super::name(&tenant, &name), "generation": generation, "labels": labels(pipeline)},
        "spec": {"replicas": 2, "selector": {}, "template": {}},
        "status": {"replicas": 2, "readyReplicas": ready},
    }))
    .unwrap()
}

fn pod(pipeline: &str, trouble: &str) -> Pod {
    serde_json::from_value(json!({
        "metadata": {"name": format!("{pipeline}-1"), "labels": labels(pipeline)},
        "status": {"containerStatuses": [{"name": "worker", "image": "i", "imageID": "", "restartCount": 0,
            "ready": false, "state": {"waiting": {"reason": trouble, "message": "m"}}}]},
    }))
    .unwrap()
}

/// One pipeline with a Deployment, and everything listed.
fn known() -> Known {
    let mut known = Known::default();
    let events = [
        Event::Init,
        Event::InitApply(deployment("orders", 1, 2)),
        Event::InitDone,
    ];
    for event in events {
        assert!(
            known.deployment(event).is_empty(),
            "not before the pods are known"
        );
    }
    assert!(!known.is_complete());
    known.pod(Event::Init);
    assert_eq!(known.pod(Event::InitDone), [whom("orders")]);
    assert!(known.is_complete());
    known
}

#[test]
fn what_would_be_said_again_is_no_news() {
    let mut known = known();
    let mut heard = |event| known.deployment(event);
    assert!(heard(Event::Apply(deployment("orders", 1, 2))).is_empty());
    assert_eq!(
        heard(Event::Apply(deployment("orders", 1, 1))),
        [whom("orders")]
    );
    assert_eq!(
        heard(Event::Apply(deployment("orders", 2, 1))),
        [whom("orders")],
        "somebody changed it"
    );
    assert!(
        known
            .pod(Event::Apply(pod("orders", "ContainerCreating")))
            .is_empty()
    );
    assert_eq!(
        known.pod(Event::Apply(pod("orders", "ErrImagePull"))),
        [whom("orders")]
    );
    assert!(
        known
            .pod(Event::Apply(pod("orders", "ErrImagePull")))
            .is_empty()
    );
    let (tenant, pipeline) = whom("orders");
    let look = known.look(&(tenant, pipeline)).unwrap();
    assert_eq!((look.wanted, look.there, look.ready), (2, 2, 1));
    assert!(matches!(
        look.available,
        Availability::No {
            reason: "ErrImagePull",
            ..
        }
    ));
}

#[test]
fn what_is_missing_in_a_later_list_is_gone() {
    let mut known = known();
    known.deployment(Event::Init);
    known.deployment(Event::InitApply(deployment("audit", 1, 0)));
    let news = known.deployment(Event::InitDone);
    assert_eq!(news, [whom("orders")]);
    assert_eq!(known.look(&whom("orders")), None);
    assert!(known.look(&whom("audit")).is_some());
    let gone = known.deployment(Event::Delete(deployment("audit", 1, 0)));
    assert_eq!(gone, [whom("audit")]);
}

#[test]
fn a_deployment_of_another_name_is_no_worker_of_ours() {
    let mut known = known();
    let mut other = deployment("audit", 1, 2);
    other.metadata.name = Some("somebodys".to_owned());
    known.deployment(Event::Apply(other));
    assert_eq!(known.look(&whom("audit")), None);
}

#[test]
fn what_only_has_to_be_there_is_told_when_it_changes_or_goes() {
    let mut known = known();
    let config = |version: &str| -> PartialObjectMeta<ConfigMap> {
        serde_json::from_value(json!({"metadata": {
            "name": "w-1", "resourceVersion": version, "labels": labels("orders"),
        }}))
        .unwrap()
    };
    let mut heard = |event| known.other("configmaps", event);
    assert!(heard(Event::Init).is_empty());
    assert!(heard(Event::InitApply(config("1"))).is_empty());
    assert!(heard(Event::InitDone).is_empty());
    assert!(heard(Event::Apply(config("1"))).is_empty());
    assert_eq!(heard(Event::Apply(config("2"))), [whom("orders")]);
    assert_eq!(heard(Event::Delete(config("2"))), [whom("orders")]);
}
