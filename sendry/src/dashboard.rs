//! The dashboard's files, embedded in the binary; hashed names are cached for good, the page itself never.

use axum::Router;
use memory_serve::CacheControl;

/// Serves `/` and the assets; what nothing else serves is the page's business, so it gets the page.
pub(crate) fn router() -> Router {
    memory_serve::load!()
        .index_file(Some("/index.html"))
        .fallback(Some("/index.html"))
        .fallback_status(axum::http::StatusCode::OK)
        .html_cache_control(CacheControl::NoCache)
        .cache_control(CacheControl::Long)
        .into_router()
}
