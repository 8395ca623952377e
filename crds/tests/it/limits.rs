//! Every limit of the schemas: a value at it is accepted, the one past it refused. The cases are made from the schemas, so
//! a new limit is tested the day it is written; what is left to people is that the manifests called `full` have every
//! field.

use std::fs;

use serde_json::{Value, json};

use crate::support::{apply, client, namespace, read, root, shared};

const NAMESPACE: &str = "crds-limits";

/// What the API server says when a schema, and not a rule, refuses.
const BY_SCHEMA: [&str; 8] = [
    "should be less than or equal to",
    "should be greater than or equal to",
    "Too long",
    "should be at least",
    "should match",
    "Too many",
    "should have at least",
    "Unsupported value",
];

/// A field with another value, or without one.
struct Case {
    /// As the API server names it.
    field: String,
    object: Value,
    /// What is said of it, if it is refused.
    refused: Option<String>,
}

/// Collects the cases of a field and what is in it.
struct Walk<'a> {
    full: &'a Value,
    cases: Vec<Case>,
}

impl Walk<'_> {
    /// `at` is a path into the full manifest.
    fn visit(&mut self, at: &[String], schema: &Value) {
        let pointer = pointer(at);
        let stands = self.full.pointer(&pointer);
        let stands =
            stands.unwrap_or_else(|| panic!("the full manifest has no {}: give it one", field(at)));
        self.limits(at, schema);
        let required = schema["required"].as_array().into_iter().flatten();
        for name in required.filter_map(Value::as_str) {
            let mut object = self.full.clone();
            let holder = object
                .pointer_mut(&pointer)
                .unwrap()
                .as_object_mut()
                .unwrap();
            holder.remove(name);
            self.cases.push(Case {
                field: field(&[at, &[name.to_owned()]].concat()),
                object,
                refused: Some("Required value".to_owned()),
            });
        }
        for (name, below) in schema["properties"].as_object().into_iter().flatten() {
            self.visit(&[at, std::slice::from_ref(name)].concat(), below);
        }
        if schema["items"]["type"] == "string" {
            self.visit(&[at, &["0".to_owned()]].concat(), &schema["items"]);
        }
        for (name, below) in schema["items"]["properties"]
            .as_object()
            .into_iter()
            .flatten()
        {
            // In the first entry that has it: not all go together.
            let entries = stands.as_array().unwrap();
            let with = entries.iter().position(|entry| entry.get(name).is_some());
            let with =
                with.unwrap_or_else(|| panic!("no entry of {} has {name}: give one", field(at)));
            self.visit(&[at, &[with.to_string(), name.clone()]].concat(), below);
        }
    }

    fn limits(&mut self, at: &[String], schema: &Value) {
        let limit = |name: &str| schema[name].as_i64();
        if let Some(most) = limit("maximum") {
            self.pair(
                at,
                json!(most),
                json!(most + 1),
                &format!("less than or equal to {most}"),
            );
        }
        if let Some(least) = limit("minimum") {
            self.pair(
                at,
                json!(least),
                json!(least - 1),
                &format!("greater than or equal to {least}"),
            );
        }
        if let Some(most) = limit("maxLength") {
            let most = most as usize;
            self.pair(
                at,
                json!(long(schema, most)),
                json!(long(schema, most + 1)),
                "Too long",
            );
        }
        if limit("minLength").is_some() {
            self.pair(at, json!("a"), json!(""), "should be at least");
        }
        if schema["pattern"].is_string() {
            self.refuse(at, json!("!"), "should match");
        }
        if schema["enum"].is_array() {
            for value in schema["enum"].as_array().unwrap() {
                self.accept(at, value.clone());
            }
            self.refuse(at, json!("Nonsense"), "Unsupported value");
        }
        if let Some(most) = limit("maxItems") {
            self.pair(
                at,
                entries(schema, most),
                entries(schema, most + 1),
                "must have at most",
            );
        }
        if limit("minItems").is_some() {
            self.pair(at, entries(schema, 1), json!([]), "should have at least");
        }
    }

    fn pair(&mut self, at: &[String], good: Value, bad: Value, refused: &str) {
        self.accept(at, good);
        self.refuse(at, bad, refused);
    }

    fn accept(&mut self, at: &[String], value: Value) {
        self.case(at, value, None);
    }

    fn refuse(&mut self, at: &[String], value: Value, with: &str) {
        self.case(at, value, Some(with.to_owned()));
    }

    fn case(&mut self, at: &[String], value: Value, refused: Option<String>) {
        let mut object = self.full.clone();
        *object.pointer_mut(&pointer(at)).unwrap() = value;
        self.cases.push(Case {
            field: field(at),
            object,
            refused,
        });
    }
}

