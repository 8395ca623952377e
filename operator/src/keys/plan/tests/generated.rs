//! What a spec may ask of a key that the operator makes, story by story.

use sendry_domain::time::{DAY, HOUR, MINUTE};

use super::world::{World, entry, made, reasons, triggered};
use crate::keys::{
    entry::KeyEntry,
    secret::{NEXT, PREVIOUS, STATE_NOTE, TRIGGER_NOTE},
};

const CREATED: [&str; 4] = ["stage", "verify unpublished", "verify published", "write"];

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
fn a_fresh_key_whose_id_is_taken_is_made_again() {
    let mut world = World::new();
    let mut twin = World::new();
    world.taken.insert(twin.fresh().id().clone());
    let rest = world.settle(&entry());
    assert_eq!(world.steps[..3], ["stage", "claimed", "stage"]);
    world.check_rest(&entry(), &rest);
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
fn a_promise_holds_though_a_crash_and_a_hand_hid_it() {
    let mut world = made(&triggered("one"));
    let old = world.current();
    for _ in 0..4 {
        world.step(&triggered("two"));
    }
    let promised = world.now.plus(HOUR);
    let secret = world.secrets.get_mut("web").unwrap();
    let notes = secret.metadata.annotations.as_mut().unwrap();
    notes.remove("sendry.io/previous-not-after");
    world.restart();
    let short = KeyEntry {
        overlap: 0,
        ..triggered("two")
    };
    let rest = world.settle(&short);
    world.check_rest(&short, &rest);
    assert_eq!(world.record(&old).not_after, Some(promised));
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
