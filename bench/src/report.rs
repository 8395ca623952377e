//! One line a figure: what, how much, and what it is to be held against.

/// Prints the head of a table.
#[expect(clippy::print_stdout, reason = "the figures are this program's output")]
pub fn title(text: &str) {
    println!("\n## {text}\n\n| figure | measured | to reach |\n|---|---|---|");
}

/// Prints a figure.
#[expect(clippy::print_stdout, reason = "the figures are this program's output")]
pub fn figure(what: &str, measured: impl std::fmt::Display, to_reach: &str) {
    println!("| {what} | {measured} | {to_reach} |");
}

/// Prints a sentence.
#[expect(clippy::print_stdout, reason = "the figures are this program's output")]
pub fn note(text: impl std::fmt::Display) {
    println!("\n{text}");
}
