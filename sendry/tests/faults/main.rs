//! What goes wrong in the field, done on purpose to separate processes on real servers: whatever is killed, frozen, cut
//! off or filled up, every confirmed event is counted once, every refused one never, and nothing that is valid dies.
//!
//! A test is a group of scenes on servers of its own, each scene in a room of its own. Everything random comes from one
//! seed, which is printed; `SENDRY_SEED=n` plays it again.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "what fails in a test is to be seen at once"
)]
#![expect(
    clippy::print_stdout,
    reason = "a run says its seed, and what was measured in it"
)]

mod away;
mod broker;
mod clients;
mod links;
mod migrate;
mod poison;
mod probe;
mod processes;
mod purge;
mod scene;

use scene::Stage;
use sendry_servers::postgres;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_are_killed_frozen_and_stopped() {
    let mut stage = Stage::set();
    stage.scene("random_kills", processes::random_kills).await;
    stage.scene("orderly_stops", processes::orderly_stops).await;
    stage.scene("frozen", processes::frozen).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_servers_are_waited_for() {
    let mut stage = Stage::set();
    stage.scene("broker_killed", away::broker_killed).await;
    stage.scene("postgres_killed", away::postgres_killed).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_away_or_full_is_waited_for() {
    let options = postgres::Options {
        room_mib: Some(300),
        ..postgres::Options::default()
    };
    let mut stage = Stage::set_with(&options);
    stage.scene("mongodb_killed", away::mongodb_killed).await;
    stage.scene("services_away", away::services_away).await;
    stage.scene("postgres_full", away::postgres_full).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn links_break_and_become_whole() {
    let mut stage = Stage::set();
    stage.scene("broken_links", links::broken_links).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn storms_alarms_and_full_queues() {
    let mut stage = Stage::set();
    stage.scene("storms", clients::storms).await;
    stage.scene("alarms", broker::alarms).await;
    stage.scene("full_queue", broker::full_queue).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_sent_is_poison_or_goes_elsewhere() {
    let mut stage = Stage::set();
    stage.scene("poison", poison::poison_beside_healthy).await;
    stage.scene("pipelines", clients::pipelines).await;
    stage.scene("midnight", clients::midnight).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tenant_is_erased_beside_others() {
    let mut stage = Stage::set();
    stage.scene("purge", purge::a_tenant_is_erased).await;
}
