//! From the wire to plain bytes, within limits that hold while reading and while inflating.

use std::{io::Read, time::Duration};

use axum::{
    body::Body,
    http::{HeaderMap, StatusCode, header},
};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use sendry_domain::event::limits::DEPTH;
use sendry_runtime::http::Problem;

/// Bytes of a body on the wire.
pub const MAX_WIRE: usize = 1024 * 1024;
/// Bytes of a body after inflating.
pub const MAX_INFLATED: usize = 5 * 1024 * 1024;
/// How long a client may take to send its body.
const READ_TIMEOUT: Duration = Duration::from_secs(10);
/// Largest zstd window that is inflated (2^23 = 8 MiB): a frame may ask for far more memory than it holds bytes.
const ZSTD_WINDOW_LOG: u32 = 23;

/// How the events of a body are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// One JSON document.
    Json,
    /// One event a line.
    NdJson,
}

/// The format that the headers announce.
///
/// # Errors
/// 415 for anything but JSON and NDJSON.
pub fn format(headers: &HeaderMap) -> Result<Format, Problem> {
    let value = headers
        .get(header::CONTENT_TYPE)
        .and_then(|v| v.to_str().ok())
        .unwrap_or_default();
    let essence = value
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    match essence.as_str() {
        "application/json" => Ok(Format::Json),
        "application/x-ndjson" | "application/ndjson" => Ok(Format::NdJson),
        _ => Err(Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported_content_type",
        )
        .detail("the body must be application/json or application/x-ndjson")
        .hint("with curl: -H 'content-type: application/json'")),
    }
}

/// Reads and inflates a body, of at most the tenant's `most` bytes where it has a limit of its own; the text is valid UTF-8, and neither it nor a line of it, by its format, is nested deeper
/// than events may be.
///
/// # Errors
/// 400 for a body that is empty, cut short, not UTF-8 or too deep; 408 for a slow one; 413 over a limit; 415 for an
/// unknown encoding.
pub async fn read(
    headers: &HeaderMap,
    format: Format,
    body: Body,
    most: Option<u32>,
) -> Result<String, Problem> {
    let most = most.map_or(MAX_INFLATED, |most| {
        usize::try_from(most).map_or(MAX_INFLATED, |most| most.min(MAX_INFLATED))
    });
    let encoding = encoding(headers)?;
    let announced = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|v| v.to_str().ok()?.parse().ok());
    if announced.is_some_and(|length: u64| length > MAX_WIRE as u64) {
        return Err(too_large("on the wire", MAX_WIRE));
    }
    let reading = Limited::new(body, MAX_WIRE).collect();
    let wire = match tokio::time::timeout(READ_TIMEOUT, reading).await {
        Ok(Ok(collected)) => collected.to_bytes(),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            return Err(too_large("on the wire", MAX_WIRE));
        }
        Ok(Err(_)) => {
            return Err(Problem::new(StatusCode::BAD_REQUEST, "incomplete_body")
                .detail("the body ended before its announced length"));
        }
        Err(_) => {
            return Err(Problem::new(StatusCode::REQUEST_TIMEOUT, "slow_body")
                .detail("the body did not arrive within 10 seconds"));
        }
    };
    let plain = match encoding {
        Encoding::Identity if wire.len() > most => return Err(too_large("in size", most)),
        Encoding::Identity => wire.to_vec(),
        Encoding::Gzip => inflate(flate2::read::MultiGzDecoder::new(&wire[..]), most)?,
        Encoding::Zstd => inflate(zstd_decoder(&wire)?, most)?,
    };
    if plain.is_empty() {
        return Err(Problem::new(StatusCode::BAD_REQUEST, "empty_body").detail("the body is empty"));
    }
    let text = String::from_utf8(plain).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        Problem::new(StatusCode::BAD_REQUEST, "invalid_utf8")
            .detail(format!("the body is not UTF-8 at byte {at}"))
    })?;
    let depth = match format {
        Format::Json => depth(&text),
        // What one line leaves open, a string or a bracket, says nothing of the next.
        Format::NdJson => text.lines().map(depth).max().unwrap_or_default(),
    };
    // A batch adds its own object and array around its events.
    if depth > DEPTH + 2 {
        return Err(Problem::new(StatusCode::BAD_REQUEST, "too_deep")
            .detail(format!("the body is nested deeper than {DEPTH} levels")));
    }
    Ok(text)
}

enum Encoding {
    Identity,
    Gzip,
    Zstd,
}

fn encoding(headers: &HeaderMap) -> Result<Encoding, Problem> {
    let Some(value) = headers.get(header::CONTENT_ENCODING) else {
        return Ok(Encoding::Identity);
    };
    match value
        .to_str()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase()
        .as_str()
    {
        "" | "identity" => Ok(Encoding::Identity),
        "gzip" | "x-gzip" => Ok(Encoding::Gzip),
        "zstd" => Ok(Encoding::Zstd),
        _ => Err(
            Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_encoding")
                .detail("Content-Encoding must be gzip, zstd or identity"),
        ),
    }
}

fn zstd_decoder(wire: &[u8]) -> Result<impl Read + '_, Problem> {
    let mut decoder = zstd::stream::read::Decoder::with_buffer(wire).map_err(|_| corrupt())?;
    decoder
        .window_log_max(ZSTD_WINDOW_LOG)
        .map_err(|_| corrupt())?;
    Ok(decoder)
}

fn inflate(decoder: impl Read, most: usize) -> Result<Vec<u8>, Problem> {
    let mut plain = Vec::new();
    // One byte over the limit is enough to know; nothing more is ever inflated.
    decoder
        .take(most as u64 + 1)
        .read_to_end(&mut plain)
        .map_err(|_| corrupt())?;
    if plain.len() > most {
        return Err(too_large("after inflating", most));
    }
    Ok(plain)
}

fn corrupt() -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "corrupt_encoding")
        .detail("the body is not what its Content-Encoding says, or is cut short")
}

fn too_large(wher: &str, limit: usize) -> Problem {
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large")
        .detail(format!(
            "the body has more than {limit} bytes {wher}; nothing was stored"
        ))
        .hint("send fewer events a batch")
        .member("maxBytes", limit)
}

/// The deepest nesting of arrays and objects, outside strings.
fn depth(json: &str) -> usize {
    let (mut depth, mut deepest, mut in_string, mut escaped) = (0usize, 0usize, false, false);
    for byte in json.bytes() {
        if in_string {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => in_string = false,
                _ => {}
            }
            continue;
        }
        match byte {
            b'"' => in_string = true,
            b'{' | b'[' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_in_strings_do_not_nest() {
        assert_eq!(depth(r#"{"a":"[[[\"{","b":[{}]}"#), 3);
        assert_eq!(depth(&"[".repeat(100_000)), 100_000);
    }

    #[test]
    fn a_gzip_bomb_is_stopped_at_the_limit() {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        std::io::Write::write_all(&mut encoder, &vec![b' '; 64 * 1024 * 1024]).unwrap();
        let bomb = encoder.finish().unwrap();
        assert!(bomb.len() < 100_000);
        let gzip = flate2::read::MultiGzDecoder::new(&bomb[..]);
        let problem = inflate(gzip, MAX_INFLATED).unwrap_err();
        assert_eq!(problem.code(), "body_too_large");
    }
}
