//! The steps, in their order. Each is short, and all of them may be repeated from the beginning.

use anyhow::bail;
use sendry_domain::{id::TenantId, time::UnixMillis};

use super::{parts::Parts, survey::may_be_erased};

/// Rows a transaction, so that others wait for milliseconds.
const STEP: u32 = 2_000;
/// How often what came late is looked for.
const ROUNDS: usize = 3;

/// Erases the tenant, as of `at`, and returns how many rows that were. `told` hears of each step's rows and may stop it.
///
/// # Errors
/// When a store is away, the tenant is taken up again meanwhile, or `told` stops it: the rest is still there. When rows
/// come again and again.
pub async fn erase(
    parts: &Parts,
    tenant: &TenantId,
    at: UnixMillis,
    told: &mut dyn FnMut(u64) -> anyhow::Result<()>,
) -> anyhow::Result<u64> {
    let mut erasure = Erasure {
        parts,
        tenant,
        told,
        version: None,
        rows: 0,
    };
    erasure.still_unwanted().await?;
    parts.queues.remove(tenant).await?;
    for _ in 0..ROUNDS {
        erasure.raw().await?;
        erasure.counts(at).await?;
        // Stored by a worker that had counted before the fence was up.
        if erasure.left().await? == 0 {
            let rows = erasure.settings().await?;
            // A worker that declares queues itself may have made them again while the tenant was still there.
            tokio::time::sleep(parts.queues.made_again_within()).await;
            parts.queues.remove(tenant).await?;
            return Ok(rows);
        }
    }
    let left = erasure.left().await?;
    bail!(
        "{left} rows of tenant `{tenant}` came back while it was being erased: a worker is still busy with it; its settings \
         stay until this command is run again"
    )
}

struct Erasure<'a> {
    parts: &'a Parts,
    tenant: &'a TenantId,
    told: &'a mut dyn FnMut(u64) -> anyhow::Result<()>,
    /// Of the settings by which it was found unwanted.
    version: Option<u64>,
    rows: u64,
}

impl Erasure<'_> {
    /// Stops where somebody took the tenant up again.
    async fn still_unwanted(&mut self) -> anyhow::Result<()> {
        let control = &self.parts.control;
        if self.version == Some(control.version().await?) {
            return Ok(());
        }
        let snapshot = control.snapshot().await?;
        let tenant = snapshot.tenants.iter().find(|t| t.id == *self.tenant);
        let unwanted = may_be_erased(self.tenant, tenant);
        unwanted.map_err(|error| match self.rows {
            0 => error,
            rows => error.context(format!(
                "stopped: the tenant was taken up again after {rows} rows of it were erased"
            )),
        })?;
        self.version = Some(snapshot.version);
        Ok(())
    }

    fn note(&mut self, rows: u64) -> anyhow::Result<()> {
        self.rows += rows;
        (self.told)(rows)
    }

    async fn raw(&mut self) -> anyhow::Result<()> {
        loop {
            self.still_unwanted().await?;
            let erased = self.parts.raw.erase(self.tenant, STEP).await?;
            self.note(erased.rows)?;
            if erased.done {
                return Ok(());
            }
        }
    }

    async fn counts(&mut self, at: UnixMillis) -> anyhow::Result<()> {
        loop {
            self.still_unwanted().await?;
            let erased = self.parts.metrics.erase(self.tenant, at, STEP).await?;
            self.note(erased.rows)?;
            if erased.done {
                return Ok(());
            }
        }
    }

    async fn left(&self) -> anyhow::Result<u64> {
        let raw = self.parts.raw.footprint(self.tenant).await?.total();
        Ok(raw + self.parts.metrics.footprint(self.tenant).await?.total())
    }

    async fn settings(&mut self) -> anyhow::Result<u64> {
        let erased = self.parts.control.erase(self.tenant).await?;
        match erased {
            Some(rows) => self.note(rows)?,
            None => {
                self.version = None;
                self.still_unwanted().await?;
            }
        }
        Ok(self.rows)
    }
}
