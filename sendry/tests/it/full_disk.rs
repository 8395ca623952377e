//! A full disk: precise answers, a living process, nothing accepted lost, and work goes on when there is space.

use std::{
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use sendry_testkit::{client::Client, process::Ready};

use crate::support::{BINARY, DEADLINE, event, post, settled_ledger};

/// A small file system of our own, in a mount namespace that ends with the process.
struct SmallDisk {
    child: Child,
    ready: Ready,
    ballast: PathBuf,
}

impl SmallDisk {
    fn start(folder: &Path) -> Self {
        let (disk, ready_file) = (folder.join("disk"), folder.join("ready.json"));
        std::fs::create_dir(&disk).unwrap();
        // The ballast is removed from inside the namespace when the file `go` appears outside of it.
        let script = r#"mount -t tmpfs -o size=24m sendry-test "$1" || { echo "cannot mount a tmpfs" >&2; exit 70; }
            ( while [ ! -e "$3" ]; do sleep 0.05; done; rm -f "$1/ballast" ) &
            exec "$2" up --data "$1/data" --listen 127.0.0.1:0 --ready-file "$4""#;
        let ballast = folder.join("go");
        let mut command = Command::new("unshare");
        if !is_root() {
            command.args(["--user", "--map-root-user"]);
        }
        let mut child = command
            .args(["--mount", "sh", "-c", script, "sh"])
            .arg(&disk)
            .arg(BINARY)
            .arg(&ballast)
            .arg(&ready_file)
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(folder.join("log")).unwrap())
            .spawn()
            .expect("`unshare` (util-linux) is needed to give the test a small disk");
        let began = Instant::now();
        loop {
            if let Ok(text) = std::fs::read_to_string(&ready_file) {
                return Self {
                    child,
                    ready: serde_json::from_str(&text).unwrap(),
                    ballast,
                };
            }
            let log = || std::fs::read_to_string(folder.join("log")).unwrap_or_default();
            assert!(
                child.try_wait().unwrap().is_none(),
                "mount namespaces are needed for this test: {}",
                log()
            );
            assert!(began.elapsed() < DEADLINE, "not ready: {}", log());
            wait();
        }
    }

    /// A path on the small disk as this process can reach it.
    fn inside(&self, folder: &Path, name: &str) -> PathBuf {
        let disk = folder.join("disk").join(name);
        Path::new("/proc")
            .join(self.child.id().to_string())
            .join("root")
            .join(disk.strip_prefix("/").unwrap())
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        std::fs::write(&self.ballast, "").unwrap();
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_refused_honestly_and_nothing_accepted_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let mut disk = SmallDisk::start(folder.path());
    let mut http = Client::new(disk.ready.address().unwrap());
    let key = disk.ready.api_key.clone();
    fill(&disk.inside(folder.path(), "ballast"));

    let (mut confirmed, mut refused, mut sent) = (0u64, 0, 0u64);
    let began = Instant::now();
    while refused < 5 {
        let events: Vec<String> = (0..100).map(|n| event(&format!("e{sent}-{n}"))).collect();
        let answer = post(
            &mut http,
            &key,
            "/api/v1/events",
            format!("{{\"events\":[{}]}}", events.join(",")),
        )
        .await;
        sent += 1;
        match answer.status {
            202 => confirmed += 100,
            503 => {
                let problem = answer.json().unwrap();
                let code = problem["code"].as_str().unwrap();
                assert!(["unavailable", "unknown"].contains(&code), "{problem}");
                refused += 1;
            }
            other => panic!("{other}: {}", String::from_utf8_lossy(&answer.body)),
        }
        assert!(
            began.elapsed() < DEADLINE,
            "the disk is not full after {sent} batches"
        );
    }
    assert!(
        disk.child.try_wait().unwrap().is_none(),
        "the process ended"
    );
    let page = http
        .send("GET", "/", &[], bytes::Bytes::new())
        .await
        .unwrap();
    assert_eq!(page.status, 200, "reads go on");

    // Space again: what was accepted is counted, and new events are taken.
    std::fs::write(&disk.ballast, "").unwrap();
    let began = Instant::now();
    loop {
        if post(&mut http, &key, "/api/hit", event("after"))
            .await
            .status
            == 202
        {
            break;
        }
        assert!(
            began.elapsed() < 2 * DEADLINE,
            "still refused with space on the disk"
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let ledger = loop {
        let ledger = settled_ledger(&mut http).await;
        if ledger["counted"].as_u64().unwrap() > confirmed {
            break ledger;
        }
        assert!(
            began.elapsed() < 2 * DEADLINE,
            "{confirmed} were confirmed, the ledger says {ledger}"
        );
    };
    assert_eq!(ledger["closes"], true);
    // Batches answered `unknown` may have landed; none that was answered 202 may be missing.
    let counted = ledger["counted"].as_u64().unwrap();
    assert!(
        counted > confirmed && counted <= sent * 100 + 1,
        "{counted} of {confirmed}: {ledger}"
    );
    disk.child.kill().unwrap();
}

/// Writes until the disk has less than half a megabyte left.
fn fill(ballast: &Path) {
    use std::io::Write;
    let mut file = std::fs::File::create(ballast).unwrap();
    let block = [7; 64 * 1024];
    let mut blocks = 0u32;
    while file.write_all(&block).is_ok() {
        blocks += 1;
        assert!(blocks < 1_000, "this disk is not small");
    }
    file.set_len(u64::from(blocks.saturating_sub(8)) * block.len() as u64)
        .unwrap();
}

fn is_root() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    status.lines().any(|line| line.starts_with("Uid:\t0\t"))
}

#[expect(
    clippy::disallowed_methods,
    reason = "between looks at a condition with a deadline"
)]
fn wait() {
    std::thread::sleep(Duration::from_millis(10));
}
