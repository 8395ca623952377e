//! Database and broker libraries stay behind the ports.

use super::{Finding, paths, source::line_of};
use crate::tree::Tree;

const DRIVERS: [&str; 4] = ["lapin", "sqlx", "mongodb", "rusqlite"];
const CURE: &str = "say what you need as a method of a port, and do it in crates/queue or crates/store under adapters/";

pub(super) fn find(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree.ending(&[".rs"]).filter(|file| !may(&file.path)) {
        for named in paths::named(&file.text) {
            // A lone word is a name of somebody's own: a variable, a module.
            let is_path = named.imported || named.path.contains("::");
            if let Some(driver) = DRIVERS
                .iter()
                .find(|driver| is_path && named.within(driver))
            {
                findings.push(Finding {
                    file: file.path.clone(),
                    line: line_of(&file.text, named.at),
                    what: format!("`{driver}` outside an adapter"),
                    cure: CURE,
                });
            }
        }
    }
    findings
}

/// Adapters may; so may programs that compare with a bare database, and the kit that looks into one.
fn may(path: &str) -> bool {
    ["crates/queue/src/adapters", "crates/store/src/adapters"]
        .iter()
        .filter_map(|folder| path.strip_prefix(folder))
        .any(|rest| rest == ".rs" || rest.starts_with('/'))
        || path.starts_with("bench/")
        || path.starts_with("crates/testkit/")
}

#[cfg(test)]
mod tests {
    use super::super::{DRIVERS as RULE, places};

    #[test]
    fn a_driver_in_a_service_is_found() {
        let text = "//! lapin::nothing\nuse std::io;\nfn f() {\n    let c = lapin::Connection::connect(\"sqlx::x\");\n}\n";
        assert_eq!(
            places(RULE, &[("worker/src/lib.rs", text)]),
            ["worker/src/lib.rs:4"]
        );
        assert_eq!(
            places(
                RULE,
                &[("ingest/src/a.rs", "use {std::io, mongodb::Client};")]
            ),
            ["ingest/src/a.rs:1"]
        );
        assert_eq!(
            places(RULE, &[("crates/store/src/port.rs", "use sqlx;")]).len(),
            1
        );
        assert_eq!(
            places(RULE, &[("crates/store/src/adaptersx.rs", "use sqlx;")]).len(),
            1
        );
    }

    #[test]
    fn adapters_may_and_so_may_words_of_ones_own() {
        let code = "use rusqlite::Connection;\npub mod mongodb;\n";
        for path in [
            "crates/store/src/adapters.rs",
            "crates/queue/src/adapters/sqlite/log.rs",
            "bench/src/a.rs",
        ] {
            assert!(places(RULE, &[(path, code)]).is_empty(), "{path}");
        }
        let composed = "use sendry_store::adapters::{mongodb::MongoStore, sqlite::SqliteStore};\nlet mongodb = 1;";
        assert!(places(RULE, &[("worker/src/main.rs", composed)]).is_empty());
    }
}
