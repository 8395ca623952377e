use std::io::Write;
use std::sync::{Arc, Mutex};

use serde_json::Value;

use super::*;

#[derive(Clone, Default)]
struct Captured(Arc<Mutex<Vec<u8>>>);

impl Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'w> MakeWriter<'w> for Captured {
    type Writer = Self;

    fn make_writer(&'w self) -> Self {
        self.clone()
    }
}

impl Captured {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

fn log_one_line() {
    let span = tracing::info_span!("deliver", tenant.id = "acme");
    let _entered = span.enter();
    tracing::info!(duration_ms = 7, queue.name = "q", "counted");
}

#[test]
fn json_lines_have_their_fields_at_the_top() {
    let captured = Captured::default();
    let subscriber = tracing_subscriber::registry().with(json_lines(captured.clone()));
    tracing::subscriber::with_default(subscriber, log_one_line);

    let text = captured.text();
    assert_eq!(text.lines().count(), 1);
    let line: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(line["message"], "counted");
    assert_eq!(line["level"], "INFO");
    assert_eq!(line["duration_ms"], 7);
    assert_eq!(line["queue.name"], "q");
    assert_eq!(line["span"]["tenant.id"], "acme");
}

#[test]
fn pretty_lines_are_one_line_each() {
    let captured = Captured::default();
    let subscriber = tracing_subscriber::registry().with(pretty_lines(captured.clone()));
    tracing::subscriber::with_default(subscriber, log_one_line);
    let text = captured.text();
    assert_eq!(text.lines().count(), 1);
    assert!(text.contains("counted"), "{text}");
}

#[test]
fn twice_is_harmless() {
    init(LogFormat::Pretty, "info").unwrap();
    init(LogFormat::Pretty, "debug").unwrap();
}

#[test]
fn a_bad_filter_is_named() {
    let error = init(LogFormat::Auto, "sendry=loudly").unwrap_err();
    assert!(error.to_string().contains("`sendry=loudly`"), "{error}");
}

/// Of an answer that it cannot read, kube's client logs the text: it may be a Secret.
#[test]
fn libraries_that_log_bodies_are_held_back() {
    let captured = Captured::default();
    let lines = pretty_lines(captured.clone()).with_filter(quiet("debug").unwrap());
    let subscriber = tracing_subscriber::registry().with(lines);
    tracing::subscriber::with_default(subscriber, || {
        tracing::warn!(target: "kube_client::client", "{{\"data\": \"secret\"}}");
        tracing::warn!(target: "lapin::channel", "secret");
        tracing::debug!(target: "kube_runtime::watcher", "told");
    });
    let text = captured.text();
    assert!(text.contains("told") && !text.contains("secret"), "{text}");
}
