//! Folders that cannot be used get one precise sentence and no start.

use std::path::Path;

use crate::support::{sendry, start, stderr};

fn refusal(data: &Path) -> String {
    let output = sendry(&[
        "up",
        "--data",
        data.to_str().unwrap(),
        "--listen",
        "127.0.0.1:0",
    ]);
    assert!(!output.status.success());
    stderr(&output)
}

#[test]
fn in_use_by_another_process() {
    let folder = tempfile::tempdir().unwrap();
    let up = start(folder.path(), &[]);
    let text = refusal(folder.path());
    assert!(
        text.contains(&format!("in use by process {}", up.id())),
        "{text}"
    );
    assert!(text.contains("--data"), "no way out named: {text}");
    up.stop().unwrap();
}

#[test]
fn not_writable() {
    // A place where nobody may make folders, root included.
    let text = refusal(Path::new("/proc/sendry-data"));
    assert!(
        text.contains("failed to write to data folder `/proc/sendry-data`"),
        "{text}"
    );
    assert!(text.contains("--data"), "no way out named: {text}");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "x").unwrap();
    assert!(refusal(&file).contains("failed to write to data folder"));
}

#[test]
fn written_by_a_later_build_or_no_store_at_all() {
    let folder = tempfile::tempdir().unwrap();
    start(folder.path(), &[]).stop().unwrap();
    std::fs::write(
        folder.path().join("store.db"),
        b"this is no database, whatever it is called",
    )
    .unwrap();
    let text = refusal(folder.path());
    assert!(text.contains("failed to open the store"), "{text}");
}

#[test]
fn an_address_in_use_names_the_flag() {
    let folder = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = sendry(&[
        "up",
        "--data",
        folder.path().to_str().unwrap(),
        "--listen",
        &address,
    ]);
    assert!(stderr(&output).contains("--listen"), "{}", stderr(&output));
}
