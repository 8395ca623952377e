//! The shop's services and endpoints.

/// How many endpoints there are; no two of a service have the same route.
pub const ENDPOINT_COUNT: usize = 25;
/// The names of the services.
pub const SERVICES: [&str; 3] = ["storefront", "orders", "payments"];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Service {
    Storefront,
    Orders,
    Payments,
}

impl Service {
    pub fn index(self) -> usize {
        self as usize
    }

    pub fn name(self) -> &'static str {
        SERVICES[self.index()]
    }
}

/// One endpoint and how it behaves on a good day.
#[derive(Debug)]
pub(super) struct Endpoint {
    pub service: Service,
    pub method: &'static str,
    pub route: &'static str,
    /// Milliseconds.
    pub median_ms: f64,
    /// How far latencies spread (σ of the logarithm).
    pub sigma: f64,
    /// Median bytes of a request's body; 0 for none.
    pub request_bytes: f64,
    /// Median bytes of a response's body; 0 for none.
    pub response_bytes: f64,
    /// The status of a success.
    pub success: u16,
    /// Other answers that belong to normal operation, per thousand.
    pub others: &'static [(u32, u16)],
    /// The share of requests that need the payment provider.
    pub provider: f64,
}

/// All endpoints with their share of the traffic.
#[derive(Debug)]
pub(super) struct Catalog {
    pub endpoints: Vec<(u32, Endpoint)>,
}

/// Weight, method and route; median ms and σ; request and response bytes; success and other statuses.
type Row = (
    (u32, &'static str, &'static str),
    (f64, f64),
    (f64, f64),
    (u16, &'static [(u32, u16)]),
);

// One row a line, to be read as a table.
#[rustfmt::skip]
const STOREFRONT: [Row; 11] = [
    ((130, "GET", "/"), (18.0, 0.35), (0.0, 18_000.0), (200, &[(180, 304)])),
    ((150, "GET", "/products"), (32.0, 0.40), (0.0, 24_000.0), (200, &[(90, 304)])),
    ((210, "GET", "/products/:id"), (21.0, 0.40), (0.0, 9_000.0), (200, &[(140, 304), (18, 404)])),
    ((95, "GET", "/products/search"), (64.0, 0.55), (0.0, 16_000.0), (200, &[(6, 422)])),
    ((45, "GET", "/categories"), (9.0, 0.30), (0.0, 4_000.0), (200, &[(260, 304)])),
    ((60, "GET", "/categories/:slug"), (26.0, 0.40), (0.0, 21_000.0), (200, &[(80, 304), (9, 404)])),
    ((85, "GET", "/cart"), (14.0, 0.35), (0.0, 2_200.0), (200, &[])),
    ((48, "POST", "/cart/items"), (27.0, 0.45), (180.0, 2_300.0), (201, &[(24, 422), (4, 409)])),
    ((14, "DELETE", "/cart/items/:id"), (19.0, 0.40), (0.0, 0.0), (204, &[(11, 404)])),
    ((22, "POST", "/login"), (118.0, 0.25), (110.0, 640.0), (200, &[(118, 401), (5, 422)])),
    ((12, "POST", "/checkout"), (290.0, 0.50), (900.0, 1_400.0), (201, &[(31, 422), (12, 402)])),
];
#[rustfmt::skip]
const ORDERS: [Row; 8] = [
    ((38, "GET", "/orders"), (41.0, 0.45), (0.0, 12_000.0), (200, &[(12, 401)])),
    ((52, "GET", "/orders/:id"), (17.0, 0.40), (0.0, 3_100.0), (200, &[(14, 404), (5, 401)])),
    ((12, "POST", "/orders/place"), (150.0, 0.45), (1_100.0, 1_900.0), (201, &[(14, 422), (6, 409)])),
    ((4, "PATCH", "/orders/:id/address"), (36.0, 0.40), (240.0, 1_900.0), (200, &[(40, 422), (8, 404)])),
    ((3, "POST", "/orders/:id/cancel"), (58.0, 0.45), (60.0, 700.0), (200, &[(70, 409), (9, 404)])),
    ((31, "GET", "/orders/:id/tracking"), (72.0, 0.60), (0.0, 2_600.0), (200, &[(16, 404)])),
    ((88, "GET", "/inventory/:sku"), (6.0, 0.35), (0.0, 380.0), (200, &[(7, 404)])),
    ((13, "POST", "/inventory/reservations"), (23.0, 0.45), (210.0, 320.0), (201, &[(34, 409)])),
];
#[rustfmt::skip]
const PAYMENTS: [Row; 6] = [
    ((13, "POST", "/charges"), (240.0, 0.45), (620.0, 980.0), (201, &[(42, 402), (6, 422)])),
    ((19, "GET", "/charges/:id"), (11.0, 0.35), (0.0, 980.0), (200, &[(5, 404)])),
    ((2, "POST", "/refunds"), (310.0, 0.50), (190.0, 640.0), (201, &[(38, 409)])),
    ((24, "GET", "/payment-methods"), (13.0, 0.35), (0.0, 1_500.0), (200, &[(9, 401)])),
    ((4, "POST", "/payment-methods/verify"), (205.0, 0.45), (330.0, 420.0), (200, &[(85, 422)])),
    ((15, "POST", "/webhooks/provider"), (8.0, 0.40), (1_300.0, 0.0), (204, &[(4, 401)])),
];

impl Catalog {
    pub fn new() -> Self {
        let services: [(Service, &[Row]); 3] = [
            (Service::Storefront, &STOREFRONT),
            (Service::Orders, &ORDERS),
            (Service::Payments, &PAYMENTS),
        ];
        let endpoints = services
            .iter()
            .flat_map(|(service, rows)| rows.iter().map(|row| (row.0.0, endpoint(*service, row))));
        Self {
            endpoints: endpoints.collect(),
        }
    }
}

fn endpoint(service: Service, row: &Row) -> Endpoint {
    let ((_, method, route), (median_ms, sigma), (request_bytes, response_bytes), statuses) = *row;
    let (success, others) = statuses;
    let provider = match route {
        "/charges" | "/refunds" | "/payment-methods/verify" => 1.0,
        "/orders/place" => 0.7,
        "/checkout" => 0.6,
        _ => 0.0,
    };
    Endpoint {
        service,
        method,
        route,
        median_ms,
        sigma,
        request_bytes,
        response_bytes,
        success,
        others,
        provider,
    }
}
