//! Times in SQL come in as parameters.

use super::Finding;
use crate::tree::Tree;

/// How SQL asks for the time, in PostgreSQL and in SQLite.
const CLOCKS: [&str; 9] = [
    "now()",
    "current_timestamp",
    "current_time",
    "current_date",
    "clock_timestamp(",
    "statement_timestamp(",
    "transaction_timestamp(",
    "unixepoch()",
    "'now'",
];
const CURE: &str =
    "pass the time in as a parameter, so that both databases and every test agree on it";

pub(super) fn find(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree
        .ending(&[".rs", ".sql"])
        .filter(|file| file.path.contains("/adapters/"))
    {
        for (line, text) in (1..).zip(file.text.lines().map(str::trim_start)) {
            if text.starts_with("//") || text.starts_with("--") {
                continue;
            }
            let lower = text.to_ascii_lowercase();
            let asks = |clock: &&&str| {
                lower
                    .match_indices(**clock)
                    .any(|(at, _)| apart(&lower[..at]))
            };
            if let Some(clock) = CLOCKS.iter().find(asks) {
                findings.push(Finding {
                    file: file.path.clone(),
                    line,
                    what: format!("SQL that reads a clock: `{clock}`"),
                    cure: CURE,
                });
            }
        }
    }
    findings
}

/// Not the end of a longer name, nor a method or a path of Rust (`clock.now()`, `Instant::now()`).
fn apart(before: &str) -> bool {
    !before.ends_with(|c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | ':' | '`'))
}

#[cfg(test)]
mod tests {
    use super::super::{CLOCKS as RULE, places};

    #[test]
    fn sql_that_reads_a_clock_is_found() {
        let sql = "CREATE TABLE t (\n  at INTEGER DEFAULT CURRENT_TIMESTAMP\n);\n";
        assert_eq!(
            places(RULE, &[("a/adapters/x/1.sql", sql)]),
            ["a/adapters/x/1.sql:2"]
        );
        let rust = "const Q: &str = \"DELETE FROM t WHERE at < now()\";";
        assert_eq!(places(RULE, &[("a/adapters/x.rs", rust)]).len(), 1);
        assert_eq!(
            places(
                RULE,
                &[("a/adapters/x.rs", "\"SELECT strftime('%s', 'now')\"")]
            )
            .len(),
            1
        );
    }

    #[test]
    fn rust_that_measures_is_not() {
        let rust = "let begun = Instant::now();\n// no SQL now()\nlet at = self.now();\n";
        assert!(places(RULE, &[("a/adapters/x.rs", rust)]).is_empty());
    }
}
