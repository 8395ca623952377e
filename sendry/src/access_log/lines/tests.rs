use std::io::Write;

use flate2::{Compression, write::GzEncoder};

use super::*;

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

type Numbered = (u64, Result<String, Reason>);

fn all(bytes: &[u8]) -> (Vec<Numbered>, u64, [u8; 32]) {
    let mut lines = Lines::open(bytes, u64::MAX).unwrap();
    let mut found = Vec::new();
    while let Some(line) = lines.next().unwrap() {
        found.push((line.number, line.text));
    }
    (found, lines.bytes(), lines.sha256())
}

#[test]
fn blank_lines_are_skipped_but_counted() {
    let (lines, bytes, _) = all(b"\xef\xbb\xbfa\r\n\n \t\r\nb \xff c\n\nlast");
    let text = |text: &str| Ok(text.to_owned());
    assert_eq!(
        lines,
        [(1, text("a")), (4, text("b \u{fffd} c")), (6, text("last"))]
    );
    assert_eq!(bytes, 22);
    assert_eq!(all(b"").0, []);
    assert_eq!(all(b"\x1f").0, [(1, text("\x1f"))]);
}

#[test]
fn long_lines_are_read_over() {
    let fits = "x".repeat(MAX_LINE_BYTES);
    let file = format!("{fits}\n{fits}y\n{}\nend\n", fits.repeat(3));
    let (lines, bytes, _) = all(file.as_bytes());
    let want = [
        (1, Ok(fits)),
        (2, Err(Reason::TooLong)),
        (3, Err(Reason::TooLong)),
        (4, Ok("end".into())),
    ];
    assert_eq!(lines, want);
    assert_eq!(bytes, file.len() as u64);
}

#[test]
fn a_packed_file_is_the_same_file() {
    let plain = "one\ntwo\n".repeat(10_000);
    let packed = gzip(plain.as_bytes());
    assert_eq!(all(&packed), all(plain.as_bytes()));
    // Concatenated, as log rotation leaves them.
    let halves = [gzip(b"one\n"), gzip(b"two\n")].concat();
    assert_eq!(all(&halves), all(b"one\ntwo\n"));
}

#[test]
fn a_broken_packed_file_is_an_error() {
    let mut packed = gzip("one\ntwo\n".repeat(1_000).as_bytes());
    packed.truncate(packed.len() / 2);
    let mut lines = Lines::open(packed.as_slice(), u64::MAX).unwrap();
    assert!(std::iter::from_fn(|| lines.next().transpose()).any(|line| line.is_err()));
}
