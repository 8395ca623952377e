use super::*;

fn read(line: &str) -> Entry {
    parse(line, LatencyField::Auto).unwrap_or_else(|e| panic!("{line}: {e}"))
}

fn expected() -> Entry {
    Entry {
        time_ms: 1_794_992_400_000,
        method: "GET".into(),
        path: Some("/a".into()),
        status: 200,
        latency_us: Some(12_000),
        response_bytes: Some(612),
        client_ip: Some("192.0.2.7".into()),
        user_agent: Some("curl/8".into()),
        host: Some("api.example.com".into()),
    }
}

#[test]
fn reads_what_the_usual_servers_write() {
    for (server, line) in [
        (
            "nginx",
            r#"{"time_iso8601":"2026-11-18T09:00:00+00:00","remote_addr":"192.0.2.7","request_method":"GET","request_uri":"/a?b","uri":"/index.php","status":"200","body_bytes_sent":"612","request_time":"0.012","http_user_agent":"curl/8","host":"api.example.com"}"#,
        ),
        (
            "nginx with $request",
            r#"{"msec":"1794992400.000","remote_addr":"192.0.2.7","request":"GET /a?b HTTP/1.1","status":200,"bytes_sent":612,"request_time":0.012,"http_user_agent":"curl/8","http_host":"api.example.com:443"}"#,
        ),
        (
            "Caddy",
            r#"{"level":"info","ts":1794992400.0,"logger":"http.log.access","request":{"remote_ip":"192.0.2.7","proto":"HTTP/2.0","method":"GET","host":"api.example.com","uri":"/a?b","headers":{"User-Agent":["curl/8"]}},"duration":0.012,"size":612,"status":200}"#,
        ),
        (
            "Traefik",
            r#"{"ClientHost":"192.0.2.7","DownstreamContentSize":612,"DownstreamStatus":200,"Duration":12000000,"RequestHost":"api.example.com","RequestMethod":"GET","RequestPath":"/a?b","StartUTC":"2026-11-18T09:00:00Z","time":"2026-11-18T09:00:01Z","request_User-Agent":"curl/8"}"#,
        ),
        (
            "Envoy",
            r#"{"start_time":"2026-11-18T09:00:00.000Z","method":"GET","path":"/a?b","response_code":200,"duration":12,"bytes_sent":612,"user_agent":"curl/8","authority":"api.example.com","downstream_remote_address":"192.0.2.7:5123"}"#,
        ),
        (
            "pino",
            r#"{"level":30,"time":1794992400000,"hostname":"box","req":{"method":"GET","url":"/a?b","headers":{"host":"api.example.com","user-agent":"curl/8"},"remoteAddress":"::ffff:192.0.2.7"},"res":{"statusCode":200,"headers":{"content-length":"612"}},"responseTime":12,"msg":"request completed"}"#,
        ),
        (
            "morgan",
            r#"{"date":"18/Nov/2026:09:00:00 +0000","method":"GET","url":"/a?b","status":"200","response-time":"12.000","content-length":"612","remote-addr":"192.0.2.7","user-agent":"curl/8","host":"api.example.com"}"#,
        ),
        (
            "echo",
            r#"{"time":"2026-11-18T09:00:00Z","remote_ip":"192.0.2.7","host":"api.example.com","method":"GET","uri":"/a?b","user_agent":"curl/8","status":200,"latency":12000123,"latency_human":"12ms","bytes_in":0,"bytes_out":612}"#,
        ),
        (
            "ECS",
            r#"{"@timestamp":"2026-11-18T09:00:00Z","http.request.method":"GET","url":{"path":"/a"},"http":{"response":{"status_code":200,"body":{"bytes":612}}},"event.duration":12000000,"client":{"ip":"192.0.2.7"},"user_agent":{"original":"curl/8"},"host":"api.example.com"}"#,
        ),
        (
            "Google Cloud",
            r#"{"timestamp":"2026-11-18T09:00:00Z","host":"api.example.com","httpRequest":{"requestMethod":"GET","requestUrl":"https://api.example.com/a?b","status":200,"responseSize":"612","userAgent":"curl/8","remoteIp":"192.0.2.7","latency":"0.012s"}}"#,
        ),
    ] {
        assert_eq!(read(line), expected(), "{server}");
    }
}

#[test]
fn absent_means_absent() {
    let line = r#"{"time":1794992400,"method":"\u0016\u0003","path":"*","status":0,"bytes":"-","user_agent":"","ip":"unix:","host":null}"#;
    let nothing = Entry {
        method: "_OTHER".into(),
        path: None,
        status: 0,
        latency_us: None,
        response_bytes: None,
        client_ip: None,
        user_agent: None,
        host: None,
        ..expected()
    };
    assert_eq!(read(line), nothing);
}

#[test]
fn the_option_overrides_the_unit() {
    let line = r#"{"time":1794992400,"method":"GET","path":"/a","status":200,"latency":0.5}"#;
    let latency = |option| parse(line, option).map(|entry| entry.latency_us);
    assert_eq!(latency(LatencyField::Auto), Ok(Some(500)));
    assert_eq!(latency(LatencyField::Seconds), Ok(Some(500_000)));
    assert_eq!(latency(LatencyField::None), Ok(None));
}

#[test]
fn says_what_is_missing() {
    for (line, reason) in [
        (r#"{"time":1794992400"#, Reason::NotJson),
        ("[1]", Reason::NotJson),
        (
            r#"{"level":30,"time":1794992400000,"msg":"listening"}"#,
            Reason::Missing("method"),
        ),
        (
            r#"{"time":1794992400,"method":"GET","path":"/"}"#,
            Reason::Missing("status"),
        ),
        (
            r#"{"method":"GET","path":"/","status":200}"#,
            Reason::Missing("time"),
        ),
        (
            r#"{"time":"noon","method":"GET","path":"/","status":200}"#,
            Reason::InvalidTime,
        ),
        (
            r#"{"time":1794992400,"method":"GET","path":"/","status":"ok"}"#,
            Reason::InvalidStatus,
        ),
        (
            r#"{"time":1794992400,"method":"GET","path":"/","status":200,"duration_ms":-1}"#,
            Reason::InvalidLatency,
        ),
    ] {
        assert_eq!(parse(line, LatencyField::Auto), Err(reason), "{line}");
    }
}
