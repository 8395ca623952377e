//! API keys over a real API server and a real store.

mod corner;
mod crashes;
mod server;
