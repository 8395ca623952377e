//! The stored form of a histogram, and a dense accumulator that adds stored forms without allocating.
//!
//! Bytes: varint zero count, then for each non-empty bucket in ascending order varint (bucket − previous), varint
//! count. LEB128 varints. There is one way to write a histogram, so equal histograms have equal bytes.

use super::{Histogram, bounds::UPPER_US};

/// Bytes that no histogram encodes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("corrupt histogram at byte {at}")]
pub struct CorruptHistogram {
    /// Where reading failed.
    pub at: usize,
}

fn put(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    fn varint(&mut self) -> Result<u64, CorruptHistogram> {
        let (start, mut value) = (self.at, 0u64);
        for shift in (0..64).step_by(7) {
            let byte = *self
                .bytes
                .get(self.at)
                .ok_or(CorruptHistogram { at: start })?;
            self.at += 1;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(CorruptHistogram { at: start })
    }

    /// Calls `each` for every (bucket, count); returns the zero count.
    fn read(mut self, mut each: impl FnMut(usize, u64)) -> Result<u64, CorruptHistogram> {
        let zero = self.varint()?;
        let mut bucket = 0usize;
        let mut first = true;
        while self.at < self.bytes.len() {
            let at = self.at;
            let (step, count) = (self.varint()?, self.varint()?);
            bucket = usize::try_from(step)
                .ok()
                .and_then(|step| bucket.checked_add(step))
                .filter(|b| *b < UPPER_US.len() && (first || step > 0) && count > 0)
                .ok_or(CorruptHistogram { at })?;
            first = false;
            each(bucket, count);
        }
        Ok(zero)
    }
}

impl Histogram {
    /// The stored form.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(2 + self.counts.len() * 3);
        put(&mut out, self.zero);
        let mut previous = 0;
        for &(bucket, count) in &self.counts {
            put(&mut out, u64::from(bucket - previous));
            put(&mut out, count);
            previous = bucket;
        }
        out
    }

    /// Reads the stored form.
    ///
    /// # Errors
    /// When the bytes are not the one form that [`Self::encode`] writes.
    pub fn decode(bytes: &[u8]) -> Result<Self, CorruptHistogram> {
        let mut counts = Vec::with_capacity(bytes.len() / 2);
        let zero = Reader { bytes, at: 0 }.read(|bucket, n| counts.push((bucket as u16, n)))?;
        Ok(Self { zero, counts })
    }
}

/// A histogram with a slot for every bucket: what reads add thousands of stored rows into.
#[derive(Clone, Debug)]
pub struct Dense {
    zero: u64,
    /// Slots in use: `low..high`; empty while `low >= high`.
    low: usize,
    high: usize,
    counts: Box<[u64]>,
}

impl Default for Dense {
    fn default() -> Self {
        Self {
            zero: 0,
            low: UPPER_US.len(),
            high: 0,
            counts: vec![0; UPPER_US.len()].into(),
        }
    }
}

impl Dense {
    /// Adds a stored histogram.
    ///
    /// # Errors
    /// When the bytes are corrupt; what stood before the fault has been added, so the result must not be used.
    pub fn add(&mut self, bytes: &[u8]) -> Result<(), CorruptHistogram> {
        let Self {
            zero,
            low,
            high,
            counts,
        } = self;
        *zero += Reader { bytes, at: 0 }.read(|bucket, n| {
            counts[bucket] += n;
            *low = bucket.min(*low);
            *high = (bucket + 1).max(*high);
        })?;
        Ok(())
    }

    /// The same counts in sparse form.
    #[must_use]
    pub fn to_histogram(&self) -> Histogram {
        let used = self.counts.get(self.low..self.high).unwrap_or_default();
        let counts = used
            .iter()
            .enumerate()
            .filter(|(_, n)| **n > 0)
            .map(|(i, n)| ((self.low + i) as u16, *n))
            .collect();
        Histogram {
            zero: self.zero,
            counts,
        }
    }
}
