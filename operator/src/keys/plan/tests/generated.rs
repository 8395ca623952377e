//! A key that the operator makes, story by story.

use sendry_crds::names::{API_KEY_LABEL, TENANT_LABEL};
use sendry_domain::time::{DAY, HOUR, MINUTE};

use super::world::{World, entry, triggered};
use crate::keys::{
    entry::{KeyEntry, Source},
    plan::Rest,
    secret::{CURRENT, FINGERPRINT_NOTE, NEXT, PREVIOUS, STATE_NOTE, TRIGGER_NOTE},
};

const CREATED: [&str; 4] = ["stage", "verify unpublished", "verify published", "write"];

fn reasons(world: &World) -> Vec<(&'static str, bool)> {
    world
        .told
        .iter()
        .map(|told| (told.reason, told.warning))
        .collect()
}

fn reason(rest: &Rest) -> Option<&'static str> {
    rest.trouble.as_ref().map(|trouble| trouble.reason)
}

fn made(entry: &KeyEntry) -> World {
    let mut world = World::new();
    let rest = world.settle(entry);
    world.check_rest(entry, &rest);
    world
}

#[test]
fn a_new_entry_is_known_to_ingest_before_it_is_shown() {
    let mut world = World::new();
    let entry = triggered("one");
    let rest = world.settle(&entry);
    assert_eq!(world.steps, CREATED);
    assert_eq!(reasons(&world), [("KeyIssued", false)]);
    let view = world.view("web").unwrap();
    assert_eq!(view.note(TRIGGER_NOTE), Some("one"), "noted as it is");
    world.check_rest(&entry, &rest);
}

#[test]
fn a_trigger_is_one_rotation_with_an_overlap() {
    let mut world = made(&triggered("one"));
    let old = world.current();
    world.told.clear();
    let rest = world.settle(&triggered("two"));
    let rotated = [&CREATED[..], &["verify published"]].concat();
    assert_eq!(world.steps, rotated, "and the old one gets its end");
    assert_eq!(reasons(&world), [("KeyRotated", false)]);
    world.check_rest(&triggered("two"), &rest);
    let new = world.current();
    assert!(!new.hash().matches(&old.hash()));
    assert_eq!(world.record(&old).not_after, Some(world.now.plus(HOUR)));
    assert!(
        world
            .key("web", PREVIOUS)
            .unwrap()
            .hash()
            .matches(&old.hash())
    );

    world.advance(HOUR - 1);
    let rest = world.settle(&triggered("two"));
    world.check_rest(&triggered("two"), &rest);
    assert!(world.accepts(&old.hash()));

    world.advance(1);
    world.settle(&triggered("two"));
    assert_eq!(world.steps, ["write"]);
    assert!(world.key("web", PREVIOUS).is_none());
    assert!(!world.accepts(&old.hash()) && world.accepts(&new.hash()));
}

#[test]
fn nothing_else_in_the_spec_makes_a_new_key() {
    let before = triggered("one");
    for (what, after, steps) in [
        ("nothing", before.clone(), 0),
        (
            "services",
            KeyEntry {
                services: vec!["a".to_owned()],
                ..before.clone()
            },
            1,
        ),
        (
            "overlap",
            KeyEntry {
                overlap: 0,
                ..before.clone()
            },
            0,
        ),
        (
            "no trigger",
            KeyEntry {
                trigger: None,
                ..before.clone()
            },
            0,
        ),
        (
            "interval",
            KeyEntry {
                interval: Some(DAY),
                ..before.clone()
            },
            0,
        ),
    ] {
        let mut world = made(&before);
        let key = world.current();
        let rest = world.settle(&after);
        assert_eq!(world.steps.len(), steps, "{what}: {:?}", world.steps);
        assert!(world.current().hash().matches(&key.hash()), "{what}");
        world.check_rest(&after, &rest);
    }
}

#[test]
fn a_trigger_that_was_taken_away_and_put_back_is_the_same() {
    let mut world = made(&triggered("one"));
    let key = world.current();
    world.settle(&entry());
    world.settle(&triggered("one"));
    assert!(world.current().hash().matches(&key.hash()));
    world.settle(&triggered("two"));
    assert!(!world.current().hash().matches(&key.hash()));
}

