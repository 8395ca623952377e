//! Each rule with a manifest that it refuses and its neighbour that it does not.
//!
//! `crds/tests/manifests/bad` has the one, its first line says what is answered; `good` has the other under the same name.
//! Of a file with two documents the first is there when the second is applied: rules about changes.

use std::{collections::BTreeSet, fs, path::Path};

use kube::api::DeleteParams;
use serde_json::Value;

use crate::support::{api, apply, client, files, namespace, read, shared};

const BAD: &str = "crds/tests/manifests/bad";
const GOOD: &str = "crds/tests/manifests/good";
const NAMESPACE: &str = "crds-manifests";

fn expected(text: &str) -> &str {
    let line = text.lines().next().unwrap_or_default();
    line.strip_prefix("# refused: ")
        .unwrap_or_else(|| panic!("its first line says nothing: {line}"))
}

fn name(path: &Path) -> String {
    path.file_name().unwrap().to_string_lossy().into_owned()
}

/// Applies a file; what became of its last document.
async fn play(path: &Path) -> Result<(), String> {
    let kubeconfig = shared().await;
    namespace(&kubeconfig, NAMESPACE);
    let client = client(&kubeconfig).await;
    let documents = read(&fs::read_to_string(path).unwrap());
    let (last, before) = documents.split_last().unwrap();
    for object in before {
        // Left by a run that was stopped.
        let name = object["metadata"]["name"].as_str().unwrap();
        let _ = api(&client, NAMESPACE, object)
            .delete(name, &DeleteParams::default())
            .await;
        let made = apply(&client, NAMESPACE, object, true).await;
        made.unwrap_or_else(|error| panic!("{path:?}, what is there before: {error}"));
    }
    let outcome = apply(&client, NAMESPACE, last, false).await;
    for object in before {
        let name = object["metadata"]["name"].as_str().unwrap();
        let api = api(&client, NAMESPACE, object);
        api.delete(name, &DeleteParams::default()).await.unwrap();
    }
    outcome.map(drop).map_err(|error| error.to_string())
}

#[tokio::test]
async fn what_should_be_accepted_is() {
    for path in files(GOOD, ".yaml") {
        // Those with something before them are told from their bad neighbours by what differs in them alone, so they
        // run after those, not beside them.
        play(&path)
            .await
            .unwrap_or_else(|error| panic!("good/{}: {error}", name(&path)));
    }
    for path in files(BAD, ".yaml") {
        let text = fs::read_to_string(&path).unwrap();
        let error = play(&path).await.expect_err(&name(&path));
        let wanted = expected(&text);
        assert!(
            error.contains(wanted),
            "bad/{}\n  should say: {wanted}\n  but says: {error}",
            name(&path)
        );
    }
}

/// Messages of the rules in a schema.
fn rules(schema: &Value, found: &mut BTreeSet<String>) {
    match schema {
        Value::Object(fields) => {
            for rule in fields
                .get("x-kubernetes-validations")
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
            {
                let message = rule["message"].as_str();
                found.insert(
                    message
                        .unwrap_or_else(|| panic!("a rule without a message: {rule}"))
                        .to_owned(),
                );
            }
            fields.values().for_each(|value| rules(value, found));
        }
        Value::Array(values) => values.iter().for_each(|value| rules(value, found)),
        _ => {}
    }
}

#[test]
fn every_rule_has_a_manifest_that_it_refuses_and_one_that_it_does_not() {
    let mut all = BTreeSet::new();
    for definition in read(&sendry_crds::yaml().unwrap()) {
        rules(&definition, &mut all);
    }
    assert!(all.len() > 20, "{all:?}");
    let mut without = all.clone();
    for path in files(BAD, ".yaml") {
        without.remove(expected(&fs::read_to_string(&path).unwrap()));
        let neighbour = files(GOOD, ".yaml")
            .into_iter()
            .find(|good| name(good) == name(&path));
        assert!(
            neighbour.is_some(),
            "bad/{0} has no good/{0} beside it",
            name(&path)
        );
    }
    assert!(
        without.is_empty(),
        "no manifest in {BAD} is refused by: {without:#?}"
    );
}
