//! The names under which servers and loggers write what Sendry needs, the more telling first.
//!
//! A name with dots means nested objects or a name with dots (`req.method` of pino, `request.uri` of Caddy,
//! `url.path` of ECS, `httpRequest.status` of Google Cloud).

/// What a bare number under a name counts; a text with a unit (`"12ms"`) speaks for itself.
#[derive(Clone, Copy, Debug)]
pub(super) enum Unit {
    Seconds,
    Millis,
    Micros,
    Nanos,
    /// Seconds in Caddy's objects, milliseconds in everyone else's (Envoy and most loggers).
    SecondsOfCaddy,
}

/// Traefik's `time` is the end of the request, so its start comes first.
pub(super) const TIME: &[&str] = &[
    "StartUTC",
    "start_time",
    "time_iso8601",
    "timestamp",
    "@timestamp",
    "time",
    "ts",
    "time_local",
    "msec",
    "date",
    "requestTimeEpoch",
];

pub(super) const METHOD: &[&str] = &[
    "method",
    "request_method",
    "RequestMethod",
    "req.method",
    "request.method",
    "http.request.method",
    "httpRequest.requestMethod",
    "httpMethod",
];

/// What the client asked for comes before what it was rewritten to (nginx's `uri`).
pub(super) const PATH: &[&str] = &[
    "request_uri",
    "path",
    "uri",
    "RequestPath",
    "url",
    "req.url",
    "request.uri",
    "request.url",
    "url.path",
    "url.original",
    "httpRequest.requestUrl",
];

pub(super) const STATUS: &[&str] = &[
    "status",
    "DownstreamStatus",
    "response_code",
    "res.statusCode",
    "statusCode",
    "status_code",
    "response.status",
    "http.response.status_code",
    "httpRequest.status",
];

/// Echo writes `latency` in nanoseconds and beside it what people can read: the latter first.
pub(super) const LATENCY: &[(&str, Unit)] = &[
    ("latency_human", Unit::Millis),
    ("Duration", Unit::Nanos),
    ("request_time", Unit::Seconds),
    ("responseTime", Unit::Millis),
    ("response_time", Unit::Millis),
    ("response-time", Unit::Millis),
    ("duration_ms", Unit::Millis),
    ("durationMs", Unit::Millis),
    ("latency_ms", Unit::Millis),
    ("latencyMs", Unit::Millis),
    ("duration_us", Unit::Micros),
    ("duration_ns", Unit::Nanos),
    ("event.duration", Unit::Nanos),
    ("httpRequest.latency", Unit::Seconds),
    ("duration", Unit::SecondsOfCaddy),
    ("latency", Unit::Millis),
    ("elapsed", Unit::Millis),
];

pub(super) const BYTES: &[&str] = &[
    "body_bytes_sent",
    "bytes_sent",
    "DownstreamContentSize",
    "bytes_out",
    "size",
    "bytes",
    "response_size",
    "res.headers.content-length",
    "content-length",
    "content_length",
    "http.response.body.bytes",
    "httpRequest.responseSize",
];

pub(super) const USER_AGENT: &[&str] = &[
    "http_user_agent",
    "user_agent",
    "userAgent",
    "user-agent",
    "request_User-Agent",
    "req.headers.user-agent",
    "request.headers.User-Agent",
    "user_agent.original",
    "httpRequest.userAgent",
];

pub(super) const CLIENT_IP: &[&str] = &[
    "client_ip",
    "clientIp",
    "ClientHost",
    "remote_addr",
    "remote-addr",
    "remote_ip",
    "remoteAddress",
    "req.remoteAddress",
    "request.client_ip",
    "request.remote_ip",
    "request.remote_addr",
    "downstream_remote_address",
    "client.ip",
    "httpRequest.remoteIp",
    "ip",
];

/// Not `hostname`: loggers write their own machine's name there.
pub(super) const HOST: &[&str] = &[
    "host",
    "http_host",
    "RequestHost",
    "request.host",
    "req.headers.host",
    "authority",
    "server_name",
];
