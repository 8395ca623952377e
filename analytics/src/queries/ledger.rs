//! Whether the account closes, and what still waits.

use super::waiting::Waiting;
use crate::{app::App, error::ApiError, tenants::Tenant, views::Ledger};

/// The account of a tenant.
pub(crate) async fn ledger(app: &App, tenant: &Tenant) -> Result<Ledger, ApiError> {
    let waiting = Waiting::ask(app, tenant, app.now()).await;
    let view = app.metrics.ledger(&tenant.id).await?;
    Ok(Ledger::of(&view.tally, waiting.queue(), waiting.parked()))
}
