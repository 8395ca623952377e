//! The simulated shop as a client of ingest: 30 days of history, newest first, and live traffic meanwhile.
//!
//! History ends where the first start of the data folder was, which is written down there. So a second start sends the
//! same batches under the same ids, nothing counts twice, and the time during which nothing ran stays empty, as it was.

use std::{collections::BTreeMap, io::IsTerminal, path::Path, sync::Arc, time::Duration};

use anyhow::Context;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use sendry_domain::{
    rollup::Level,
    time::{DAY, HOUR, SECOND, UnixMillis},
};
use sendry_runtime::{clock::Clock, shutdown::Tasks};
use sha2::{Digest, Sha256};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    data_dir::Credentials,
    demo::{DemoEvent, LIVE_PER_SECOND, Shop, traffic},
    send::{As, Sender},
};

/// Days of history.
const DAYS: i64 = 30;
/// The shop is the same on every machine.
const SEED: u64 = 20_260_101;
/// Events a batch.
const BATCH: usize = 500;
/// Between two live batches.
const TICK: Duration = Duration::from_millis(500);

/// Starts both.
pub(super) fn start(
    base: &str,
    credentials: &Credentials,
    data: &Path,
    events: usize,
    clock: Arc<dyn Clock>,
    tasks: &mut Tasks,
    stop: &CancellationToken,
) -> anyhow::Result<()> {
    let now = clock.now_ms();
    let since = since(data, now)?;
    let history = Sender::new(base, &credentials.operator_key, As::History)?;
    let live = Sender::new(base, &credentials.api_key, As::Live)?;
    let token = stop.clone();
    tasks.spawn("demo-history", async move {
        tokio::select! {
            sent = send_history(&history, events, since) => sent,
            () = token.cancelled() => Ok(()),
        }
        .map_err(|error| std::io::Error::other(format!("{error:#}")))
    });
    let token = stop.clone();
    tasks.spawn("demo-live", async move {
        tokio::select! {
            () = send_live(&live, clock.as_ref(), events, since) => {}
            () = token.cancelled() => {}
        }
    });
    Ok(())
}

/// When the shop opened in this folder: now, on its first start.
fn since(data: &Path, now: i64) -> anyhow::Result<i64> {
    let file = data.join("demo-since");
    match std::fs::read_to_string(&file) {
        Ok(text) => text
            .trim()
            .parse()
            .with_context(|| format!("`{}` holds no time", file.display())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            std::fs::write(&file, now.to_string())
                .with_context(|| format!("failed to write `{}`", file.display()))?;
            Ok(now)
        }
        Err(error) => Err(error).with_context(|| format!("failed to read `{}`", file.display())),
    }
}

async fn send_history(sender: &Sender, events: usize, since: i64) -> anyhow::Result<()> {
    let shop = shop(since);
    let per_day = events / DAYS as usize;
    let bar = progress(events as u64);
    let today = Level::Day.floor(UnixMillis(since)).0;
    for day in 0..=DAYS {
        let start = today - day * DAY;
        let mut hours: BTreeMap<i64, Vec<DemoEvent>> = BTreeMap::new();
        for event in shop.history(
            start,
            start + DAY,
            (per_day as f64 * traffic(start, start + DAY)).round() as usize,
        ) {
            if event.timestamp_ms < since {
                hours
                    .entry(event.timestamp_ms.div_euclid(HOUR))
                    .or_default()
                    .push(event);
            }
        }
        for (hour, events) in hours.into_iter().rev() {
            for (part, chunk) in events.chunks(BATCH).enumerate() {
                let texts: Vec<String> = chunk.iter().map(text).collect();
                sender.send(batch_id(per_day, hour, part), &texts).await?;
                bar.inc(texts.len() as u64);
            }
        }
    }
    bar.finish_and_clear();
    tracing::info!(events = bar.position(), "the shop's history is sent");
    Ok(())
}

/// Follows the clock at the rate of the history, so that the charts show one shop. A batch that ingest cannot take is
/// dropped, as a shop would.
async fn send_live(sender: &Sender, clock: &dyn Clock, events: usize, since: i64) {
    let shop = shop(since);
    let share = (events as f64 / (DAYS * DAY / SECOND) as f64 / LIVE_PER_SECOND).clamp(0.0, 1.0);
    let from = clock.now_ms();
    let mut sent = from;
    let mut tick = tokio::time::interval(TICK);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        let now = clock.now_ms();
        // After a suspended laptop wakes up there is no point in replaying the night.
        let events = shop.live(sent.max(now - 5_000), now);
        sent = now;
        let texts: Vec<String> = events
            .iter()
            .filter(|_| rand::random_bool(share))
            .map(text)
            .collect();
        if texts.is_empty() {
            continue;
        }
        if let Err(error) = sender.send(Uuid::now_v7(), &texts).await {
            tracing::warn!(
                error = format!("{error:#}"),
                "live demo traffic was not taken"
            );
        }
    }
}

/// The shop of this data folder, a month old on its first start.
fn shop(since: i64) -> Shop {
    Shop::new(SEED).opened_at(since - DAYS * DAY)
}

fn text(event: &DemoEvent) -> String {
    event.to_json().to_string()
}

fn batch_id(per_day: usize, hour: i64, part: usize) -> Uuid {
    let digest = Sha256::digest(format!("sendry demo {SEED} {per_day} {hour} {part}"));
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest.as_slice()[..16]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}

fn progress(events: u64) -> ProgressBar {
    let target = if std::io::stderr().is_terminal() {
        ProgressDrawTarget::stderr()
    } else {
        ProgressDrawTarget::hidden()
    };
    let style = ProgressStyle::with_template(
        "  history {bar:30} {percent:>3}% {human_pos} events, {per_sec}, {eta} left",
    );
    ProgressBar::with_draw_target(Some(events), target)
        .with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}
