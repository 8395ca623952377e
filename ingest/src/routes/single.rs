//! `POST /api/v1/ingest` and `POST /api/hit`: one event, as the original platform's clients send it.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Request, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use sendry_runtime::http::{Problem, method_not_allowed};
use serde_json::{json, value::RawValue};
use tokio::time::Instant;

use super::{Admitted, answer, batch::judge, counted, deliver::deliver, success_false};
use crate::{
    Ingest,
    accept::{BatchError, ClientBatch},
    body::{self, Format},
};

pub(super) async fn event(ingest: State<Arc<Ingest>>, request: Request) -> Response {
    let outcome = handle(&ingest, request).await;
    counted(&ingest, outcome).unwrap_or_else(|problem| success_false(problem).into_response())
}

pub(super) async fn wrong_method() -> Problem {
    success_false(method_not_allowed().await)
}

async fn handle(ingest: &Ingest, request: Request) -> Result<Response, Problem> {
    let (admitted, body) = Admitted::new(ingest, request).await?;
    let format = body::format(&admitted.headers)?;
    if format != Format::Json {
        return Err(Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported_content_type",
        )
        .detail("this route takes one event as application/json")
        .hint("NDJSON goes to /api/v1/events"));
    }
    let most = admitted.caller.key.tenant.record.max_payload;
    let text = body::read(&admitted.headers, format, body, most).await?;
    let started = Instant::now();
    let json: &RawValue = serde_json::from_str(&text)
        .map_err(|error| answer::no_batch(&BatchError::Malformed(error.to_string())))?;
    let tenant = &admitted.caller.key.tenant;
    let now = ingest.clock.monotonic_ms();
    let standing = match ingest
        .quotas
        .take(&tenant.record.id, tenant.record.rate, 1, now)
    {
        Ok(standing) => standing,
        Err(over) => {
            ingest.metrics.events("rate_limited", 1);
            return Ok(answer::over_rate(over, success_false));
        }
    };
    let mut verdict = judge(
        &ClientBatch {
            id: None,
            events: vec![Ok(json)],
        },
        &admitted,
    );
    ingest
        .metrics
        .parse
        .observe(started.elapsed().as_secs_f64());
    ingest.metrics.unknown_fields.inc_by(verdict.unknown_fields);
    if let Some(rejected) = verdict.rejected.pop() {
        ingest.metrics.events("rejected", 1);
        return Err(answer::invalid_event(rejected.error));
    }
    let first = verdict.accepted.values().flatten().next();
    let (own_id, timestamp) = first.map(|e| (e.event_id.clone(), e.timestamp)).unzip();
    let sent = match deliver(ingest, &admitted, None, verdict.accepted).await {
        Ok(sent) => sent,
        Err(failure) => {
            ingest.quotas.give_back(&tenant.record.id, 1);
            ingest.metrics.events("not_stored", 1);
            return Err(answer::not_stored(failure, None));
        }
    };
    ingest.metrics.events("accepted", 1);
    let event_id = match own_id.flatten() {
        Some(own) => Some(own.to_string()),
        None => sent.first().map(|sent| sent.minted(0, None)),
    };
    let answer = json!({
        "success": true,
        "statusCode": 202,
        "message": "Event queued",
        "data": {
            "eventId": event_id,
            "status": "queued",
            "timestamp": timestamp.and_then(sendry_domain::time::UnixMillis::to_rfc3339),
        },
    });
    let mut response = (StatusCode::ACCEPTED, Json(answer)).into_response();
    if let Some(standing) = standing {
        answer::rate_headers(response.headers_mut(), standing, 1);
    }
    Ok(response)
}
