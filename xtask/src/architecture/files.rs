//! The shape of files.

use super::Finding;
use crate::tree::Tree;

const MOST_LINES: usize = 500;
/// Written by programs: nobody reads them from top to bottom.
const GENERATED: [&str; 2] = ["/__generated__/", "crates/domain/src/histogram/bounds.rs"];

pub(super) fn too_long(tree: &Tree) -> Vec<Finding> {
    tree.ending(&[".rs", ".ts", ".tsx"])
        .filter(|file| !GENERATED.iter().any(|name| file.path.contains(name)))
        .map(|file| (file, file.text.lines().count()))
        .filter(|(_, lines)| *lines > MOST_LINES)
        .map(|(file, lines)| Finding {
            file: file.path.clone(),
            line: MOST_LINES + 1,
            what: format!("{lines} lines"),
            cure: "split it by what its parts are about",
        })
        .collect()
}

pub(super) fn mod_rs(tree: &Tree) -> Vec<Finding> {
    tree.files
        .iter()
        .filter(|file| file.path.ends_with("/mod.rs"))
        .map(|file| Finding {
            file: file.path.clone(),
            line: 1,
            what: "a module without a name".to_owned(),
            cure: "move `foo/mod.rs` to `foo.rs`",
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::{LENGTH, MODULES, places};

    #[test]
    fn a_line_past_the_limit_is_found() {
        let (most, more) = ("x\n".repeat(500), "x\n".repeat(501));
        assert_eq!(places(LENGTH, &[("a.rs", &more)]), ["a.rs:501"]);
        assert_eq!(places(LENGTH, &[("a.test.tsx", &more)]).len(), 1);
        assert!(
            places(
                LENGTH,
                &[
                    ("a.rs", &most),
                    ("a.json", &more),
                    ("a/__generated__/b.ts", &more)
                ]
            )
            .is_empty()
        );
    }

    #[test]
    fn mod_rs_is_found() {
        assert_eq!(
            places(MODULES, &[("a/mod.rs", ""), ("a/model.rs", "")]),
            ["a/mod.rs:1"]
        );
    }
}
