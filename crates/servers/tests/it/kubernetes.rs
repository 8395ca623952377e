//! A cluster of a test's own: it has rules, and it has faults.

use std::{
    io::{Read, Write},
    net::TcpStream,
    path::Path,
    time::Duration,
};

use sendry_servers::{
    kube::{self, Kube, Options},
    probe, process,
};

const DEFINITION: &str = "
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: { name: probes.test.sendry.io }
spec:
  group: test.sendry.io
  scope: Namespaced
  names: { kind: Probe, plural: probes }
  versions:
    - name: v1
      served: true
      storage: true
      schema:
        openAPIV3Schema:
          type: object
          properties:
            spec:
              type: object
              properties: { min: { type: integer }, max: { type: integer } }
              x-kubernetes-validations:
                - { rule: self.min <= self.max, message: min is above max }
";

const POLICY: &str = "
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: { name: calm }
spec:
  failurePolicy: Fail
  matchConstraints:
    resourceRules:
      - { apiGroups: [''], apiVersions: [v1], operations: [CREATE], resources: [configmaps] }
  validations:
    - { expression: \"request.userInfo.username != 'loud' || object.metadata.name.startsWith('loud-')\", message: too loud }
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: { name: calm }
spec: { policyName: calm, validationActions: [Deny] }
";

const ROLES: &str = "
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: { name: writer, namespace: shop }
rules: [{ apiGroups: [''], resources: [configmaps], verbs: [create] }]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: { name: writer, namespace: shop }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: Role, name: writer }
subjects: [{ apiGroup: rbac.authorization.k8s.io, kind: Group, name: writers }]
";

fn probe_of(name: &str, min: u32, max: u32) -> String {
    format!(
        "{{apiVersion: test.sendry.io/v1, kind: Probe, \
         metadata: {{name: {name}, namespace: shop}}, spec: {{min: {min}, max: {max}}}}}"
    )
}

/// What the API server said when it refused.
fn refusal(result: anyhow::Result<String>) -> String {
    format!("{:#}", result.expect_err("it must be refused"))
}

#[test]
fn a_cluster_judges_by_rules_policies_and_roles_and_empties_a_namespace_that_goes() {
    let folder = tempfile::tempdir().unwrap();
    let cluster = Kube::start(folder.path(), &Options::default()).unwrap();
    let apply = |yaml: &str| cluster.ctl(&["apply", "-f", "-"], Some(yaml));

    cluster.ctl(&["create", "namespace", "shop"], None).unwrap();
    apply(DEFINITION).unwrap();
    kube::wait_until_published(&cluster.kubeconfig(), "test.sendry.io/v1", &["probes"]).unwrap();
    cluster.ctl(&["explain", "probes.spec"], None).unwrap();
    apply(&probe_of("good", 1, 2)).unwrap();
    let said = refusal(apply(&probe_of("bad", 2, 1)));
    assert!(said.contains("min is above max"), "{said}");

    let person = |name: &str, groups: &[&str]| {
        let file = folder.path().join(name);
        kube::kubeconfig_for(&cluster.kubeconfig(), name, groups, &file).unwrap();
        file
    };
    let create = |file: &Path, name: &str| {
        let args = ["create", "configmap", name, "--namespace", "shop"];
        kube::ctl(file, &args, None)
    };
    let (loud, stranger) = (person("loud", &["writers"]), person("stranger", &[]));
    let said = refusal(create(&stranger, "loud-a"));
    assert!(said.contains("is forbidden"), "{said}");
    apply(ROLES).unwrap();
    apply(POLICY).unwrap();
    // A role and a policy act when the API server has seen them.
    let mut attempt = 0;
    process::wait(Duration::from_secs(60), "both to act", || {
        attempt += 1;
        let said = create(&loud, &format!("quiet-{attempt}")).err();
        let said = said.map(|error| format!("{error:#}"));
        Ok(said
            .is_some_and(|said| said.contains("too loud"))
            .then_some(()))
    })
    .unwrap();
    create(&loud, "loud-a").unwrap();
    let said = refusal(create(&stranger, "loud-b"));
    assert!(said.contains("is forbidden"), "{said}");

    let account = person("system:serviceaccount:shop:default", &[]);
    let said = kube::ctl(&account, &["auth", "whoami"], None).unwrap();
    assert!(said.contains("system:serviceaccounts:shop"), "{said}");
    let strict = "pod-security.kubernetes.io/enforce=restricted";
    cluster
        .ctl(&["label", "namespace", "shop", strict], None)
        .unwrap();
    let pod = ["run", "pod", "--image=none", "--namespace", "shop"];
    let said = refusal(cluster.ctl(&pod, None));
    assert!(said.contains("violates PodSecurity"), "{said}");

    let gone = ["delete", "namespace", "shop", "--timeout=60s"];
    cluster.ctl(&gone, None).unwrap();
    let said = refusal(cluster.ctl(&["get", "probes", "good", "--namespace", "shop"], None));
    assert!(said.contains("NotFound"), "{said}");
}

#[test]
fn an_api_server_is_killed_and_comes_back_stands_still_and_goes_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut cluster = Kube::start(folder.path(), &Options::default()).unwrap();
    let address = probe::local(cluster.port());
    cluster.ctl(&["create", "namespace", "kept"], None).unwrap();
    let killed = cluster.ids()[0];
    cluster.kill().unwrap();
    assert!(!killed.is_running() && TcpStream::connect(address).is_err());
    cluster.restart().unwrap();
    cluster.ctl(&["get", "namespace", "kept"], None).unwrap();

    let ask = || {
        let mut stream = TcpStream::connect(address).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_millis(300)))
            .unwrap();
        // Not even its own protocol: a running server says so at once.
        stream.write_all(b"GET / HTTP/1.0\r\n\r\n").unwrap();
        stream.read(&mut [0])
    };
    cluster.pause();
    assert!(ask().is_err(), "it stands still");
    cluster.resume();
    process::wait(Duration::from_secs(20), "it to go on", || {
        Ok(ask().is_ok().then_some(()))
    })
    .unwrap();

    let all = cluster.ids();
    assert!(all.iter().all(|id| id.is_running()), "{all:?}");
    drop(cluster);
    assert!(all.iter().all(|id| !id.is_running()), "{all:?}");
}
