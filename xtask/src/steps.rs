//! A list of checks: each told with its time, all of them told again at the end.

use std::{
    process::ExitCode,
    time::{Duration, Instant},
};

use crate::process::say;

/// Steps so far.
#[derive(Debug)]
pub struct Steps {
    keep_going: bool,
    steps: Vec<(String, Outcome)>,
}

#[derive(Debug)]
enum Outcome {
    Passed(Duration),
    Failed(Duration, String),
    NotRun,
}

impl Steps {
    /// No steps yet. Unless `keep_going`, nothing runs after the first failure.
    #[must_use]
    pub fn new(keep_going: bool) -> Self {
        Self {
            keep_going,
            steps: Vec::new(),
        }
    }

    /// Runs a step, or notes that it was not run.
    pub fn run(&mut self, name: &str, step: impl FnOnce() -> anyhow::Result<()>) {
        let outcome = if self.failed() > 0 && !self.keep_going {
            Outcome::NotRun
        } else {
            say(&format!("\n── {name}"));
            let begun = Instant::now();
            let result = step();
            let took = begun.elapsed();
            match result {
                Ok(()) => {
                    say(&format!("── {name}: passed in {}", time(took)));
                    Outcome::Passed(took)
                }
                Err(error) => {
                    say(&format!(
                        "── {name}: FAILED after {}: {error:#}",
                        time(took)
                    ));
                    Outcome::Failed(took, format!("{error:#}"))
                }
            }
        };
        self.steps.push((name.to_owned(), outcome));
    }

    /// Tells the whole, and whether it passed. The last line is `N passed, N failed`.
    #[must_use]
    pub fn finish(self) -> ExitCode {
        say(&self.table());
        if self.failed() > 0 {
            ExitCode::FAILURE
        } else {
            ExitCode::SUCCESS
        }
    }

    fn failed(&self) -> usize {
        let failed = |(_, outcome): &&(String, Outcome)| matches!(outcome, Outcome::Failed(..));
        self.steps.iter().filter(failed).count()
    }

    fn table(&self) -> String {
        let width = self
            .steps
            .iter()
            .map(|(name, _)| name.chars().count())
            .max()
            .unwrap_or(0);
        let (mut text, mut passed, mut total) = (String::new(), 0, Duration::ZERO);
        for (name, outcome) in &self.steps {
            let (word, took) = match outcome {
                Outcome::Passed(took) => ("passed", *took),
                Outcome::Failed(took, _) => ("FAILED", *took),
                Outcome::NotRun => ("not run", Duration::ZERO),
            };
            passed += usize::from(matches!(outcome, Outcome::Passed(_)));
            total += took;
            let took = if took.is_zero() {
                String::new()
            } else {
                time(took)
            };
            text.push_str(format!("\n  {name:<width$}  {word:<7}  {took:>8}").trim_end());
        }
        text.push_str(&format!(
            "\n  {:<width$}  {:<7}  {:>8}",
            "all",
            "",
            time(total)
        ));
        for (name, outcome) in &self.steps {
            if let Outcome::Failed(_, why) = outcome {
                text.push_str(&format!("\n\n{name}: {why}"));
            }
        }
        text.push_str(&format!("\n\n{passed} passed, {} failed", self.failed()));
        text
    }
}

/// `0.4 s`, `12.3 s`, `3 min 05 s`.
fn time(took: Duration) -> String {
    let seconds = took.as_secs();
    if seconds < 60 {
        format!("{:.1} s", took.as_secs_f64())
    } else {
        format!("{} min {:02} s", seconds / 60, seconds % 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::bail;

    #[test]
    fn nothing_runs_after_a_failure_and_the_last_line_counts() {
        let mut steps = Steps::new(false);
        steps.run("format", || Ok(()));
        steps.run("clippy", || bail!("a lint"));
        steps.run("tests", || panic!("must not run"));
        let table = steps.table();
        assert!(table.ends_with("\n1 passed, 1 failed"), "{table}");
        assert!(table.contains("tests   not run"), "{table}");
        assert!(table.contains("clippy: a lint"), "{table}");
    }

    #[test]
    fn keep_going_runs_all() {
        let mut steps = Steps::new(true);
        steps.run("a", || bail!("x"));
        steps.run("b", || Ok(()));
        assert!(steps.table().ends_with("\n1 passed, 1 failed"));
    }

    #[test]
    fn times_read_well() {
        assert_eq!(time(Duration::from_millis(420)), "0.4 s");
        assert_eq!(time(Duration::from_secs(185)), "3 min 05 s");
    }
}
