//! Lines of any file: packed or not, whatever bytes, however long.

use std::io::{self, BufRead, BufReader, Cursor, Read};

use flate2::read::MultiGzDecoder;
use sha2::{Digest, Sha256};

use super::Reason;

/// Longer lines are refused; no server writes a request line over 8 KiB unless told to.
pub const MAX_LINE_BYTES: usize = 64 * 1024;
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// A line that is not blank.
pub(super) struct RawLine {
    /// Counted from 1, blank lines included.
    pub number: u64,
    /// Without its line break; bytes that are not UTF-8 have become U+FFFD.
    pub text: Result<String, Reason>,
}

/// The lines of a file, and the hash of what has been read of it.
pub(super) struct Lines<'r> {
    reader: BufReader<Box<dyn Read + Send + 'r>>,
    hash: Sha256,
    bytes: u64,
    number: u64,
}

impl<'r> Lines<'r> {
    /// Inflates what begins like a gzip file; several packed files in a row are one. Reads up to `limit` inflated bytes.
    pub fn open(mut reader: impl Read + Send + 'r, limit: u64) -> io::Result<Self> {
        let mut start = Vec::new();
        reader
            .by_ref()
            .take(GZIP_MAGIC.len() as u64)
            .read_to_end(&mut start)?;
        let packed = start == GZIP_MAGIC;
        let whole = Cursor::new(start).chain(reader);
        let plain: Box<dyn Read + Send + 'r> = match packed {
            true => Box::new(MultiGzDecoder::new(whole).take(limit)),
            false => Box::new(whole.take(limit)),
        };
        Ok(Self {
            reader: BufReader::new(plain),
            hash: Sha256::new(),
            bytes: 0,
            number: 0,
        })
    }

    /// Inflated bytes read so far.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// SHA-256 of the inflated bytes read so far.
    pub fn sha256(&self) -> [u8; 32] {
        self.hash.clone().finalize().into()
    }

    /// The next line that is not blank.
    pub fn next(&mut self) -> io::Result<Option<RawLine>> {
        loop {
            let Some(text) = self.read_line()? else {
                return Ok(None);
            };
            self.number += 1;
            match text {
                Some(bytes) => {
                    let text = String::from_utf8_lossy(&bytes);
                    let text = text.trim_start_matches('\u{feff}').trim_ascii();
                    if !text.is_empty() {
                        return Ok(Some(RawLine {
                            number: self.number,
                            text: Ok(text.to_owned()),
                        }));
                    }
                }
                None => {
                    return Ok(Some(RawLine {
                        number: self.number,
                        text: Err(Reason::TooLong),
                    }));
                }
            }
        }
    }

    /// `None` at the end; `Some(None)` for a line that is too long, which is read over but not kept.
    fn read_line(&mut self) -> io::Result<Option<Option<Vec<u8>>>> {
        let mut line = Vec::new();
        let (mut any, mut too_long) = (false, false);
        loop {
            let buffer = match self.reader.fill_buf() {
                Ok(buffer) => buffer,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            if buffer.is_empty() {
                return Ok(any.then_some((!too_long).then_some(line)));
            }
            any = true;
            let end = buffer.iter().position(|b| *b == b'\n');
            let used = end.map_or(buffer.len(), |end| end + 1);
            let content = &buffer[..end.unwrap_or(used)];
            if line.len() + content.len() > MAX_LINE_BYTES {
                too_long = true;
                line = Vec::new();
            } else if !too_long {
                line.extend_from_slice(content);
            }
            self.hash.update(&buffer[..used]);
            self.bytes += used as u64;
            self.reader.consume(used);
            if end.is_some() {
                return Ok(Some((!too_long).then_some(line)));
            }
        }
    }
}

#[cfg(test)]
mod tests;
