//! Empty folder to the first chart with own data, and idle memory.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use anyhow::ensure;
use sendry_testkit::{client::Client, process::Sendry};

use crate::{report, rig::Load};

pub async fn run(binary: &Path) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let began = Instant::now();
    let sendry = Sendry::start(binary, &folder.path().join("data"), &[])?;
    let mut client = Client::new(sendry.ready.address()?);
    let page = client.send("GET", "/", &[], bytes::Bytes::new()).await?;
    ensure!(page.status == 200, "the page answers {}", page.status);
    Load::new(&sendry, 1)?
        .closed(1, Duration::ZERO.saturating_add(Duration::from_millis(1)))
        .await?;
    loop {
        let answer = client.get_json("/api/v1/timeseries?from=now-15m").await?;
        let seen: u64 = answer["data"]["requests"]
            .as_object()
            .into_iter()
            .flat_map(|classes| classes.values())
            .flat_map(|points| points.as_array().into_iter().flatten())
            .filter_map(serde_json::Value::as_u64)
            .sum();
        if seen > 0 {
            break;
        }
        ensure!(
            began.elapsed() < Duration::from_secs(30),
            "no data on the chart after 30 s"
        );
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let first_chart = began.elapsed();
    tokio::time::sleep(Duration::from_secs(5)).await;
    report::title("First chart (`cargo xtask bench first-chart`)");
    report::figure(
        "start to ready",
        format!("{:.2} s", sendry.started_in.as_secs_f64()),
        "",
    );
    report::figure(
        "empty folder to first chart with own data",
        format!("{:.2} s", first_chart.as_secs_f64()),
        "< 10 s",
    );
    report::figure(
        "idle resident memory",
        format!("{:.0} MiB", sendry.resident_bytes()? as f64 / 1048576.0),
        "< 150 MiB",
    );
    sendry.stop()?;
    Ok(())
}
