//! `POST /api/v1/events`: a batch as JSON or NDJSON.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Request, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use sendry_domain::{
    message::{BatchRef, Scope},
    window::Window,
};
use sendry_runtime::http::Problem;
use tokio::time::Instant;

use super::{Admitted, answer, counted, deliver::deliver};
use crate::{
    Ingest,
    accept::{ClientBatch, Policy, Verdict, check},
    body::{self, Format},
};

pub(super) async fn events(
    ingest: State<Arc<Ingest>>,
    request: Request,
) -> Result<Response, Problem> {
    let outcome = handle(&ingest, request).await;
    counted(&ingest, outcome)
}

async fn handle(ingest: &Ingest, request: Request) -> Result<Response, Problem> {
    let (admitted, body) = Admitted::new(ingest, request).await?;
    let format = body::format(&admitted.headers)?;
    let most = admitted.caller.key.tenant.record.max_payload;
    let text = body::read(&admitted.headers, format, body, most).await?;
    let started = Instant::now();
    let batch = read(&text, format, &admitted).map_err(|error| answer::no_batch(&error))?;
    let tenant = &admitted.caller.key.tenant;
    let taken = batch.events.len() as u32;
    let now = ingest.clock.monotonic_ms();
    let standing = match ingest
        .quotas
        .take(&tenant.record.id, tenant.record.rate, taken, now)
    {
        Ok(standing) => standing,
        Err(over) => {
            ingest.metrics.events("rate_limited", u64::from(taken));
            return Ok(answer::over_rate(over, |problem| problem));
        }
    };
    let verdict = judge(&batch, &admitted);
    let named = batch.id.map(|id| BatchRef {
        id,
        fingerprint: batch.fingerprint(),
    });
    let id = batch.id;
    drop(batch);
    ingest
        .metrics
        .parse
        .observe(started.elapsed().as_secs_f64());
    ingest.metrics.unknown_fields.inc_by(verdict.unknown_fields);
    ingest
        .metrics
        .events("rejected", verdict.rejected.len() as u64);
    let accepted = verdict.accepted_count();
    if accepted == 0 {
        return Err(answer::all_rejected(id, verdict.rejected));
    }
    if let Err(failure) = deliver(ingest, &admitted, named, verdict.accepted).await {
        ingest.quotas.give_back(&tenant.record.id, taken);
        ingest.metrics.events("not_stored", u64::from(accepted));
        return Err(answer::not_stored(failure, id));
    }
    ingest.metrics.events("accepted", u64::from(accepted));
    let rejected = verdict.rejected.len();
    let errors = answer::listed(verdict.rejected);
    let answer = answer::BatchAnswer {
        batch_id: id,
        accepted,
        rejected,
        errors,
    };
    let mut response = (StatusCode::ACCEPTED, Json(answer)).into_response();
    if let Some(standing) = standing {
        answer::rate_headers(response.headers_mut(), standing, 1);
    }
    Ok(response)
}

fn read<'a>(
    text: &'a str,
    format: Format,
    admitted: &Admitted,
) -> Result<ClientBatch<'a>, crate::accept::BatchError> {
    match format {
        Format::Json => ClientBatch::from_json(text),
        Format::NdJson => {
            let id = admitted
                .headers
                .get("sendry-batch")
                .map(|v| v.to_str().unwrap_or_default());
            ClientBatch::from_ndjson(text, id)
        }
    }
}

/// Checks a batch's events by the caller's key and tenant.
pub(super) fn judge(batch: &ClientBatch<'_>, admitted: &Admitted) -> Verdict {
    let key = &admitted.caller.key;
    let window = match admitted.caller.scope {
        Scope::Live => key.tenant.record.window,
        Scope::Backfill => Window::backfill(),
    };
    let policy = Policy {
        window,
        at: admitted.at,
        allows_service: &|service| key.allows_service(service),
        pipeline: &|service, environment| key.tenant.router.choose(service, environment),
    };
    check(&batch.events, policy)
}
