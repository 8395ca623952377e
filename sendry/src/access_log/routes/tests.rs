use proptest::prelude::*;
use sendry_domain::event::limits;

use super::*;

fn request(path: &str, status: u16) -> Entry {
    Entry {
        time_ms: 0,
        method: "GET".into(),
        path: Some(path.into()),
        status,
        latency_us: None,
        response_bytes: None,
        client_ip: None,
        user_agent: None,
        host: None,
    }
}

/// A word that is no placeholder by its form.
fn word(i: usize) -> String {
    format!("word-{i}")
}

fn learned<'a>(paths: impl IntoIterator<Item = &'a String>) -> Routes {
    let mut learner = TemplateLearner::default();
    paths
        .into_iter()
        .for_each(|path| learner.learn(&request(path, 200)));
    learner.finish()
}

#[test]
fn many_words_are_a_parameter_and_few_are_routes() {
    let few: Vec<String> = (0..MAX_WORDS)
        .map(|i| format!("/posts/{}", word(i)))
        .collect();
    assert_eq!(
        learned(&few).endpoint(&request("/posts/word-3", 200)),
        "/posts/word-3"
    );
    let more: Vec<String> = (0..=MAX_WORDS)
        .map(|i| {
            format!(
                "/posts/{}/{}",
                word(i),
                if i % 2 == 0 { "edit" } else { "7" }
            )
        })
        .collect();
    let routes = learned(&more);
    for (path, want) in [
        ("/posts/word-3/edit", "/posts/:param/edit"),
        ("/posts/never-seen/8", "/posts/:param/:id"),
        ("/posts/9", "/posts/:id"),
        ("/posts", "/posts"),
    ] {
        assert_eq!(routes.endpoint(&request(path, 200)), want);
    }
}

#[test]
fn crowds_that_only_form_under_a_parameter_collapse_too() {
    let paths: Vec<String> = (0..60)
        .map(|i| format!("/{}/{}", word(i), word(100 + i)))
        .collect();
    assert_eq!(
        learned(&paths).endpoint(&request("/word-1/word-101", 200)),
        "/:param/:param"
    );
}

#[test]
fn what_is_not_found_belongs_to_the_parameter_of_its_like() {
    let posts: Vec<String> = (0..=MAX_WORDS)
        .map(|i| format!("/posts/{}", word(i)))
        .collect();
    let routes = learned(&posts);
    assert_eq!(
        routes.endpoint(&request("/posts/taken-down", 404)),
        "/posts/:param"
    );
    assert_eq!(
        routes.endpoint(&request("/posts/taken-down/edit", 404)),
        UNMATCHED
    );
}

#[test]
fn what_nobody_answers_is_no_route() {
    let mut learner = TemplateLearner::default();
    learner.learn(&request("/users/7", 200));
    for i in 0..500 {
        learner.learn(&request(
            &format!("/{}.php", word(i)),
            if i % 2 == 0 { 404 } else { 301 },
        ));
    }
    let routes = learner.finish();
    for (path, status, want) in [
        ("/users/7", 200, "/users/:id"),
        ("/users/8", 404, "/users/:id"),
        ("/users", 404, UNMATCHED),
        ("/word-3.php", 404, UNMATCHED),
        ("/admin", 403, "/admin"),
    ] {
        assert_eq!(routes.endpoint(&request(path, status)), want, "{path}");
    }
    let no_path = Entry {
        path: None,
        ..request("", 400)
    };
    assert_eq!(routes.endpoint(&no_path), UNMATCHED);
}

proptest! {
    #[test]
    fn order_does_not_matter(
        mut paths in prop::collection::vec("(/(word-[0-9]{2}|[0-9]{2})){1,3}", 0..400),
        seed in any::<u64>(),
    ) {
        let first = learned(&paths);
        let asked = paths.clone();
        let mut random = seed | 1;
        paths.sort_by_cached_key(|_| {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            random
        });
        let second = learned(&paths);
        for path in &asked {
            let entry = request(path, 200);
            prop_assert_eq!(first.endpoint(&entry), second.endpoint(&entry));
        }
    }

    #[test]
    fn endpoints_keep_their_limits(paths in prop::collection::vec("(/[a-z.%/-]{1,40}){1,20}", 51..80)) {
        let routes = learned(&paths);
        for path in &paths {
            let endpoint = routes.endpoint(&request(path, 200));
            prop_assert!(endpoint.starts_with('/') && endpoint.len() <= limits::ENDPOINT);
        }
    }
}
