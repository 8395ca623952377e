//! Making, changing, taking away; and what is never touched.

use k8s_openapi::api::{
    apps::v1::Deployment,
    core::v1::{ConfigMap, Namespace, Secret},
    policy::v1::PodDisruptionBudget,
};
use kube::{
    Api, Resource, ResourceExt,
    api::{DeleteParams, Patch, PatchParams, PostParams},
};
use sendry_crds::pipeline::WorkerSpec;
use sendry_operator::error::Category;
use serde_json::json;

use super::place::Place;
use crate::{
    crash::Saboteur,
    support::{eventually, is},
};

#[tokio::test]
async fn what_is_made_stays_and_a_second_pass_writes_nothing() {
    let place = Place::new().await;
    place.account().await;
    assert_eq!(place.settle().await.len(), 6);
    assert_eq!(place.there().await, [true; 4]);
    place.scale(1).await;
    eventually("a pod", async || {
        is(place.pods().await == 1, place.pods().await)
    })
    .await;
    // With all that the API server and its controllers put in.
    assert_eq!(place.settle().await, [""; 0]);
    assert_eq!(place.replicas().await, Some(1));
    place.replicas_are_not_ours().await;
}

#[tokio::test]
async fn what_the_platform_says_of_pods_is_kept_as_it_is_said() {
    let mut place = Place::new().await;
    place.account().await;
    place.settle().await;
    place.template = r#"{
        "nodeSelector": {"pool": "workers", "empty": ""},
        "tolerations": [
            {"key": "pool", "value": "workers", "effect": "NoSchedule"},
            {"operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 60}
        ],
        "priorityClassName": "system-cluster-critical",
        "annotations": {"example.com/scrape": "true", "example.com/empty": ""}
    }"#
    .parse()
    .unwrap();
    assert_eq!(place.settle().await.len(), 1, "the Deployment");
    assert_eq!(place.settle().await, [""; 0]);
    let pod = place
        .deployment()
        .await
        .spec
        .unwrap()
        .template
        .spec
        .unwrap();
    assert_eq!(pod.tolerations.map(|all| all.len()), Some(2));
    place.template = Default::default();
    assert_eq!(place.settle().await.len(), 1, "taken out again");
    let pod = place
        .deployment()
        .await
        .spec
        .unwrap()
        .template
        .spec
        .unwrap();
    assert_eq!(
        (pod.tolerations, pod.node_selector, pod.priority_class_name),
        (None, None, None)
    );
    assert_eq!(place.settle().await, [""; 0]);
}

