//! What a request is, by its method and path.

use http::{Method, Uri};

/// The verb and the resource of a write, for labels; `None` when it is none.
///
/// The resource is `secrets`, `sendrytenants/status`, `namespaces/finalize`: never a name of an object.
pub(super) fn write(method: &Method, path: &str) -> Option<(&'static str, String)> {
    let verb = match *method {
        Method::POST => "create",
        Method::PUT => "update",
        Method::PATCH => "patch",
        Method::DELETE => "delete",
        Method::GET | Method::HEAD | Method::OPTIONS => return None,
        _ => "other",
    };
    Some((verb, resource(path)))
}

/// Whether the answer goes on for as long as somebody listens.
pub(super) fn watches(uri: &Uri) -> bool {
    let query = uri.query().unwrap_or_default();
    query
        .split('&')
        .any(|pair| matches!(pair, "watch=true" | "watch=1" | "follow=true"))
}

/// `/api/v1/...` or `/apis/group/version/...`, then `[namespaces/NAME/]resource[/NAME[/subresource]]`.
fn resource(path: &str) -> String {
    let mut parts = path.split('/').filter(|part| !part.is_empty());
    let skip = if parts.next() == Some("apis") { 2 } else { 1 };
    let rest: Vec<&str> = parts.skip(skip).collect();
    match rest.as_slice() {
        ["namespaces", _, sub @ ("status" | "finalize")] => format!("namespaces/{sub}"),
        ["namespaces", _, resource] | ["namespaces", _, resource, _] => (*resource).to_owned(),
        ["namespaces", _, resource, _, sub, ..] => format!("{resource}/{sub}"),
        [resource] | [resource, _] => (*resource).to_owned(),
        [resource, _, sub, ..] => format!("{resource}/{sub}"),
        [] => "unknown".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resources_are_told_without_names() {
        for (path, want) in [
            ("/api/v1/namespaces", "namespaces"),
            ("/api/v1/namespaces/shop", "namespaces"),
            ("/api/v1/namespaces/shop/finalize", "namespaces/finalize"),
            ("/api/v1/namespaces/shop/secrets", "secrets"),
            ("/api/v1/namespaces/shop/secrets/status", "secrets"),
            (
                "/apis/sendry.io/v1alpha1/sendrytenants/shop",
                "sendrytenants",
            ),
            (
                "/apis/sendry.io/v1alpha1/sendrytenants/shop/status",
                "sendrytenants/status",
            ),
            ("/apis/events.k8s.io/v1/namespaces/default/events", "events"),
            (
                "/apis/apps/v1/namespaces/x/deployments/y/scale",
                "deployments/scale",
            ),
            ("/", "unknown"),
        ] {
            assert_eq!(resource(path), want, "{path}");
        }
    }

    #[test]
    fn everything_that_is_no_read_is_a_write() {
        for method in [
            Method::POST,
            Method::PUT,
            Method::PATCH,
            Method::DELETE,
            Method::CONNECT,
        ] {
            assert!(write(&method, "/api/v1/namespaces").is_some(), "{method}");
        }
        assert_eq!(write(&Method::GET, "/api/v1/namespaces"), None);
    }

    #[test]
    fn a_watch_is_told_from_a_list() {
        let watches = |uri: &str| watches(&uri.parse().unwrap());
        assert!(watches(
            "/api/v1/secrets?labelSelector=a%3Db&watch=true&resourceVersion=1"
        ));
        assert!(!watches("/api/v1/secrets?labelSelector=watch%3Dtrue"));
        assert!(!watches("/api/v1/secrets"));
    }
}