#[test]
fn a_first_trigger_is_a_change_too() {
    let mut world = made(&entry());
    let key = world.current();
    world.settle(&triggered("one"));
    assert!(!world.current().hash().matches(&key.hash()));
}

#[test]
fn an_interval_is_counted_from_when_the_key_was_made() {
    let entry = KeyEntry {
        interval: Some(DAY),
        ..entry()
    };
    let mut world = made(&entry);
    let (key, start) = (world.current(), world.now);
    assert_eq!(world.settle(&entry).next_rotation, Some(start.plus(DAY)));
    world.advance(DAY - 1);
    world.settle(&entry);
    assert!(world.current().hash().matches(&key.hash()));
    world.advance(1);
    let rest = world.settle(&entry);
    assert!(!world.current().hash().matches(&key.hash()));
    assert_eq!(rest.next_rotation, Some(world.now.plus(DAY)));
    world.check_rest(&entry, &rest);
}

#[test]
fn several_triggers_within_an_overlap_leave_each_key_its_own_end() {
    let mut world = made(&triggered("one"));
    let first = world.current();
    world.settle(&triggered("two"));
    let (second, end) = (world.current(), world.now.plus(HOUR));
    world.advance(10 * MINUTE);
    let rest = world.settle(&triggered("three"));
    world.check_rest(&triggered("three"), &rest);
    assert!(
        world
            .key("web", PREVIOUS)
            .unwrap()
            .hash()
            .matches(&second.hash())
    );
    assert_eq!(
        world.record(&first).not_after,
        Some(end),
        "out of the Secret, and valid"
    );
    assert_eq!(world.record(&second).not_after, Some(end.plus(10 * MINUTE)));
}

#[test]
fn a_shorter_overlap_breaks_no_promise() {
    let mut world = made(&triggered("one"));
    let old = world.current();
    world.settle(&triggered("two"));
    let short = KeyEntry {
        overlap: MINUTE,
        ..triggered("two")
    };
    let end = world.now.plus(HOUR);
    world.settle(&short);
    assert_eq!(world.record(&old).not_after, Some(end));
}

#[test]
fn no_overlap_ends_the_old_key_at_once() {
    let short = |trigger| KeyEntry {
        overlap: 0,
        ..triggered(trigger)
    };
    let mut world = made(&short("one"));
    let old = world.current();
    let rest = world.settle(&short("two"));
    world.check_rest(&short("two"), &rest);
    assert!(!world.accepts(&old.hash()));
    assert!(world.key("web", PREVIOUS).is_none());
}

#[test]
fn a_deleted_secret_gets_a_fresh_key_and_the_old_one_an_overlap() {
    let mut world = made(&entry());
    let old = world.current();
    world.told.clear();
    world.secrets.clear();
    // As long as no other is published, nothing ends: it may be the namespace that went.
    for _ in 0..3 {
        world.step(&entry());
        assert_eq!(world.record(&old).not_after, None);
    }
    let rest = world.settle(&entry());
    world.check_rest(&entry(), &rest);
    assert_eq!(reasons(&world), [("SecretRecreated", true)]);
    assert_eq!(world.record(&old).not_after, Some(world.now.plus(HOUR)));
    assert!(
        world.key("web", PREVIOUS).is_none(),
        "nobody knows its text any more"
    );
}

#[test]
fn a_value_that_is_not_ours_is_replaced() {
    let foreign = World::new().fresh().expose().to_owned();
    for (what, text) in [("junk", "junk"), ("a key", foreign.as_str())] {
        let mut world = made(&entry());
        let old = world.current();
        world.told.clear();
        world.fresh();
        let text = text.replace("0001", "0001");
        let other = if what == "junk" {
            text
        } else {
            world.fresh().expose().to_owned()
        };
        world.edit("web", CURRENT, Some(other.as_bytes()));
        let rest = world.settle(&entry());
        world.check_rest(&entry(), &rest);
        assert_eq!(reasons(&world), [("SecretDamaged", true)], "{what}");
        assert_eq!(
            world.record(&old).not_after,
            Some(world.now.plus(HOUR)),
            "{what}"
        );
    }
}

