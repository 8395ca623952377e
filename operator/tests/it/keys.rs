//! API keys over a real API server and a real store.

mod crashes;
mod server;
mod site;
