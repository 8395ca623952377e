//! The first pass over a file: everything that has to be known before the first event is made.

use std::io::{self, Read};

use super::{Format, Options, Parser, Routes, TemplateLearner, lines::Lines, lines::RawLine};

/// What a file is and holds.
#[derive(Debug)]
pub struct Survey {
    /// Of the inflated file: the first half of each line's identity.
    pub sha256: [u8; 32],
    /// Of the inflated file.
    pub bytes: u64,
    /// Lines that are not blank.
    pub lines: u64,
    /// Lines that describe a request.
    pub requests: u64,
    /// Requests whose line has a latency.
    pub with_latency: u64,
    /// The time of the earliest and of the latest request, in milliseconds since the Unix epoch.
    pub times_ms: Option<(i64, i64)>,
    /// How the lines were read; the second pass reads them so, too.
    pub parser: Parser,
    /// The route templates of the whole file.
    pub routes: Routes,
}

/// Why importing a file makes no sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// Not an access log, or in another format than the option says.
    #[error(
        "none of the {lines} lines describes a request: \
         the common and combined formats and JSON objects are understood (--format)"
    )]
    NoRequests {
        /// Lines that are not blank.
        lines: u64,
    },
    /// Sendry shows latencies, and there are none to show.
    #[error(
        "none of the {requests} requests has a latency: log nginx's $request_time or Apache's %D at the end of the \
         line, say with --latency-field what the last number is, or give all requests the same latency with \
         --assume-latency MS"
    )]
    NoLatency {
        /// Lines that describe a request.
        requests: u64,
    },
}

impl Survey {
    /// Whether there is anything to import with these options.
    ///
    /// # Errors
    /// Why there is not, and what would help.
    pub fn check(&self, options: &Options) -> Result<(), Unusable> {
        if self.requests == 0 {
            return Err(Unusable::NoRequests { lines: self.lines });
        }
        if self.with_latency == 0 && options.assume_latency.is_none() {
            return Err(Unusable::NoLatency {
                requests: self.requests,
            });
        }
        Ok(())
    }

    fn add(&mut self, learner: &mut TemplateLearner, line: &RawLine) {
        self.lines += 1;
        let Ok(text) = &line.text else { return };
        let Ok(entry) = self.parser.parse(line.number, text) else {
            return;
        };
        learner.learn(&entry);
        self.requests += 1;
        self.with_latency += u64::from(entry.latency_us.is_some());
        let (first, last) = self.times_ms.unwrap_or((entry.time_ms, entry.time_ms));
        self.times_ms = Some((first.min(entry.time_ms), last.max(entry.time_ms)));
    }
}

/// Reads a whole file, packed or not. Under [`Format::Auto`] the first lines decide the format of all.
///
/// # Errors
/// The file cannot be read, or not be inflated.
pub fn survey(reader: impl Read + Send, parser: Parser) -> io::Result<Survey> {
    let mut lines = Lines::open(reader, u64::MAX)?;
    let mut learner = TemplateLearner::default();
    let mut survey = Survey {
        sha256: [0; 32],
        bytes: 0,
        lines: 0,
        requests: 0,
        with_latency: 0,
        times_ms: None,
        parser,
        routes: Routes::default(),
    };
    let mut sample = Vec::with_capacity(Format::SAMPLE);
    while sample.len() < Format::SAMPLE {
        let Some(line) = lines.next()? else { break };
        sample.push(line);
    }
    if parser.format == Format::Auto {
        let texts = sample.iter().filter_map(|line| line.text.as_deref().ok());
        survey.parser.format = Format::detect(texts);
    }
    sample
        .iter()
        .for_each(|line| survey.add(&mut learner, line));
    drop(sample);
    while let Some(line) = lines.next()? {
        survey.add(&mut learner, &line);
    }
    survey.routes = learner.finish();
    survey.bytes = lines.bytes();
    survey.sha256 = lines.sha256();
    Ok(survey)
}
