//! Words that say that something is not done. (They are put together from halves here, or this file would be found.)

use super::{
    Finding,
    source::{line_of, words},
};
use crate::tree::Tree;

const SOURCES: [&str; 6] = [".rs", ".ts", ".tsx", ".js", ".mjs", ".sql"];
const OPEN: [&str; 5] = [
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("XX", "X"),
    concat!("to", "do!"),
    concat!("unimple", "mented!"),
];
const LEFT_OUT: [&str; 1] = [concat!("#[ig", "nore")];
const LEFT_OUT_TS: [&str; 8] = [
    "it.skip",
    "test.skip",
    "describe.skip",
    "it.only",
    "test.only",
    "describe.only",
    concat!("it.to", "do"),
    concat!("test.fix", "me"),
];

pub(super) fn find(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree.ending(&SOURCES) {
        let left_out = if file.path.ends_with(".rs") {
            &LEFT_OUT[..]
        } else {
            &LEFT_OUT_TS[..]
        };
        let open = (
            &OPEN[..],
            "finish it, or write an issue and say here what holds until then",
        );
        let left_out = (
            left_out,
            "mend the test, or delete it and say why in the commit",
        );
        for (list, cure) in [open, left_out] {
            for word in list {
                for at in words(&file.text, word) {
                    findings.push(Finding {
                        file: file.path.clone(),
                        line: line_of(&file.text, at),
                        what: format!("`{word}`"),
                        cure,
                    });
                }
            }
        }
    }
    findings.sort_by_key(|finding| (finding.file.clone(), finding.line));
    findings
}

#[cfg(test)]
mod tests {
    use super::super::{WORDS, places};

    #[test]
    fn open_ends_are_found() {
        for word in super::OPEN.iter().chain(&super::LEFT_OUT) {
            let text = format!("fn f() {{}}\n// x\n{word} y");
            assert_eq!(places(WORDS, &[("a.rs", &text)]), ["a.rs:3"], "{word}");
        }
        for word in super::LEFT_OUT_TS {
            assert_eq!(
                places(WORDS, &[("a.test.ts", &format!("{word}('x')"))]),
                ["a.test.ts:1"],
                "{word}"
            );
        }
    }

    #[test]
    fn other_words_are_not() {
        let text = concat!("let todos = XX", "XX; iter.skip(1); #[expect(lint)]");
        assert!(places(WORDS, &[("a.rs", text), ("a.ts", "rows.skip(1)")]).is_empty());
    }
}
