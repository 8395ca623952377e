//! Every field at its limit and past it.

use serde_json::{Value, json};

use crate::{
    client::{BATCH, HIT, INGEST, batch, event, post},
    harness::Stage,
    limits::{limits, text, with},
};

#[tokio::test]
async fn every_field_may_be_as_large_as_its_limit_and_no_larger() {
    let stage = Stage::new().await;
    for (field, most, over, code) in limits() {
        let answer = stage
            .send(post(BATCH), batch(&[with(&[(field, most)])]))
            .await;
        assert_eq!(answer.accepted()["rejected"], 0, "{field} at its limit");
        stage.drain("default").await;

        let (bad, ok) = (with(&[(field, over)]), event(""));
        let answer = stage
            .send(post(BATCH), batch(&[ok, bad.clone()]))
            .await
            .accepted();
        let error = &answer["errors"][0];
        assert_eq!(
            (&answer["accepted"], &error["index"]),
            (&json!(1), &json!(1)),
            "{field}: {answer}"
        );
        assert_eq!(error["code"], code, "{field}: {error}");
        let at = error["field"].as_str().unwrap();
        assert!(
            at == field || at.starts_with(&format!("{field}.")),
            "{field}: {error}"
        );
        assert!(!error["message"].as_str().unwrap().is_empty(), "{error}");
        assert_eq!(stage.drain("default").await[0].events.len(), 1, "{field}");

        for route in [INGEST, HIT] {
            let problem = stage
                .send(post(route), bad.clone())
                .await
                .refused_on(route, 422, code);
            assert_eq!(problem["field"].as_str(), Some(at), "{problem}");
        }
    }
    stage.works_and_is_clean().await;
}

#[tokio::test]
async fn what_is_no_event_is_refused_as_a_whole() {
    let stage = Stage::new().await;
    let huge = with(&[("unknown", text(256 * 1024))]);
    let twice = event(r#","ip":"10.0.0.1","clientIp":"10.0.0.1""#);
    let exact = event(r#","attributes":{"token":"x","n":1e400}"#);
    let cases = [
        ("7".to_owned(), 400, "invalid_json", Value::Null),
        ("[]".to_owned(), 400, "invalid_json", Value::Null),
        ("null".to_owned(), 400, "invalid_json", Value::Null),
        (exact, 400, "invalid_json", Value::Null),
        (huge, 413, "event_too_large", Value::Null),
        (twice, 422, "duplicate_field", json!("clientIp")),
        ("{}".to_owned(), 422, "missing_field", json!("serviceName")),
    ];
    for (bad, status, code, field) in cases {
        for route in [INGEST, HIT] {
            let problem = stage
                .send(post(route), bad.clone())
                .await
                .refused_on(route, status, code);
            assert_eq!(
                problem.get("field").unwrap_or(&Value::Null),
                &field,
                "{problem}"
            );
        }
        let problem = stage
            .send(post(BATCH), batch(&[bad]))
            .await
            .refused(422, "all_events_rejected");
        let error = &problem["errors"][0];
        assert_eq!(
            (&error["code"], &error["field"]),
            (&json!(code), &field),
            "{problem}"
        );
    }
    stage.works_and_is_clean().await;
}

#[tokio::test]
async fn a_batch_without_one_valid_event_lists_the_first_hundred() {
    let stage = Stage::new().await;
    let bad: Vec<_> = (0..150)
        .map(|n| event(&format!(r#","eventId":"e{n}","aborted":1"#)))
        .collect();
    let problem = stage
        .send(post(BATCH), batch(&bad))
        .await
        .refused(422, "all_events_rejected");
    assert_eq!(
        (&problem["accepted"], &problem["rejected"]),
        (&json!(0), &json!(150))
    );
    assert!(problem["hint"].is_string());
    let errors = problem["errors"].as_array().unwrap();
    assert_eq!(errors.len(), 100);
    for (n, error) in errors.iter().enumerate() {
        assert_eq!(
            (&error["index"], &error["eventId"]),
            (&json!(n), &json!(format!("e{n}")))
        );
    }
    stage.works_and_is_clean().await;

    let most = [bad, vec![event("")]].concat();
    let answer = stage.send(post(BATCH), batch(&most)).await.accepted();
    assert_eq!(
        (&answer["accepted"], &answer["rejected"]),
        (&json!(1), &json!(150))
    );
    assert_eq!(answer["errors"].as_array().unwrap().len(), 100);
}
