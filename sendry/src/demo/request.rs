//! Draws one request: who asks for what, how it ends, how long it takes.

use super::{
    catalog::{Catalog, Endpoint},
    clients, curve,
    event::DemoEvent,
    random::Random,
    story::Story,
};

/// One request in so many is slow for reasons nobody finds (a pause, a cold cache).
const TAIL_CHANCE: f64 = 0.006;
/// Failures on a good day.
const BASE_FAILURES: f64 = 0.0012;
const BAD_RELEASE_FAILURES: f64 = 0.06;
/// The services give the provider up after this.
const PROVIDER_TIMEOUT_MS: f64 = 8_000.0;
/// How long visitors wait before they leave, at least.
const PATIENCE_MS: f64 = 2_500.0;

/// How a request ended.
struct Outcome {
    status: u16,
    latency_ms: f64,
    error: Option<(&'static str, &'static str)>,
}

/// Draws the request that starts at a time.
pub(super) fn draw(catalog: &Catalog, story: &Story, at_ms: i64, random: &mut Random) -> DemoEvent {
    let endpoint = random
        .weighted(&catalog.endpoints)
        .unwrap_or(&catalog.endpoints[0].1);
    let client = clients::draw(endpoint.service, random);
    let outcome = outcome(endpoint, story, at_ms, random);
    DemoEvent {
        timestamp_ms: at_ms,
        service: endpoint.service.name(),
        endpoint: endpoint.route,
        method: endpoint.method,
        status: outcome.status,
        latency_us: ((outcome.latency_ms * 1_000.0).round() as u64).max(1),
        request_bytes: (endpoint.request_bytes > 0.0).then(|| size(endpoint.request_bytes, random)),
        response_bytes: response_bytes(endpoint, outcome.status, random),
        path: path(endpoint.route, random),
        client_ip: client.ip,
        user_agent: client.user_agent,
        consumer: client.consumer,
        version: story.version(endpoint.service, at_ms),
        error: outcome.error,
    }
}

fn outcome(endpoint: &Endpoint, story: &Story, at_ms: i64, random: &mut Random) -> Outcome {
    let trouble = story.provider_trouble(at_ms) * endpoint.provider;
    let usual_ms = latency_ms(endpoint, story, at_ms, random);
    let failed = |status, latency_ms, kind, message| Outcome {
        status,
        latency_ms,
        error: Some((kind, message)),
    };
    // In an outage most of the requests that need the provider fail, most of those by waiting for it.
    if random.chance(0.75 * trouble) {
        return match random.chance(0.7) {
            true => {
                let waited_ms = PROVIDER_TIMEOUT_MS + random.log_normal(40.0, 0.6);
                failed(
                    504,
                    waited_ms,
                    "ProviderTimeout",
                    "payment provider did not answer in 8 s",
                )
            }
            false => {
                let (kind, message) = ("ProviderUnavailable", "payment provider refused the call");
                failed(502, usual_ms * 2.0, kind, message)
            }
        };
    }
    if story.is_bad_release(endpoint.service, at_ms) && random.chance(BAD_RELEASE_FAILURES) {
        return failed(
            500,
            usual_ms * 0.4,
            "TypeError",
            "cannot read property 'total' of undefined",
        );
    }
    if random.chance(BASE_FAILURES) {
        return match random.chance(0.7) {
            true => failed(
                500,
                usual_ms * 1.5,
                "DatabaseError",
                "could not serialize access",
            ),
            false => failed(503, usual_ms * 0.2, "Overloaded", "no connection was free"),
        };
    }
    let latency_ms = usual_ms * (1.0 + 5.0 * trouble);
    if latency_ms > PATIENCE_MS && random.chance(0.3) {
        let left_after_ms = PATIENCE_MS + random.unit() * (latency_ms - PATIENCE_MS);
        return Outcome {
            status: 499,
            latency_ms: left_after_ms,
            error: None,
        };
    }
    let status = usual_status(endpoint, random);
    // What is refused or unchanged costs less than what is made.
    let effort = if (200..300).contains(&status) {
        1.0
    } else {
        0.5
    };
    Outcome {
        status,
        latency_ms: latency_ms * effort,
        error: None,
    }
}

fn latency_ms(endpoint: &Endpoint, story: &Story, at_ms: i64, random: &mut Random) -> f64 {
    let crowd = (curve::load(at_ms) - 1.0).max(0.0);
    let degraded = match endpoint.route {
        "/products/search" => story.search_slowdown(at_ms),
        _ => 1.0,
    };
    let tail = if random.chance(TAIL_CHANCE) {
        4.0 + 8.0 * random.unit()
    } else {
        1.0
    };
    random.log_normal(endpoint.median_ms, endpoint.sigma) * (1.0 + 0.4 * crowd) * degraded * tail
}

fn usual_status(endpoint: &Endpoint, random: &mut Random) -> u16 {
    let mut left = random.below(1_000);
    for (share, status) in endpoint.others {
        if left < u64::from(*share) {
            return *status;
        }
        left -= u64::from(*share);
    }
    endpoint.success
}

fn response_bytes(endpoint: &Endpoint, status: u16, random: &mut Random) -> Option<u64> {
    match status {
        499 => None,
        204 | 304 => Some(0),
        400.. => Some(size(140.0, random)),
        _ => Some(size(endpoint.response_bytes, random)),
    }
}

fn size(median: f64, random: &mut Random) -> u64 {
    random.log_normal(median, 0.4).round() as u64
}

/// A path of the route. Few products are looked at often, as in any shop.
fn path(route: &str, random: &mut Random) -> String {
    const CATEGORIES: [&str; 6] = ["shoes", "coats", "bags", "hats", "gifts", "sale"];
    let parts = route.split('/').map(|part| match part {
        ":id" => (1_000.0 + 4_000.0 * random.unit().powi(3))
            .round()
            .to_string(),
        ":sku" => format!("SKU-{}", 100 + random.below(400)),
        ":slug" => CATEGORIES[random.below(CATEGORIES.len() as u64) as usize].to_owned(),
        fixed => fixed.to_owned(),
    });
    parts.collect::<Vec<_>>().join("/")
}
