//! What the disk and the simplest possible durable log can do, to hold Sendry against.

use std::{
    fs::File,
    io::Write,
    path::Path,
    sync::mpsc,
    time::{Duration, Instant},
};

use sendry_testkit::latency::Latencies;
use tokio::sync::oneshot;

/// Latency of a 4 KiB append with `fdatasync`.
pub fn fsync(folder: &Path, times: usize) -> anyhow::Result<Latencies> {
    let mut file = File::create(folder.join("fsync"))?;
    let mut latencies = Latencies::default();
    for _ in 0..times {
        let began = Instant::now();
        file.write_all(&[7; 4096])?;
        file.sync_data()?;
        latencies.record(began.elapsed());
    }
    Ok(latencies)
}

/// A bare group-committed append: one thread writes what waits and syncs once for all. Callers come at a fixed rate,
/// as in [`crate::rig::Load::open`].
pub async fn group_commit(
    folder: &Path,
    callers: usize,
    per_second: f64,
    bytes: usize,
    time: Duration,
) -> anyhow::Result<Latencies> {
    let (sender, waiting) = mpsc::sync_channel::<oneshot::Sender<()>>(65_536);
    let mut file = File::create(folder.join("append"))?;
    let writer = std::thread::spawn(move || -> std::io::Result<()> {
        let record = vec![b'x'; bytes];
        while let Ok(first) = waiting.recv() {
            let mut group = vec![first];
            group.extend(waiting.try_iter());
            for _ in &group {
                file.write_all(&record)?;
            }
            file.sync_data()?;
            group.into_iter().for_each(|caller| {
                let _ = caller.send(());
            });
        }
        Ok(())
    });
    let began = Instant::now();
    let interval = callers as f64 / per_second;
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..callers {
        let sender = sender.clone();
        tasks.spawn(async move {
            let mut latencies = Latencies::default();
            let offset = interval * number as f64 / callers as f64;
            for turn in 0.. {
                let due = Duration::from_secs_f64(offset + interval * f64::from(turn));
                if due >= time {
                    break;
                }
                tokio::time::sleep_until((began + due).into()).await;
                let start = Instant::now();
                let (done, confirmed) = oneshot::channel();
                sender.send(done)?;
                confirmed.await?;
                latencies.record(start.elapsed());
            }
            anyhow::Ok(latencies)
        });
    }
    drop(sender);
    let mut all = Latencies::default();
    while let Some(latencies) = tasks.join_next().await {
        all.extend(latencies??);
    }
    writer
        .join()
        .map_err(|_| anyhow::anyhow!("the writer panicked"))??;
    Ok(all)
}
