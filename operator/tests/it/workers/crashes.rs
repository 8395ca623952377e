//! Every write spoiled once in every way: the next passes come to the same end.

use std::sync::Arc;

use futures_util::{StreamExt, stream};

use super::place::Place;
use crate::{
    crash::{Fault, Saboteur},
    support::{eventually, is},
};

/// Passes until one writes nothing.
async fn rest(place: &Place) {
    for _ in 0..10 {
        let idle = Saboteur::idle();
        if place.pass(&idle).await.is_ok() && idle.writes().is_empty() {
            return;
        }
    }
    panic!("{} does not come to rest", place.name());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn making_ends_alike_whatever_is_spoiled() {
    let corner = Place::new().await.corner;
    // Paused first, then its number, then let go.
    let whole = Place::of(Arc::clone(&corner), "whole");
    let writes = whole.settle().await;
    assert_eq!(writes.len(), 6, "{writes:?}");
    let cases = (1..=writes.len()).flat_map(|at| Fault::ALL.map(|fault| (at, fault)));
    let cases = cases.enumerate().map(|(number, (at, fault))| {
        let corner = Arc::clone(&corner);
        async move {
            let place = Place::of(corner, &format!("p{number}"));
            let saboteur = Saboteur::at(at, fault);
            let _ = place.pass(&saboteur).await;
            assert!(saboteur.struck(), "{at} {fault:?}");
            rest(&place).await;
            assert_eq!(place.there().await, [true; 4], "{at} {fault:?}");
            assert_eq!(place.replicas().await, Some(0), "{at} {fault:?}");
            assert_eq!(
                place.deployment().await.spec.unwrap().paused,
                None,
                "{at} {fault:?}"
            );
            place.replicas_are_not_ours().await;
        }
    });
    stream::iter(cases)
        .buffer_unordered(8)
        .collect::<Vec<_>>()
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn removing_ends_alike_whatever_is_spoiled() {
    let corner = Place::new().await.corner;
    let cases = (1..=4).flat_map(|at| Fault::ALL.map(|fault| (at, fault)));
    let cases = cases.enumerate().map(|(number, (at, fault))| {
        let corner = Arc::clone(&corner);
        async move {
            let place = Place::of(corner, &format!("p{number}"));
            place.settle().await;
            let saboteur = Saboteur::at(at, fault);
            let _ = place.removal(&saboteur).await;
            assert!(saboteur.struck(), "{at} {fault:?}");
            place.removal(&Saboteur::idle()).await.unwrap();
            eventually("all of it to go", async || {
                is(
                    place.there().await == [false; 4],
                    (at, fault, place.there().await),
                )
            })
            .await;
        }
    });
    stream::iter(cases)
        .buffer_unordered(8)
        .collect::<Vec<_>>()
        .await;
}
