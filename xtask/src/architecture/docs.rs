//! What documents point at is there.

use std::collections::BTreeSet;

use super::{Finding, source::line_of};
use crate::tree::Tree;

/// Written by builds, so not among the files.
const BUILT: [&str; 2] = ["dashboard/dist", "dashboard/node_modules"];

pub(super) fn find(tree: &Tree) -> Vec<Finding> {
    let mut places = BTreeSet::new();
    for file in &tree.files {
        let ends = file.path.match_indices('/').map(|(at, _)| at);
        places.extend(ends.chain([file.path.len()]).map(|end| &file.path[..end]));
    }
    let mut findings = Vec::new();
    for file in tree.ending(&[".md"]) {
        let mut at = 0;
        // Every other piece between backticks stands in them.
        for (number, piece) in file.text.split('`').enumerate() {
            let named = piece.trim_end_matches('/').trim_start_matches("../");
            let top = named.split_once('/').map(|(top, _)| top);
            let ours = number % 2 == 1
                && top.is_some_and(|top| places.contains(top))
                && named
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"/._-".contains(&byte));
            if ours
                && !places.contains(named)
                && !BUILT.iter().any(|built| named.starts_with(built))
            {
                findings.push(Finding {
                    file: file.path.clone(),
                    line: line_of(&file.text, at),
                    what: format!("`{named}` is not there"),
                    cure: "say where it is now, or what has taken its place",
                });
            }
            at += piece.len() + 1;
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::super::{DOCS, places};

    #[test]
    fn a_path_that_leads_nowhere_is_found() {
        let text = "See `worker/src/lib.rs`,\nnot `worker/src/gone.rs`; `worker/src/`, `a/b` and worker/x are fine.";
        let tree = [("worker/src/lib.rs", ""), ("docs/a.md", text)];
        assert_eq!(places(DOCS, &tree), ["docs/a.md:2"]);
    }
}
