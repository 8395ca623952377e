use super::*;

#[test]
fn a_component_is_not_ready_until_it_says_so() {
    let health = Health::new();
    assert!(health.readiness().ok(), "nothing to wait for");
    let queue = health.component("queue");
    assert!(!health.readiness().ok());
    queue.ready();
    assert!(health.readiness().ok());
    queue.not_ready("no connection");
    assert!(!health.readiness().ok());
}

#[test]
fn what_is_needed_once_makes_nothing_unready_afterwards() {
    let health = Health::new();
    let queue = health.component("queue").once();
    queue.not_ready("no such queue");
    assert!(!health.readiness().ok());
    queue.ready();
    queue.not_ready("no connection");
    let report = health.readiness();
    assert!(report.ok());
    assert!(report.to_string().contains("no connection (informational)"));
}

#[test]
fn the_verbose_text_has_a_line_per_component() {
    let health = Health::new();
    health.component("queue").ready();
    health
        .component("postgres")
        .not_ready("no connection for 12 s");
    health
        .component("mongodb")
        .informational()
        .not_ready("primary is away");
    assert_eq!(
        health.readiness().to_string(),
        "[+]queue ok\n\
         [-]postgres failed: no connection for 12 s\n\
         [-]mongodb failed: primary is away (informational)\n\
         readyz check failed\n"
    );
    health.component("postgres").ready();
    assert!(
        health
            .readiness()
            .to_string()
            .ends_with("readyz check passed\n")
    );
}

#[test]
fn draining_is_not_ready_but_alive() {
    let health = Health::new();
    health.component("queue").ready();
    health.drain();
    assert!(!health.readiness().ok());
    assert!(
        health
            .readiness()
            .to_string()
            .contains("[-]shutdown failed: shutting down")
    );
    assert!(health.liveness().ok());
}

#[tokio::test(start_paused = true)]
async fn a_missed_beat_ends_liveness_and_only_liveness() {
    let health = Health::new();
    let consumer = health
        .component("consumer")
        .beats_within(Duration::from_secs(30));
    consumer.ready();

    tokio::time::advance(Duration::from_secs(30)).await;
    assert!(health.liveness().ok(), "the deadline itself is in time");
    tokio::time::advance(Duration::from_secs(1)).await;
    assert!(!health.liveness().ok());
    assert_eq!(
        health.liveness().to_string(),
        "[-]consumer failed: no beat for 31.0s, promised within 30.0s\nlivez check failed\n"
    );
    assert!(health.readiness().ok());

    consumer.beat();
    assert!(health.liveness().ok());
}

#[test]
fn not_being_ready_does_not_end_liveness() {
    let health = Health::new();
    health.component("postgres").not_ready("away");
    assert!(health.liveness().ok());
}
