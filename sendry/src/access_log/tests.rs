//! Whole files, from their bytes to batches.

use std::{fs, io::Write, path::PathBuf, time::Duration};

use flate2::{Compression, write::GzEncoder};
use proptest::prelude::*;
use sendry_domain::{event, time::UnixMillis, window::Window};

use super::*;

fn file(name: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data/access_logs")
        .join(name);
    fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

fn options() -> Options {
    Options {
        service: "shop".into(),
        environment: Some("production".into()),
        assume_latency: Some(Duration::from_millis(1)),
    }
}

fn import(bytes: &[u8]) -> (Survey, Vec<Batch>, Report) {
    let survey = survey(bytes, Parser::default()).unwrap();
    let options = options();
    let mut batches = Batches::new(bytes, &survey, &options).unwrap();
    let all: Vec<Batch> = batches.by_ref().map(|batch| batch.unwrap()).collect();
    let report = batches.report().clone();
    drop(batches);
    (survey, all, report)
}

/// What a file should give: requests, of them with a latency, lines refused, and the endpoints.
fn assert_gives(name: &str, counts: (u64, u64), refused: &[(u64, &str)], endpoints: &[&str]) {
    let (survey, batches, report) = import(&file(name));
    assert_eq!(
        (survey.requests, survey.with_latency),
        counts,
        "{name}: {report:?}"
    );
    let errors: Vec<_> = report
        .errors
        .iter()
        .map(|e| (e.line_number, e.code))
        .collect();
    assert_eq!(errors, refused, "{name}");
    assert_eq!(report.bytes_read, survey.bytes);
    let events: Vec<_> = batches.iter().flat_map(|b| &b.lines).flatten().collect();
    let mut found: Vec<_> = events
        .iter()
        .filter_map(|e| e["endpoint"].as_str())
        .collect();
    found.sort_unstable();
    found.dedup();
    assert_eq!(found, endpoints, "{name}");
    for event in events {
        let at = UnixMillis(survey.times_ms.map_or(0, |(_, last)| last));
        let parsed = event::parse(&event.to_string(), Window::backfill(), at);
        assert_eq!(parsed.map(|p| p.unknown_fields), Ok(0), "{event}");
    }
}

#[test]
fn nginx_combined_with_request_time() {
    let endpoints = [
        "(unmatched)",
        "/",
        "/api/orders/:id",
        "/assets/:file",
        "/login",
        "/search",
    ];
    assert_gives(
        "nginx_request_time.log",
        (11, 10),
        &[(9, "not_combined")],
        &endpoints,
    );
}

#[test]
fn apache_vhost_combined_with_micros() {
    let endpoints = [
        "(unmatched)",
        "/server-status",
        "/users/:id",
        "/users/:id/avatar",
    ];
    assert_gives("apache_vhost_micros.log", (6, 6), &[], &endpoints);
}

#[test]
fn common_without_latency() {
    assert_gives(
        "common.log",
        (4, 0),
        &[],
        &["/index.html", "/reports/:date"],
    );
    let survey = survey(file("common.log").as_slice(), Parser::default()).unwrap();
    let strict = Options {
        assume_latency: None,
        ..options()
    };
    let refusal = survey.check(&strict).unwrap_err();
    assert_eq!(refusal, Unusable::NoLatency { requests: 4 });
    assert!(refusal.to_string().contains("--assume-latency"));
    assert_eq!(survey.check(&options()), Ok(()));
}

#[test]
fn ingress_nginx() {
    let endpoints = ["/v1/charges/:uuid", "/v1/refunds"];
    assert_gives("ingress_nginx.log", (3, 3), &[], &endpoints);
}

#[test]
fn json_of_caddy_and_traefik_and_pino() {
    assert_gives(
        "caddy.json",
        (3, 3),
        &[],
        &["(unmatched)", "/docs", "/docs/:hash"],
    );
    assert_gives(
        "traefik.json",
        (3, 3),
        &[(2, "invalid_json")],
        &["/api/items", "/api/items/:id"],
    );
    assert_gives(
        "pino.json",
        (2, 2),
        &[(1, "missing_field")],
        &["/health", "/users/:email"],
    );
}

#[test]
fn the_same_file_gives_the_same_bytes() {
    let bytes = many_lines(1_234);
    let first = import(&bytes);
    let second = import(&bytes);
    let body = |batches: &[Batch]| {
        let lines = batches.iter().flat_map(|b| &b.lines);
        lines
            .map(|l| l.as_ref().map_or("null".into(), |e| e.to_string()))
            .collect::<Vec<_>>()
    };
    assert_eq!(body(&first.1), body(&second.1));
    assert_eq!(first.1, second.1);
    let sizes: Vec<usize> = first.1.iter().map(|b| b.lines.len()).collect();
    assert_eq!(sizes, [500, 500, 234]);
    // A change to these is a change to every identity: whoever imports a file again would count it twice.
    let ids: Vec<String> = first.1.iter().map(|b| b.batch_id.to_string()).collect();
    assert_eq!(ids[0].as_bytes()[14], b'8');
    assert_eq!(ids, KNOWN_IDS);
}

/// Computed by another program from the definition.
const KNOWN_IDS: [&str; 3] = [
    "2ca1908c-703b-82b5-88f4-6077d3c16e19",
    "be509f68-6a68-8ba7-b8c7-0b7afb1af8fb",
    "1560c699-1d2a-875e-b5da-4b29b6d9e59f",
];

/// Lines of which every hundredth is not one.
fn many_lines(count: usize) -> Vec<u8> {
    let line = |i: usize| match i % 100 {
        99 => "not a line\n\n".to_owned(),
        _ => format!(
            "192.0.2.7 - - [18/Nov/2026:09:{:02}:{:02} +0000] \"GET /posts/post-{} HTTP/1.1\" 200 5 \"-\" \"-\" 0.{:03}\n",
            i / 60 % 60,
            i % 60,
            i % 70,
            i % 1_000,
        ),
    };
    (0..count).map(line).collect::<String>().into_bytes()
}

#[test]
fn a_packed_file_gives_the_same_batches() {
    let plain = many_lines(600);
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(&plain).unwrap();
    assert_eq!(import(&encoder.finish().unwrap()).1, import(&plain).1);
}

#[test]
fn lines_without_event_keep_their_place() {
    let (survey, batches, report) = import(&many_lines(1_000));
    assert_eq!((survey.lines, survey.requests), (1_000, 990));
    assert_eq!(
        (report.parsed, report.skipped, report.errors.len()),
        (990, 10, 10)
    );
    assert!(batches[1].lines[499].is_err());
    assert_eq!(
        report.errors[0].to_string(),
        "line 100: not a line of the common or combined log format"
    );
    // The blank line behind each counts as a line of the file, not of the batch.
    assert_eq!(report.errors[1].line_number, 201);
    let event = batches[1].lines[0].as_ref().unwrap();
    assert_eq!(event["endpoint"], "/posts/:param");
    assert_eq!(event["latencyMs"], 500);
}

#[test]
fn a_file_that_changes_in_between_is_noticed() {
    let before = many_lines(700);
    let survey = survey(before.as_slice(), Parser::default()).unwrap();
    let options = options();
    let run = |bytes: &[u8]| {
        let batches = Batches::new(bytes, &survey, &options).unwrap();
        batches
            .map(|batch| batch.map(|b| b.lines.len()))
            .collect::<Result<Vec<_>, _>>()
    };
    let grown = [before.clone(), b"more\n".to_vec()].concat();
    assert_eq!(run(&grown).unwrap(), [500, 200]);
    assert!(matches!(
        run(&before[..before.len() - 1]),
        Err(ReadError::Changed)
    ));
    let mut other = before.clone();
    other[0] = b'2';
    assert!(matches!(run(&other), Err(ReadError::Changed)));
}

#[test]
fn an_empty_file_gives_nothing() {
    let (survey, batches, report) = import(b"\n \n");
    assert_eq!(batches, []);
    assert_eq!(
        report,
        Report {
            bytes_read: 3,
            ..Report::default()
        }
    );
    assert_eq!(
        survey.check(&options()),
        Err(Unusable::NoRequests { lines: 0 })
    );
}

proptest! {
    #[test]
    fn any_bytes_are_a_file(bytes in prop::collection::vec(any::<u8>(), 0..2_000)) {
        let bytes = if bytes.starts_with(&[0x1f, 0x8b]) { Vec::new() } else { bytes };
        let (survey, batches, report) = import(&bytes);
        prop_assert_eq!(report.parsed + report.skipped, survey.lines);
        prop_assert_eq!(batches.iter().map(|b| b.lines.len() as u64).sum::<u64>(), survey.lines);
    }

    #[test]
    fn any_pieces_of_lines_are_read(
        pieces in prop::collection::vec(prop_oneof![
            Just("[18/Nov/2026:09:00:00 +0000] ".to_owned()),
            Just("\"GET /a?b HTTP/1.1\" ".to_owned()),
            Just("{\"status\":200,".to_owned()),
            "[0-9.]{1,6} ",
            "[\"\\\\x=\\[\\]:é ]{1,4}",
            "\\PC{0,8}",
        ], 0..30),
    ) {
        let line = pieces.concat();
        for format in [Format::Auto, Format::Combined, Format::Json] {
            let parser = Parser { format, latency_field: LatencyField::Auto };
            if let Ok(entry) = parser.parse(1, &line) {
                let endpoint = Routes::default().endpoint(&entry);
                prop_assert!(to_event(&entry, &endpoint, &options()).is_ok());
            }
        }
    }
}
