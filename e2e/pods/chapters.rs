//! The story, in the order in which it is told.

mod first;
mod follow;
mod image;
mod operator;
mod steady;

use crate::{Options, page::Page, pipeline::Pipeline, stage::Stage, traffic::Traffic};

/// A tenant, and what it sent.
pub struct Tenant<'a> {
    pub pipeline: Pipeline<'a>,
    pub traffic: Traffic<'a>,
}

/// Plays all of it. What one chapter waits minutes for – that a pipeline rests – goes on beside the next ones.
pub async fn tell(page: &mut Page, stage: &Stage, options: &Options) -> anyhow::Result<()> {
    page.line("helm install", first::install(stage)).await?;
    let mut quick = page
        .line(
            "kubectl apply -f examples/quickstart.yaml",
            first::quickstart(stage),
        )
        .await?;
    page.line(
        "events in and numbers out, by the Services",
        first::numbers(stage, &mut quick),
    )
    .await?;
    page.line("a burst: workers follow it", follow::burst(&mut quick))
        .await?;

    let mut steady = page
        .line("another tenant, with five workers", steady::begin(stage))
        .await?;
    for round in 1..=options.rounds {
        page.line(
            &format!("5 → 1 → 5 under load, {round}"),
            steady::round(&mut steady),
        )
        .await?;
    }
    page.line("a pod is evicted under load", steady::evicted(&mut steady))
        .await?;

    page.line("nothing comes: no worker is left", follow::rest(&quick))
        .await?;
    page.line("one event wakes it", follow::wake(&mut quick))
        .await?;

    page.line(
        "the operator is killed amid scaling",
        operator::killed(stage, &mut steady),
    )
    .await?;
    page.line(
        &format!("no operator for {} s under load", options.away),
        operator::away(stage, &mut steady, options.away()),
    )
    .await?;
    page.line(
        "an image that cannot start",
        image::broken(stage, &mut steady),
    )
    .await?;
    page.line("helm uninstall", first::uninstall(stage, &steady))
        .await?;
    Ok(())
}
