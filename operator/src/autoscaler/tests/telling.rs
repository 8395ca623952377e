//! What is said, and when it is worth a write.

use k8s_openapi::jiff::Timestamp;
use sendry_crds::{
    SendryPipelineStatus,
    condition::{METRICS_AVAILABLE, REASONS, SCALING_ACTIVE, SCALING_LIMITED},
};
use sendry_domain::scaling::{DrainTime, Estimates, Limit, Reason};

use super::{super::status, *};

fn decision(workers: u32, reason: Reason) -> Decision {
    Decision {
        workers,
        reason,
        limited_by: None,
        floor: 1,
        estimates: Estimates {
            backlog: Some(1_200),
            arrival_per_second: Some(40),
            per_worker_per_second: Some(100),
            drain: DrainTime::Seconds(20),
        },
    }
}

fn news(decision: &Decision, second: i64) -> status::News<'_> {
    status::News {
        decision,
        no_queue: None,
        no_beats: None,
        unseen: 0,
        unwritten: None,
        generation: 1,
        now: Timestamp::from_second(second).unwrap(),
    }
}

fn said(told: &Told, kind: &str) -> (String, String) {
    let condition = told.condition(kind).unwrap();
    (condition.status.clone(), condition.reason.clone())
}

#[test]
fn every_word_is_explained() {
    let mut words: Vec<String> = vec!["Fresh".to_owned(), "WithinLimits".to_owned()];
    words.extend(Reason::ALL.iter().map(ToString::to_string));
    let limits = [
        Limit::Max,
        Limit::TenantCap,
        Limit::RampUp,
        Limit::RampDown,
        Limit::Messages,
    ];
    words.extend(limits.iter().map(ToString::to_string));
    words.extend(Category::ALL.iter().map(|c| c.reason().to_owned()));
    for word in words {
        assert!(
            REASONS.iter().any(|known| known.name == word),
            "{word} is not in sendry_crds::condition::REASONS"
        );
    }
}

#[test]
fn what_is_said_is_read_back_as_it_was() {
    let decision = Decision {
        limited_by: Some(Limit::TenantCap),
        ..decision(3, Reason::Backlog)
    };
    let told = Told::next(None, &news(&decision, 1));
    let yes = |reason: &str| ("True".to_owned(), reason.to_owned());
    assert_eq!(said(&told, METRICS_AVAILABLE), yes("Fresh"));
    assert_eq!(said(&told, SCALING_ACTIVE), yes("Backlog"));
    assert_eq!(said(&told, SCALING_LIMITED), yes("TenantCap"));
    assert_eq!(told.scaling.drain_time.as_deref(), Some("20s"));
    let status = SendryPipelineStatus {
        conditions: told.conditions.iter().rev().cloned().collect(),
        desired_replicas: Some(told.desired),
        scaling: Some(told.scaling.clone()),
        ..SendryPipelineStatus::default()
    };
    assert_eq!(Told::read(Some(&status)), Some(told));
    assert_eq!(Told::read(Some(&SendryPipelineStatus::default())), None);
}

#[test]
fn saying_the_same_again_is_no_write_however_much_later() {
    let steady = decision(3, Reason::Steady);
    let told = Told::next(None, &news(&steady, 1));
    let again = Told::next(Some(&told), &news(&steady, 500));
    assert_eq!(again, told);
    assert!(!again.is_due(&told, u64::MAX));
}

