//! Files by which clients find a cluster: made for ours, read with care where they are somebody's own.

use std::{
    fs::{self, File},
    io::Write,
    net::SocketAddr,
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use anyhow::Context;
use serde_json::{Value, json};

use super::{kubectl, pki::Pki};

/// What the names of clusters begin with that are made for an afternoon: of kind, k3d and minikube.
const THROW_AWAY: [&str; 3] = ["kind-", "k3d-", "minikube"];
const NAME: &str = "sendry-tests";

/// The file of an administrator of the cluster there.
pub(super) fn administrator(pki: &Pki, api: SocketAddr) -> anyhow::Result<Value> {
    user(pki, api, "admin")
}

/// The file of whom a certificate of this name is for.
pub(super) fn user(pki: &Pki, api: SocketAddr, certificate: &str) -> anyhow::Result<Value> {
    Ok(json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{ "name": NAME, "cluster": {
            "server": format!("https://{api}"),
            "certificate-authority-data": pki.base64("ca.crt")?,
        } }],
        "users": [{ "name": NAME, "user": {
            "client-certificate-data": pki.base64(&format!("{certificate}.crt"))?,
            "client-key-data": pki.base64(&format!("{certificate}.key"))?,
        } }],
        "contexts": [{ "name": NAME, "context": { "cluster": NAME, "user": NAME } }],
        "current-context": NAME,
    }))
}

/// Writes to `to` a file for somebody else: `user` in `groups`, whom the administrator of `admin` impersonates.
///
/// The API server then judges as if it were that user, by RBAC and in admission (`request.userInfo`). A service account
/// is `system:serviceaccount:<namespace>:<name>`, and has its groups of itself where none are given. Works with every
/// cluster that tests are given, since it signs nothing.
///
/// # Errors
/// When `admin` cannot be read or `to` cannot be written.
pub fn kubeconfig_for(admin: &Path, user: &str, groups: &[&str], to: &Path) -> anyhow::Result<()> {
    let view = ["config", "view", "--minify", "--flatten", "--raw"];
    let text = kubectl::ctl(admin, &[&view[..], &["--output", "json"]].concat(), None)?;
    let mut config: Value = serde_json::from_str(&text)
        .with_context(|| format!("failed to read {}", admin.display()))?;
    config["users"][0]["user"]["as"] = json!(user);
    if !groups.is_empty() {
        config["users"][0]["user"]["as-groups"] = json!(groups);
    }
    write(to, &config)
}

/// Readable for us alone: there is a key in it.
pub(super) fn write(path: &Path, config: &Value) -> anyhow::Result<()> {
    let open = || {
        File::options()
            .create(true)
            .write(true)
            .truncate(true)
            .mode(0o600)
            .open(path)
    };
    open()
        .and_then(|mut file| writeln!(file, "{config:#}"))
        .with_context(|| format!("failed to write {}", path.display()))
}

/// The file that `KUBECONFIG` names, if it leads to a cluster that was made to be thrown away.
///
/// Tests remove custom resources and namespaces: what a person works with every day must not be hit in passing. Several
/// files at once are nobody's afternoon.
pub(crate) fn throw_away(kubeconfig: String) -> Option<String> {
    let text = fs::read_to_string(&kubeconfig).ok()?;
    let context = current_context(&text)?;
    let theirs = THROW_AWAY.iter().any(|start| context.starts_with(start));
    theirs.then_some(kubeconfig)
}

fn current_context(text: &str) -> Option<String> {
    if text.trim_start().starts_with('{') {
        let config: Value = serde_json::from_str(text).ok()?;
        return config["current-context"].as_str().map(str::to_owned);
    }
    text.lines().find_map(|line| {
        let value = line.strip_prefix("current-context:")?.trim();
        Some(value.trim_matches(['"', '\'']).to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_taken(text: &str) -> bool {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), text).unwrap();
        throw_away(file.path().to_str().unwrap().to_owned()).is_some()
    }

    #[test]
    fn only_a_cluster_made_to_be_thrown_away_is_taken_in_passing() {
        for context in ["kind-sendry", "k3d-x", "minikube", "\"kind-a\"", "'kind-a'"] {
            let text = format!("kind: Config\ncurrent-context: {context}\nusers: []\n");
            assert!(is_taken(&text), "{context}");
        }
        for context in [
            "production",
            "my-kind-cluster",
            "\"\"",
            "docker-desktop",
            "",
        ] {
            let text = format!("current-context: {context}\n");
            assert!(!is_taken(&text), "{context}");
        }
        assert!(is_taken(r#"{"current-context": "kind-a"}"#));
        assert!(!is_taken(r#"{"current-context": "prod"}"#));
        assert!(!is_taken("contexts:\n  current-context: kind-inside\n"));
        assert!(!is_taken("contexts: []\n"));
        assert!(throw_away("/no/such:/files".to_owned()).is_none());
    }
}
