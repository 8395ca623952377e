use std::collections::{HashMap, HashSet};

use proptest::prelude::*;
use sendry_runtime::backoff::Backoff;

use super::*;

const BACKOFF: Backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(1));

fn at(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn drain(queue: &mut Queue, now: Duration) -> Vec<String> {
    let mut names = Vec::new();
    while let Some(name) = queue.next(now) {
        queue.done(&name, Outcome::AtRest, now, 0.5);
        names.push(name);
    }
    names
}

#[test]
fn changes_overtake_resyncs() {
    let mut queue = Queue::default();
    for name in ["a", "b", "c"] {
        queue.add(name, Lane::Resync);
    }
    queue.add("c", Lane::Change);
    queue.add("new", Lane::Change);
    assert_eq!(drain(&mut queue, at(0)), ["c", "new", "a", "b"]);
}

#[test]
fn a_stream_of_changes_does_not_hold_a_resync_back() {
    let mut queue = Queue::default();
    queue.add("patient", Lane::Resync);
    let mut taken = Vec::new();
    for n in 0..40 {
        queue.add(&format!("busy-{n}"), Lane::Change);
        queue.add(&format!("busy-{n}-too"), Lane::Change);
        let name = queue.next(at(0)).unwrap();
        queue.done(&name, Outcome::AtRest, at(0), 0.5);
        taken.push(name);
    }
    assert!(taken.contains(&"patient".to_owned()), "{taken:?}");
}

#[test]
fn what_changes_under_work_is_worked_on_once_more_by_nobody_else_meanwhile() {
    let mut queue = Queue::default();
    queue.add("a", Lane::Resync);
    assert_eq!(queue.next(at(0)).as_deref(), Some("a"));
    queue.add("a", Lane::Change);
    queue.add("a", Lane::Change);
    assert_eq!(queue.next(at(0)), None);
    queue.done("a", Outcome::AtRest, at(0), 0.5);
    assert_eq!(drain(&mut queue, at(0)), ["a"]);
}

#[test]
fn waiting_grows_with_failures_and_success_forgets_them() {
    let mut queue = Queue::default();
    let mut now = at(0);
    queue.add("a", Lane::Change);
    let mut waits = Vec::new();
    for _ in 0..6 {
        let name = queue.next(now).unwrap();
        let wait = queue.done(&name, Outcome::Failed(BACKOFF), now, 1.0);
        waits.push(wait.unwrap().as_millis());
        assert_eq!(queue.next(now), None);
        now += wait.unwrap();
    }
    assert_eq!(waits, [100, 200, 400, 800, 1000, 1000]);
    assert_eq!(queue.failures("a"), 6);
    assert_eq!(drain(&mut queue, now), ["a"]);
    assert_eq!(queue.failures("a"), 0);
}

#[test]
fn a_change_ends_the_waiting_and_a_resync_does_not() {
    let mut queue = Queue::default();
    queue.add("a", Lane::Change);
    queue.next(at(0));
    queue.done("a", Outcome::Failed(BACKOFF), at(0), 1.0);
    queue.add("a", Lane::Resync);
    assert_eq!(queue.next(at(0)), None);
    queue.add("a", Lane::Change);
    assert_eq!(queue.next(at(0)).as_deref(), Some("a"));
    // Failures in a row are still counted: a change is no success.
    let wait = queue.done("a", Outcome::Failed(BACKOFF), at(0), 1.0);
    assert_eq!(wait, Some(at(200)));
}

#[test]
fn a_time_that_was_waited_for_comes() {
    let mut queue = Queue::default();
    queue.add("a", Lane::Resync);
    queue.next(at(0));
    queue.done("a", Outcome::After(at(500)), at(0), 0.5);
    assert_eq!(queue.next(at(499)), None);
    assert_eq!(queue.next_due(), Some(at(500)));
    // A resync looks now, and the time is then found again by that pass.
    queue.add("a", Lane::Resync);
    assert_eq!(queue.next(at(499)).as_deref(), Some("a"));
    queue.done("a", Outcome::After(at(1)), at(499), 0.5);
    queue.add("b", Lane::Resync);
    assert_eq!(drain(&mut queue, at(500)), ["a", "b"]);
}

#[derive(Clone, Debug)]
enum Act {
    Add(u8, bool),
    Take,
    Done(u8, u8),
    Pass(u16),
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        (0..6u8, any::<bool>()).prop_map(|(n, change)| Act::Add(n, change)),
        Just(Act::Take),
        (any::<u8>(), 0..3u8).prop_map(|(n, how)| Act::Done(n, how)),
        (0..400u16).prop_map(Act::Pass),
    ];
    proptest::collection::vec(act, 1..200)
}

