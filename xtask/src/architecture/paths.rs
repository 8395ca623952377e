//! Every path that a Rust file names: `std::fs::read` in code, and each leaf of `use std::{fs, io}`.

use super::source::{code_only, in_name};

/// A path as it stands, with `use` trees taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Named {
    /// Segments joined by `::`.
    pub path: String,
    /// Which byte it begins at.
    pub at: usize,
    /// Named by `use`, so that even a single segment is a path.
    pub imported: bool,
}

impl Named {
    /// Whether this is `prefix` or lies in it.
    pub(super) fn within(&self, prefix: &str) -> bool {
        self.path
            .strip_prefix(prefix)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
    }
}

/// The paths of a file, in order.
pub(super) fn named(text: &str) -> Vec<Named> {
    let code = code_only(text);
    let mut reader = Reader {
        code: &code,
        at: 0,
        found: Vec::new(),
    };
    while reader.at < code.len() {
        let Some(first) = reader.name() else {
            reader.at += 1;
            continue;
        };
        if first == "use" {
            reader.tree("");
        } else {
            let begun = reader.at - first.len();
            let path = reader.rest_of_path(first.to_owned());
            reader.note(path, begun, false);
        }
    }
    reader.found
}

struct Reader<'a> {
    code: &'a str,
    at: usize,
    found: Vec<Named>,
}

impl<'a> Reader<'a> {
    fn note(&mut self, path: String, at: usize, imported: bool) {
        self.found.push(Named { path, at, imported });
    }

    /// One tree of a `use`, up to the comma, brace or semicolon that ends it.
    fn tree(&mut self, prefix: &str) {
        self.skip_space();
        self.take("::");
        self.skip_space();
        let begun = self.at;
        let mut path = match self.name() {
            Some(name) if prefix.is_empty() => name.to_owned(),
            Some(name) => format!("{prefix}::{name}"),
            None => prefix.to_owned(),
        };
        if self.at > begun {
            path = self.rest_of_path(path);
            self.skip_space();
            self.take("::");
            self.skip_space();
        }
        if self.take("{") {
            loop {
                self.tree(&path);
                self.skip_space();
                if !self.take(",") {
                    break;
                }
                self.skip_space();
                if self.code[self.at..].starts_with('}') {
                    break;
                }
            }
            self.take("}");
        } else if !path.is_empty() {
            self.note(path, begun, true);
            // `as name`, `*`
            let end = self.code[self.at..].find([',', '}', ';']);
            self.at = end.map_or(self.code.len(), |end| self.at + end);
        }
    }

    fn rest_of_path(&mut self, mut path: String) -> String {
        loop {
            let before = self.at;
            self.skip_space();
            let joined = self.take("::");
            self.skip_space();
            match self.name() {
                Some(name) if joined => {
                    path.push_str("::");
                    path.push_str(name);
                }
                _ => {
                    self.at = before;
                    return path;
                }
            }
        }
    }

    fn name(&mut self) -> Option<&'a str> {
        let rest = &self.code[self.at..];
        let end = rest
            .bytes()
            .take_while(|byte| in_name(*byte) || !byte.is_ascii())
            .count();
        self.at += end;
        (end > 0).then(|| &rest[..end])
    }

    fn skip_space(&mut self) {
        let rest = &self.code[self.at..];
        self.at += rest.len() - rest.trim_start().len();
    }

    fn take(&mut self, text: &str) -> bool {
        let there = self.code[self.at..].starts_with(text);
        self.at += if there { text.len() } else { 0 };
        there
    }
}

#[cfg(test)]
mod tests {
    use super::{super::source::line_of, *};

    #[test]
    fn use_trees_are_taken_apart() {
        let text =
            "use std::{\n    fs as files,\n    io::{self, Read},\n    net::*,\n};\nuse rand;\n";
        let found: Vec<_> = named(text)
            .into_iter()
            .map(|n| (n.path, line_of(text, n.at)))
            .collect();
        let expected = [
            ("std::fs", 2),
            ("std::io::self", 3),
            ("std::io::Read", 3),
            ("std::net", 4),
            ("rand", 6),
        ];
        assert_eq!(found, expected.map(|(path, line)| (path.to_owned(), line)));
    }

    #[test]
    fn paths_in_code_are_found_and_those_in_text_are_not() {
        let found = named("fn f() { let x = a::b :: c(1); } // d::e\nconst S: &str = \"f::g\";");
        assert!(found.iter().any(|n| n.path == "a::b::c" && n.at == 17));
        assert!(
            !found
                .iter()
                .any(|n| n.path.contains("::e") || n.path.contains("::g"))
        );
    }

    #[test]
    fn a_text_that_is_cut_short_ends() {
        for text in [
            "use",
            "use a::{",
            "use a::{b,",
            "use {",
            "use ;",
            "a::",
            "ä::b",
            "use ä;",
        ] {
            named(text);
        }
    }
}
