//! What the operator may do: one text, in two places.

use std::{collections::BTreeMap, fs};

use sendry_crds::admission;
use serde_json::Value;

use crate::helm::{NAMESPACE, cases, objects, repository};

/// Rules by kind.
fn rules(objects: &[Value]) -> BTreeMap<String, Value> {
    objects
        .iter()
        .filter(|object| object["rules"].is_array())
        .map(|object| {
            let kind = object["kind"].as_str().unwrap().to_owned();
            (kind, object["rules"].clone())
        })
        .collect()
}

#[test]
fn the_operator_may_do_what_the_example_says_and_nothing_more() {
    let example = fs::read_to_string(repository("examples/operator-rbac.yaml")).unwrap();
    let example: Vec<Value> = serde_saphyr::from_multiple(&example).unwrap();
    let expected = rules(&example);
    assert_eq!(expected.keys().collect::<Vec<_>>(), ["ClusterRole", "Role"]);
    for case in cases() {
        let rendered = objects(&case);
        let roles = rendered.iter().filter(|object| object["rules"].is_array());
        assert_eq!(roles.count(), 2, "{}", case.display());
        assert_eq!(rules(&rendered), expected, "{}", case.display());
    }
}

#[test]
fn it_is_bound_to_the_account_that_its_pods_have() {
    for case in cases() {
        let rendered = objects(&case);
        let pods = rendered.iter().find(|object| {
            object["kind"] == "Deployment"
                && object["metadata"]["labels"]["app.kubernetes.io/component"] == "operator"
        });
        let pod = &pods.unwrap()["spec"]["template"]["spec"];
        let account = pod["serviceAccountName"].as_str().unwrap();
        assert_eq!(pod["automountServiceAccountToken"], true);
        let bindings = rendered
            .iter()
            .filter(|object| object["roleRef"].is_object());
        let mut kinds = Vec::new();
        for binding in bindings {
            kinds.push(binding["kind"].as_str().unwrap());
            let role = binding["roleRef"]["kind"].as_str().unwrap();
            let named = rendered.iter().any(|object| {
                object["kind"] == role
                    && object["metadata"]["name"] == binding["roleRef"]["name"]
                    && object["metadata"]["namespace"] == binding["metadata"]["namespace"]
            });
            assert!(named, "{binding}");
            let subject = &binding["subjects"][0];
            assert_eq!(subject["name"], account, "{binding}");
            assert_eq!(subject["namespace"], NAMESPACE, "{binding}");
        }
        assert_eq!(kinds.len(), 2, "{kinds:?}");
        // The policy that confines it is about the same account.
        let stream = crate::helm::stream(&case);
        let user = format!("system:serviceaccount:{NAMESPACE}:{account}");
        let policies = rendered
            .iter()
            .filter(|object| object["kind"] == "ValidatingAdmissionPolicy");
        if policies.count() > 0 {
            let ours = admission::policies(NAMESPACE, account).unwrap();
            assert_eq!(stream.matches(&user).count(), ours.matches(&user).count());
            assert!(!stream.contains("sendry-system:"));
        }
    }
}

/// What protects tenants stays as long as the definitions do, for it is to hold also while no operator runs.
#[test]
fn what_protects_tenants_stays_with_the_definitions() {
    let mut seen = [0; 2];
    for case in cases() {
        let rendered = objects(&case);
        let policies = rendered.iter().filter(|object| {
            let kind = object["kind"].as_str().unwrap();
            kind.starts_with("ValidatingAdmissionPolicy")
        });
        let crds = rendered
            .iter()
            .find(|object| object["kind"] == "CustomResourceDefinition");
        let stays = |object: &Value| {
            let policy = &object["metadata"]["annotations"]["helm.sh/resource-policy"];
            policy == "keep"
        };
        for policy in policies {
            let name = policy["metadata"]["name"].as_str().unwrap();
            let expected = name.starts_with("sendry-protect-") && stays(crds.unwrap());
            assert_eq!(stays(policy), expected, "{name} of {}", case.display());
            seen[usize::from(expected)] += 1;
        }
    }
    assert!(seen.iter().all(|seen| *seen > 0), "{seen:?}");
}

/// They are confined by the same policies, each in its own namespace.
#[test]
fn operators_of_other_releases_are_named_beside_ours() {
    let full = repository("charts/sendry/ci/full-values.yaml");
    let stream = crate::helm::stream(&full);
    let both = format!(
        "in ['system:serviceaccount:{NAMESPACE}:watch-operator', 'system:serviceaccount:east:sendry-operator']"
    );
    assert_eq!(stream.matches(&both).count(), 2);
}
