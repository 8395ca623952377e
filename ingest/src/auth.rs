//! Who sends: from headers to a valid key, or the precise refusal.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use axum::http::{HeaderMap, StatusCode, header};
use ipnet::IpNet;
use sendry_domain::{
    api_key::{ApiKey, KeyHash, MalformedKey},
    message::Scope,
    time::UnixMillis,
};
use sendry_runtime::http::Problem;

use crate::directory::{Directory, Key, LookupError};

/// A request's sender.
#[derive(Debug)]
pub struct Caller {
    /// The key, with its tenant.
    pub key: Arc<Key>,
    /// Live, or history by an operator's credential.
    pub scope: Scope,
}

/// Checks the key in `headers`, used from `address` at `now`.
///
/// # Errors
/// 401 for no, a malformed or an unknown key; 403 for one that is revoked, expired, or not for this address or scope;
/// 503 where it cannot be known or the tenant is suspended.
pub async fn authenticate(
    directory: &Directory,
    headers: &HeaderMap,
    address: IpAddr,
    now: UnixMillis,
) -> Result<Caller, Problem> {
    let sent = ApiKey::parse(sent_key(headers)?).map_err(malformed)?;
    let found = directory.key(sent.id()).await;
    // The comparison takes its time whether the id is known or not.
    let held = found
        .as_ref()
        .map_or(KeyHash([0; 32]), |key| key.record.hash);
    let matches = sent.hash().matches(&held);
    let key = match found {
        Ok(key) if matches => key,
        Ok(_) | Err(LookupError::Unknown) => return Err(unknown_key()),
        Err(LookupError::Unavailable) => return Err(directory_away()),
    };
    permitted(&key, address, now)?;
    let scope = scope(headers, &key)?;
    Ok(Caller { key, scope })
}

fn sent_key(headers: &HeaderMap) -> Result<&str, Problem> {
    let from = |name: header::HeaderName| {
        let mut values = headers.get_all(name).iter();
        match (values.next(), values.next()) {
            (None, _) => Ok(None),
            (Some(value), None) => Ok(Some(value.to_str().unwrap_or_default())),
            (Some(_), Some(_)) => Err(Problem::new(StatusCode::BAD_REQUEST, "ambiguous_key")
                .detail("the request carries more than one API key")),
        }
    };
    let plain = from(header::HeaderName::from_static("x-api-key"))?;
    let bearer = from(header::AUTHORIZATION)?.map(|value| {
        value
            .strip_prefix("Bearer ")
            .or_else(|| value.strip_prefix("bearer "))
    });
    match (plain, bearer) {
        (Some(key), None | Some(None)) | (None, Some(Some(key))) => Ok(key.trim()),
        (Some(a), Some(Some(b))) if a.trim() == b.trim() => Ok(a.trim()),
        (Some(_), Some(Some(_))) => Err(Problem::new(StatusCode::BAD_REQUEST, "ambiguous_key")
            .detail("X-API-Key and Authorization carry different keys")),
        (None, _) => Err(Problem::new(StatusCode::UNAUTHORIZED, "missing_key")
            .detail("the request carries no API key")
            .hint("send it as `X-API-Key: sdy_live_…` or `Authorization: Bearer sdy_live_…`")),
    }
}

fn malformed(error: MalformedKey) -> Problem {
    let code = match error {
        MalformedKey::Form => "malformed_key",
        MalformedKey::Checksum => "mistyped_key",
    };
    Problem::new(StatusCode::UNAUTHORIZED, code)
        .detail(error.to_string())
        .hint("copy the whole key, without quotes or spaces")
}

fn unknown_key() -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, "unknown_key")
        .detail("no such API key")
        .hint("make one with `sendry keys create`, or check which Sendry this address belongs to")
}

fn directory_away() -> Problem {
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable")
        .detail("the API key cannot be checked right now; nothing was stored")
        .hint("retry the same request")
        .retry_after(Duration::from_secs(1))
}

