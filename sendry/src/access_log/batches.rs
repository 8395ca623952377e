//! The second pass over a file: its lines as batches of events.

use std::io::{self, Read};

use serde_json::Value;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{
    LineError, Options, Survey, convert,
    lines::{Lines, RawLine},
};

/// Non-blank lines a batch; with the longest fields they stay under the 5 MiB a request may inflate to.
pub const CHUNK_LINES: usize = 500;
/// A report shows so many errors; the rest are counted.
const SHOWN_ERRORS: usize = 20;

/// The event of a line, or why there is none. The sender puts JSON `null` in the place of the latter, so that every
/// line keeps its position, which is the second half of its identity.
pub type Line = Result<Value, LineError>;

/// Up to [`CHUNK_LINES`] lines.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    /// The same for the same file and place (UUIDv8).
    pub batch_id: Uuid,
    /// In the order of the file.
    pub lines: Vec<Line>,
}

/// What the second pass has met so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Lines that became events.
    pub parsed: u64,
    /// Lines that did not.
    pub skipped: u64,
    /// The first 20 of the latter.
    pub errors: Vec<LineError>,
    /// Inflated bytes, of [`Survey::bytes`].
    pub bytes_read: u64,
}

/// Why the second pass ends early.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The file cannot be read, or not be inflated.
    #[error("failed to read the log")]
    Io(#[from] io::Error),
    /// Its bytes are not those of the first pass: what was made of them has the identity of another file.
    #[error("the log changed while it was read; import it again when nothing writes to it")]
    Changed,
}

/// The batches of a file.
pub struct Batches<'r> {
    lines: Lines<'r>,
    survey: &'r Survey,
    options: &'r Options,
    chunk: u64,
    report: Report,
    ended: bool,
}

impl<'r> Batches<'r> {
    /// Reads the surveyed file again from its start. What was appended since is left out.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn new(
        reader: impl Read + Send + 'r,
        survey: &'r Survey,
        options: &'r Options,
    ) -> io::Result<Self> {
        let lines = Lines::open(reader, survey.bytes)?;
        Ok(Self {
            lines,
            survey,
            options,
            chunk: 0,
            report: Report::default(),
            ended: false,
        })
    }

    /// What was met so far.
    #[must_use]
    pub fn report(&self) -> &Report {
        &self.report
    }

    fn read_chunk(&mut self) -> Result<Option<Batch>, ReadError> {
        let mut lines = Vec::with_capacity(CHUNK_LINES);
        while lines.len() < CHUNK_LINES
            && let Some(raw) = self.lines.next()?
        {
            let line = self.convert(&raw);
            self.count(&line);
            lines.push(line);
        }
        self.report.bytes_read = self.lines.bytes();
        if lines.len() < CHUNK_LINES {
            self.ended = true;
            if self.lines.sha256() != self.survey.sha256 {
                return Err(ReadError::Changed);
            }
        }
        if lines.is_empty() {
            return Ok(None);
        }
        let batch_id = batch_id(&self.survey.sha256, self.chunk);
        self.chunk += 1;
        Ok(Some(Batch { batch_id, lines }))
    }

    fn convert(&self, raw: &RawLine) -> Line {
        let text = raw.text.as_ref().map_err(|reason| reason.at(raw.number))?;
        let entry = self.survey.parser.parse(raw.number, text)?;
        let endpoint = self.survey.routes.endpoint(&entry);
        convert::to_event(&entry, &endpoint, self.options).map_err(|reason| reason.at(raw.number))
    }

    fn count(&mut self, line: &Line) {
        match line {
            Ok(_) => self.report.parsed += 1,
            Err(error) => {
                self.report.skipped += 1;
                if self.report.errors.len() < SHOWN_ERRORS {
                    self.report.errors.push(error.clone());
                }
            }
        }
    }
}

impl Iterator for Batches<'_> {
    type Item = Result<Batch, ReadError>;

    /// After an error there is nothing more.
    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let batch = self.read_chunk().transpose();
        self.ended |= !matches!(batch, Some(Ok(_)));
        batch
    }
}

/// UUIDv8: the first 122 bits of SHA-256 over the file's hash and the number of the chunk (8 bytes, big-endian).
fn batch_id(file: &[u8; 32], chunk: u64) -> Uuid {
    let hash: [u8; 32] = Sha256::new()
        .chain_update(file)
        .chain_update(chunk.to_be_bytes())
        .finalize()
        .into();
    let mut half = [0; 16];
    half.copy_from_slice(&hash[..16]);
    uuid::Builder::from_custom_bytes(half).into_uuid()
}
