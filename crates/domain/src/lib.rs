//! Sendry's pure core: what an event is, what makes two of them the same one, and what they add up to.
//!
//! Nothing here does IO, is `async`, or reads a clock: times come in as [`time::UnixMillis`], randomness as bytes.
//! That is what lets the counting protocol ([`counting`]) be tested by the thousands of orders, splits and
//! duplications that a queue may produce, without a queue.
//!
//! Read in this order: [`event`] → [`identity`] → [`message`] → [`counting`] → [`rollup`] → [`histogram`].

pub mod time;

pub mod id;

pub mod event;
pub mod outcome;
pub mod redact;
pub mod window;

pub mod fingerprint;
pub mod identity;
pub mod message;

pub mod bitmap;
pub mod counting;
pub mod dead_letter;
pub mod ledger;

pub mod endpoint_guard;
pub mod histogram;
pub mod query;
pub mod rollup;
pub mod series;

pub mod api_key;
pub mod beat;
pub mod breaker;
pub mod limit;
pub mod routing;
pub mod scaling;
