//! `kubectl`, and waiting.

use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use sendry_servers::node::Node;
use serde_json::Value;

/// How long a state may take to come on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(180);
/// Between two looks: each is a program that starts.
const LOOK: Duration = Duration::from_millis(500);

/// Looks until there is a value; fails with what was seen last.
pub async fn until<T>(
    within: Duration,
    what: &str,
    mut look: impl AsyncFnMut() -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let began = Instant::now();
    loop {
        match look().await {
            Ok(value) => return Ok(value),
            Err(seen) if began.elapsed() > within => {
                bail!("waited {within:?} for {what}; last seen: {seen:#}")
            }
            Err(_) => tokio::time::sleep(LOOK).await,
        }
    }
}

/// `kubectl ARGS`; what it printed.
pub fn ctl(node: &Node, args: &[&str]) -> anyhow::Result<String> {
    tokio::task::block_in_place(|| node.ctl(args, None))
}

/// `kubectl apply -f -`
pub fn apply(node: &Node, yaml: &str) -> anyhow::Result<()> {
    tokio::task::block_in_place(|| node.ctl(&["apply", "--filename=-"], Some(yaml))).map(drop)
}

/// `kubectl get WHAT -o json`
pub fn get(node: &Node, what: &[&str]) -> anyhow::Result<Value> {
    let text = ctl(node, &[&["get"], what, &["--output=json"]].concat())?;
    serde_json::from_str(&text).with_context(|| format!("kubectl get {what:?} printed no JSON"))
}

/// The items of a list.
pub fn list(node: &Node, what: &[&str]) -> anyhow::Result<Vec<Value>> {
    let list = get(node, what)?;
    Ok(list["items"].as_array().cloned().unwrap_or_default())
}

/// A key of a Secret, as text.
pub fn secret(node: &Node, namespace: &str, name: &str, key: &str) -> anyhow::Result<String> {
    use base64::{Engine, prelude::BASE64_STANDARD};

    let secret = get(node, &["secret", name, "--namespace", namespace])?;
    let coded = secret["data"][key].as_str();
    let coded = coded.with_context(|| format!("Secret {namespace}/{name} has no key {key}"))?;
    Ok(String::from_utf8(BASE64_STANDARD.decode(coded)?)?)
}

/// `status` and `reason: message` of a condition.
pub fn condition(object: &Value, kind: &str) -> (String, String) {
    let conditions = object["status"]["conditions"].as_array();
    let found = conditions.and_then(|all| all.iter().find(|one| one["type"] == kind));
    let text = |field: &str| {
        let value = found.and_then(|one| one[field].as_str());
        value.unwrap_or_default().to_owned()
    };
    (
        text("status"),
        format!("{}: {}", text("reason"), text("message")),
    )
}
