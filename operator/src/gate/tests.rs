use std::sync::atomic::{AtomicUsize, Ordering};

use k8s_openapi::api::core::v1::Namespace;
use kube::{
    Api,
    api::{DeleteParams, ListParams, Patch, PatchParams, PostParams},
};
use sendry_runtime::clock::ManualClock;

use super::*;
use crate::error::{Category, Failure};

/// A client whose answers are made up, and how many requests came to them.
fn client(answer: impl Fn() -> Answer + Clone + Send + 'static) -> (Client, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = asked.clone();
    let service = service_fn(move |_request: Request<Body>| {
        counted.fetch_add(1, Ordering::SeqCst);
        answer()
    });
    (Client::new(service, "default"), asked)
}

type Answer = BoxFuture<'static, Result<Response<Body>, BoxError>>;

fn namespace() -> Answer {
    async {
        let body =
            r#"{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"shop"},"items":[]}"#;
        Ok(Response::new(Body::from(body.as_bytes().to_vec())))
    }
    .boxed()
}

fn term() -> (Leadership, Arc<ManualClock>) {
    let clock = ManualClock::at(0);
    let term = Leadership::begin(clock.clone(), Duration::from_secs(10), 0, 0);
    (term, clock)
}

async fn writes(api: &Api<Namespace>) -> Vec<Result<(), kube::Error>> {
    let (create, patch) = (PostParams::default(), PatchParams::default());
    let shop: Namespace = serde_json::from_str(r#"{"metadata":{"name":"shop"}}"#).unwrap();
    let merge = Patch::Merge(serde_json::json!({}));
    vec![
        api.create(&create, &shop).await.map(drop),
        api.replace("shop", &create, &shop).await.map(drop),
        api.patch("shop", &patch, &merge).await.map(drop),
        api.delete("shop", &DeleteParams::default()).await.map(drop),
    ]
}

#[tokio::test]
async fn writes_pass_while_leading_and_are_counted() {
    let (inner, asked) = client(namespace);
    let (term, _clock) = term();
    let metrics = OperatorMetrics::default();
    let api: Api<Namespace> = Api::all(gated(&inner, term, metrics.clone()));
    for outcome in writes(&api).await {
        outcome.unwrap();
    }
    assert_eq!(asked.load(Ordering::SeqCst), 4);
    for verb in ["create", "update", "patch", "delete"] {
        let resource = "namespaces".to_owned();
        let label = Write { verb, resource };
        assert_eq!(metrics.writes.get_or_create(&label).get(), 1, "{verb}");
    }
}

#[tokio::test]
async fn nothing_is_written_once_the_time_is_over_and_reading_goes_on() {
    let (inner, asked) = client(namespace);
    let (term, clock) = term();
    let metrics = OperatorMetrics::default();
    let api: Api<Namespace> = Api::all(gated(&inner, term, metrics.clone()));
    clock.advance(10_000);
    for outcome in writes(&api).await {
        let error = outcome.unwrap_err();
        assert!(is_refused(&error), "{error}");
    }
    assert_eq!(asked.load(Ordering::SeqCst), 0);
    assert_eq!(metrics.writes_refused.get(), 4);
    api.list(&ListParams::default()).await.unwrap();
}

/// Behind a second client, as tests put their own layers between.
#[tokio::test]
async fn a_refusal_is_known_through_layers() {
    let (inner, _) = client(namespace);
    let (term, _clock) = term();
    term.end();
    let gate = gated(&inner, term, OperatorMetrics::default());
    let outer = service_fn(move |request: Request<Body>| {
        let gate = gate.clone();
        async move { gate.send(request).await }
    });
    let api: Api<Namespace> = Api::all(Client::new(outer, "default"));
    for outcome in writes(&api).await {
        let error = outcome.unwrap_err();
        assert!(is_refused(&error));
        let failure = Failure::kubernetes("write", error);
        assert_eq!(failure.category, Category::Superseded);
    }
}

/// What was sent and not answered may be written or not; nobody waits for it, and nothing follows it.
#[tokio::test]
async fn a_write_on_its_way_is_dropped_when_leadership_ends() {
    let (inner, asked) = client(|| std::future::pending().boxed());
    let (term, _clock) = term();
    let api: Api<Namespace> = Api::all(gated(&inner, term.clone(), OperatorMetrics::default()));
    let writing = tokio::spawn(async move { writes(&api).await });
    while asked.load(Ordering::SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
    term.end();
    let outcomes = writing.await.unwrap();
    assert!(
        outcomes
            .iter()
            .all(|outcome| is_refused(outcome.as_ref().unwrap_err()))
    );
    assert_eq!(asked.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_never_answers_holds_nobody() {
    let (inner, _) = client(|| std::future::pending().boxed());
    let (term, _clock) = term();
    let api: Api<Namespace> = Api::all(gated(&inner, term, OperatorMetrics::default()));
    let error = api.get("shop").await.unwrap_err();
    assert!(!is_refused(&error));
    assert!(
        error.to_string().contains("did not answer within 30s"),
        "{error}"
    );
}
