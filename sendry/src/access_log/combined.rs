//! Apache's and nginx's common and combined log formats, and what is usually added to them.
//!
//! `[vhost[:port]] client ident user [time] "request" status bytes ["referrer" "user agent"] anything…`
//!
//! The anchor is the time in brackets followed by a quoted request, since fields come before (a vhost) and after
//! (latencies, forwarded addresses, a vhost) but not between. Of what follows the user agent only a latency and a host
//! name are taken; the client stays the one in the first field, because a forwarded-for header is the client's own word.

use super::{
    Entry, LatencyField, Reason,
    fields::{Field, Fields, Shape},
    latency, request, time,
};

/// Reads one line.
pub(super) fn parse(line: &str, option: LatencyField) -> Result<Entry, Reason> {
    let fields: Vec<Field<'_>> = Fields::of(line).collect();
    let anchor = fields
        .windows(2)
        .position(|pair| pair[0].shape == Shape::Bracketed && pair[1].is_plainly_quoted())
        .ok_or(Reason::NotCombined)?;
    let [time, request, status, rest @ ..] = &fields[anchor..] else {
        return Err(Reason::NotCombined);
    };
    let request = request::line(&request.text);
    let (bytes, rest) = rest.split_first().unzip();
    let rest = rest.unwrap_or_default();
    let (user_agent, extras) = match rest {
        [referrer, agent, extras @ ..]
            if referrer.is_plainly_quoted() && agent.is_plainly_quoted() =>
        {
            (agent.present(), extras)
        }
        extras => (None, extras),
    };
    let (client_ip, leading_host) = client(&fields[..anchor]);
    Ok(Entry {
        time_ms: time::parse(&time.text).ok_or(Reason::InvalidTime)?,
        method: request.method,
        path: request.path,
        status: logged_status(&status.text)?,
        latency_us: latency::find(extras, option)?,
        response_bytes: bytes.and_then(|field| field.text.parse().ok()),
        client_ip,
        user_agent: user_agent.map(str::to_owned),
        host: leading_host.or_else(|| extras.iter().find_map(trailing_host)),
    })
}

/// `-` and nginx's `000` mean that nothing was answered. nginx writes `009` for HTTP/0.9, which has no statuses: what
/// was asked for was sent.
pub(super) fn logged_status(text: &str) -> Result<u16, Reason> {
    match (text, text.parse()) {
        ("-", _) => Ok(0),
        (_, Ok(9)) => Ok(200),
        (_, Ok(status @ (0 | 100..=599))) => Ok(status),
        _ => Err(Reason::InvalidStatus),
    }
}

/// The client, and the vhost where one stands before it.
fn client(before: &[Field<'_>]) -> (Option<String>, Option<String>) {
    let ip = |at: usize| {
        before
            .get(at)
            .and_then(|field| request::client_ip(&field.text))
    };
    match (ip(0), ip(1)) {
        (Some(ip), _) if before.len() < 4 || before[1].text == "-" => (Some(ip), None),
        // The vhost may be an address itself: `192.0.2.1:80 198.51.100.7 - - […]`.
        (_, Some(ip)) => (Some(ip), request::host(&before[0].text)),
        (first, None) => (first, None),
    }
}

/// A host name among the last fields: `host=…`, or something with a dot that is neither address nor number.
fn trailing_host(field: &Field<'_>) -> Option<String> {
    let text = field.present()?;
    match field.name {
        Some("host" | "vhost" | "server_name" | "http_host") => request::host(text),
        Some(_) => None,
        None => {
            let host = request::host(text)?;
            let (_, last_label) = host.rsplit_once('.')?;
            let like_a_name =
                last_label.len() > 1 && last_label.bytes().all(|b| b.is_ascii_alphabetic());
            like_a_name.then_some(host)
        }
    }
}

#[cfg(test)]
mod tests;
