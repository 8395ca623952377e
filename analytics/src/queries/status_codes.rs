//! Which statuses were answered.

use super::read::Read;
use crate::{
    error::ApiError,
    plan,
    views::{StatusCode, ratio},
};

/// Statuses that occur, the most frequent first.
pub(crate) async fn status_codes(read: &Read<'_>) -> Result<Vec<StatusCode>, ApiError> {
    let groups = read
        .fold(plan::status_codes(&read.range, &read.filter))
        .await?;
    let all = groups.iter().map(|g| g.total.count).sum();
    let mut codes: Vec<_> = groups
        .iter()
        .map(|group| StatusCode {
            status: group.series.status.unwrap_or(0),
            requests: group.total.count,
            share: ratio(group.total.count, all),
        })
        .collect();
    codes.sort_by_key(|code| (std::cmp::Reverse(code.requests), code.status));
    Ok(codes)
}
