//! Which crate may use which.

use super::{
    Finding,
    manifest::{self, Kind},
};
use crate::tree::Tree;

/// Crates of ours by what each may use. `*` is everything: a composition root.
const ARROWS: &[(&str, &[&str])] = &[
    ("sendry-domain", &[]),
    ("sendry-runtime", &[]),
    ("sendry-crds", &[]),
    ("sendry-servers", &[]),
    ("xtask", &[]),
    ("sendry-queue", &["sendry-domain"]),
    ("sendry-store", &["sendry-domain"]),
    ("sendry-ingest", SERVICE),
    ("sendry-worker", SERVICE),
    ("sendry-analytics", SERVICE),
    (
        "sendry-operator",
        &[
            "sendry-crds",
            "sendry-queue",
            "sendry-store",
            "sendry-runtime",
            "sendry-domain",
        ],
    ),
    ("sendry-testkit", SERVICE),
    ("sendry", &["*"]),
    ("sendry-bench", &["*"]),
    ("sendry-e2e", &["*"]),
];
const SERVICE: &[&str] = &[
    "sendry-queue",
    "sendry-store",
    "sendry-runtime",
    "sendry-domain",
];
/// What is for tests, and who may link it into what it ships: programs that are tests, or run them.
const KITS: [(&str, &[&str]); 2] = [
    ("sendry-testkit", &["sendry-bench", "sendry-e2e"]),
    (
        "sendry-servers",
        &["sendry-testkit", "sendry-bench", "sendry-e2e", "xtask"],
    ),
];
/// Who may know Kubernetes.
const KUBERNETES: ([&str; 3], [&str; 2]) = (
    ["kube", "k8s-openapi", "kube-runtime"],
    ["sendry-crds", "sendry-operator"],
);

pub(super) fn find(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for manifest in manifest::all(tree) {
        let package = manifest.package.as_str();
        let mut found = |line, what, cure| {
            findings.push(Finding {
                file: manifest.file.path.clone(),
                line,
                what,
                cure,
            });
        };
        let Some((_, may)) = ARROWS.iter().find(|(name, _)| *name == package) else {
            let what = format!("no arrows are written for `{package}`");
            found(
                1,
                what,
                "add it to ARROWS in xtask/src/architecture/arrows.rs and to docs/ARCHITECTURE.md",
            );
            continue;
        };
        for dependency in &manifest.dependencies {
            let name = dependency.name.as_str();
            let what = format!("`{package}` uses `{name}`");
            if let Some((_, users)) = KITS.iter().find(|(kit, _)| *kit == name) {
                if dependency.kind != Kind::Dev && !users.contains(&package) {
                    found(
                        dependency.line,
                        what,
                        "it is for tests: move it to [dev-dependencies]",
                    );
                }
            } else if KUBERNETES.0.contains(&name) {
                if !KUBERNETES.1.contains(&package) {
                    found(
                        dependency.line,
                        what,
                        "only the operator and its resource types know Kubernetes",
                    );
                }
            } else if ARROWS.iter().any(|(ours, _)| *ours == name)
                && !may.contains(&name)
                && *may != ["*"]
            {
                let cure = "turn the arrow round: put what both need into sendry-domain, or pass it in through a port";
                found(dependency.line, what, cure);
            }
        }
    }
    findings
}

/// Crates without the workspace's lints.
pub(super) fn lints(tree: &Tree) -> Vec<Finding> {
    manifest::all(tree)
        .filter(|manifest| !manifest.workspace_lints)
        .map(|manifest| Finding {
            file: manifest.file.path.clone(),
            line: 1,
            what: format!("`{}` has lints of its own, or none", manifest.package),
            cure: "add `[lints]` with `workspace = true`",
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::{ARROWS, LINTS, places};

    fn uses(package: &str, table: &str, dependency: &str) -> Vec<String> {
        let text =
            format!("[package]\nname = \"{package}\"\n[{table}]\n{dependency}.workspace = true\n");
        places(ARROWS, &[("x/Cargo.toml", &text)])
    }

    #[test]
    fn arrows_against_the_direction_are_found() {
        for (package, dependency) in [
            ("sendry-domain", "sendry-runtime"),
            ("sendry-runtime", "sendry-domain"),
            ("sendry-queue", "sendry-store"),
            ("sendry-ingest", "sendry-worker"),
            ("sendry-analytics", "sendry-ingest"),
            ("sendry-worker", "kube"),
            ("sendry", "sendry-testkit"),
            ("sendry", "k8s-openapi"),
        ] {
            assert_eq!(
                uses(package, "dependencies", dependency),
                ["x/Cargo.toml:4"],
                "{package} {dependency}"
            );
        }
        assert_eq!(
            uses("sendry-ingest", "dev-dependencies", "sendry-worker"),
            ["x/Cargo.toml:4"]
        );
        assert_eq!(
            uses("sendry-new", "dependencies", "serde"),
            ["x/Cargo.toml:1"]
        );
    }

    #[test]
    fn arrows_along_it_are_not() {
        for (package, table, dependency) in [
            ("sendry-queue", "dependencies", "sendry-domain"),
            ("sendry-worker", "dependencies", "sendry-store"),
            ("sendry-worker", "dev-dependencies", "sendry-testkit"),
            ("sendry-bench", "dependencies", "sendry-testkit"),
            ("sendry", "dependencies", "sendry-ingest"),
            ("sendry-operator", "dependencies", "kube"),
            ("sendry-domain", "dependencies", "serde"),
        ] {
            assert!(
                uses(package, table, dependency).is_empty(),
                "{package} {dependency}"
            );
        }
    }

    #[test]
    fn a_crate_without_the_lints_is_found() {
        let with = "[package]\nname = \"xtask\"\n[lints]\nworkspace = true\n";
        assert!(places(LINTS, &[("x/Cargo.toml", with)]).is_empty());
        assert_eq!(
            places(LINTS, &[("x/Cargo.toml", "[package]\nname = \"xtask\"\n")]),
            ["x/Cargo.toml:1"]
        );
    }
}
