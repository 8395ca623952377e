//! A broker that is away, stops, blocks, or is cut off.

use std::{
    collections::BTreeSet,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use futures_util::future::join_all;
use reqwest::Method;

use super::{proxy::Proxy, *};
use crate::{
    PublishError,
    contract::stage::{eventually, message},
    topology::reconcile_all,
};

/// A broker behind a proxy, with one pipeline.
async fn behind_a_proxy() -> (Vhost, Proxy, AmqpQueue) {
    let (vhost, _) = stage(&["orders"]).await;
    let proxy = Proxy::start().await;
    let queue = AmqpQueue::connect(proxy.options(&vhost));
    queue.ready(DEADLINE).await.unwrap();
    (vhost, proxy, queue)
}

async fn publishes(queue: &AmqpQueue) {
    let orders = queue_named("orders");
    eventually("a publish is confirmed", || {
        queue.publish(message(&orders, 0))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_broker_everything_is_refused_at_once() {
    let queue = AmqpQueue::connect(AmqpOptions::new("amqp://guest:hunter2@127.0.0.1:9").unwrap());
    let orders = queue_named("orders");
    let error = queue.publish(message(&orders, 1)).await.unwrap_err();
    assert!(matches!(error, PublishError::Unavailable(_)), "{error:?}");
    let error = queue.consume(&orders).await.err().unwrap();
    let source = error.source.to_string();
    assert!(
        source.contains("127.0.0.1:9") && !source.contains("hunter2"),
        "{source}"
    );
    assert!(queue.depth(&orders).await.is_err());
    assert!(queue.check().await.is_err());
    assert!(!queue.state().connected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_comes_later_is_found() {
    let vhost = Vhost::create().await;
    let queue = AmqpQueue::connect(options(&vhost));
    eventually("only the exchange is missing", || async {
        match queue.check().await {
            Err(error) if error.source.to_string().contains("sendry.events") => Ok(()),
            other => Err(other),
        }
    })
    .await;
    let api = vhost.management();
    reconcile_all(&api, &topology(&["orders"])).await.unwrap();
    publishes(&queue).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_broker_blocks_publishes_are_refused_at_once() {
    let (_vhost, proxy, queue) = behind_a_proxy().await;
    let orders = queue_named("orders");
    for round in 0..3 {
        proxy.block();
        let blocked = || async {
            let state = queue.state();
            (state.blocked && state.connected)
                .then_some(())
                .ok_or(state)
        };
        eventually("blocked is heard", blocked).await;
        let refused = join_all((0..500).map(|n| queue.publish(message(&orders, n))));
        let took = Instant::now();
        for answer in refused.await {
            let error = answer.unwrap_err();
            assert!(
                matches!(&error, PublishError::Unavailable(reason) if reason.contains("blocks publishing")),
                "{error:?}"
            );
        }
        assert!(
            took.elapsed() < queue.options.publish_timeout,
            "round {round}: some waited"
        );
        assert!(queue.check().await.is_err());
        proxy.unblock();
        publishes(&queue).await;
    }
    assert_eq!(proxy.connections(), 2, "no connection was given up");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_sent_before_the_broker_blocked_is_unknown_in_time() {
    let (_vhost, proxy, queue) = behind_a_proxy().await;
    let orders = queue_named("orders");
    proxy.freeze();
    let publishing = join_all((0..300).map(|n| queue.publish(message(&orders, n))));
    let blocking = async { proxy.block() };
    let (answers, ()) = tokio::join!(publishing, blocking);
    for answer in answers {
        let error = answer.unwrap_err();
        assert!(!matches!(error, PublishError::Full(_)), "{error:?}");
    }
    proxy.unblock();
    publishes(&queue).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_confirms_the_connection_is_made_anew() {
    let (_vhost, proxy, queue) = behind_a_proxy().await;
    let orders = queue_named("orders");
    proxy.silence();
    let answers = join_all((0..300).map(|n| queue.publish(message(&orders, n)))).await;
    let unknown = answers
        .iter()
        .filter(|answer| matches!(answer, Err(PublishError::Unknown(_))))
        .count();
    assert_eq!(unknown, 256, "those that were sent");
    let refused = answers
        .iter()
        .filter(|answer| matches!(answer, Err(PublishError::Unavailable(_))))
        .count();
    assert_eq!(refused, 300 - 256, "those that were not");
    publishes(&queue).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_wire_costs_nothing_that_was_confirmed() {
    let (_vhost, proxy, queue) = behind_a_proxy().await;
    confirmed_survives(&queue, || async { proxy.cut() }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_closed_by_the_broker_costs_nothing_that_was_confirmed() {
    let (vhost, queue) = stage(&["orders"]).await;
    let close_all = || async {
        // The broker lists a new connection only after a moment.
        let listed = || async {
            let path = ["vhosts", vhost.name.as_str(), "connections"];
            let list = vhost.call(Method::GET, &path, None).await;
            let names: Vec<String> = list
                .as_array()
                .unwrap()
                .iter()
                .map(|c| c["name"].as_str().unwrap().to_owned())
                .collect();
            if names.is_empty() {
                Err(names)
            } else {
                Ok(names)
            }
        };
        for name in eventually("connections are listed", listed).await {
            let path = ["connections", name.as_str()];
            vhost.call(Method::DELETE, &path, None).await;
        }
    };
    confirmed_survives(&queue, close_all).await;
}

/// Publishes all the while `break_it` is done twice; then everything confirmed has to be there.
async fn confirmed_survives<F: Future<Output = ()>>(
    queue: &AmqpQueue,
    mut break_it: impl FnMut() -> F,
) {
    let orders = queue_named("orders");
    let (confirmed, unknown) = (Mutex::new(BTreeSet::new()), Mutex::new(0));
    let stop = AtomicBool::new(false);
    let publishing = join_all((0..8).map(|publisher| {
        let (orders, confirmed, unknown, stop) = (&orders, &confirmed, &unknown, &stop);
        async move {
            while !stop.load(Ordering::Relaxed) {
                let message = message(orders, publisher);
                let id = message.id;
                match queue.publish(message).await {
                    Ok(()) => {
                        confirmed.lock().unwrap().insert(id);
                    }
                    Err(PublishError::Unknown(_)) => *unknown.lock().unwrap() += 1,
                    Err(PublishError::Unavailable(_)) => tokio::task::yield_now().await,
                    Err(full) => panic!("{full}"),
                }
            }
        }
    }));
    let breaking = async {
        for _ in 0..2 {
            let before = confirmed.lock().unwrap().len();
            let goes_on = || async {
                let now = confirmed.lock().unwrap().len();
                (now > before + 50).then_some(()).ok_or(now)
            };
            eventually("publishing goes on", goes_on).await;
            break_it().await;
        }
        let before = confirmed.lock().unwrap().len();
        let resumed = || async {
            let now = confirmed.lock().unwrap().len();
            (now > before + 50).then_some(()).ok_or(now)
        };
        eventually("publishing resumes", resumed).await;
        stop.store(true, Ordering::Relaxed);
    };
    tokio::join!(publishing, breaking);
    let (confirmed, unknown) = (
        confirmed.into_inner().unwrap(),
        unknown.into_inner().unwrap(),
    );
    let ready = || async {
        let ready = queue.depth(&orders).await.map(|depth| depth.ready as usize);
        match ready {
            Ok(ready) if ready >= confirmed.len() => Ok(ready),
            other => Err(other),
        }
    };
    let ready = eventually("all are there", ready).await;
    let there: BTreeSet<_> = drain(queue, &orders, ready).await.into_iter().collect();
    let lost = confirmed.difference(&there).count();
    println!(
        "{} confirmed, {unknown} unknown, {} there",
        confirmed.len(),
        there.len()
    );
    assert_eq!(lost, 0, "confirmed and lost");
}
