//! `helm`, on the chart of this repository.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use sendry_servers::install::kubernetes::Program;
use serde_json::Value;

/// The namespace of a release that is only rendered; another one than the chart's texts name.
pub const NAMESPACE: &str = "chart-test";
/// The release.
pub const RELEASE: &str = "our";

/// A file or folder of the repository.
pub fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

/// A file of the chart, as YAML.
pub fn yaml(path: &str) -> Value {
    let text = fs::read_to_string(repository("charts/sendry").join(path)).unwrap();
    serde_saphyr::from_str(&text).unwrap()
}

/// The files of values that tests render the chart with.
pub fn cases() -> Vec<PathBuf> {
    let folder = fs::read_dir(repository("charts/sendry/ci")).unwrap();
    let cases: Vec<_> = folder.map(|file| file.unwrap().path()).collect();
    assert!(cases.len() >= 3, "{cases:?}");
    cases
}

/// What it printed, or what it said against it.
pub fn helm(args: &[&str]) -> Result<String, String> {
    helm_as(RELEASE, args)
}

/// The same of a release of another name.
pub fn helm_as(release: &str, args: &[&str]) -> Result<String, String> {
    let chart = repository("charts/sendry");
    let output = Command::new(Program::Helm.path())
        .args(&args[..1])
        .args((args[0] != "lint").then_some(release))
        .arg(chart)
        .args(["--namespace", NAMESPACE])
        .args(&args[1..])
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if output.status.success() {
        Ok(text(&output.stdout))
    } else {
        Err(text(&output.stdout) + &text(&output.stderr))
    }
}

/// The chart with a file of values, as one stream of YAML.
pub fn stream(values: &Path) -> String {
    helm(&["template", "--values", values.to_str().unwrap()]).unwrap()
}

/// The same, object by object.
pub fn objects(values: &Path) -> Vec<Value> {
    serde_saphyr::from_multiple(&stream(values)).unwrap()
}
