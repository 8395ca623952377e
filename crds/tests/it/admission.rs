//! `crds/admission.yaml`: what each policy refuses and what it lets pass, while no operator runs.
//!
//! Everybody here has roles that allow what is tried: it is the policies that refuse.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use crate::support::Own;

mod deletion;
mod label;
mod operator;

const OPERATOR: &str = "system:serviceaccount:sendry-system:sendry-operator";
/// May do anything with namespaces and Secrets, and nothing with tenants.
const EDITOR: &str = "erin";
/// May update tenants as well.
const PLATFORM: &str = "pat";

/// A policy takes a moment until the API server goes by it.
const DEADLINE: Duration = Duration::from_secs(120);

const ROLES: &str = "
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: { name: edits-namespaces }
rules:
  - { apiGroups: [''], resources: [namespaces, namespaces/status, namespaces/finalize, secrets], verbs: ['*'] }
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: { name: edits-tenants }
rules:
  - { apiGroups: [sendry.io], resources: [sendrytenants], verbs: [get, update] }
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: { name: edits-namespaces }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: edits-namespaces }
subjects:
  - { apiGroup: rbac.authorization.k8s.io, kind: User, name: erin }
  - { apiGroup: rbac.authorization.k8s.io, kind: User, name: pat }
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: { name: edits-tenants }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: edits-tenants }
subjects: [{ apiGroup: rbac.authorization.k8s.io, kind: User, name: pat }]
---
# More than the operator is ever given.
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: { name: operator-may-do-anything }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin }
subjects: [{ kind: ServiceAccount, name: sendry-operator, namespace: sendry-system }]
---
apiVersion: v1
kind: Namespace
metadata: { name: sendry-system }
";

/// An own API server with people.
fn server() -> Arc<Own> {
    let own = Own::start();
    own.ctl(
        &[
            "apply",
            "--server-side",
            "--force-conflicts",
            "--filename",
            "-",
        ],
        Some(ROLES),
    )
    .unwrap();
    own
}

/// Something that somebody tries.
struct Try<'a> {
    own: &'a Own,
    who: Option<&'a str>,
    args: Vec<&'a str>,
    input: Option<String>,
}

fn attempt<'a>(own: &'a Own, who: impl Into<Option<&'a str>>, args: &'a str) -> Try<'a> {
    Try {
        own,
        who: who.into(),
        args: args.split(' ').collect(),
        input: None,
    }
}

impl Try<'_> {
    fn with(mut self, input: impl Into<String>) -> Self {
        self.input = Some(input.into());
        self
    }

    fn once(&self) -> Result<String, String> {
        match self.who {
            Some(who) => self.own.ctl_as(who, &self.args, self.input.as_deref()),
            None => self.own.ctl(&self.args, self.input.as_deref()),
        }
    }

    /// It is refused by a policy that says what to do. Tried without effect until the policy acts; and really, then.
    fn refused(mut self, says: &str) {
        let since = Instant::now();
        self.args.push("--dry-run=server");
        loop {
            let seen = self.once();
            match &seen {
                Err(error) if error.contains(says) => break,
                _ => assert!(
                    since.elapsed() < DEADLINE,
                    "{:?} as {:?} should say: {says}\n  but: {seen:?}",
                    self.args,
                    self.who
                ),
            }
        }
        self.args.pop();
        let error = self.once().unwrap_err();
        assert!(error.contains(says), "{error}");
    }

    /// The same for what goes by a path, where a client cannot be told to have no effect.
    fn refused_raw(self, says: &str) {
        let error = self.once().expect_err(says);
        assert!(
            error.contains(says),
            "{:?} should say: {says}\n  but: {error}",
            self.args
        );
    }

    fn accepted(self) -> String {
        let done = self.once();
        done.unwrap_or_else(|error| panic!("{:?} as {:?}: {error}", self.args, self.who))
    }
}

fn namespace(name: &str, labels: &str, annotations: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Namespace\nmetadata: {{ name: {name}, labels: {{ {labels} }}, annotations: {{ {annotations} }} }}"
    )
}

fn made(own: &Own, yaml: &str) {
    attempt(own, None, "apply --server-side --filename -")
        .with(yaml)
        .accepted();
}

/// Waits until something is not there any more.
fn gone(own: &Own, what: &str) {
    let since = Instant::now();
    loop {
        let args: Vec<_> = format!("get {what} --output yaml")
            .split(' ')
            .map(str::to_owned)
            .collect();
        let args: Vec<_> = args.iter().map(String::as_str).collect();
        match own.ctl(&args, None) {
            Err(error) if error.contains("NotFound") => return,
            seen => assert!(
                since.elapsed() < DEADLINE,
                "{what} is still there: {seen:?}"
            ),
        }
    }
}
