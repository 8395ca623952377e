//! The manifests in `examples/`, as a person applies them: each in one go, to an API server that has our definitions and
//! policies, and KEDA's definition for the one example that is about it.

use std::{
    fs,
    time::{Duration, Instant},
};

use sendry_servers::kube::wait_until_published;

use crate::support::{Own, files, read, root};

/// How long controllers may be busy with what was applied.
const DEADLINE: Duration = Duration::from_secs(30);

#[test]
fn every_example_is_applied_in_one_go_and_again_without_a_change() {
    let own = Own::start();
    let keda = root().join("crds/tests/manifests/keda.sh_scaledobjects.yaml");
    let keda = [
        "apply",
        "--server-side",
        "--filename",
        keda.to_str().unwrap(),
    ];
    own.ctl(&keda, None).unwrap();
    wait_until_published(&own.kubeconfig(), "keda.sh/v1alpha1", &["scaledobjects"]).unwrap();
    for path in files("examples", ".yaml") {
        let file = path.to_str().unwrap();
        let text = fs::read_to_string(&path).unwrap();
        let kinds: Vec<_> = read(&text)
            .iter()
            .map(|o| o["kind"].as_str().unwrap().to_owned())
            .collect();
        // What other projects' operators make is described in comments: nobody needs those to try ours.
        let known = [
            "Namespace",
            "SendryTenant",
            "SendryPipeline",
            "Secret",
            "ServiceAccount",
            "ClusterRole",
            "ClusterRoleBinding",
            "Role",
            "RoleBinding",
            // Of the stores to try it with.
            "ConfigMap",
            "Deployment",
            "Service",
            "ScaledObject",
        ];
        assert!(
            kinds.iter().all(|kind| known.contains(&kind.as_str())),
            "{file}: {kinds:?}"
        );
        if !kinds.iter().any(|kind| kind == "Namespace") {
            // The operator makes it, and none runs.
            let tenant = read(&text).remove(0);
            let namespace = tenant["spec"]["namespace"].as_str().unwrap();
            let _ = own.ctl(&["create", "namespace", namespace], None);
        }
        own.ctl(&["apply", "--filename", file], None).unwrap();
        let again = own.ctl(&["apply", "--filename", file], None).unwrap();
        assert!(
            again.lines().all(|line| line.ends_with(" unchanged")),
            "{file} again: {again}"
        );
        // As Argo CD and Flux apply it.
        for manager in ["argocd-controller", "kustomize-controller"] {
            let server = [
                "apply",
                "--server-side",
                "--force-conflicts",
                "--field-manager",
                manager,
                "--filename",
                file,
            ];
            own.ctl(&server, None).unwrap();
            no_difference(&own, manager, file);
        }
    }
}

/// Nothing would change by applying it again. What the API server's own controllers write between the two looks of one
/// `diff`, such as a Deployment's status, shows up in it, and in none after it.
fn no_difference(own: &Own, manager: &str, file: &str) {
    let diff = [
        "diff",
        "--server-side",
        "--force-conflicts",
        "--field-manager",
        manager,
        "--filename",
        file,
    ];
    let since = Instant::now();
    loop {
        match own.ctl(&diff, None) {
            Ok(difference) if difference.is_empty() => return,
            seen => assert!(
                since.elapsed() < DEADLINE,
                "{file} as {manager} differs: {seen:?}"
            ),
        }
    }
}

#[test]
fn examples_are_named_in_the_documents() {
    let documents = ["README.md", "docs/CRDS.md", "docs/KUBERNETES.md"]
        .map(|file| fs::read_to_string(root().join(file)).unwrap());
    for path in files("examples", ".yaml") {
        let name = format!("examples/{}", path.file_name().unwrap().to_str().unwrap());
        assert!(
            documents.iter().any(|text| text.contains(&name)),
            "nobody is told of {name}"
        );
    }
}

#[test]
fn the_example_of_keda_scales_its_own_pipeline_and_within_its_bounds() {
    let text = fs::read_to_string(root().join("examples/keda.yaml")).unwrap();
    let all = read(&text);
    let of_kind = |kind: &str| all.iter().find(|object| object["kind"] == kind).unwrap();
    let (pipeline, scaled) = (of_kind("SendryPipeline"), of_kind("ScaledObject"));
    let target = &scaled["spec"]["scaleTargetRef"];
    assert_eq!(target["apiVersion"], pipeline["apiVersion"]);
    assert_eq!(target["kind"], pipeline["kind"]);
    assert_eq!(target["name"], pipeline["metadata"]["name"]);
    assert_eq!(
        scaled["metadata"]["namespace"],
        pipeline["metadata"]["namespace"]
    );
    let scaling = &pipeline["spec"]["scaling"];
    assert_eq!(scaling["mode"], "External");
    assert_eq!(scaled["spec"]["minReplicaCount"], scaling["min"]);
    assert_eq!(scaled["spec"]["maxReplicaCount"], scaling["max"]);
    // Strings are all that KEDA takes there, and these are what its prometheus trigger (2.20) cannot be without.
    for trigger in scaled["spec"]["triggers"].as_array().unwrap() {
        assert_eq!(trigger["type"], "prometheus");
        for needed in ["serverAddress", "query", "threshold"] {
            assert!(trigger["metadata"][needed].is_string(), "{needed}");
        }
        assert_eq!(trigger["metadata"]["ignoreNullValues"], "false");
    }
}
