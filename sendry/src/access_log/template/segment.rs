//! One segment of a path: decoded, judged by its form, and written so that it reads back as the same.

use std::fmt::Write;

use super::super::fields::hex_byte;

/// A longer word is no part of a route, whatever it is.
const MAX_WORD: usize = 64;
/// Shorter mixtures of letters and digits are names (`oauth2`, `v1beta1`, `sha256`).
const MIN_TOKEN: usize = 20;
/// At least one part of a token, cut at its punctuation, mixes letters and digits over this length. In slugs, digits
/// are words of their own (`top-10-gifts-of-2026`).
const MIN_MIXED: usize = 8;
/// Shorter hexadecimal words may be words (`facade`, `deadbeef`).
const MIN_HASH: usize = 16;

/// The bytes of a segment: parameters (`;jsessionid=…`) taken off, `%HH` resolved. A broken escape stays as it is, and
/// an encoded `/` does not begin a new segment.
pub(super) fn decode(segment: &str) -> Vec<u8> {
    let name = segment.split(';').next().unwrap_or_default();
    let mut out = Vec::with_capacity(name.len());
    let mut rest = name.as_bytes();
    while let [first, tail @ ..] = rest {
        let escaped = match (first, tail) {
            (b'%', [high, low, ..]) => hex_byte(*high, *low),
            _ => None,
        };
        out.push(escaped.unwrap_or(*first));
        rest = &rest[if escaped.is_some() { 3 } else { 1 }..];
    }
    out
}

/// What stands for the segment in a template: a placeholder, or the word itself.
pub(super) fn template(bytes: &[u8]) -> String {
    if let Some(placeholder) = placeholder(bytes) {
        return placeholder.to_owned();
    }
    let word = encode(bytes);
    if word.len() > MAX_WORD {
        ":token".to_owned()
    } else {
        word
    }
}

fn placeholder(bytes: &[u8]) -> Option<&'static str> {
    let all = |test: fn(&u8) -> bool| bytes.iter().all(test);
    if all(u8::is_ascii_digit) {
        Some(":id")
    } else if is_shaped(bytes, b"xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx") {
        Some(":uuid")
    } else if bytes.len() >= MIN_HASH && all(u8::is_ascii_hexdigit) {
        Some(":hash")
    } else if is_date(bytes) {
        Some(":date")
    } else if is_email(bytes) {
        Some(":email")
    } else if is_token(bytes) {
        Some(":token")
    } else {
        None
    }
}

/// Whether the bytes have the shape: `x` is a hexadecimal digit, `0` a decimal one, others themselves.
fn is_shaped(bytes: &[u8], shape: &[u8]) -> bool {
    bytes.len() == shape.len()
        && bytes.iter().zip(shape).all(|(byte, wanted)| match wanted {
            b'x' => byte.is_ascii_hexdigit(),
            b'0' => byte.is_ascii_digit(),
            other => byte == other,
        })
}

/// `2026-11-18`, perhaps with a time behind it.
fn is_date(bytes: &[u8]) -> bool {
    let (day, time) = bytes.split_at(bytes.len().min(10));
    is_shaped(day, b"0000-00-00") && matches!(time.first(), None | Some(b'T' | b' '))
}

fn is_email(bytes: &[u8]) -> bool {
    let mut parts = bytes.split(|b| *b == b'@');
    let (Some(local), Some(domain), None) = (parts.next(), parts.next(), parts.next()) else {
        return false;
    };
    let dot_inside = domain.iter().rposition(|b| *b == b'.');
    !local.is_empty() && dot_inside.is_some_and(|dot| dot > 0 && dot + 1 < domain.len())
}

fn is_token(bytes: &[u8]) -> bool {
    let is_punctuation = |b: &u8| b"-_.~=+".contains(b);
    bytes.len() >= MIN_TOKEN
        && bytes
            .iter()
            .all(|b| b.is_ascii_alphanumeric() || is_punctuation(b))
        && bytes.split(is_punctuation).any(|part| {
            part.len() >= MIN_MIXED
                && part.iter().any(u8::is_ascii_digit)
                && part.iter().any(u8::is_ascii_alphabetic)
        })
}

/// The word with everything escaped that would read back as something else, or not at all.
fn encode(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    let escape = |out: &mut String, bytes: &[u8]| {
        for byte in bytes {
            // Writing to a string cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
    };
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            if c.is_control() || c.is_whitespace() || "%/?#;\"\\<>".contains(c) {
                escape(&mut out, c.encode_utf8(&mut [0; 4]).as_bytes());
            } else {
                out.push(c);
            }
        }
        escape(&mut out, chunk.invalid());
    }
    out
}
