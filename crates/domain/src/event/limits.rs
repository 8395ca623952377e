//! Every limit of an event in one place. Lengths are in characters unless they say bytes.

/// Bytes of one event's JSON.
pub const EVENT_BYTES: usize = 256 * 1024;
/// Objects and arrays inside one another, checked at ingest before anything is parsed.
pub const DEPTH: usize = 32;
/// `serviceName`.
pub const SERVICE: usize = 64;
/// `endpoint`.
pub const ENDPOINT: usize = 256;
/// `method`.
pub const METHOD: usize = 16;
/// `environment`.
pub const ENVIRONMENT: usize = 64;
/// `version`.
pub const VERSION: usize = 64;
/// `path`.
pub const PATH: usize = 1_024;
/// `host`.
pub const HOST: usize = 255;
/// `userAgent`.
pub const USER_AGENT: usize = 512;
/// `clientIp`, the longest text of an address.
pub const CLIENT_IP: usize = 45;
/// `consumer`.
pub const CONSUMER: usize = 128;
/// `requestId`.
pub const REQUEST_ID: usize = 128;
/// `errorType`.
pub const ERROR_TYPE: usize = 128;
/// `errorMessage`.
pub const ERROR_MESSAGE: usize = 1_024;
/// Names in `requestHeaders`, `responseHeaders` and `attributes`, each.
pub const NAMES: usize = 64;
/// One name in those.
pub const NAME: usize = 128;
/// One value in those.
pub const VALUE: usize = 8 * 1024;
/// Bytes of the JSON of `requestBody` and `responseBody`, each.
pub const BODY_BYTES: usize = 64 * 1024;
/// `latencyMs`: one day, in microseconds.
pub const LATENCY_US: u64 = 86_400_000_000;
/// `requestSize`, `responseSize`: the largest integer every JSON reader agrees on.
pub const SIZE: u64 = 1 << 53;
