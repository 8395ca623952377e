use sendry_domain::{event::Rule, id::PipelineName, time::UnixMillis, window::Window};
use uuid::Uuid;

use super::*;

const NOW: UnixMillis = UnixMillis(1_800_000_000_000);

fn event(extra: &str) -> String {
    format!(
        r#"{{"serviceName":"shop","endpoint":"/a","method":"GET","statusCode":200,"latencyMs":1{extra}}}"#
    )
}

fn judge(batch: &ClientBatch<'_>) -> Verdict {
    let policy = Policy {
        window: Window::default(),
        at: NOW,
        allows_service: &|s| s != "secret",
        pipeline: &|_, e| PipelineName::new(e.unwrap_or("default")).unwrap(),
    };
    check(&batch.events, policy)
}

#[test]
fn a_batch_is_split_by_pipeline_and_refusals_keep_their_index() {
    let text = format!(
        r#"{{"batchId":"{}","events":[{},{},7,{},{}]}}"#,
        Uuid::from_u128(5),
        event(""),
        event(r#","environment":"prod""#),
        event(r#","statusCode":1"#),
        event(r#","eventId":"e-4","timestamp":1"#),
    );
    let batch = ClientBatch::from_json(&text).unwrap();
    assert_eq!(batch.id, Some(Uuid::from_u128(5)));
    let verdict = judge(&batch);
    let indexes: Vec<_> = verdict
        .accepted
        .iter()
        .map(|(p, e)| (p.as_str(), e[0].index))
        .collect();
    assert_eq!(indexes, [("default", 0), ("prod", 1)]);
    let refused: Vec<_> = verdict
        .rejected
        .iter()
        .map(|r| (r.index, r.error.rule, r.event_id.as_deref()))
        .collect();
    let expected = [
        (2, Rule::InvalidJson, None),
        (3, Rule::DuplicateField, None),
        (4, Rule::TimestampTooOld, Some("e-4")),
    ];
    assert_eq!(refused, expected);
}

#[test]
fn bytes_travel_on_untouched_unless_stamped_or_masked() {
    let named = event(r#", "timestamp" : 1800000000000 , "eventId":"x""#);
    let unstamped = event("");
    let secret = event(r#","timestamp":1800000000000,"requestHeaders":{"Cookie":"K"}"#);
    let text = format!(r#"{{"events":[{named},{unstamped},{secret}]}}"#);
    let verdict = judge(&ClientBatch::from_json(&text).unwrap());
    let events = &verdict.accepted[&PipelineName::fallback()];
    assert_eq!(events[0].body.get(), named);
    assert!(events[0].fingerprint.is_some() && events[1].fingerprint.is_none());
    assert!(
        events[1]
            .body
            .get()
            .starts_with(r#"{"timestamp":1800000000000,"#)
    );
    assert!(!events[2].body.get().contains("\"K\""));
}

#[test]
fn ndjson_and_json_of_the_same_events_have_one_fingerprint() {
    let (a, b) = (event(""), event(r#","eventId":"b""#));
    let json = format!(r#"{{"events":[{a},{b}]}}"#);
    let lines = format!("\n{a}\n   \r\n{b}\n");
    let (json, lines) = (
        ClientBatch::from_json(&json).unwrap(),
        ClientBatch::from_ndjson(&lines, Some("018f0000-0000-7000-8000-000000000001")).unwrap(),
    );
    assert_eq!(json.fingerprint(), lines.fingerprint());
    assert_eq!(lines.events.len(), 2);
}

#[test]
fn what_is_no_batch_says_why() {
    let why = |text: &str| ClientBatch::from_json(text).unwrap_err();
    assert!(matches!(
        why(r#"{"events":[{"latencyMs":NaN}]}"#),
        BatchError::Malformed(_)
    ));
    assert!(matches!(why(r#"{"events":["#), BatchError::Malformed(_)));
    assert!(matches!(why("[]"), BatchError::Form(_)));
    assert!(matches!(
        why(r#"[{"serviceName":"a"}]"#),
        BatchError::Form(_)
    ));
    assert!(matches!(why(r#"[null,[7]]"#), BatchError::Form(_)));
    assert!(matches!(why("{}"), BatchError::Form(_)));
    assert!(matches!(why(r#"{"events":{}}"#), BatchError::Form(_)));
    assert_eq!(why(r#"{"events":[]}"#), BatchError::Empty);
    assert_eq!(why(r#"{"batchId":"x","events":[1]}"#), BatchError::BatchId);
    let many = format!(r#"{{"events":[{}]}}"#, vec!["1"; 1001].join(","));
    assert_eq!(why(&many), BatchError::TooMany(1001));
}

#[test]
fn a_bad_line_is_one_refusal() {
    let text = format!("{}\nnot json\n{}", event(""), event(r#","serviceName":7"#));
    let verdict = judge(&ClientBatch::from_ndjson(&text, None).unwrap());
    let rules: Vec<_> = verdict
        .rejected
        .iter()
        .map(|r| (r.index, r.error.rule))
        .collect();
    assert_eq!(rules, [(1, Rule::InvalidJson), (2, Rule::DuplicateField)]);
}

#[test]
fn a_key_may_be_held_to_services() {
    let text = event("").replace("shop", "secret");
    let verdict = judge(&ClientBatch::from_ndjson(&text, None).unwrap());
    assert_eq!(verdict.rejected[0].error.rule, Rule::ServiceNotAllowed);
}
