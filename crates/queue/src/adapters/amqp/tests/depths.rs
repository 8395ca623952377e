//! Many queues asked at once.

use std::time::Duration;

use super::{proxy::Proxy, *};
use crate::{Depth, QueueDepths, QueueError, adapters::amqp::AmqpDepths, contract::stage::message};

/// How long the broker may take to answer where it is asked about time: far more than a busy machine needs.
const ANSWER: Duration = Duration::from_secs(5);

fn names(count: usize) -> Vec<String> {
    (0..count).map(|n| format!("p{n:03}")).collect()
}

/// Queues of which the n-th has n % 3 messages.
async fn filled(names: &[String]) -> (Vhost, AmqpQueue, Vec<QueueName>) {
    let all: Vec<&str> = names.iter().map(String::as_str).collect();
    let (vhost, queue) = stage(&all).await;
    let queues: Vec<QueueName> = all.iter().map(|name| queue_named(name)).collect();
    for (number, name) in queues.iter().enumerate() {
        for id in 0..number % 3 {
            queue.publish(message(name, id as u32)).await.unwrap();
        }
    }
    (vhost, queue, queues)
}

/// Asks until all is as `expected`: a broker that was just told may answer of before, and one that is busy says 0.
async fn becomes(depths: &dyn QueueDepths, queues: &[QueueName], expected: &[Option<u64>]) {
    let started = Instant::now();
    loop {
        let answers = depths.depths(queues).await;
        let seen: Vec<Option<u64>> = answers.iter().map(ready).collect();
        if seen == expected {
            return;
        }
        assert!(started.elapsed() < DEADLINE, "{seen:?}\n{answers:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn ready(answer: &Result<Depth, QueueError>) -> Option<u64> {
    answer.as_ref().ok().map(|depth| depth.ready)
}

/// Asserts that exactly those are told which are told in `expected`, in this one look. How much waits in them is for
/// [`becomes`].
fn assert_told(answers: &[Result<Depth, QueueError>], expected: &[Option<u64>], when: &str) {
    let told: Vec<bool> = answers.iter().map(Result::is_ok).collect();
    let should: Vec<bool> = expected.iter().map(Option::is_some).collect();
    assert_eq!(told, should, "{when}: {answers:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_queues_are_told_in_the_order_asked() {
    let names = names(150);
    let (vhost, queue, queues) = filled(&names).await;
    let expected: Vec<Option<u64>> = (0..150).map(|n| Some(n % 3)).collect();
    becomes(&queue, &queues, &expected).await;
    let depths = AmqpDepths::connect(options(&vhost));
    becomes(&depths, &queues, &expected).await;
    let began = Instant::now();
    depths.depths(&queues).await;
    println!(
        "150 queues asked, those that say 0 twice: {:?}",
        began.elapsed()
    );
    let consumer = queue.consume(&queues[4]).await.unwrap();
    let mut backwards: Vec<QueueName> = queues.clone();
    backwards.reverse();
    let told = depths.depths(&backwards).await;
    let consumers: Vec<_> = told.into_iter().map(|d| d.unwrap().consumers).collect();
    assert_eq!(consumers[145], Some(1));
    assert_eq!(consumers.iter().flatten().sum::<u64>(), 1);
    drop(consumer);
    assert!(depths.depths(&[]).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_queue_is_an_error_for_itself_alone() {
    let names = names(40);
    let (vhost, _queue, queues) = filled(&names).await;
    let depths = AmqpDepths::connect(options(&vhost));
    let mut expected: Vec<Option<u64>> = (0..40).map(|n| Some(n % 3)).collect();
    becomes(&depths, &queues, &expected).await;
    // At the beginning, in the middle, one after the other, at the end; and one deleted while it was being asked.
    let missing = [0, 17, 18, 39];
    for number in missing {
        let deleted = ["queues", vhost.name.as_str(), &queues[number].to_string()];
        vhost.call(reqwest::Method::DELETE, &deleted, None).await;
        expected[number] = None;
    }
    let answers = depths.depths(&queues).await;
    assert_told(&answers, &expected, "in the very first look");
    for number in missing {
        let error = answers[number].as_ref().unwrap_err();
        let words = std::error::Error::source(error).unwrap().to_string();
        assert!(words.contains("NOT_FOUND"), "{words}");
        assert!(words.contains(&queues[number].to_string()), "{words}");
    }
    // From memory now: no channel is lost for them, and the others are told as ever.
    let before = depths.link.connection().await.unwrap();
    for look in 0..20 {
        let answers = depths.depths(&queues).await;
        assert_told(&answers, &expected, &format!("in look {look}"));
    }
    becomes(&depths, &queues, &expected).await;
    let after = depths.link.connection().await.unwrap();
    assert!(
        Arc::ptr_eq(&before, &after),
        "missing queues cost connections"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn where_nobody_answers_nothing_is_known() {
    let options = AmqpOptions::new("amqp://guest:guest@127.0.0.1:1").unwrap();
    let depths = AmqpDepths::connect(options);
    let answers = depths.depths(&[queue_named("a"), queue_named("b")]).await;
    assert!(answers.iter().all(Result::is_err), "{answers:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_queue_that_hangs_leaves_all_others_known() {
    let names = names(150);
    let (vhost, queue, queues) = filled(&names).await;
    let mut expected: Vec<Option<u64>> = (0..150).map(|n| Some(n % 3)).collect();
    becomes(&queue, &queues, &expected).await;
    let proxy = Proxy::start().await;
    // The first of a channel's questions, one amid them, and one that says 0 and so is asked twice.
    for hangs in [0, 100, 75] {
        proxy.hang(&queues[hangs]);
        let mut options = proxy.options(&vhost);
        options.answer_timeout = ANSWER;
        let depths = AmqpDepths::connect(options);
        let began = Instant::now();
        let answers = depths.depths(&queues).await;
        let took = began.elapsed();
        expected[hangs] = None;
        assert_told(&answers, &expected, &format!("{hangs} hangs"));
        assert!(took < ANSWER * 3, "{took:?}");
        // It is not waited for again.
        let began = Instant::now();
        let answers = depths.depths(&queues).await;
        let again = began.elapsed();
        assert_told(&answers, &expected, &format!("{hangs} hangs still"));
        assert!(again < ANSWER, "{again:?}");
        println!("{hangs} hangs: told in {took:.1?}, and then in {again:.1?}");
        becomes(&depths, &queues, &expected).await;
        expected[hangs] = Some(hangs as u64 % 3);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_fell_silent_is_replaced_within_the_look() {
    let (vhost, _queue, queues) = filled(&names(40)).await;
    let expected: Vec<Option<u64>> = (0..40).map(|n| Some(n % 3)).collect();
    let proxy = Proxy::start().await;
    let mut options = proxy.options(&vhost);
    options.answer_timeout = ANSWER;
    let depths = AmqpDepths::connect(options);
    becomes(&depths, &queues, &expected).await;
    proxy.silence();
    let answers = depths.depths(&queues).await;
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_never_answers_is_given_up_in_time() {
    let mute = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = mute.local_addr().unwrap().port();
    let url = format!("amqp://guest:guest@127.0.0.1:{port}");
    let mut options = AmqpOptions::new(&url).unwrap();
    options.answer_timeout = Duration::from_secs(2);
    let depths = AmqpDepths::connect(options);
    let began = Instant::now();
    let answers = depths.depths(&[queue_named("a"), queue_named("b")]).await;
    let took = began.elapsed();
    assert!(answers.iter().all(Result::is_err), "{answers:?}");
    assert!(took < Duration::from_secs(6), "{took:?}");
}
