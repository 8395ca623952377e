//! One line in, one [`Entry`] out.

use super::{Entry, LatencyField, LineError, combined, json};

/// What a line looks like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// Told by the first lines of the file
    #[default]
    Auto,
    /// Apache's and nginx's common and combined formats, with fields added at the end
    Combined,
    /// One JSON object a line
    Json,
}

impl Format {
    /// How many non-blank lines [`Format::detect`] is worth giving.
    pub const SAMPLE: usize = 20;

    /// The format most of the first lines are in. Some programs print a few plain lines before their first object, so
    /// one line is not enough to tell.
    #[must_use]
    pub fn detect<'a>(lines: impl IntoIterator<Item = &'a str>) -> Self {
        let (mut objects, mut others) = (0, 0);
        for line in lines
            .into_iter()
            .map(str::trim_start)
            .filter(|l| !l.is_empty())
        {
            match line.starts_with('{') {
                true => objects += 1,
                false => others += 1,
            }
        }
        if objects > others {
            Self::Json
        } else {
            Self::Combined
        }
    }
}

/// How to read a line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Parser {
    /// The form of the lines; under [`Format::Auto`] each line is taken for itself.
    pub format: Format,
    /// Where the latency is, and in what unit.
    pub latency_field: LatencyField,
}

impl Parser {
    /// Reads one line; `line_number` is only for the error.
    ///
    /// # Errors
    /// Why the line is not a request that can be understood.
    pub fn parse(self, line_number: u64, line: &str) -> Result<Entry, LineError> {
        let format = match self.format {
            Format::Auto => Format::detect([line]),
            known => known,
        };
        let entry = match format {
            Format::Json => json::parse(line, self.latency_field),
            Format::Auto | Format::Combined => combined::parse(line, self.latency_field),
        };
        entry.map_err(|reason| reason.at(line_number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_majority_of_the_first_lines_decides() {
        let detect = |lines: &[&str]| Format::detect(lines.iter().copied());
        assert_eq!(
            detect(&["starting up", "", "{\"a\":1}", "  {\"a\":2}"]),
            Format::Json
        );
        assert_eq!(
            detect(&["1.2.3.4 - - [x]", "{", "5.6.7.8 - - [x]"]),
            Format::Combined
        );
        assert_eq!(detect(&[]), Format::Combined);
    }
}
