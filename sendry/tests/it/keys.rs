//! `sendry keys` beside a running Sendry.

use std::time::{Duration, Instant};

use crate::support::{DEADLINE, client, event, post, sendry, start, stderr, stdout};

#[tokio::test]
async fn a_new_key_works_at_once_and_a_revoked_one_stops_soon() {
    let folder = tempfile::tempdir().unwrap();
    let up = start(folder.path(), &[]);
    let data = folder.path().to_str().unwrap();
    let made = sendry(&["keys", "--data", data, "create", "--name", "ci"]);
    assert!(made.status.success(), "{}", stderr(&made));
    let key = stdout(&made).trim().to_owned();
    let mut http = client(&up.ready);
    assert_eq!(
        post(&mut http, &key, "/api/hit", event("a")).await.status,
        202
    );

    let listed = stdout(&sendry(&["keys", "--data", data, "list"]));
    let line = listed
        .lines()
        .find(|line| line.ends_with("ci"))
        .unwrap_or_else(|| panic!("{listed}"));
    assert!(!listed.contains(&key[22..]), "a listing shows a secret");
    let id = line.split_whitespace().next().unwrap();
    let revoked = Instant::now();
    assert!(
        sendry(&["keys", "--data", data, "revoke", id])
            .status
            .success()
    );
    loop {
        let answer = post(&mut http, &key, "/api/hit", event("b")).await;
        if answer.status == 403 {
            assert_eq!(answer.json().unwrap()["code"], "revoked_key");
            break;
        }
        let took = revoked.elapsed();
        assert!(took < DEADLINE, "still {} after {took:?}", answer.status);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    // Five seconds are promised; a busy machine may need longer than that for anything.
    println!("revoked: refused after {:.1?}", revoked.elapsed());
    // The others are not touched.
    let own = up.ready.api_key.clone();
    assert_eq!(
        post(&mut http, &own, "/api/hit", event("c")).await.status,
        202
    );
    up.stop().unwrap();
}

#[test]
fn keys_of_nothing_are_refused_with_a_way_out() {
    let folder = tempfile::tempdir().unwrap();
    let output = sendry(&["keys", "--data", folder.path().to_str().unwrap(), "list"]);
    assert!(stderr(&output).contains("sendry up"), "{}", stderr(&output));
}
