//! With no more rights than examples/operator-rbac.yaml gives, behind the admission policies.

use std::sync::Arc;

use sendry_crds::{admission::OPERATOR_NAMESPACE, pipeline::WorkerSpec};
use sendry_operator::{metrics::OperatorMetrics, workers::WorkersWatch};
use sendry_runtime::health::Health;
use sendry_servers::kube::{Kube, Options, ctl, kubeconfig_for};

use super::place::Place;
use crate::{
    crash::Saboteur,
    support::{Corner, client, eventually, is},
};

const RIGHTS: &str = include_str!("../../../../examples/operator-rbac.yaml");
const POLICIES: &str = include_str!("../../../../crds/admission.yaml");
const ACCOUNT: &str = "system:serviceaccount:sendry-system:sendry-operator";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_it_may_do_is_enough_for_workers_and_for_nothing_beside() {
    let folder = tempfile::tempdir().unwrap();
    let server = Kube::start(folder.path(), &Options::default()).unwrap();
    let mut corner = Corner::on(&server.kubeconfig()).await;
    corner.operators = OPERATOR_NAMESPACE.to_owned();
    corner.apply(&sendry_crds::yaml().unwrap());
    corner.apply(RIGHTS);
    corner.apply(POLICIES);
    let kubeconfig = folder.path().join("operator.kubeconfig");
    kubeconfig_for(&corner.kubeconfig, ACCOUNT, &[], &kubeconfig).unwrap();
    for forbidden in [
        ["delete", "deployment", "any", "--namespace", "default"],
        ["get", "pods", "--namespace", "kube-system", "-o=name"],
        ["delete", "pod", "any", "--namespace", OPERATOR_NAMESPACE],
    ] {
        let refused = ctl(&kubeconfig, &forbidden, None).unwrap_err();
        assert!(format!("{refused:?}").contains("orbidden"), "{refused:?}");
    }

    let mut place = Place::of(Arc::new(corner), "orders");
    place.client = client(&kubeconfig).await;
    let watch = WorkersWatch::default();
    let (following, client) = (watch.clone(), place.client.clone());
    let task = tokio::spawn(async move {
        let (health, metrics) = (Health::new(), OperatorMetrics::default());
        following
            .run(client, OPERATOR_NAMESPACE, &health, metrics, |_, _| {})
            .await;
    });
    place.settle().await;
    place.spec = WorkerSpec {
        prefetch: Some(9),
        ..WorkerSpec::default()
    };
    assert_eq!(place.settle().await.len(), 2);
    assert_eq!(place.settle().await, [""; 0]);
    eventually("the watch to see it", async || {
        let look = watch.look(&place.tenant, &place.pipeline);
        is(watch.ready() && look.is_some(), look)
    })
    .await;
    place.removal(&Saboteur::idle()).await.unwrap();
    eventually("all of it to go", async || {
        is(place.there().await == [false; 4], place.there().await)
    })
    .await;
    task.abort();
}
