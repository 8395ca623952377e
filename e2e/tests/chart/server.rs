//! What the API server says: it is asked to take everything, and does not keep it.

use std::path::PathBuf;

use sendry_servers::{Server, kube::ctl};

use crate::helm::{NAMESPACE, cases, stream};

#[test]
fn the_api_server_takes_every_object() {
    let kubeconfig = PathBuf::from(sendry_servers::url(Server::Kubernetes));
    let name = format!("chart-{}", uuid::Uuid::new_v4().simple());
    ctl(&kubeconfig, &["create", "namespace", &name], None).unwrap();
    let dry = [
        "apply",
        "--server-side",
        "--force-conflicts",
        "--dry-run=server",
        "--validate=strict",
        "--filename=-",
    ];
    let answers: Vec<_> = cases()
        .into_iter()
        .map(|case| {
            let here = stream(&case).replace(NAMESPACE, &name);
            (case, ctl(&kubeconfig, &dry, Some(&here)))
        })
        .collect();
    ctl(
        &kubeconfig,
        &["delete", "namespace", &name, "--wait=false"],
        None,
    )
    .unwrap();
    for (case, answer) in answers {
        if let Err(error) = answer {
            panic!("{}: {error:#}", case.display());
        }
    }
}