fn permitted(key: &Key, address: IpAddr, now: UnixMillis) -> Result<(), Problem> {
    let forbidden = |code, detail: &'static str, hint: &'static str| {
        Err(Problem::new(StatusCode::FORBIDDEN, code)
            .detail(detail)
            .hint(hint))
    };
    if key.record.revoked_at.is_some() {
        return forbidden(
            "revoked_key",
            "this API key was revoked",
            "use the tenant's current key",
        );
    }
    if key.record.not_after.is_some_and(|end| now >= end) {
        return forbidden(
            "expired_key",
            "this API key has expired",
            "use the tenant's current key",
        );
    }
    if !key.allows_address(address) {
        return forbidden(
            "address_not_allowed",
            "this API key may not be used from this address",
            "add the network to the key, or the proxy to `--trusted-proxies`",
        );
    }
    if key.tenant.record.suspended {
        return Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "suspended")
            .detail("this tenant is suspended; nothing was stored")
            .hint("ask the platform team; events sent meanwhile are to be kept or dropped by the sender")
            .retry_after(Duration::from_secs(60)));
    }
    Ok(())
}

fn scope(headers: &HeaderMap, key: &Key) -> Result<Scope, Problem> {
    match headers
        .get("sendry-scope")
        .map(|v| v.to_str().unwrap_or_default())
    {
        None | Some("live") => Ok(Scope::Live),
        Some("backfill") if key.record.backfill => Ok(Scope::Backfill),
        Some("backfill") => Err(Problem::new(StatusCode::FORBIDDEN, "backfill_not_allowed")
            .detail("this API key may not write history")
            .hint("history needs an operator's key; apps send live events")),
        Some(_) => Err(
            Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid_scope")
                .detail("Sendry-Scope must be `live` or `backfill`"),
        ),
    }
}

/// The client's address: the peer's, or, behind trusted proxies, the last one in `X-Forwarded-For` that is not theirs.
///
/// Read from the right: what stands left of the first stranger is only that stranger's word. A hop that a proxy could
/// not name is an address nobody's network holds.
#[must_use]
pub fn client_address(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let is_trusted = |address: IpAddr| trusted.iter().any(|n| n.contains(&address.to_canonical()));
    if !is_trusted(peer) {
        return peer;
    }
    let lines = headers.get_all("x-forwarded-for").iter();
    let hops: Vec<IpAddr> = lines
        .flat_map(|line| line.to_str().unwrap_or("unreadable").split(','))
        .map(|hop| address(hop.trim()).unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)))
        .collect();
    hops.iter()
        .rev()
        .copied()
        .find(|hop| !is_trusted(*hop))
        .unwrap_or(peer)
}

/// `203.0.113.9`, `2001:db8::9`, or either with a port.
fn address(hop: &str) -> Option<IpAddr> {
    let with_port = || hop.parse::<SocketAddr>().map(|a| a.ip());
    hop.parse().or_else(|_| with_port()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forwarded_addresses_count_only_from_trusted_proxies() {
        let mut headers = HeaderMap::new();
        headers.insert(
            "x-forwarded-for",
            "1.1.1.1, 203.0.113.9, 10.0.0.2".parse().unwrap(),
        );
        let (peer, stranger) = ("10.0.0.1".parse().unwrap(), "192.0.2.1".parse().unwrap());
        let trusted = ["10.0.0.0/8".parse().unwrap()];
        let real: IpAddr = "203.0.113.9".parse().unwrap();
        assert_eq!(client_address(peer, &headers, &trusted), real);
        assert_eq!(client_address(stranger, &headers, &trusted), stranger);
        assert_eq!(client_address(peer, &headers, &[]), peer);
    }

    #[test]
    fn a_client_cannot_hide_behind_what_it_wrote_itself() {
        let (peer, trusted) = ("10.0.0.1".parse().unwrap(), ["10.0.0.0/8".parse().unwrap()]);
        let seen = |line: &str| {
            let mut headers = HeaderMap::new();
            headers.insert("x-forwarded-for", line.parse().unwrap());
            client_address(peer, &headers, &trusted).to_string()
        };
        assert_eq!(seen("nonsense, 203.0.113.9, 10.0.0.2"), "203.0.113.9");
        assert_eq!(seen("203.0.113.9:4711"), "203.0.113.9");
        assert_eq!(seen("[2001:db8::9]:4711"), "2001:db8::9");
        assert_eq!(seen("203.0.113.9, unknown"), "0.0.0.0");
    }
}
