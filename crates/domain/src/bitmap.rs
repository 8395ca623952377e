//! A set of small positions in its one shortest form: equal sets have equal bytes.

use crate::identity::MAX_INDEX;

/// Bit `n % 8` of byte `n / 8` stands for position `n`; no zero bytes at the end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bitmap(Vec<u8>);

impl Bitmap {
    /// Reads the stored form; zero bytes at the end are dropped.
    #[must_use]
    pub fn from_bytes(mut bytes: Vec<u8>) -> Self {
        while bytes.last() == Some(&0) {
            bytes.pop();
        }
        Self(bytes)
    }

    /// The stored form.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Adds `position` (at most [`MAX_INDEX`]; beyond it nothing happens) and says whether it was new.
    pub fn insert(&mut self, position: u32) -> bool {
        if position > MAX_INDEX {
            return false;
        }
        let (byte, bit) = (position as usize / 8, 1u8 << (position % 8));
        if self.0.len() <= byte {
            self.0.resize(byte + 1, 0);
        }
        let new = self.0[byte] & bit == 0;
        self.0[byte] |= bit;
        new
    }

    /// Whether `position` is in the set.
    #[must_use]
    pub fn contains(&self, position: u32) -> bool {
        self.0
            .get(position as usize / 8)
            .is_some_and(|b| b & (1 << (position % 8)) != 0)
    }

    /// The positions in ascending order.
    pub fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        (0..self.0.len() as u32 * 8).filter(|p| self.contains(*p))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_sets_have_equal_bytes() {
        let mut a = Bitmap::default();
        for p in [9, 0, 17] {
            assert!(a.insert(p));
            assert!(!a.insert(p));
        }
        assert_eq!(a.iter().collect::<Vec<_>>(), [0, 9, 17]);
        let mut padded = a.as_bytes().to_vec();
        padded.extend([0, 0]);
        assert_eq!(Bitmap::from_bytes(padded), a);
        assert!(!a.contains(4_000_000_000) && !a.insert(MAX_INDEX + 1));
    }
}