#[test]
fn what_was_changed_by_hand_is_put_right_without_a_new_key() {
    let mut world = made(&triggered("one"));
    world.settle(&triggered("two"));
    let (key, right) = (world.current(), world.secrets["web"].clone());
    for (slot, value) in [
        ("key-id", Some("other")),
        ("key-id", None),
        ("not-after", Some("2026-01-01T00:00:00Z")),
        ("previous-not-after", Some("2026-01-01T00:00:00Z")),
        ("previous-key-id", None),
        ("next-api-key", Some("junk")),
    ] {
        world.edit("web", slot, value.map(str::as_bytes));
        world.settle(&triggered("two"));
        assert_eq!(world.steps, ["write"], "{slot}");
        assert!(world.secrets["web"] == right, "{slot}");
    }
    for note in [
        "sendry.io/not-before",
        FINGERPRINT_NOTE,
        TRIGGER_NOTE,
        "sendry.io/previous-not-after",
    ] {
        let notes = &mut world.secrets.get_mut("web").unwrap().metadata.annotations;
        notes.as_mut().unwrap().remove(note);
        world.settle(&triggered("two"));
        assert!(world.secrets["web"] == right, "{note}");
    }
    world.label("web", "app.kubernetes.io/managed-by", Some("somebody"));
    world.settle(&triggered("two"));
    assert!(world.secrets["web"] == right);
    assert!(world.current().hash().matches(&key.hash()));
}

#[test]
fn what_others_put_into_the_secret_survives_a_rotation() {
    let mut world = made(&triggered("one"));
    world.edit("web", "theirs", Some(b"x"));
    world.label("web", "team", Some("a"));
    world.settle(&triggered("two"));
    let secret = &world.secrets["web"];
    assert!(secret.data.as_ref().unwrap().contains_key("theirs"));
    assert_eq!(world.view("web").unwrap().label("team"), Some("a"));
}

#[test]
fn a_secret_of_somebody_else_is_left_alone() {
    for labels in [
        vec![],
        vec![(TENANT_LABEL, "acme")],
        vec![(TENANT_LABEL, "other"), (API_KEY_LABEL, "web")],
        vec![(TENANT_LABEL, "acme"), (API_KEY_LABEL, "other")],
    ] {
        let mut world = World::new();
        world.put("web", "password", "x");
        for (label, value) in &labels {
            world.label("web", label, Some(value));
        }
        let before = world.secrets["web"].clone();
        let rest = world.settle(&entry());
        assert_eq!(reason(&rest), Some("SecretConflict"), "{labels:?}");
        assert!(world.secrets["web"] == before && world.records.is_empty());
        let message = rest.trouble.unwrap().message;
        assert!(message.contains("`sendry.io/tenant: acme`"), "{message}");
        world.label("web", TENANT_LABEL, Some("acme"));
        world.label("web", API_KEY_LABEL, Some("web"));
        let rest = world.settle(&entry());
        world.check_rest(&entry(), &rest);
    }
}

#[test]
fn a_label_that_was_taken_away_stops_no_key() {
    let mut world = made(&entry());
    let key = world.current();
    world.label("web", API_KEY_LABEL, None);
    assert_eq!(reason(&world.settle(&entry())), Some("SecretConflict"));
    assert!(world.accepts(&key.hash()));
    world.label("web", API_KEY_LABEL, Some("web"));
    let rest = world.settle(&entry());
    world.check_rest(&entry(), &rest);
    assert!(world.current().hash().matches(&key.hash()));
}

#[test]
fn an_immutable_secret_is_told_of_when_it_is_in_the_way() {
    let mut world = made(&triggered("one"));
    world.secrets.get_mut("web").unwrap().immutable = Some(true);
    let rest = world.settle(&triggered("one"));
    assert_eq!(reason(&rest), None);
    let rest = world.settle(&triggered("two"));
    assert_eq!(reason(&rest), Some("SecretImmutable"));
    assert!(world.accepts(&world.current().hash()));
}

