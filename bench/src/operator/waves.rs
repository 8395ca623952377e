//! What waits in the queues of the measured operator's pipelines, where the broker is in its own memory.

use std::{sync::Arc, time::Duration};

use sendry_domain::{
    id::{PipelineName, TenantId},
    routing::QueueName,
};
use sendry_queue::fake::FakeDepths;
use sendry_runtime::clock::Clock;

/// As often as the operator looks.
const EVERY: Duration = Duration::from_secs(2);
/// A queue fills once in so many seconds …
const PERIOD: u64 = 600;
/// … and is full for so many.
const HIGH: u64 = 60;
/// Between one queue and the next, so that each fills at another time.
const APART: u64 = 7;

/// Which pipelines there are.
#[derive(Clone, Copy, Debug, clap::Args)]
pub struct Size {
    /// Tenants with pipelines
    #[arg(long = "scaled", default_value_t = 0)]
    pub tenants: usize,
    /// Pipelines of each
    #[arg(long = "pipelines", default_value_t = 0)]
    pub each: usize,
}

impl Size {
    /// Of each pipeline its tenant's name, which is its namespace's, and its own.
    pub fn names(self) -> Vec<(String, String)> {
        let tenants = super::names(super::SCALED, self.tenants).into_iter();
        let of_one = |tenant: String| {
            let own = move |n| (tenant.clone(), format!("p-{n}"));
            (0..self.each).map(own)
        };
        tenants.flat_map(of_one).collect()
    }
}

/// Comes and goes: for a minute in ten there is a lot. It never ends.
pub async fn run(size: Size, depths: Arc<FakeDepths>, clock: Arc<dyn Clock>) -> anyhow::Result<()> {
    let queues: Vec<QueueName> = size
        .names()
        .iter()
        .map(|(tenant, name)| {
            let (tenant, name) = (TenantId::new(tenant)?, PipelineName::new(name)?);
            Ok(QueueName::Pipeline(tenant, name))
        })
        .collect::<anyhow::Result<_>>()?;
    let mut every = tokio::time::interval(EVERY);
    loop {
        every.tick().await;
        let mut second = clock.monotonic_ms() / 1_000;
        for queue in &queues {
            let ready = if second % PERIOD < HIGH { 20_000 } else { 2 };
            depths.set(queue.clone(), ready, 4);
            second += APART;
        }
    }
}
