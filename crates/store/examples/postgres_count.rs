//! How fast the PostgreSQL adapter counts, and what the ledger weighs.
//!
//! `cargo run --release -p sendry-store --features contract --example postgres_count -- URL [CALLS]` on an empty database
//! that may be written to. Figures are of the machine and the moment; nothing is asserted.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a tool for people, who want the figures and the first error"
)]

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use sendry_domain::{
    counting::Arrival,
    ledger::OldestHead,
    query::{Detail, Filter, FoldSpec, GroupBy, Slice},
    rollup::Level,
    series::SeriesKind,
    time::{DAY, HOUR, MINUTE, UnixMillis},
    window::Window,
};
use sendry_store::{
    MetricStore,
    adapters::postgres::{PostgresOptions, PostgresStore},
    contract::build::{EventBuilder, NOW, Sealer, arrive, event, request, tenant},
};

/// Messages a call.
const MESSAGES: u32 = 20;
/// Events a message.
const EVENTS: u32 = 100;

/// How events are told apart.
#[derive(Clone, Copy, Debug)]
enum Names {
    /// By their batch.
    Batches,
    /// Each by its own id.
    Events,
}

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let mut options = PostgresOptions::new(arguments.next().unwrap());
    let calls = arguments.next().map_or(60, |calls| calls.parse().unwrap());
    options.migrate_on_start = true;
    // As in production: a superuser would pass the walls for nothing.
    let store = PostgresStore::connect(options.role("sendry_worker")).await;
    let store = Arc::new(store.unwrap());
    let before = store.sizes().await.unwrap();
    count(&store, "batches", Names::Batches, 1, calls).await;
    let between = store.sizes().await.unwrap();
    count(&store, "events", Names::Events, 1, calls).await;
    let after = store.sizes().await.unwrap();
    let events = f64::from(calls * MESSAGES * EVENTS);
    weigh("named by batches", &before, &between, events);
    weigh("named by events", &between, &after, events);
    for writers in [2, 4] {
        count(&store, "batches", Names::Batches, writers, calls).await;
        count(&store, "events", Names::Events, writers, calls).await;
    }
    fold(&store).await;
    purge(&store).await;
}

/// One event of a shop with 50 endpoints, most of them answered well.
fn shop(n: u32) -> EventBuilder {
    let status = [200, 200, 200, 200, 200, 200, 201, 304, 404, 500][(n % 10) as usize];
    // Squared, so that a few endpoints get most of the traffic.
    let endpoint = (n * 7 % 50) * (n * 13 % 50) / 50;
    event()
        .endpoint(&format!("/shop/{endpoint}/:id"))
        .status(status)
        .with("latencyMs", f64::from(n * 37 % 997) / 3.0)
        .with("environment", "production")
        .with("responseSize", 1_000 + n)
}

/// The arrivals of one call of one writer.
fn arrivals(sealer: &Sealer, names: Names, writer: u32, call: u32) -> Vec<Arrival> {
    let at = NOW.plus(i64::from(call) * 50);
    let sealer = Sealer {
        accepted_at: at,
        ..sealer.clone()
    };
    let messages: Vec<_> = (0..MESSAGES)
        .map(|message| {
            let number = (writer * 100_000 + call) * MESSAGES + message;
            let one = |i: u32| {
                let n = number.wrapping_mul(EVENTS).wrapping_add(i);
                let event = shop(n).at(at.plus(-i64::from(n % 3_000)));
                match names {
                    Names::Batches => event,
                    Names::Events => event.id(&format!("order-{number}-{i}")),
                }
            };
            let request = request((0..EVENTS).map(one));
            let request = match names {
                Names::Batches => request.batch(u128::from(number) + 1),
                Names::Events => request,
            };
            sealer.message(number, &request)
        })
        .collect();
    arrive(&messages)
}

async fn count(store: &Arc<PostgresStore>, name: &str, names: Names, writers: u32, calls: u32) {
    let sealer = Sealer::new(&tenant(&format!("bench-{name}-{writers}")));
    let mut prepared: Vec<Vec<Vec<Arrival>>> = Vec::new();
    for writer in 0..writers {
        let of_writer = (0..calls / writers).map(|call| arrivals(&sealer, names, writer, call));
        prepared.push(of_writer.collect());
    }
    let started = Instant::now();
    let mut tasks = Vec::new();
    for of_writer in prepared {
        let store = store.clone();
        tasks.push(tokio::spawn(async move {
            let mut times = Vec::new();
            for (call, arrivals) in (0i64..).zip(of_writer) {
                let begun = Instant::now();
                store.count(&arrivals, NOW.plus(call * 50)).await.unwrap();
                times.push(begun.elapsed());
            }
            times
        }));
    }
    let mut times: Vec<Duration> = Vec::new();
    for task in tasks {
        times.extend(task.await.unwrap());
    }
    let seconds = started.elapsed().as_secs_f64();
    times.sort_unstable();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
    let events = times.len() as f64 * f64::from(MESSAGES * EVENTS);
    println!(
        "{writers} writers, named by {name}: {:.0} events/s; a call of {} events takes p50 {:.1} ms, p99 {:.1} ms",
        events / seconds,
        MESSAGES * EVENTS,
        at(0.5),
        at(0.99),
    );
}

fn weigh(what: &str, before: &[(String, u64)], after: &[(String, u64)], events: f64) {
    for ((table, before), (_, after)) in before.iter().zip(after) {
        let bytes = after.saturating_sub(*before) as f64 / events;
        if bytes > 0.05 {
            println!("{what}: {table} grows by {bytes:.1} bytes an event");
        }
    }
}

async fn fold(store: &PostgresStore) {
    let tenant = tenant("bench-batches-1");
    let spec = |kind, level: Level, group, length: i64| FoldSpec {
        kind,
        filter: Filter::default(),
        slices: vec![Slice {
            level,
            from: level.floor(NOW.plus(-length)),
            to: level.next(NOW),
        }],
        group,
        points: [].into(),
        detail: Detail::None,
    };
    let hours = spec(SeriesKind::Tenant, Level::Hour, GroupBy::Total, 24 * HOUR);
    let minutes = spec(
        SeriesKind::Status,
        Level::Minute,
        GroupBy::Series,
        60 * MINUTE,
    );
    for (what, spec) in [
        ("a day of hours", hours),
        ("an hour of minutes by series", minutes),
    ] {
        let mut times = Vec::new();
        for _ in 0..50 {
            let begun = Instant::now();
            store.fold(&tenant, spec.clone()).await.unwrap();
            times.push(begun.elapsed());
        }
        times.sort_unstable();
        println!("{what}: p50 {:.2} ms", times[25].as_secs_f64() * 1e3);
    }
}

async fn purge(store: &PostgresStore) {
    for name in ["batches", "events"] {
        let tenant = tenant(&format!("bench-{name}-1"));
        let at = UnixMillis(NOW.0 + 20 * DAY);
        let begun = Instant::now();
        let purged = store.purge(&tenant, at, Window::default(), OldestHead::Empty);
        let rows = purged.await.unwrap();
        let seconds = begun.elapsed().as_secs_f64();
        println!(
            "purge of {name}: {rows} rows, {:.1} µs a row",
            seconds * 1e6 / rows as f64
        );
    }
}