#[test]
fn revoked_is_for_good_and_leaves_the_text_where_it_is_mounted() {
    let mut world = made(&triggered("one"));
    world.settle(&triggered("two"));
    let key = world.current();
    let revoked = KeyEntry {
        revoked: true,
        ..triggered("three")
    };
    world.told.clear();
    let rest = world.settle(&revoked);
    assert_eq!(world.steps, ["verify revoked", "verify revoked", "write"]);
    assert_eq!(reasons(&world), [("KeyRevoked", false); 2]);
    world.check_rest(&revoked, &rest);
    assert!(world.current().hash().matches(&key.hash()));
    assert_eq!(world.view("web").unwrap().note(STATE_NOTE), Some("revoked"));
    assert!(world.key("web", PREVIOUS).is_none());
    world.secrets.clear();
    world.settle(&revoked);
    assert!(world.secrets.is_empty(), "no new key for it");
}

#[test]
fn an_entry_that_comes_back_gets_a_new_key() {
    let mut world = made(&entry());
    let old = world.current();
    let now = world.now;
    world.records[0].revoked_at = Some(now);
    let rest = world.settle(&entry());
    world.check_rest(&entry(), &rest);
    assert!(!world.current().hash().matches(&old.hash()));
    assert!(world.record(&old).revoked_at.is_some());
}

#[test]
fn an_entry_expires_and_may_be_extended() {
    let until = |millis| {
        let expires_at = Some(World::new().now.plus(millis));
        KeyEntry {
            expires_at,
            ..triggered("one")
        }
    };
    let mut world = made(&until(DAY));
    let key = world.current();
    assert_eq!(world.record(&key).not_after, Some(world.now.plus(DAY)));
    world.advance(DAY);
    let rest = world.settle(&until(DAY));
    world.check_rest(&until(DAY), &rest);
    assert_eq!(world.view("web").unwrap().note(STATE_NOTE), Some("expired"));
    let other = KeyEntry {
        trigger: Some("two".to_owned()),
        ..until(DAY)
    };
    world.settle(&other);
    assert_eq!(world.steps, Vec::<String>::new(), "no key for what is over");
    let rest = world.settle(&until(2 * DAY));
    world.check_rest(&until(2 * DAY), &rest);
    assert!(world.current().hash().matches(&key.hash()));
    assert!(world.accepts(&key.hash()));
    assert_eq!(world.view("web").unwrap().note(STATE_NOTE), None);
}

#[test]
fn an_entry_that_is_over_before_it_began_gets_no_key() {
    let mut world = World::new();
    let over = KeyEntry {
        expires_at: Some(world.now),
        ..entry()
    };
    world.settle(&over);
    assert!(world.secrets.is_empty() && world.records.is_empty());
}

#[test]
fn a_tenant_made_again_goes_on_with_its_keys() {
    let mut world = made(&triggered("one"));
    world.settle(&triggered("two"));
    let (key, old) = (world.current(), world.key("web", PREVIOUS).unwrap());
    let ends = world.record(&old).not_after;
    let (before, secret) = (world.told.len(), world.secrets["web"].clone());
    world.records.clear();
    let rest = world.settle(&triggered("two"));
    assert_eq!(world.steps, ["verify published", "verify published"]);
    world.check_rest(&triggered("two"), &rest);
    assert!(world.secrets["web"] == secret);
    assert!(world.accepts(&key.hash()));
    assert_eq!(world.record(&old).not_after, ends);
    assert_eq!(world.told.len(), before);
}

#[test]
fn a_key_that_was_made_ready_is_taken_over() {
    let mut world = World::new();
    let key = world.fresh();
    world.put("web", CURRENT, key.expose());
    world.label("web", TENANT_LABEL, Some("acme"));
    world.label("web", API_KEY_LABEL, Some("web"));
    let rest = world.settle(&entry());
    world.check_rest(&entry(), &rest);
    assert!(world.current().hash().matches(&key.hash()));
}

#[test]
fn a_key_that_another_tenant_has_is_not_taken_over() {
    let mut world = World::new();
    let key = world.fresh();
    world.taken.insert(key.id().clone());
    world.put("web", CURRENT, key.expose());
    world.label("web", TENANT_LABEL, Some("acme"));
    world.label("web", API_KEY_LABEL, Some("web"));
    let rest = world.settle(&entry());
    assert_eq!(world.steps[0], "claimed");
    world.check_rest(&entry(), &rest);
    assert!(!world.current().hash().matches(&key.hash()));
}

