use std::{
    collections::HashMap,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use super::*;

/// Passes that do as their name says.
#[derive(Default)]
struct Named {
    passes: Mutex<HashMap<String, Vec<Instant>>>,
    at_once: AtomicUsize,
    most_at_once: AtomicUsize,
}

impl Named {
    fn count(&self, name: &str) -> usize {
        self.passes.lock().unwrap().get(name).map_or(0, Vec::len)
    }
}

#[async_trait]
impl Reconcile for Named {
    async fn reconcile(&self, name: &str) -> Result<Next, Failure> {
        let now = self.at_once.fetch_add(1, Ordering::SeqCst) + 1;
        self.most_at_once.fetch_max(now, Ordering::SeqCst);
        self.passes
            .lock()
            .unwrap()
            .entry(name.to_owned())
            .or_default()
            .push(Instant::now());
        let guard = Leaving(&self.at_once);
        tokio::time::sleep(Duration::from_millis(100)).await;
        drop(guard);
        match name {
            "panics" => panic!("a bug"),
            "hangs" => std::future::pending().await,
            "fails" => Err(Failure::superseded("do it", "somebody")),
            "ticks" => Ok(Next::After(Duration::from_secs(10))),
            _ => Ok(Next::AtRest),
        }
    }
}

struct Leaving<'a>(&'a AtomicUsize);

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

fn controller() -> (Controller, Arc<Named>) {
    let named = Arc::new(Named::default());
    let controller = Controller {
        kind: "tenants",
        reconcile: named.clone(),
        queue: WorkQueue::new(),
        names: Arc::new(Vec::new),
        metrics: OperatorMetrics::default(),
        workers: 4,
        resync: Duration::from_secs(600),
    };
    (controller, named)
}

fn result(controller: &Controller, result: &'static str) -> u64 {
    controller
        .metrics
        .results
        .get_or_create(&PassResult { result })
        .get()
}

#[tokio::test(start_paused = true)]
async fn bad_passes_stop_nobody_and_are_tried_again() {
    let (controller, named) = controller();
    let running = tokio::spawn(controller.clone().run(CancellationToken::new()));
    for name in ["panics", "hangs", "fails", "ticks", "good"] {
        controller.queue.resync(name);
    }
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(named.count("good"), 1);
    assert_eq!(named.count("hangs"), 1);
    assert!(named.count("panics") >= 3, "{}", named.count("panics"));
    assert!(named.count("fails") >= 10, "{}", named.count("fails"));
    assert_eq!(named.count("ticks"), 6);
    assert_eq!(
        result(&controller, "panicked"),
        named.count("panics") as u64
    );
    assert_eq!(result(&controller, "at_rest"), 1);
    assert_eq!(result(&controller, "later"), 6);
    tokio::time::sleep(Duration::from_secs(120)).await;
    assert_eq!(result(&controller, "too_long"), 1);
    assert!(named.most_at_once.load(Ordering::SeqCst) <= 4);
    assert!(!running.is_finished());
}

#[tokio::test(start_paused = true)]
async fn an_orderly_stop_ends_what_is_under_way() {
    let (controller, named) = controller();
    let stop = CancellationToken::new();
    let running = tokio::spawn(controller.clone().run(stop.clone()));
    for n in 0..20 {
        controller.queue.resync(&format!("t{n}"));
    }
    tokio::time::sleep(Duration::from_millis(50)).await;
    stop.cancel();
    running.await.unwrap();
    assert_eq!(named.passes.lock().unwrap().len(), 4);
    assert_eq!(result(&controller, "at_rest"), 4);
}

#[tokio::test(start_paused = true)]
async fn dropped_it_drops_what_is_under_way() {
    let (controller, named) = controller();
    let running = tokio::spawn(controller.clone().run(CancellationToken::new()));
    controller.queue.resync("good");
    tokio::time::sleep(Duration::from_millis(50)).await;
    running.abort();
    assert!(running.await.unwrap_err().is_cancelled());
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(
        named.at_once.load(Ordering::SeqCst),
        0,
        "the pass was dropped"
    );
    assert_eq!(result(&controller, "at_rest"), 0);
}
