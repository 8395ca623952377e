//! Infers a route template from one path: `/users/42?x=y` is a request to `/users/:id`.
//!
//! A log knows paths, Sendry counts route templates. What a segment is shows in its form ([`segment`]); what only shows
//! in the company it keeps, such as slugs, is learned from the whole file ([`super::routes`]).

mod segment;

use sendry_domain::event::limits;

/// Deeper paths are cut: routes are not that deep, and whatever is below belongs to the same one.
const MAX_SEGMENTS: usize = 20;
/// Stands for the segments that were cut.
const REST: &str = ":rest";
/// Stands for the file's name and its directories below the first.
const FILE: &str = ":file";
/// Endings of files that are delivered as they are. Documents (`.json`, `.pdf`) are not among them: APIs make those.
const ASSETS: [&str; 21] = [
    "avif", "bmp", "css", "eot", "gif", "ico", "jpeg", "jpg", "js", "map", "mjs", "mp3", "mp4",
    "otf", "png", "svg", "ttf", "webm", "webp", "woff", "woff2",
];

/// The route template of a path: at most 256 bytes, starts with `/`, and is its own template.
#[must_use]
pub fn template(path: &str) -> String {
    join(segments(path))
}

/// The segments of the template. Empty ones (`//`, a `/` at the end) are left out.
pub(super) fn segments(path: &str) -> Vec<String> {
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let decoded: Vec<Vec<u8>> = path
        .split('/')
        .map(segment::decode)
        .filter(|segment| !segment.is_empty())
        .collect();
    let mut segments: Vec<String> = decoded
        .iter()
        .take(MAX_SEGMENTS)
        .map(|bytes| segment::template(bytes))
        .collect();
    if decoded.last().is_some_and(|name| is_asset(name)) {
        segments.truncate(usize::from(decoded.len() > 1));
        segments.push(FILE.to_owned());
    } else if decoded.len() > MAX_SEGMENTS {
        segments.pop();
        segments.push(REST.to_owned());
    }
    segments
}

/// The template of these segments, cut to the limit of an endpoint.
pub(super) fn join(segments: Vec<String>) -> String {
    let length: usize = segments.iter().map(|segment| segment.len() + 1).sum();
    let mut out = String::with_capacity(length.clamp(1, limits::ENDPOINT));
    for segment in segments {
        let room_for_rest = if length > limits::ENDPOINT {
            1 + REST.len()
        } else {
            0
        };
        let fits = out.len() + 1 + segment.len() + room_for_rest <= limits::ENDPOINT;
        out.push('/');
        out.push_str(if fits { &segment } else { REST });
        if !fits {
            break;
        }
    }
    if out.is_empty() {
        out.push('/');
    }
    out
}

fn is_asset(name: &[u8]) -> bool {
    let Some(dot) = name.iter().rposition(|b| *b == b'.') else {
        return false;
    };
    ASSETS
        .iter()
        .any(|ending| name[dot + 1..].eq_ignore_ascii_case(ending.as_bytes()))
}

#[cfg(test)]
mod tests;