#[test]
fn a_fresh_key_whose_id_is_taken_is_made_again() {
    let mut world = World::new();
    let mut twin = World::new();
    world.taken.insert(twin.fresh().id().clone());
    let rest = world.settle(&entry());
    assert_eq!(world.steps[..3], ["stage", "claimed", "stage"]);
    world.check_rest(&entry(), &rest);
}

#[test]
fn another_name_of_the_secret_takes_the_key_along() {
    let mut world = made(&triggered("one"));
    let key = world.current();
    let renamed = KeyEntry {
        source: Source::Generate {
            secret: "other".to_owned(),
        },
        ..triggered("one")
    };
    world.told.clear();
    let rest = world.settle(&renamed);
    assert_eq!(world.steps, ["write"]);
    assert_eq!(reasons(&world), [("SecretMoved", false)]);
    world.check_rest(&renamed, &rest);
    assert!(
        world
            .key("other", CURRENT)
            .unwrap()
            .hash()
            .matches(&key.hash())
    );
    assert!(
        world.secrets.contains_key("web"),
        "who has not followed still finds it"
    );
    // What it shows goes stale with the next rotation, and is then no source any more.
    let later = KeyEntry {
        trigger: Some("two".to_owned()),
        ..renamed
    };
    world.settle(&later);
    let new = world.key("other", CURRENT).unwrap();
    world.secrets.remove("other");
    let rest = world.settle(&later);
    world.check_rest(&later, &rest);
    let newest = world.key("other", CURRENT).unwrap();
    assert!(!newest.hash().matches(&key.hash()) && !newest.hash().matches(&new.hash()));
}

#[test]
fn a_wish_that_is_taken_back_half_way_leaves_the_key() {
    for steps in 1..=3 {
        let mut world = made(&triggered("one"));
        let key = world.current();
        for _ in 0..steps {
            world.step(&triggered("two"));
        }
        let rest = world.settle(&triggered("one"));
        assert!(world.current().hash().matches(&key.hash()));
        assert!(world.key("web", NEXT).is_none());
        world.check_rest(&triggered("one"), &rest);
    }
}

#[test]
fn a_crash_after_any_step_rotates_once() {
    for crash in 0..=6 {
        let mut world = made(&triggered("one"));
        let old = world.current();
        let records = world.records.len();
        for _ in 0..crash {
            world.step(&triggered("two"));
        }
        world.restart();
        world.advance(MINUTE);
        let rest = world.settle(&triggered("two"));
        world.check_rest(&triggered("two"), &rest);
        assert_eq!(world.records.len(), records + 1, "after {crash} steps");
        let end = world.record(&old).not_after;
        assert!(
            end >= Some(world.now.plus(HOUR - MINUTE)),
            "after {crash} steps"
        );
    }
}

#[test]
fn an_end_that_came_while_nobody_looked_is_kept() {
    let mut world = made(&triggered("one"));
    let old = world.current();
    for _ in 0..4 {
        world.step(&triggered("two"));
    }
    assert_eq!(
        world.record(&old).not_after,
        None,
        "promoted, and not retired yet"
    );
    let promised = world.now.plus(HOUR);
    world.restart();
    world.advance(2 * HOUR);
    let rest = world.settle(&triggered("two"));
    world.check_rest(&triggered("two"), &rest);
    assert_eq!(world.record(&old).not_after, Some(promised));
}

#[test]
fn an_old_secret_that_is_restored_goes_on_or_is_replaced() {
    for (waits, goes_on) in [(MINUTE, true), (2 * HOUR, false)] {
        let mut world = made(&triggered("one"));
        let (old, backup) = (world.current(), world.secrets["web"].clone());
        let rotated = KeyEntry {
            trigger: None,
            ..triggered("two")
        };
        world.settle(&triggered("two"));
        world.advance(waits);
        world.secrets.insert("web".to_owned(), backup);
        let rest = world.settle(&rotated);
        world.check_rest(&rotated, &rest);
        assert_eq!(world.current().hash().matches(&old.hash()), goes_on);
        assert_eq!(
            world.accepts(&old.hash()),
            goes_on,
            "what was over stays over"
        );
    }
}
