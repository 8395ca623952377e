//! Listing dead letters, newest first, by keyset: pages stay right while new ones come in.

use sendry_domain::{
    dead_letter::{DeadLetterId, State},
    time::UnixMillis,
};
use sendry_store::DeadLetterQuery;

use crate::{app::App, error::ApiError, params::Params, tenants::Tenant, views::DeadLetter};

/// The most letters of a page.
const MAX_LIMIT: u32 = 500;

/// Reads `state`, `limit` and `cursor`.
pub(crate) fn query(params: &Params) -> Result<DeadLetterQuery, ApiError> {
    let state = match params.get("state").unwrap_or("open") {
        "all" => None,
        word => Some(word.parse::<State>().map_err(|_| {
            let hint = "use open, discarded, replayed, conflict or all";
            ApiError::invalid("invalid_state", "`state` is not a state", hint)
        })?),
    };
    let after = params.get("cursor").map(|text| {
        read_cursor(text).ok_or_else(|| {
            let hint = "take `nextCursor` of the page before as it is";
            ApiError::invalid("invalid_cursor", "`cursor` is not a cursor", hint)
        })
    });
    Ok(DeadLetterQuery {
        state,
        after: after.transpose()?,
        limit: params.limit(50, MAX_LIMIT)?,
    })
}

/// A page, and where the next one starts.
pub(crate) async fn page(
    app: &App,
    tenant: &Tenant,
    query: &DeadLetterQuery,
) -> Result<(Vec<DeadLetter>, Option<String>), ApiError> {
    let page = app.metrics.dead_letters(&tenant.id, query).await?;
    let letters = page.letters.into_iter().map(DeadLetter::from).collect();
    Ok((letters, page.next.map(write_cursor)))
}

fn write_cursor((at, id): (UnixMillis, DeadLetterId)) -> String {
    format!("{:x}_{id}", at.0)
}

fn read_cursor(text: &str) -> Option<(UnixMillis, DeadLetterId)> {
    let (at, id) = text.split_once('_')?;
    let at = i64::from_str_radix(at, 16).ok()?;
    Some((UnixMillis(at), id.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_round_trip() {
        let id = "00000000-0000-0000-0000-000000000007.3".parse().unwrap();
        let place = (UnixMillis(1_800_000_000_000), id);
        assert_eq!(read_cursor(&write_cursor(place)), Some(place));
        for bad in ["", "_", "zz_x.1", "12_", "12_x"] {
            assert_eq!(read_cursor(bad), None, "{bad}");
        }
    }
}
