//! `sendry import`: real logs, without an SDK.

use std::io::Write;

use crate::support::{client, sendry, settled_ledger, start, stderr, stdout};

const LOG: &str = "tests/data/access_logs/nginx_request_time.log";

#[tokio::test]
async fn the_same_file_twice_counts_once_and_bad_lines_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let up = start(&data, &[]);
    let url = up.ready.dashboard.clone();
    let file = folder.path().join("access.log");
    let log = std::fs::read_to_string(LOG).unwrap();
    let recent = recent(&log);
    std::fs::write(&file, format!("{recent}this is no request\n{recent}")).unwrap();
    let import = |file: &std::path::Path| {
        sendry(&[
            "import",
            file.to_str().unwrap(),
            "--service",
            "web",
            "--url",
            &url,
            "--data",
            data.to_str().unwrap(),
        ])
    };
    let output = import(&file);
    assert!(output.status.success(), "{}", stderr(&output));
    let text = stdout(&output);
    let bad_line = recent.lines().count() + 1;
    assert!(text.contains(&format!("line {bad_line}: ")), "{text}");

    let mut http = client(&up.ready);
    let first = settled_ledger(&mut http).await;
    let counted = first["counted"].as_u64().unwrap();
    assert!(counted > 0 && first["conflicts"] == 0, "{first}");
    assert!(import(&file).status.success());
    let second = settled_ledger(&mut http).await;
    assert_eq!(second["counted"].as_u64().unwrap(), counted);
    assert_eq!(second["duplicates"].as_u64().unwrap(), counted);

    // Packed, it is the same file.
    let packed = folder.path().join("access.log.gz");
    let mut gz =
        flate2::write::GzEncoder::new(std::fs::File::create(&packed).unwrap(), Default::default());
    gz.write_all(&std::fs::read(&file).unwrap()).unwrap();
    gz.finish().unwrap();
    assert!(import(&packed).status.success());
    assert_eq!(
        settled_ledger(&mut http).await["counted"].as_u64().unwrap(),
        counted
    );

    // It is history, and it is on the charts of the days it belongs to.
    let summary = http
        .get_json("/api/v1/summary?from=now-30d&service=web")
        .await
        .unwrap();
    assert_eq!(
        summary["data"]["requests"].as_u64().unwrap(),
        counted,
        "{summary}"
    );
    up.stop().unwrap();
}

#[test]
fn what_is_no_log_is_refused_before_anything_is_sent() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let up = start(&data, &[]);
    let file = folder.path().join("notes.txt");
    std::fs::write(&file, "Dear diary,\ntoday I wrote a parser.\n").unwrap();
    let (url, data) = (
        up.ready.dashboard.clone(),
        data.to_str().unwrap().to_owned(),
    );
    let arguments = [
        "import",
        file.to_str().unwrap(),
        "--service",
        "web",
        "--url",
        &url,
        "--data",
        &data,
    ];
    let output = sendry(&arguments);
    assert!(!output.status.success());
    assert!(
        stderr(&output).contains("none of the 2 lines"),
        "{}",
        stderr(&output)
    );
    let missing = sendry(&[
        "import",
        "/nowhere.log",
        "--service",
        "web",
        "--url",
        &url,
        "--data",
        &data,
    ]);
    assert!(
        stderr(&missing).contains("failed to open `/nowhere.log`"),
        "{}",
        stderr(&missing)
    );
    up.stop().unwrap();
}

/// The fixture with its dates moved to two days ago, inside what may be imported.
fn recent(log: &str) -> String {
    use jiff::{Timestamp, ToSpan, tz::TimeZone};
    #[expect(
        clippy::disallowed_methods,
        reason = "the real server judges by its own clock"
    )]
    let day = Timestamp::now()
        .to_zoned(TimeZone::UTC)
        .date()
        .checked_sub(2.days())
        .unwrap();
    let stamp = day.strftime("%d/%b/%Y").to_string();
    let mut out = String::new();
    for line in log.lines() {
        match line
            .find('[')
            .filter(|at| line.get(at + 12..at + 13) == Some(":"))
        {
            Some(at) => out += &format!("{}[{stamp}{}\n", &line[..at], &line[at + 12..]),
            None => out += &format!("{line}\n"),
        }
    }
    out
}