#[test]
fn another_number_is_said_at_once_another_reason_soon_and_other_estimates_seldom() {
    let told = Told::next(None, &news(&decision(3, Reason::Steady), 1));
    let after = |decision: Decision| Told::next(Some(&told), &news(&decision, 9));
    assert!(after(decision(4, Reason::Steady)).is_due(&told, 0));
    let reason = after(decision(3, Reason::Cooling));
    assert!(!reason.is_due(&told, 14_999));
    assert!(reason.is_due(&told, 15_000));
    let mut numbers = decision(3, Reason::Steady);
    numbers.estimates.backlog = Some(1_300);
    assert!(!after(numbers).is_due(&told, 59_999));
    assert!(after(numbers).is_due(&told, 60_000));
    // That nothing waits any more is better known soon.
    numbers.estimates.backlog = Some(0);
    assert!(after(numbers).is_due(&told, 15_000));
    // A new generation has been seen.
    let steady = decision(3, Reason::Steady);
    let mut seen = news(&steady, 9);
    seen.generation = 2;
    assert!(Told::next(Some(&told), &seen).is_due(&told, 0));
    // When it was decided stays with the decision.
    assert_eq!(after(numbers).scaling.decided_at, told.scaling.decided_at);
    assert_ne!(reason.scaling.decided_at, told.scaling.decided_at);
}

#[test]
fn what_is_not_seen_for_a_moment_is_no_news_and_then_it_is() {
    let told = Told::next(None, &news(&decision(3, Reason::Steady), 1));
    let mut blind = decision(3, Reason::QueueUnknown);
    blind.estimates = Estimates {
        backlog: None,
        arrival_per_second: None,
        per_worker_per_second: Some(100),
        drain: DrainTime::Unknown,
    };
    let unseen = |unseen: u64| {
        let mut news = news(&blind, 9);
        news.no_queue = Some("there is no such queue");
        news.unseen = unseen;
        Told::next(Some(&told), &news)
    };
    assert_eq!(unseen(9_999), told);
    let later = unseen(10_000);
    assert!(later.is_due(&told, 0));
    let no = |reason: &str| ("False".to_owned(), reason.to_owned());
    assert_eq!(said(&later, METRICS_AVAILABLE), no("QueueUnknown"));
    assert_eq!(said(&later, SCALING_ACTIVE), no("QueueUnknown"));
    assert_eq!(later.scaling.backlog, None);
    let message = &later.condition(METRICS_AVAILABLE).unwrap().message;
    assert_eq!(message, "there is no such queue");
    assert_eq!(later.scaling.per_worker_per_second, Some(100));
}

#[test]
fn a_number_that_cannot_be_written_is_said_with_the_api_servers_words() {
    let more = decision(3, Reason::Backlog);
    let mut failed = news(&more, 1);
    failed.unwritten = Some(("ApiServerUnavailable", "the API server answered 403: no"));
    let told = Told::next(None, &failed);
    let expected = ("False".to_owned(), "ApiServerUnavailable".to_owned());
    assert_eq!(said(&told, SCALING_ACTIVE), expected);
}

#[tokio::test]
async fn events_say_why_and_how_many() {
    let pipeline = followed("shop", "orders", json!({})).pipeline;
    let events = crate::events::Events::recording();
    let scaled = News::scaled(&pipeline, 1, &decision(3, Reason::Backlog));
    scaled.tell(events.clone()).await;
    let steady = Told::next(None, &news(&decision(3, Reason::Steady), 1));
    let then = |reason: Reason| Told::next(Some(&steady), &news(&decision(3, reason), 2));
    for reason in Reason::ALL {
        if let Some(held) = News::held(&pipeline, &steady, &then(reason)) {
            held.tell(events.clone()).await;
        }
    }
    let told = events.told();
    assert_eq!(
        told[0].note,
        "1 → 3 workers: more workers for what waits; 1200 events wait; 40 come a second; \
         100 a second is what one worker does; drained in 20 s at the rates before"
    );
    let short = |told: &crate::events::Told| (told.warning, told.reason.clone());
    let all: Vec<_> = told.iter().map(short).collect();
    let warned = |reason: &str| (true, reason.to_owned());
    let expected = [
        (false, "Backlog".to_owned()),
        warned("QueueUnknown"),
        warned("WorkersUnknown"),
        warned("Fallback"),
        warned("WorkersStalled"),
        warned("SinkBound"),
    ];
    assert_eq!(all, expected);
    assert!(told.iter().all(|told| told.name == "orders"));
}