#[tokio::test]
async fn pods_pass_the_restricted_standard() {
    let place = Place::new().await;
    let namespaces: Api<Namespace> = Api::all(place.client.clone());
    let label =
        json!({"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "restricted"}}});
    let params = PatchParams::default();
    let (name, patch) = (&place.corner.operators, Patch::Merge(&label));
    namespaces.patch(name, &params, &patch).await.unwrap();
    place.account().await;
    place.settle().await;
    place.scale(1).await;
    eventually("a pod", async || {
        let conditions = place.deployment().await.status.and_then(|s| s.conditions);
        is(place.pods().await == 1, conditions)
    })
    .await;
}

#[tokio::test]
async fn the_number_of_replicas_is_the_autoscalers() {
    let mut place = Place::new().await;
    place.account().await;
    place.settle().await;
    place.scale(5).await;
    assert_eq!(
        place.settle().await,
        [""; 0],
        "another number is no difference"
    );
    place.spec.prefetch = Some(7);
    assert_eq!(
        place.settle().await.len(),
        2,
        "the ConfigMap and the Deployment"
    );
    assert_eq!(place.replicas().await, Some(5));
    place.replicas_are_not_ours().await;
}

#[tokio::test]
async fn a_deployment_begins_with_none_and_never_has_a_pod_before_it_is_asked_for() {
    let place = Place::new().await;
    place.account().await;
    place.settle().await;
    assert_eq!(place.replicas().await, Some(0));
    place.replicas_are_not_ours().await;
    assert_eq!(place.settle().await, [""; 0]);
    eventually("its controller to have seen it", async || {
        let wanted = place.pods_wanted().await;
        is(wanted == Some(0), wanted)
    })
    .await;
    let found = place.deployment().await;
    assert_eq!(found.spec.unwrap().paused, None);
    // One that was made and deleted again would have been counted.
    let events: Vec<k8s_openapi::api::core::v1::Event> =
        place.api().list(&Default::default()).await.unwrap().items;
    let made = |reason: &str| reason == "SuccessfulCreate";
    let pods = events
        .iter()
        .filter(|e| e.reason.as_deref().is_some_and(made));
    assert_eq!(pods.count(), 0);
}

#[tokio::test]
async fn what_somebody_changed_or_deleted_is_made_again() {
    let place = Place::new().await;
    place.settle().await;
    let name = place.name();
    let image = json!({"spec": {"template": {"spec": {"containers": [{"name": "worker", "image": "evil"}]}}}});
    let deployments = place.api::<Deployment>();
    let params = PatchParams::default();
    deployments
        .patch(&name, &params, &Patch::Strategic(image))
        .await
        .unwrap();
    let data = json!({"data": {"worker.yaml": "role: keeper"}});
    let configs = place.api::<ConfigMap>();
    configs
        .patch(&name, &params, &Patch::Merge(data))
        .await
        .unwrap();
    let budgets = place.api::<PodDisruptionBudget>();
    budgets
        .delete(&name, &DeleteParams::default())
        .await
        .unwrap();
    assert_eq!(place.settle().await.len(), 3);
    let pod = place
        .deployment()
        .await
        .spec
        .unwrap()
        .template
        .spec
        .unwrap();
    assert_ne!(pod.containers[0].image.as_deref(), Some("evil"));
    assert_eq!(place.there().await, [true; 4]);
    assert_eq!(place.settle().await, [""; 0]);
}

#[tokio::test]
async fn what_somebody_paused_goes_on() {
    let place = Place::new().await;
    place.settle().await;
    let paused = json!({"spec": {"paused": true}});
    let (name, params) = (place.name(), PatchParams::default());
    let api = place.api::<Deployment>();
    api.patch(&name, &params, &Patch::Merge(paused))
        .await
        .unwrap();
    assert_eq!(place.settle().await.len(), 1);
    let found = place.deployment().await;
    assert_ne!(found.spec.unwrap().paused, Some(true));
    assert_eq!(place.settle().await, [""; 0]);
    // It can be changed as before.
    let mut place = place;
    place.spec.prefetch = Some(7);
    assert_eq!(place.settle().await.len(), 2);
    assert_eq!(place.settle().await, [""; 0]);
}

#[tokio::test]
async fn whoever_deletes_the_secret_gets_another_password_and_other_pods() {
    let place = Place::new().await;
    place.settle().await;
    let hash = async || {
        let template = place.deployment().await.spec.unwrap().template;
        template.metadata.unwrap().annotations.unwrap()["sendry.io/config"].clone()
    };
    let (before, pods) = (place.secret().await, hash().await);
    let url = format!(
        "amqp://sendry.acme.orders:{}@rabbitmq:5672/",
        before["password"]
    );
    assert_eq!(before["queue-url"], url);
    assert_eq!(before["username"], "sendry.acme.orders");
    let secrets = place.api::<Secret>();
    secrets
        .delete(&place.name(), &DeleteParams::default())
        .await
        .unwrap();
    place.settle().await;
    assert_ne!(place.secret().await["password"], before["password"]);
    assert_ne!(hash().await, pods);
}

/// Makes an object of the workers' name that is somebody else's, and shows that it stays as it is.
async fn is_left_alone<K>(place: &Place, foreign: serde_json::Value)
where
    K: Resource<DynamicType = (), Scope = k8s_openapi::NamespaceResourceScope>
        + Clone
        + std::fmt::Debug
        + serde::de::DeserializeOwned
        + serde::Serialize,
{
    let mut whole = foreign;
    whole["metadata"]["name"] = json!(place.name());
    let object: K = serde_json::from_value(whole).unwrap();
    let api = place.api::<K>();
    let made = api.create(&PostParams::default(), &object).await.unwrap();
    let failure = place.pass(&Saboteur::idle()).await.unwrap_err();
    assert_eq!(failure.category, Category::Foreign, "{failure:?}");
    let told = sendry_runtime::error_chain::chain(&failure).to_string();
    assert!(
        told.contains(&place.name()) && told.contains("acme/orders"),
        "{told}"
    );
    place.removal(&Saboteur::idle()).await.unwrap();
    let now = place.find::<K>().await.unwrap();
    assert_eq!(now.labels(), made.labels());
    let mut managers = now.managed_fields().iter();
    assert!(managers.all(|entry| entry.manager.as_deref() != Some("sendry-operator")));
    api.delete(&place.name(), &DeleteParams::background())
        .await
        .unwrap();
    eventually("it to go", async || {
        is(place.find::<K>().await.is_none(), ())
    })
    .await;
}

#[tokio::test]
async fn what_is_not_ours_is_never_touched() {
    let place = Place::new().await;
    // Without labels, and with those of another pipeline.
    is_left_alone::<ConfigMap>(&place, json!({"data": {"worker.yaml": "mine"}})).await;
    let others = json!({"metadata": {"labels": {
        "app.kubernetes.io/name": "sendry-worker", "app.kubernetes.io/managed-by": "sendry-operator",
        "sendry.io/tenant": "acme", "sendry.io/pipeline": "audit",
    }}});
    is_left_alone::<Secret>(&place, others.clone()).await;
    let mut deployment = others;
    deployment["spec"] = json!({
        "replicas": 0, "selector": {"matchLabels": {"a": "b"}},
        "template": {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "x", "image": "y"}]}},
    });
    is_left_alone::<Deployment>(&place, deployment).await;
    let budget = json!({"spec": {"maxUnavailable": 1, "selector": {"matchLabels": {"a": "b"}}}});
    is_left_alone::<PodDisruptionBudget>(&place, budget).await;
    place.settle().await;
    assert_eq!(place.there().await, [true; 4]);
}

#[tokio::test]
async fn removal_leaves_nothing_and_may_be_repeated() {
    let place = Place::new().await;
    place.account().await;
    place.removal(&Saboteur::idle()).await.unwrap();
    place.settle().await;
    let beside = Place::of(place.corner.clone(), "audit");
    beside.settle().await;
    let idle = Saboteur::idle();
    place.removal(&idle).await.unwrap();
    assert_eq!(idle.writes().len(), 4, "{:?}", idle.writes());
    eventually("all of it to go", async || {
        let left = (place.there().await, place.pods().await);
        is(left == ([false; 4], 0), left)
    })
    .await;
    assert_eq!(beside.there().await, [true; 4]);
    let again = Saboteur::idle();
    place.removal(&again).await.unwrap();
    assert_eq!(again.writes(), [""; 0]);
}

#[tokio::test]
async fn a_spec_of_an_older_schema_makes_nothing() {
    let mut place = Place::new().await;
    place.spec = WorkerSpec {
        concurrency: Some(0),
        ..WorkerSpec::default()
    };
    assert!(place.pass(&Saboteur::idle()).await.is_err());
    assert_eq!(place.there().await, [true, false, false, false]);
}
