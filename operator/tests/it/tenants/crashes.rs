//! Every write of a whole pass, over Kubernetes, broker and store, spoiled once in every way. The end is always the same.

pub mod broker;
mod site;

use std::{collections::BTreeMap, sync::Arc};

use futures_util::{StreamExt, stream};
use serde_json::{Value, json};

use self::site::{End, Site};
use crate::{
    crash::{Fault, Saboteur},
    support::Corner,
};

/// What is done to a tenant, and from where.
struct Scene {
    name: &'static str,
    before: Option<fn() -> Value>,
    /// `None` = it is deleted.
    after: Option<fn() -> Value>,
    /// Keys that there may be afterwards.
    keys: usize,
}

fn plain() -> Value {
    json!({"apiKeys": [{"name": "app", "rotation": {"trigger": "1"}}]})
}

fn changed() -> Value {
    json!({"apiKeys": [{"name": "app", "services": ["shop"], "rotation": {"trigger": "1"}}],
        "limits": {"eventsPerSecond": 9}, "suspend": true, "deletionProtection": true})
}

fn rotated() -> Value {
    json!({"apiKeys": [{"name": "app", "rotation": {"trigger": "2"}}]})
}

fn removed() -> Value {
    json!({"apiKeys": []})
}

const SCENES: [Scene; 5] = [
    Scene {
        name: "create",
        before: None,
        after: Some(plain),
        keys: 1,
    },
    Scene {
        name: "change",
        before: Some(plain),
        after: Some(changed),
        keys: 1,
    },
    Scene {
        name: "rotate",
        before: Some(plain),
        after: Some(rotated),
        keys: 2,
    },
    Scene {
        name: "remove",
        before: Some(plain),
        after: Some(removed),
        keys: 1,
    },
    Scene {
        name: "delete",
        before: Some(plain),
        after: None,
        keys: 1,
    },
];

/// Brings a new site to where the scene begins.
async fn begin(corner: &Arc<Corner>, scene: &Scene, short: &str) -> Site {
    let site = Site::new(corner, short);
    if let Some(before) = scene.before {
        site.apply(before()).await;
        site.settle().await;
    }
    match scene.after {
        Some(after) => site.apply(after()).await,
        None => site.delete().await,
    }
    site
}

/// The writes of a scene that nobody spoils, and its end.
async fn undisturbed(corner: &Arc<Corner>, scene: &Scene) -> (usize, End) {
    let site = begin(corner, scene, &format!("{}-0", scene.name)).await;
    let idle = Saboteur::idle();
    site.pass(&idle).await.unwrap();
    let writes = idle.writes();
    site.settle().await;
    println!("{}: K = {}: {writes:?}", scene.name, writes.len());
    (writes.len(), site.end().await)
}

async fn spoiled(
    corner: &Arc<Corner>,
    scene: &Scene,
    at: usize,
    fault: Fault,
    number: usize,
) -> End {
    let site = begin(corner, scene, &format!("{}-{at}-{number}", scene.name)).await;
    let before = site.values().await;
    let saboteur = Saboteur::at(at, fault);
    let passed = site.pass(&saboteur).await;
    assert!(
        saboteur.struck(),
        "{} {at} {fault:?} did not strike",
        scene.name
    );
    // Nothing that a Secret shows may be unknown to ingest, at this moment least of all.
    site.shown_is_known().await;
    if saboteur.is_dead() {
        assert!(
            passed.is_err(),
            "a pass that ended without an answer ended well"
        );
    }
    site.settle().await;
    site.shown_is_known().await;
    let (after, end) = (site.values().await, site.end().await);
    // A key changes by a rotation, and by nothing else.
    if scene.name != "rotate" {
        for (secret, value) in &before {
            assert_eq!(
                after.get(secret),
                Some(value),
                "{} {at} {fault:?}",
                scene.name
            );
        }
    }
    assert!(
        end.keys <= scene.keys,
        "{} {at} {fault:?}: {end:?}",
        scene.name
    );
    end
}

#[tokio::test(flavor = "multi_thread")]
async fn every_write_of_a_pass_may_be_the_last_or_fail_and_the_end_is_the_same() {
    let corner = Arc::new(Corner::shared().await);
    let mut told = BTreeMap::new();
    for scene in &SCENES {
        let (writes, wanted) = undisturbed(&corner, scene).await;
        assert!(writes > 0);
        let cases =
            (1..=writes).flat_map(|at| Fault::ALL.into_iter().enumerate().map(move |f| (at, f)));
        let ends = stream::iter(cases).map(|(at, (number, fault))| {
            let corner = Arc::clone(&corner);
            async move { (at, fault, spoiled(&corner, scene, at, fault, number).await) }
        });
        let ends: Vec<_> = ends.buffer_unordered(8).collect().await;
        for (at, fault, end) in &ends {
            assert_eq!(end, &wanted, "{}: write {at}, {fault:?}", scene.name);
        }
        let crashes = ends
            .iter()
            .filter(|(_, fault, _)| *fault == Fault::Crash)
            .count();
        told.insert(
            scene.name,
            format!("{crashes}/{writes} crashes, {} faults in all", ends.len()),
        );
    }
    println!("converged: {told:?}");
}
