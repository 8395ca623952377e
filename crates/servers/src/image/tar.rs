//! Archives, as POSIX has them since 1988 (ustar): of everything that may vary in one, nothing does.

use std::io::Write;

use anyhow::{Context, ensure};

const BLOCK: usize = 512;
const FILE: u8 = b'0';
const FOLDER: u8 = b'5';

/// An archive that is being written.
pub(super) struct Tar<W> {
    out: W,
}

impl<W: Write> Tar<W> {
    pub(super) fn new(out: W) -> Self {
        Self { out }
    }

    pub(super) fn folder(&mut self, path: &str, mode: u32) -> anyhow::Result<()> {
        self.head(&format!("{path}/"), mode, 0, FOLDER)
    }

    pub(super) fn file(&mut self, path: &str, mode: u32, bytes: &[u8]) -> anyhow::Result<()> {
        self.head(path, mode, bytes.len(), FILE)?;
        self.out.write_all(bytes)?;
        let rest = bytes.len().next_multiple_of(BLOCK) - bytes.len();
        self.out.write_all(&[0; BLOCK][..rest])?;
        Ok(())
    }

    /// Ends it, and gives back what it was written to.
    pub(super) fn finish(mut self) -> anyhow::Result<W> {
        self.out.write_all(&[0; 2 * BLOCK])?;
        Ok(self.out)
    }

    fn head(&mut self, path: &str, mode: u32, size: usize, kind: u8) -> anyhow::Result<()> {
        let (before, name) = split(path).with_context(|| format!("{path} is too long a path"))?;
        ensure!(size < 1 << 33, "{path} is too large a file");
        let mut head = [0; BLOCK];
        let mut put = |at: usize, bytes: &[u8]| head[at..at + bytes.len()].copy_from_slice(bytes);
        put(0, name.as_bytes());
        put(100, format!("{mode:07o}\0").as_bytes());
        // Owner and group are root.
        put(108, b"0000000\0");
        put(116, b"0000000\0");
        put(124, format!("{size:011o}\0").as_bytes());
        put(136, b"00000000000\0");
        // The sum is of a head with spaces in the sum's place.
        put(148, b"        ");
        put(156, &[kind]);
        put(257, b"ustar\x0000");
        put(345, before.as_bytes());
        let sum: u32 = head.iter().map(|byte| u32::from(*byte)).sum();
        head[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        self.out.write_all(&head)?;
        Ok(())
    }
}

/// The two fields of a path: at most 155 bytes, then at most 100.
fn split(path: &str) -> Option<(&str, &str)> {
    if path.len() <= 100 {
        return Some(("", path));
    }
    let cuts = path.match_indices('/').map(|(at, _)| at);
    cuts.map(|at| (&path[..at], &path[at + 1..]))
        .find(|(before, name)| before.len() <= 155 && name.len() <= 100 && !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_path_is_split_at_a_folder_and_a_longer_one_refused() {
        let long = format!("{}/{}", "a".repeat(120), "b".repeat(90));
        let (before, name) = split(&long).unwrap();
        assert_eq!((before.len(), name.len()), (120, 90));
        assert_eq!(split("a/b"), Some(("", "a/b")));
        assert_eq!(split(&"a".repeat(101)), None);
        assert!(
            Tar::new(Vec::new())
                .file(&"a".repeat(300), 0o644, b"")
                .is_err()
        );
    }
}
