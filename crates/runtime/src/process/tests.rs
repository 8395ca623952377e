use std::sync::atomic::{AtomicU32, Ordering};

use super::*;
use crate::metrics::MetricsBuilder;

fn args(ready_file: Option<PathBuf>) -> ProcessArgs {
    ProcessArgs {
        admin_listen: ([127, 0, 0, 1], 0).into(),
        ready_file,
        stop_within_seconds: STOP_WITHIN_SECONDS,
    }
}

fn refused() -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionRefused, "connection refused")
}

fn is_refused(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::ConnectionRefused
}

#[tokio::test]
async fn what_is_away_is_waited_for_and_said() {
    let process = Process::begin(args(None), MetricsBuilder::new().build())
        .await
        .unwrap();
    let tries = AtomicU32::new(0);
    let open = || async {
        if tries.fetch_add(1, Ordering::SeqCst) == 0 {
            return Err(refused());
        }
        let report = process.health.readiness().to_string();
        assert!(report.contains("connection refused"), "{report}");
        assert!(process.health.liveness().ok());
        Ok(7)
    };
    let opened = process.wait_for("database", open, is_refused).await;
    assert_eq!(opened.unwrap(), Some(7));
    assert!(process.health.readiness().ok());
}

#[tokio::test]
async fn what_waiting_does_not_cure_ends_it_and_so_does_a_stop() {
    let process = Process::begin(args(None), MetricsBuilder::new().build())
        .await
        .unwrap();
    let wrong = || async { Err::<(), _>(io::Error::other("fsync=off")) };
    let ended = process.wait_for("a", wrong, is_refused).await;
    assert_eq!(ended.unwrap_err().to_string(), "fsync=off");
    process.stop.cancel();
    let away = || async { Err::<(), _>(refused()) };
    assert!(
        process
            .wait_for("b", away, is_refused)
            .await
            .unwrap()
            .is_none()
    );
}

#[tokio::test]
async fn the_ready_file_names_every_address_once_ready() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("ready.json");
    let mut process = Process::begin(args(Some(file.clone())), MetricsBuilder::new().build())
        .await
        .unwrap();
    process
        .listen(
            "address",
            "--listen",
            ([127, 0, 0, 1], 0).into(),
            Router::new(),
        )
        .await
        .unwrap();
    let component = process.health.component("late");
    let stop = process.stop.clone();
    let running = tokio::spawn(process.run());
    tokio::task::yield_now().await;
    assert!(!file.exists());
    component.ready();
    let text = loop {
        if let Ok(text) = std::fs::read_to_string(&file) {
            break text;
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    };
    let ready: Value = serde_json::from_str(&text).unwrap();
    assert!(
        ready["address"]
            .as_str()
            .unwrap()
            .starts_with("http://127.0.0.1:")
    );
    assert!(
        ready["admin"]
            .as_str()
            .unwrap()
            .starts_with("http://127.0.0.1:")
    );
    stop.cancel();
    running.await.unwrap().unwrap();
}

#[tokio::test]
async fn who_gives_up_on_a_process_leaves_it() {
    let process = Process::begin(args(None), MetricsBuilder::new().build())
        .await
        .unwrap();
    let stop = process.stop.clone();
    assert!(!stop.is_cancelled());
    drop(process);
    assert!(stop.is_cancelled());
}
