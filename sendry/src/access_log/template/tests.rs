use proptest::prelude::*;

use super::*;

#[test]
fn infers_templates() {
    for (path, want) in [
        ("/", "/"),
        ("", "/"),
        ("//", "/"),
        ("/users", "/users"),
        ("/users/", "/users"),
        ("/users/42?x=1", "/users/:id"),
        ("/users/42/orders/7#top", "/users/:id/orders/:id"),
        ("/a/6f1ab1f2-3c4d-4e5f-8a9b-0c1d2e3f4a5b", "/a/:uuid"),
        (
            "/commits/9fceb02d0ae598e95dc970b74767f19372d61af8",
            "/commits/:hash",
        ),
        ("/words/facade/deadbeef", "/words/facade/deadbeef"),
        ("/days/2026-11-18", "/days/:date"),
        ("/at/2026-11-18T09:00:00Z", "/at/:date"),
        ("/u/jane%40example.com/inbox", "/u/:email/inbox"),
        ("/u/@jane", "/u/@jane"),
        (
            "/reset/eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIx.abc",
            "/reset/:token",
        ),
        ("/f/V1StGXR8_Z5jdHi6B-myT", "/f/:token"),
        (
            "/posts/top-10-gifts-of-the-year-2026",
            "/posts/top-10-gifts-of-the-year-2026",
        ),
        (
            "/v1/oauth2/well-known-configuration",
            "/v1/oauth2/well-known-configuration",
        ),
        ("/assets/app.3f2a.js", "/assets/:file"),
        ("/assets/fonts/inter/Inter.WOFF2", "/assets/:file"),
        ("/favicon.ico", "/:file"),
        ("/reports/2026.pdf", "/reports/2026.pdf"),
        ("/caf%C3%A9/a%20b", "/café/a%20b"),
        ("/a%2Fb/100%", "/a%2Fb/100%25"),
        ("/shop;jsessionid=1A2B/cart", "/shop/cart"),
        ("/%00%ff", "/%00%FF"),
        ("/users/:id", "/users/:id"),
        ("no-slash/7", "/no-slash/:id"),
    ] {
        assert_eq!(template(path), want, "{path}");
    }
}

#[test]
fn stays_in_its_limits() {
    let deep = template(&"/a".repeat(100));
    assert_eq!(deep, format!("{}/:rest", "/a".repeat(MAX_SEGMENTS - 1)));
    let wide = template(&format!("/{}", "wide-word-of-no-kind".repeat(3)).repeat(10));
    assert_eq!(wide.len(), 4 * 61 + 6);
    assert!(wide.ends_with("/:rest"));
    assert_eq!(template(&format!("/{}", "long".repeat(20))), "/:token");
}

proptest! {
    #[test]
    fn any_path_has_one(path in path()) {
        let template = super::template(&path);
        prop_assert!(template.starts_with('/'));
        prop_assert!(template.len() <= 256, "{} bytes", template.len());
        prop_assert!(!template.contains(|c: char| c.is_control() || c.is_whitespace()));
        prop_assert_eq!(super::template(&template), template);
    }
}

/// Bytes of any kind, and paths made of pieces that mean something.
fn path() -> impl Strategy<Value = String> {
    let bytes = prop::collection::vec(any::<u8>(), 0..400)
        .prop_map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    let piece = prop_oneof![
        "[/%;:@.?#=+~-]{1,3}",
        "%[0-9a-fA-F]{2}",
        "[0-9a-f]{1,40}",
        "[A-Za-z0-9]{1,30}",
        "\\PC{1,40}",
        Just("/".to_owned()),
        Just(".js".to_owned()),
        Just("2026-11-18".to_owned()),
    ];
    let pieces = prop::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat());
    prop_oneof![bytes, pieces]
}
