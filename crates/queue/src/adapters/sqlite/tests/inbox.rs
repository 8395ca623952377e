//! What waits for the writer is bounded, and can be taken back.

use std::sync::{Arc, atomic::AtomicBool};

use tokio::sync::oneshot;

use super::queue_named;
use crate::{
    PublishError, Sealed,
    adapters::sqlite::{
        inbox::{Inbox, Job, Publish, Refused},
        state::Registry,
    },
    contract::stage::message,
};

type Answer = oneshot::Receiver<Result<(), PublishError>>;

pub(super) fn publish(registry: &Registry, message: Sealed) -> (Publish, Answer) {
    let (reply, answer) = oneshot::channel();
    let queue = registry.get_or_make(&message.queue.routing_key());
    (
        Publish {
            queue,
            message,
            taken: Arc::new(AtomicBool::new(false)),
            reply,
        },
        answer,
    )
}

fn of_size(size: usize) -> (Publish, Answer) {
    let message = Sealed {
        body: vec![0; size],
        ..message(&queue_named("orders"), 0)
    };
    publish(&Registry::default(), message)
}

#[test]
fn more_messages_or_bytes_than_allowed_are_refused_at_once() {
    let inbox = Inbox::new(3, 100);
    let (first, _a) = of_size(1_000);
    inbox.publish(first).unwrap();
    let (second, _b) = of_size(1);
    assert!(
        matches!(inbox.publish(second), Err(Refused::Behind(1))),
        "bytes"
    );
    assert_eq!(inbox.take().unwrap().len(), 1);
    let answers: Vec<Answer> = (0..3)
        .map(|_| {
            let (job, answer) = of_size(10);
            inbox.publish(job).unwrap();
            answer
        })
        .collect();
    let (fourth, _d) = of_size(1);
    assert!(
        matches!(inbox.publish(fourth), Err(Refused::Behind(3))),
        "count"
    );
    assert_eq!(inbox.take().unwrap().len(), answers.len());
}

#[test]
fn closed_it_gives_what_it_has_and_lets_nothing_in() {
    let inbox = Inbox::new(10, 100);
    let (first, _a) = of_size(1);
    inbox.publish(first).unwrap();
    inbox.close();
    let (second, _b) = of_size(1);
    assert!(matches!(inbox.publish(second), Err(Refused::Closed)));
    assert_eq!(inbox.take().unwrap().len(), 1);
    assert!(inbox.take().is_none());
}

#[test]
fn abandoned_it_tells_those_who_wait() {
    let inbox = Inbox::new(10, 100);
    let (first, mut answer) = of_size(1);
    inbox.publish(first).unwrap();
    inbox.abandon();
    assert!(matches!(
        answer.try_recv(),
        Err(oneshot::error::TryRecvError::Closed)
    ));
    let (reply, mut answer) = oneshot::channel();
    inbox.send(Job::Probe(reply));
    assert!(answer.try_recv().is_err());
}

#[test]
fn a_publish_is_begun_once_and_not_after_it_was_taken_back() {
    let (job, _answer) = of_size(1);
    assert!(job.begin());
    assert!(!job.begin());
    let (job, answer) = of_size(1);
    drop(answer);
    assert!(!job.begin(), "nobody waits");
}
