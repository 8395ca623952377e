//! Who visits the shop. All addresses are from the ranges reserved for documentation.

use super::{catalog::Service, random::Random};

/// One caller.
#[derive(Debug)]
pub(super) struct Client {
    pub ip: String,
    pub user_agent: &'static str,
    pub consumer: &'static str,
}

/// Weight, consumer, user agent.
type Kinds = &'static [(u32, (&'static str, &'static str))];

const VISITORS: Kinds = &[
    (
        34,
        (
            "web",
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/131.0 Safari/537.36",
        ),
    ),
    (
        18,
        (
            "web",
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 14_7) AppleWebKit/605.1.15 Version/18.1 Safari/605.1.15",
        ),
    ),
    (
        9,
        (
            "web",
            "Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0",
        ),
    ),
    (21, ("ios-app", "Shop/7.4 (iPhone; iOS 18.1)")),
    (15, ("android-app", "Shop/7.3 okhttp/4.12.0")),
    (3, ("partner-acme", "acme-sync/2.1")),
];
const BEHIND_THE_STOREFRONT: Kinds = &[
    (78, ("storefront", "shop-internal/1.0")),
    (14, ("backoffice", "shop-backoffice/3.2")),
    (8, ("partner-acme", "acme-sync/2.1")),
];
const BEHIND_ORDERS: Kinds = &[
    (80, ("orders", "shop-internal/1.0")),
    (12, ("payment-provider", "provider-hooks/5")),
    (8, ("backoffice", "shop-backoffice/3.2")),
];
/// Visitors come back: so many different addresses a range.
const VISITORS_A_RANGE: u64 = 200;

/// Draws a caller of a service.
pub(super) fn draw(service: Service, random: &mut Random) -> Client {
    let kinds = match service {
        Service::Storefront => VISITORS,
        Service::Orders => BEHIND_THE_STOREFRONT,
        Service::Payments => BEHIND_ORDERS,
    };
    let (consumer, user_agent) = random
        .weighted(kinds)
        .copied()
        .unwrap_or(("web", "shop-internal/1.0"));
    let ip = match service {
        Service::Storefront => visitor(random),
        Service::Orders | Service::Payments => format!("192.0.2.{}", 10 + random.below(6)),
    };
    Client {
        ip,
        user_agent,
        consumer,
    }
}

fn visitor(random: &mut Random) -> String {
    let host = 1 + random.below(VISITORS_A_RANGE);
    match random.below(3) {
        0 => format!("198.51.100.{host}"),
        1 => format!("203.0.113.{host}"),
        _ => format!("2001:db8::{host:x}"),
    }
}
