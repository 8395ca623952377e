//! Every write of a pipeline's life, over Kubernetes, broker and store, spoiled once in every way. The end is always the
//! same, and no queue is ever there that ingest sends events to without its binding.

mod site;

use std::{collections::BTreeMap, sync::Arc};

use futures_util::{StreamExt, stream};

use self::site::{End, Place, Site};
use crate::{
    crash::{Fault, Saboteur},
    support::Corner,
};

#[derive(Clone, Copy, PartialEq)]
enum Scene {
    Create,
    Drain,
}

impl Scene {
    fn name(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Drain => "drain",
        }
    }
}

/// Brings a new site to where the scene begins.
async fn begin(place: &Arc<Place>, scene: Scene, short: &str) -> Site {
    let site = Site::new(place, &format!("{}-{short}", scene.name())).await;
    site.apply().await;
    if scene == Scene::Drain {
        site.settle().await;
        site.delete().await;
    }
    site
}

async fn spoiled(place: &Arc<Place>, scene: Scene, at: usize, fault: Fault, number: usize) -> End {
    let site = begin(place, scene, &format!("{at}-{number}")).await;
    let saboteur = Saboteur::at(at, fault);
    let ended = site.process(&saboteur).await;
    let what = format!("{} {at} {fault:?}: {:?}", scene.name(), saboteur.writes());
    assert!(saboteur.struck(), "{what} did not strike");
    if saboteur.is_dead() {
        assert!(ended.is_err(), "{what}: a process that was over ended well");
    }
    site.routes_lead_somewhere(&what).await;
    site.settle().await;
    site.routes_lead_somewhere(&what).await;
    site.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn every_write_of_a_life_may_be_the_last_or_fail_and_the_end_is_the_same() {
    let corner = Corner::shared().await;
    let place = Arc::new(Place::of(corner).await);
    let mut told = BTreeMap::new();
    // What the tenant itself needs in the cluster is there before, so that all count the same writes.
    begin(&place, Scene::Create, "warm").await.settle().await;
    for scene in [Scene::Create, Scene::Drain] {
        let site = begin(&place, scene, "0").await;
        let idle = Saboteur::idle();
        site.process(&idle).await.unwrap();
        let writes = idle.writes();
        site.settle().await;
        let wanted = site.end().await;
        println!(
            "{}: K = {}: {writes:?}\n{wanted:?}",
            scene.name(),
            writes.len()
        );
        assert!(writes.len() > 10, "{writes:?}");
        let all = Fault::ALL.into_iter().enumerate();
        let cases = (1..=writes.len()).flat_map(|at| all.clone().map(move |fault| (at, fault)));
        let ends = stream::iter(cases).map(|(at, (number, fault))| {
            let place = Arc::clone(&place);
            async move { (at, fault, spoiled(&place, scene, at, fault, number).await) }
        });
        let ends: Vec<_> = ends.buffer_unordered(8).collect().await;
        for (at, fault, end) in &ends {
            assert_eq!(
                end,
                &wanted,
                "{}: write {at} ({}), {fault:?}",
                scene.name(),
                writes[at - 1]
            );
        }
        told.insert(
            scene.name(),
            format!("K = {}, {} cases", writes.len(), ends.len()),
        );
    }
    println!("converged: {told:?}");
}
