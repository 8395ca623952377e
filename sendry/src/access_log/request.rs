//! Reads what a client asked for: request lines, targets, hosts, addresses.

use std::net::{IpAddr, SocketAddr};

use sendry_domain::event::{OTHER_METHOD, limits};

/// `GET /a?b HTTP/1.1`, taken apart.
#[derive(Debug, PartialEq)]
pub(super) struct Request {
    pub method: String,
    pub path: Option<String>,
}

/// Reads a request line. Everything is one: HTTP/0.9 has no version, scanners send spaces in targets, and the first
/// bytes of a TLS handshake on a plain port are logged as if they were a request.
pub(super) fn line(text: &str) -> Request {
    let text = text.trim();
    let (verb, rest) = text.split_once(' ').unwrap_or((text, ""));
    let target = match rest.rsplit_once(' ') {
        Some((target, version)) if version.starts_with("HTTP/") => target,
        _ => rest,
    };
    match method(verb) {
        Some(method) if !target.is_empty() && !target.starts_with("HTTP/") => Request {
            method,
            path: path(target),
        },
        _ => Request {
            method: OTHER_METHOD.to_owned(),
            path: None,
        },
    }
}

/// The method in upper case, or `None` if Sendry would refuse it.
pub(super) fn method(verb: &str) -> Option<String> {
    let valid = |b: u8| b.is_ascii_alphanumeric() || b"_-".contains(&b);
    (!verb.is_empty() && verb.len() <= limits::METHOD && verb.bytes().all(valid))
        .then(|| verb.to_ascii_uppercase())
}

/// The path of a request target or URL, without query and fragment. `*` and `host:port` (of `CONNECT`) have none.
pub(super) fn path(target: &str) -> Option<String> {
    let target = target.split(['?', '#']).next().unwrap_or_default();
    if target.starts_with('/') {
        return Some(target.to_owned());
    }
    let (_, after_scheme) = target.split_once("://")?;
    let path = after_scheme
        .find('/')
        .map_or("/", |slash| &after_scheme[slash..]);
    Some(path.to_owned())
}

/// A host name or address without its port, or `None` if it cannot be one.
pub(super) fn host(text: &str) -> Option<String> {
    let name = match text.rsplit_once(':') {
        // More colons outside brackets are an IPv6 address.
        Some((name, _port)) if !name.contains(':') || name.ends_with(']') => name,
        _ => text,
    };
    let valid = |b: u8| b.is_ascii_alphanumeric() || b".-_:[]".contains(&b);
    let real = name.bytes().any(|b| b.is_ascii_alphanumeric());
    (real && name.len() <= limits::HOST && name.bytes().all(valid))
        .then(|| name.to_ascii_lowercase())
}

/// A client's address without port, brackets and zone, or `None` if it is no address.
pub(super) fn client_ip(text: &str) -> Option<String> {
    let bare = text
        .trim_matches(['[', ']'])
        .split('%')
        .next()
        .unwrap_or_default();
    let ip = match bare.parse::<IpAddr>() {
        Ok(ip) => ip,
        Err(_) => text.parse::<SocketAddr>().ok()?.ip(),
    };
    Some(ip.to_canonical().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_request_lines() {
        for (text, method, path) in [
            ("GET /a/b?c=d HTTP/1.1", "GET", Some("/a/b")),
            ("get /a HTTP/2.0", "GET", Some("/a")),
            ("GET /old", "GET", Some("/old")),
            ("GET /with space/x HTTP/1.1", "GET", Some("/with space/x")),
            ("GET http://example.com/x?y HTTP/1.1", "GET", Some("/x")),
            ("GET https://example.com HTTP/1.1", "GET", Some("/")),
            ("OPTIONS * HTTP/1.1", "OPTIONS", None),
            ("CONNECT example.com:443 HTTP/1.1", "CONNECT", None),
            ("PROPFIND /dav HTTP/1.1", "PROPFIND", Some("/dav")),
            ("\u{16}\u{3}\u{1}\u{2}", "_OTHER", None),
            ("\u{3}\u{0} /x /y", "_OTHER", None),
            ("MGLNDD_192.0.2.1_80", "_OTHER", None),
            ("SSH-2.0-Go", "_OTHER", None),
            ("GET HTTP/1.1", "_OTHER", None),
            ("-", "_OTHER", None),
            ("", "_OTHER", None),
        ] {
            let want = Request {
                method: method.into(),
                path: path.map(str::to_owned),
            };
            assert_eq!(line(text), want, "{text:?}");
        }
    }

    #[test]
    fn reads_hosts_and_addresses() {
        assert_eq!(host("Example.COM:8080").as_deref(), Some("example.com"));
        assert_eq!(host("[::1]:80").as_deref(), Some("[::1]"));
        assert_eq!(host("2001:db8::1").as_deref(), Some("2001:db8::1"));
        assert_eq!(host("-"), None);
        assert_eq!(host("a b"), None);
        assert_eq!(client_ip("192.0.2.7:5123").as_deref(), Some("192.0.2.7"));
        assert_eq!(client_ip("::ffff:192.0.2.7").as_deref(), Some("192.0.2.7"));
        assert_eq!(
            client_ip("[2001:db8::1]:443").as_deref(),
            Some("2001:db8::1")
        );
        assert_eq!(client_ip("fe80::1%eth0").as_deref(), Some("fe80::1"));
        assert_eq!(client_ip("host.example"), None);
    }
}
