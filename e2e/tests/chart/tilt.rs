//! `Tiltfile`: that what it names is there. Tilt itself needs Docker.

use std::fs;

use crate::helm::{objects, repository};

/// Texts between single quotes.
fn quoted(text: &str) -> Vec<&str> {
    text.lines()
        .filter(|line| !line.trim_start().starts_with('#'))
        .flat_map(|line| line.split('\'').skip(1).step_by(2))
        .collect()
}

#[test]
fn files_and_resources_that_it_names_are_there() {
    let text = fs::read_to_string(repository("Tiltfile")).unwrap();
    let named = quoted(&text);
    let files: Vec<_> = named
        .iter()
        .filter(|name| name.ends_with(".yaml"))
        .collect();
    assert_eq!(files.len(), 3, "{files:?}");
    for file in files {
        assert!(repository(file).is_file(), "{file}");
    }
    let values = repository("charts/sendry/ci/dev-values.yaml");
    let rendered = objects(&values);
    assert!(
        !rendered.iter().any(|object| object["kind"] == "Secret"),
        "rendered without a cluster, it would be another token each time"
    );
    assert!(text.contains("name: sendry-dev-token\n"));
    let stores = fs::read_to_string(repository("examples/stores.yaml")).unwrap();
    let stores: Vec<serde_json::Value> = serde_saphyr::from_multiple(&stores).unwrap();
    let mut deployed = 0;
    for object in rendered.iter().chain(&stores) {
        let (kind, name) = (
            &object["kind"],
            object["metadata"]["name"].as_str().unwrap(),
        );
        if kind == "Deployment" || kind == "Job" {
            // The chart's names begin with the release's, which is another one here.
            let name = name.replace("our-sendry-", "sendry-");
            let by_part = name.strip_prefix("sendry-").unwrap_or(&name);
            let known = named.contains(&name.as_str()) || named.contains(&by_part);
            assert!(known, "{name} is in no group");
            deployed += 1;
        }
    }
    assert_eq!(deployed, 8);
}
