//! A crash after each of the K writes of every change, and every way in which one of them may fail: the end is the same.

use sendry_crds::tenant::KeyState;
use sendry_domain::time::{DAY, HOUR, SECOND, UnixMillis};
use sendry_operator::keys::{EntryReport, KeyEntry, Source};
use sendry_runtime::clock::Clock;

use super::site::{Place, Site, mint};
use crate::crash::{Fault, Saboteur};

/// A change, as people make it.
#[derive(Clone, Copy, Debug)]
enum Change {
    Create,
    Trigger,
    Age,
    OverlapOver,
    Deleted,
    Damaged,
    Services,
    Expiry,
    Moved,
    Revoked,
    Removed,
    Accepted,
    Replaced,
    Vanished,
}

const ALL: [Change; 14] = [
    Change::Create,
    Change::Trigger,
    Change::Age,
    Change::OverlapOver,
    Change::Deleted,
    Change::Damaged,
    Change::Services,
    Change::Expiry,
    Change::Moved,
    Change::Revoked,
    Change::Removed,
    Change::Accepted,
    Change::Replaced,
    Change::Vanished,
];

/// What there was, what happens, and what is wished for then.
async fn prepare(place: &Place<'_>, change: Change) -> Vec<KeyEntry> {
    let entry = place.entry();
    let with = |trigger: &str| KeyEntry {
        trigger: Some(trigger.to_owned()),
        ..place.entry()
    };
    let refer = KeyEntry {
        source: Source::Reference {
            secret: entry.secret().to_owned(),
            key: "api-key".to_owned(),
        },
        ..entry.clone()
    };
    match change {
        Change::Create => return vec![with("one")],
        Change::Accepted => {
            place.put(&mint()).await;
            return vec![refer];
        }
        Change::Replaced | Change::Vanished => {
            place.put(&mint()).await;
            place.settle(std::slice::from_ref(&refer)).await;
            place.clock.advance(SECOND);
            if matches!(change, Change::Replaced) {
                place.put(&mint()).await;
            } else {
                place.delete().await;
            }
            return vec![refer];
        }
        _ => drop(place.settle(&[with("one")]).await),
    }
    // The newest is told apart by its time.
    place.clock.advance(SECOND);
    let entry = with("one");
    vec![match change {
        Change::Trigger => with("two"),
        Change::Age => {
            place.clock.advance(DAY);
            let interval = Some(DAY);
            KeyEntry { interval, ..entry }
        }
        Change::OverlapOver => {
            place.settle(&[with("two")]).await;
            place.clock.advance(HOUR);
            with("two")
        }
        Change::Deleted => {
            place.delete().await;
            entry
        }
        Change::Damaged => {
            // A key that nobody gave us, under our labels and our marks.
            let mut secret = place.secret().await.unwrap();
            let data = secret.data.as_mut().unwrap();
            let text = mint().expose().as_bytes().to_vec();
            data.insert("api-key".to_owned(), k8s_openapi::ByteString(text));
            let (name, how) = (place.owner.tenant.as_str(), Default::default());
            place.secrets().replace(name, &how, &secret).await.unwrap();
            entry
        }
        Change::Services => {
            let services = vec!["checkout".to_owned()];
            KeyEntry { services, ..entry }
        }
        Change::Expiry => {
            let expires_at = Some(UnixMillis(place.clock.now_ms()).plus(DAY));
            KeyEntry {
                expires_at,
                ..entry
            }
        }
        Change::Moved => {
            let secret = format!("{}-moved", place.owner.tenant);
            KeyEntry {
                source: Source::Generate { secret },
                ..entry
            }
        }
        Change::Revoked => KeyEntry {
            revoked: true,
            ..entry
        },
        Change::Removed => return Vec::new(),
        Change::Create | Change::Accepted | Change::Replaced | Change::Vanished => {
            unreachable!("prepared above")
        }
    }]
}

