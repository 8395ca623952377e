//! The table.

use std::fmt::Write;

use super::run::Comparison;

/// All comparisons, for a terminal and for Markdown alike.
pub(super) fn table(comparisons: &[Comparison]) -> String {
    let mut out = String::from(
        "| trace       | scaler           |  p50 s |  p95 s |  max s | pod-minutes | peak | direction changes | lowered blindly |\n\
         |-------------|------------------|-------:|-------:|-------:|------------:|-----:|------------------:|----------------:|\n",
    );
    for comparison in comparisons {
        for (i, result) in comparison.results.iter().enumerate() {
            let trace = if i == 0 {
                comparison.trace.as_str()
            } else {
                ""
            };
            // Writing to a String cannot fail.
            let _ = writeln!(
                out,
                "| {trace:<11} | {:<16} | {:>6.1} | {:>6.1} | {:>6.1} | {:>11.0} | {:>4} | {:>17} | {:>15} |",
                result.scaler,
                result.p50_seconds,
                result.p95_seconds,
                result.max_seconds,
                result.pod_minutes,
                result.peak,
                result.direction_changes,
                result.lowered_blindly,
            );
        }
    }
    for comparison in comparisons.iter().filter(|c| !c.about.is_empty()) {
        let _ = write!(out, "\n{}: {}", comparison.trace, comparison.about);
    }
    if comparisons.iter().any(|c| !c.about.is_empty()) {
        out.push('\n');
    }
    out
}
