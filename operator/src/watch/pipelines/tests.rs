use serde_json::{Value, json};

use super::*;

fn pipeline(
    namespace: &str,
    name: &str,
    generation: i64,
    spec: Value,
) -> DeserializeGuard<SendryPipeline> {
    let object = json!({
        "apiVersion": "sendry.io/v1alpha1",
        "kind": "SendryPipeline",
        "metadata": {"namespace": namespace, "name": name, "uid": name, "generation": generation},
        "spec": spec,
    });
    serde_json::from_value(object).unwrap()
}

fn plain(namespace: &str, name: &str) -> DeserializeGuard<SendryPipeline> {
    pipeline(namespace, name, 1, json!({}))
}

fn synced(objects: Vec<DeserializeGuard<SendryPipeline>>) -> (Pipelines, Heard) {
    let pipelines = Pipelines::default();
    pipelines.hear(Event::Init);
    for object in objects {
        let heard = pipelines.hear(Event::InitApply(object));
        assert!(heard.changed.is_empty() && pipelines.of("n").is_empty());
    }
    let heard = pipelines.hear(Event::InitDone);
    (pipelines, heard)
}

#[test]
fn nobody_is_decided_among_before_all_are_known() {
    let (pipelines, heard) = synced(vec![plain("n", "a"), plain("n", "b"), plain("m", "a")]);
    assert_eq!(heard.listed, ["m/a", "n/a", "n/b"]);
    assert!(heard.changed.is_empty());
    assert_eq!(pipelines.of("n").len(), 2);
}

#[test]
fn another_claim_is_about_all_of_the_namespace_and_anything_else_about_one() {
    let (pipelines, _) = synced(vec![plain("n", "a"), plain("n", "b"), plain("m", "a")]);
    let heard = pipelines.hear(Event::Apply(plain("n", "a")));
    assert!(heard.changed.is_empty(), "{heard:?}");
    let scaling = json!({"scaling": {"max": 20}});
    let heard = pipelines.hear(Event::Apply(pipeline("n", "a", 2, scaling)));
    assert_eq!(Vec::from_iter(heard.changed), ["n/a"]);
    assert_eq!(Vec::from_iter(heard.namespaces), ["n"]);
    let mut labelled = plain("n", "a").0.unwrap();
    let label = ("team".to_owned(), "shop".to_owned());
    labelled.labels_mut().extend([label]);
    let heard = pipelines.hear(Event::Apply(DeserializeGuard(Ok(labelled.clone()))));
    assert_eq!(Vec::from_iter(heard.changed), ["n/a"]);
    labelled.metadata.deletion_timestamp =
        Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(
            k8s_openapi::jiff::Timestamp::UNIX_EPOCH,
        ));
    let heard = pipelines.hear(Event::Apply(DeserializeGuard(Ok(labelled))));
    assert_eq!(Vec::from_iter(heard.changed), ["n/a", "n/b"]);
    for (generation, spec) in [
        (3, json!({"services": ["shop"]})),
        (
            4,
            json!({"services": ["shop"], "environments": ["production"]}),
        ),
        (5, json!({"services": ["shop"], "deletionPolicy": "Retain"})),
    ] {
        let heard = pipelines.hear(Event::Apply(pipeline("n", "a", generation, spec)));
        assert_eq!(Vec::from_iter(heard.changed), ["n/a", "n/b"]);
    }
    let heard = pipelines.hear(Event::Delete(plain("n", "a")));
    assert_eq!(Vec::from_iter(heard.changed), ["n/a", "n/b"]);
    assert!(pipelines.get("n/a").is_none());
}

#[test]
fn what_cannot_be_read_is_told_once_and_stops_nobody() {
    let (pipelines, _) = synced(vec![plain("n", "a")]);
    let bad = || pipeline("n", "bad", 1, json!({"services": 7}));
    let heard = pipelines.hear(Event::Apply(bad()));
    assert_eq!(heard.unreadable.len(), 1);
    assert_eq!(heard.unreadable[0].about.namespace.as_deref(), Some("n"));
    assert_eq!(Vec::from_iter(heard.changed), ["n/a"]);
    assert!(pipelines.hear(Event::Apply(bad())).unreadable.is_empty());
    assert_eq!(pipelines.counts(), (1, 1));
}

#[test]
fn with_a_filter_ours_are_those_of_our_tenants_and_those_with_our_label() {
    let ours = |filter: Option<&str>| Ours {
        filter: filter.map(str::to_owned),
        tenants: Tenants::default(),
    };
    let mut one = plain("n", "a").0.unwrap();
    assert!(ours(None).is(&one));
    assert!(!ours(Some("blue")).is(&one));
    one.labels_mut()
        .insert(WATCH_FILTER_LABEL.to_owned(), "blue".to_owned());
    assert!(ours(Some("blue")).is(&one));
    assert!(!ours(Some("red")).is(&one));
}