fn pointer(at: &[String]) -> String {
    at.iter().map(|part| format!("/{part}")).collect()
}

fn field(at: &[String]) -> String {
    let mut text = String::new();
    for part in at {
        if part.bytes().all(|byte| byte.is_ascii_digit()) {
            text.push_str(&format!("[{part}]"));
        } else {
            let dot = if text.is_empty() { "" } else { "." };
            text.push_str(&format!("{dot}{part}"));
        }
    }
    text
}

/// A text of a length that a pattern would let pass.
fn long(schema: &Value, length: usize) -> String {
    let duration = schema["pattern"]
        .as_str()
        .is_some_and(|pattern| pattern.contains("+h)?"));
    let quantity = schema["x-kubernetes-int-or-string"] == true;
    match (duration, quantity) {
        (true, _) => format!("{:0>1$}s", 1, length - 1),
        (_, true) => format!("{:0>1$}Mi", 1, length - 2),
        _ => "a".repeat(length),
    }
}

/// So many entries, all different.
fn entries(schema: &Value, number: i64) -> Value {
    let entry = |n: i64| match schema["items"]["type"].as_str() {
        Some("string") => json!(format!("a{n}")),
        _ => json!({ "name": format!("a{n}") }),
    };
    (0..number).map(entry).collect()
}

async fn play(kind: &str, file: &str) -> usize {
    let kubeconfig = shared().await;
    namespace(&kubeconfig, NAMESPACE);
    let client = client(&kubeconfig).await;
    let text = fs::read_to_string(root().join("crds/tests/manifests/good").join(file)).unwrap();
    let full = read(&text).remove(0);
    let definitions = read(&sendry_crds::yaml().unwrap());
    let definition = definitions
        .iter()
        .find(|d| d["spec"]["names"]["kind"] == kind)
        .unwrap();
    let schema = &definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
    let mut walk = Walk {
        full: &full,
        cases: Vec::new(),
    };
    walk.visit(&["spec".to_owned()], &schema["properties"]["spec"]);
    for Case {
        field,
        object,
        refused,
    } in &walk.cases
    {
        let error = apply(&client, NAMESPACE, object, false)
            .await
            .err()
            .map(|error| error.to_string());
        let value = object.pointer(&format!(
            "/{}",
            field.replace(['.', '['], "/").replace(']', "")
        ));
        let what = format!("{kind} with {field} = {}", value.unwrap_or(&Value::Null));
        match (refused, error) {
            (Some(with), Some(error)) => {
                assert!(
                    error.contains(with) && error.contains(field),
                    "{what}\n  should say: {with}\n  but says: {error}"
                );
            }
            (Some(_), None) => panic!("{what} is accepted"),
            // A rule may look at several fields; that is not what is tested here.
            (None, Some(error)) => {
                assert!(
                    !BY_SCHEMA.iter().any(|words| error.contains(words)),
                    "{what} is refused: {error}"
                );
            }
            (None, None) => {}
        }
    }
    walk.cases.len()
}

#[tokio::test]
async fn every_limit_of_a_tenant_is_where_its_schema_says() {
    let cases = play("SendryTenant", "tenant-full.yaml").await;
    assert!(cases > 60, "{cases} cases");
}

#[tokio::test]
async fn every_limit_of_a_pipeline_is_where_its_schema_says() {
    let cases = play("SendryPipeline", "pipeline-full.yaml").await;
    assert!(cases > 40, "{cases} cases");
}
