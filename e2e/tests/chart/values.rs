//! What there is to say: one list, in three files.

use std::{collections::BTreeSet, fs};

use serde_json::Value;

use crate::helm::{cases, helm, repository, yaml};

/// Paths of what can be set. What people fill in themselves, such as labels, is one value.
fn settable(values: &Value, schema: &Value, path: &str, into: &mut BTreeSet<String>) {
    let known = &schema["properties"];
    for (name, value) in values.as_object().unwrap() {
        let path = format!("{path}{name}");
        let schema = &known[name];
        assert!(!schema.is_null(), "values.schema.json knows no {path}");
        if schema["properties"].is_object() {
            let closed = schema["additionalProperties"] == Value::Bool(false);
            assert!(closed, "values.schema.json lets anything into {path}");
            settable(value, schema, &format!("{path}."), into);
        } else {
            into.insert(path);
        }
    }
    for name in known.as_object().unwrap().keys() {
        let there = values.get(name).is_some() || name == "global";
        assert!(there, "values.yaml lacks {path}{name} of the schema");
    }
}

#[test]
fn values_schema_and_readme_name_the_same() {
    let mut known = BTreeSet::new();
    let schema = yaml("values.schema.json");
    settable(&yaml("values.yaml"), &schema, "", &mut known);
    let readme = fs::read_to_string(repository("charts/sendry/README.md")).unwrap();
    let table = readme.split("## Values").nth(1).unwrap();
    let rows: BTreeSet<_> = table
        .lines()
        .filter_map(|line| Some(line.strip_prefix("| `")?.split_once('`')?.0.to_owned()))
        .collect();
    assert_eq!(rows, known, "the table of charts/sendry/README.md");
}

/// What is taken out with `null` is missed by the schema, and not first by a template.
fn missed(schema: &Value, path: &str) {
    let Some(known) = schema["properties"].as_object() else {
        return;
    };
    let required = schema["required"].as_array().unwrap();
    for (name, schema) in known {
        let is_required = required.iter().any(|it| it == name);
        assert!(is_required || name == "global", "{path}{name}");
        missed(schema, &format!("{path}{name}."));
    }
}

#[test]
fn nothing_may_be_taken_out() {
    missed(&yaml("values.schema.json"), "");
}

#[test]
fn the_readme_tells_each_default_as_it_is() {
    let values = yaml("values.yaml");
    let readme = fs::read_to_string(repository("charts/sendry/README.md")).unwrap();
    let table = readme.split("## Values").nth(1).unwrap();
    for row in table.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<_> = row.split('`').collect();
        let pointer = format!("/{}", cells[1].replace('.', "/"));
        let told: Value = serde_json::from_str(cells[3]).unwrap();
        assert_eq!(Some(&told), values.pointer(&pointer), "{}", cells[1]);
    }
}

#[test]
fn the_chart_is_of_this_version() {
    let chart = yaml("Chart.yaml");
    for field in ["version", "appVersion"] {
        assert_eq!(chart[field], env!("CARGO_PKG_VERSION"), "{field}");
    }
}

#[test]
fn nothing_is_to_be_said_against_it() {
    for case in cases() {
        helm(&["lint", "--strict", "--values", case.to_str().unwrap()]).unwrap();
    }
}

#[test]
fn a_wrong_value_is_refused_by_name() {
    for (wrong, named) in [
        ("ingest.replicas=-1", "/ingest/replicas"),
        ("ingest.replicaCount=2", "replicaCount"),
        ("image.pullPolicy=Sometimes", "/image/pullPolicy"),
        ("stores.secretName=", "/stores/secretName"),
        ("operator.clusterId=Our_Cluster", "/operator/clusterId"),
        ("operator.clusterId=-", "/operator/clusterId"),
        ("operator.watchFilter=Blue", "/operator/watchFilter"),
        ("operator.watchFilter=a_b", "/operator/watchFilter"),
        ("fullnameOverride=a.b", "/fullnameOverride"),
        ("fullnameOverride=1st", "/fullnameOverride"),
        ("nameOverride=a-", "/nameOverride"),
        (
            "admissionPolicies.operators[0]=o",
            "/admissionPolicies/operators/0",
        ),
        ("workers.tolerations[0].keys=a", "/workers/tolerations/0"),
        ("workers.affinity.nodeAffinity=x", "affinity"),
        ("analytics.token=null", "token"),
        ("ingest.service=null", "service"),
        ("ingest.service.port=null", "port"),
        ("networkPolicy=null", "networkPolicy"),
        ("image=null", "image"),
        (
            "networkPolicy.ingestFrom[0].pods=x",
            "/networkPolicy/ingestFrom/0",
        ),
        ("analytics.extraArgs[0]=api-token", "/analytics/extraArgs/0"),
        ("worker.image=x", "worker"),
    ] {
        let said = helm(&["template", "--set", wrong]).unwrap_err();
        let said = said.replace('.', "/");
        assert!(said.contains(named), "{wrong}: {said}");
    }
}
