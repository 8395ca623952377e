//! How much, how well, how fast.

use super::read::Read;
use crate::{error::ApiError, plan, views::Summary};

/// The range, and as much time just before it.
pub(crate) async fn summary(read: &Read<'_>) -> Result<(Summary, Summary), ApiError> {
    let (before, length) = plan::previous(&read.range, &read.filter);
    let (now, before) = tokio::try_join!(
        read.total(plan::summary(&read.range, &read.filter)),
        read.total(before),
    )?;
    Ok((
        Summary::of(&now, read.range.elapsed()),
        Summary::of(&before, length),
    ))
}