proptest! {
    /// Whatever happens in whatever order: nobody is worked on twice at once, and whoever was added is worked on after
    /// it was added.
    #[test]
    fn no_name_is_lost_and_none_is_with_two_workers(acts in acts()) {
        let mut queue = Queue::default();
        let mut now = at(0);
        let mut working = Vec::<String>::new();
        // Names that were added and not taken since.
        let mut owed = HashSet::<String>::new();
        for act in acts {
            match act {
                Act::Add(n, change) => {
                    let name = format!("t{n}");
                    queue.add(&name, if change { Lane::Change } else { Lane::Resync });
                    owed.insert(name);
                }
                Act::Take => {
                    if let Some(name) = queue.next(now) {
                        prop_assert!(!working.contains(&name), "{name} twice");
                        owed.remove(&name);
                        working.push(name);
                    }
                }
                Act::Done(n, how) if !working.is_empty() => {
                    let name = working.swap_remove(usize::from(n) % working.len());
                    let outcome = match how {
                        0 => Outcome::AtRest,
                        1 => Outcome::After(at(300)),
                        _ => Outcome::Failed(BACKOFF),
                    };
                    queue.done(&name, outcome, now, 0.7);
                }
                Act::Done(..) => {}
                Act::Pass(millis) => now += at(millis.into()),
            }
            prop_assert_eq!(queue.working(), working.len());
        }
        for name in working {
            queue.done(&name, Outcome::AtRest, now, 0.5);
        }
        now += Duration::from_secs(3600);
        let mut taken = HashMap::<String, u32>::new();
        for name in drain(&mut queue, now) {
            *taken.entry(name).or_default() += 1;
        }
        prop_assert!(taken.values().all(|times| *times == 1), "{:?}", taken);
        for name in owed {
            prop_assert!(taken.contains_key(&name), "{} was lost", name);
        }
        prop_assert_eq!((queue.waiting(), queue.later(), queue.working()), (0, 0, 0));
        prop_assert!(queue.entries().is_empty(), "something of a name is kept for ever");
    }
}

#[tokio::test(start_paused = true)]
async fn workers_wake_up_for_what_is_added_and_for_what_falls_due() {
    let queue = WorkQueue::new();
    let worker = tokio::spawn({
        let queue = queue.clone();
        async move {
            let mut taken = Vec::new();
            for _ in 0..4 {
                let name = queue.next().await;
                taken.push((name.clone(), queue.now().as_millis()));
                let outcome = if name == "again" && taken.len() < 4 {
                    Outcome::After(Duration::from_secs(7))
                } else {
                    Outcome::AtRest
                };
                queue.done(&name, outcome, 0.5);
            }
            taken
        }
    });
    tokio::time::sleep(Duration::from_secs(1)).await;
    queue.changed("again");
    tokio::time::sleep(Duration::from_secs(1)).await;
    queue.resync("other");
    let taken = worker.await.unwrap();
    let want = [
        ("again", 1000),
        ("other", 2000),
        ("again", 8000),
        ("again", 15000),
    ];
    let want = want.map(|(name, at)| (name.to_owned(), at));
    assert_eq!(taken, want);
}

#[tokio::test(start_paused = true)]
async fn one_notice_is_enough_for_many_workers_and_names() {
    let queue = WorkQueue::new();
    let mut workers = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let queue = queue.clone();
        workers.spawn(async move {
            let name = queue.next().await;
            tokio::time::sleep(Duration::from_secs(1)).await;
            queue.done(&name, Outcome::AtRest, 0.5);
        });
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    for n in 0..4 {
        queue.resync(&format!("t{n}"));
    }
    let start = Instant::now();
    while workers.join_next().await.is_some() {}
    assert_eq!(start.elapsed(), Duration::from_secs(1));
    assert_eq!(queue.depths(), Depths::default());
}

/// The only worker that knew when something falls due may be busy by then.
#[tokio::test(start_paused = true)]
async fn what_falls_due_is_not_left_to_a_worker_that_is_busy() {
    let queue = WorkQueue::new();
    let mut workers = tokio::task::JoinSet::new();
    for _ in 0..3 {
        let queue = queue.clone();
        workers.spawn(async move {
            loop {
                let name = queue.next().await;
                let outcome = match name.as_str() {
                    "long" => {
                        tokio::time::sleep(Duration::from_secs(60)).await;
                        Outcome::AtRest
                    }
                    "due" => Outcome::After(Duration::from_secs(5)),
                    _ => Outcome::AtRest,
                };
                if name == "due" && queue.now() > Duration::from_secs(4) {
                    return queue.now().as_secs();
                }
                queue.done(&name, outcome, 0.5);
            }
        });
    }
    queue.changed("due");
    tokio::time::sleep(Duration::from_secs(1)).await;
    queue.changed("long");
    tokio::time::sleep(Duration::from_millis(1)).await;
    let seen = workers.join_next().await.unwrap().unwrap();
    assert_eq!(seen, 5);
}