/// Everything that can be told apart but keys themselves.
async fn end(place: &Place<'_>, reports: &[EntryReport]) -> String {
    let mut lines = Vec::new();
    for record in place.known().await {
        let managed = record.managed.unwrap();
        lines.push(format!(
            "verifier: published {}, until {:?}, revoked {:?}, services {:?}",
            managed.published, record.not_after, record.revoked_at, record.services
        ));
    }
    for suffix in ["", "-moved"] {
        let name = format!("{}{suffix}", place.owner.tenant);
        let Some(secret) = place.secrets().get_opt(&name).await.unwrap() else {
            continue;
        };
        let data: Vec<_> = secret.data.unwrap_or_default().into_keys().collect();
        let labels: Vec<_> = secret
            .metadata
            .labels
            .unwrap_or_default()
            .into_keys()
            .collect();
        let notes = secret.metadata.annotations.unwrap_or_default();
        let is_print = |name: &str| name.ends_with("fingerprint");
        let notes: Vec<_> = notes
            .into_iter()
            .map(|(name, text)| {
                if is_print(&name) {
                    name
                } else {
                    format!("{name}={text}")
                }
            })
            .collect();
        lines.push(format!("Secret{suffix}: {data:?} {labels:?} {notes:?}"));
    }
    for report in reports {
        let states: Vec<KeyState> = report.status.keys.iter().map(|key| key.state).collect();
        let reason = &report.status.reason;
        lines.push(format!(
            "{states:?} {} {reason:?} {:?}",
            report.ready, report.next
        ));
    }
    lines.join("\n")
}

/// Nothing that is shown to clients is refused, but where the spec itself, or whoever was at the Secret, says so.
async fn check_shown(place: &Place<'_>, change: Change, when: &str) {
    let excused = matches!(change, Change::Revoked | Change::Removed | Change::Damaged);
    let over = place.value("previous-not-after").await.is_some_and(|end| {
        let end = end.parse::<jiff::Timestamp>().unwrap();
        end.as_millisecond() <= place.clock.now_ms()
    });
    for (slot, valid) in [("api-key", true), ("previous-api-key", !over)] {
        let Some(text) = place.value(slot).await else {
            continue;
        };
        let unread = matches!(change, Change::Accepted | Change::Replaced);
        let accepted = place.accepts(&text).await;
        assert!(
            accepted || excused || unread || !valid,
            "{slot} is refused {when}"
        );
    }
}

async fn run(site: &Site, tenant: &str, change: Change, saboteur: &Saboteur) -> String {
    let place = site.place(tenant).await;
    let entries = prepare(&place, change).await;
    let when = format!("{change:?}: {tenant}");
    let mut told = Vec::new();
    let first = place.pass(saboteur, &entries, &mut told).await;
    assert_eq!(first.is_err(), saboteur.struck(), "{when}: {first:?}");
    if let Err(failure) = &first {
        let text = format!("{failure:?} {failure}");
        assert!(!text.contains("sdy_live_"), "{text}");
    }
    check_shown(&place, change, &when).await;
    let shown = place.value("api-key").await;
    let reports = match first {
        Ok(reports) => reports,
        Err(_) => place.settle(&entries).await,
    };
    // Of a rotation it stays beside the new one; otherwise somebody had been at the Secret.
    let stays = shown == place.value("api-key").await;
    let kept = shown == place.value("previous-api-key").await;
    let gone = matches!(change, Change::Create | Change::Deleted | Change::Damaged);
    assert!(
        stays || kept || gone,
        "{when}: a value changed that no rotation changed"
    );
    check_shown(&place, change, &when).await;
    let rest = Saboteur::idle();
    let again = place.pass(&rest, &entries, &mut told).await.unwrap();
    assert_eq!(
        rest.writes(),
        Vec::<String>::new(),
        "{when}: writes at rest"
    );
    assert_eq!(again, reports, "{when}");
    end(&place, &reports).await
}

async fn every_write_of(site: &Site, change: Change, at: usize) -> usize {
    let name = |run: &str| format!("c{at}-{run}");
    let clean = Saboteur::idle();
    let wanted = run(site, &name("clean"), change, &clean).await;
    let writes = clean.writes();
    for number in 1..=writes.len() {
        for (kind, fault) in Fault::ALL.into_iter().enumerate() {
            let saboteur = Saboteur::at(number, fault);
            let got = run(site, &name(&format!("{number}-{kind}")), change, &saboteur).await;
            assert_eq!(
                got, wanted,
                "{change:?}: {fault:?} at write {number} of {writes:#?}"
            );
        }
    }
    println!(
        "{change:?}: K = {}, {0}/{0} writes x {} faults come to the same end",
        writes.len(),
        Fault::ALL.len()
    );
    assert!(!writes.is_empty(), "{change:?} is no change");
    writes.len()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_write_of_every_change_may_fail_in_every_way() {
    let site = Site::new().await;
    let mut total = 0;
    for (at, change) in ALL.into_iter().enumerate() {
        total += every_write_of(&site, change, at).await;
    }
    println!("K = {total} in all");
}
