use super::*;

const HEAD: &str = "192.0.2.7 - frank [18/Nov/2026:09:00:00 +0000]";

fn entry(line: &str) -> Entry {
    parse(line, LatencyField::Auto).unwrap_or_else(|e| panic!("{line}: {e}"))
}

fn expected() -> Entry {
    Entry {
        time_ms: 1_794_992_400_000,
        method: "GET".into(),
        path: Some("/a".into()),
        status: 200,
        latency_us: None,
        response_bytes: Some(2_326),
        client_ip: Some("192.0.2.7".into()),
        user_agent: None,
        host: None,
    }
}

#[test]
fn reads_common_and_combined() {
    let common = format!(r#"{HEAD} "GET /a?b=c HTTP/1.1" 200 2326"#);
    assert_eq!(entry(&common), expected());
    let combined = format!(r#"{common} "https://example.com/\"x\"" "curl/8 \"q\"""#);
    assert_eq!(
        entry(&combined),
        Entry {
            user_agent: Some("curl/8 \"q\"".into()),
            ..expected()
        }
    );
    let absent = format!(r#"{HEAD} "GET /a HTTP/1.1" 304 - "-" "-""#);
    assert_eq!(
        entry(&absent),
        Entry {
            status: 304,
            response_bytes: None,
            ..expected()
        }
    );
}

#[test]
fn reads_what_configurations_add() {
    let line = |extras: &str| format!(r#"{HEAD} "GET /a HTTP/1.1" 200 2326 "-" "-" {extras}"#);
    let with = |latency_us: Option<u64>, host: Option<&str>| Entry {
        latency_us,
        host: host.map(str::to_owned),
        ..expected()
    };
    for (extras, latency_us, host) in [
        ("0.123", Some(123_000), None),
        ("\"203.0.113.9, 10.0.0.1\" 0.123 -", Some(123_000), None),
        (
            "0.123 0.120 example.com",
            Some(123_000),
            Some("example.com"),
        ),
        (
            "\"shop.Example.com:443\" rt=0.123",
            Some(123_000),
            Some("shop.example.com"),
        ),
        ("host=localhost 5678", Some(5_678), Some("localhost")),
        ("10.0.0.1:8080 0.001", Some(1_000), None),
    ] {
        assert_eq!(entry(&line(extras)), with(latency_us, host), "{extras}");
    }
    let common_with_latency = format!(r#"{HEAD} "GET /a HTTP/1.1" 200 2326 12345"#);
    assert_eq!(entry(&common_with_latency), with(Some(12_345), None));
}

#[test]
fn reads_what_stands_before_the_time() {
    let tail = r#"[18/Nov/2026:09:00:00 +0000] "GET /a HTTP/1.1" 200 2326"#;
    for (head, ip, host) in [
        (
            "shop.example.com:80 192.0.2.7 - -",
            Some("192.0.2.7"),
            Some("shop.example.com"),
        ),
        (
            "198.51.100.1 192.0.2.7 - -",
            Some("192.0.2.7"),
            Some("198.51.100.1"),
        ),
        ("192.0.2.7 - [192.0.2.7] - frank", Some("192.0.2.7"), None),
        ("192.0.2.7 - frank the second", Some("192.0.2.7"), None),
        ("2001:db8::7 - -", Some("2001:db8::7"), None),
        ("client.example - -", None, None),
    ] {
        let got = entry(&format!("{head} {tail}"));
        assert_eq!(
            (got.client_ip.as_deref(), got.host.as_deref()),
            (ip, host),
            "{head}"
        );
    }
}

#[test]
fn reads_requests_that_are_none() {
    for (request, status, want) in [
        (r"\x16\x03\x01\x02\x00 \x01", "400", ("_OTHER", None, 400)),
        ("-", "408", ("_OTHER", None, 408)),
        ("", "400", ("_OTHER", None, 400)),
        ("GET /index.html", "009", ("GET", Some("/index.html"), 200)),
        ("GET /a HTTP/1.1", "-", ("GET", Some("/a"), 0)),
        ("GET /a HTTP/1.1", "000", ("GET", Some("/a"), 0)),
        ("GET /a HTTP/1.1", "499", ("GET", Some("/a"), 499)),
    ] {
        let got = entry(&format!("{HEAD} \"{request}\" {status} 0"));
        assert_eq!(
            (got.method.as_str(), got.path.as_deref(), got.status),
            want,
            "{request}"
        );
    }
}

#[test]
fn refuses_what_is_no_access_log() {
    for (line, reason) in [
        (String::new(), Reason::NotCombined),
        (
            "Nov 18 09:00:00 host sshd[1]: \"x\"".into(),
            Reason::NotCombined,
        ),
        (format!("{HEAD} \"GET /a"), Reason::NotCombined),
        (
            format!("{HEAD} \"GET /a HTTP/1.1\" 700 1"),
            Reason::InvalidStatus,
        ),
        (
            format!("{HEAD} \"GET /a HTTP/1.1\" OK 1"),
            Reason::InvalidStatus,
        ),
        (
            "- - - [yesterday] \"GET /a HTTP/1.1\" 200 1".into(),
            Reason::InvalidTime,
        ),
    ] {
        assert_eq!(parse(&line, LatencyField::Auto), Err(reason), "{line}");
    }
}
