//! What the programs of a node are told.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::network::Network;
use crate::install::kubernetes::NETWORK_PLUGINS;

/// Of the first process of every pod.
pub(super) const PAUSE: &str = "sendry.test/pause:1";
/// Where containers are asked for, inside the house.
pub(super) const CONTAINERD: &str = "/run/containerd/containerd.sock";

/// containerd: its data and the network's rules below `folder`.
pub(super) fn containerd(folder: &Path) -> String {
    let data = folder.join("containerd");
    let rules = folder.join("network");
    format!(
        r#"version = 2
root = "{data}"
[grpc]
  address = "{CONTAINERD}"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{PAUSE}"
  # Where we may not raise it, no pod would start.
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "{NETWORK_PLUGINS}"
    conf_dir = "{rules}"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
      SystemdCgroup = false
"#,
        data = data.display(),
        rules = rules.display(),
    )
}

/// A link from the node to each pod. What goes from pod to pod is routed, so that the answers of services find back.
pub(super) fn pods(network: &Network) -> Value {
    json!({
        "cniVersion": "0.4.0",
        "name": "pods",
        "plugins": [
            { "type": "ptp", "ipMasq": false, "ipam": {
                "type": "host-local",
                "ranges": [[{ "subnet": network.pods() }]],
                "routes": [{ "dst": "0.0.0.0/0" }],
            } },
            { "type": "portmap", "capabilities": { "portMappings": true } },
        ],
    })
}

/// The kubelet; `files` are the authority's certificate, then its own and its key.
pub(super) fn kubelet(network: &Network, files: &[PathBuf; 3]) -> Value {
    let [authority, certificate, key] = files;
    json!({
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "containerRuntimeEndpoint": format!("unix://{CONTAINERD}"),
        "clusterDNS": [network.node()],
        "clusterDomain": "cluster.local",
        // Names outside are none of a pod's here.
        "resolvConf": "",
        "authentication": {
            "anonymous": { "enabled": false },
            "webhook": { "enabled": true },
            "x509": { "clientCAFile": authority },
        },
        "authorization": { "mode": "Webhook" },
        "tlsCertFile": certificate,
        "tlsPrivateKeyFile": key,
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": format!("/{}", network.name()),
        "failCgroupV1": false,
        "failSwapOn": false,
        "oomScoreAdj": 0,
        "readOnlyPort": 0,
        // Images come from files: one that was thrown away would not come back.
        "imageGCHighThresholdPercent": 100,
        "evictionHard": {
            "nodefs.available": "1%",
            "imagefs.available": "1%",
            "memory.available": "100Mi",
        },
    })
}

/// The names of services.
pub(super) fn names(network: &Network, kubeconfig: &Path) -> String {
    format!(
        "cluster.local:53 {{\n  bind {}\n  errors\n  kubernetes cluster.local {{\n    kubeconfig {}\n  }}\n}}\n",
        network.node(),
        kubeconfig.display()
    )
}
