//! What people, other tools and backups do to Secrets and settings of a key that the operator makes.

use sendry_crds::names::{API_KEY_LABEL, TENANT_LABEL};
use sendry_domain::{
    api_key::{ApiKey, ENTROPY},
    time::{HOUR, MINUTE},
};

use super::world::{World, entry, made, reason, reasons, triggered};
use crate::keys::{
    entry::{KeyEntry, Source},
    secret::{CURRENT, FINGERPRINT_NOTE, PREVIOUS, TRIGGER_NOTE},
};

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
    let foreign = ApiKey::mint(&[9; ENTROPY]);
    for text in ["junk", "", foreign.expose()] {
        let mut world = made(&entry());
        let old = world.current();
        world.told.clear();
        world.edit("web", CURRENT, Some(text.as_bytes()));
        let rest = world.settle(&entry());
        world.check_rest(&entry(), &rest);
        assert_eq!(reasons(&world), [("SecretDamaged", true)]);
        let end = Some(world.now.plus(HOUR));
        assert_eq!(world.record(&old).not_after, end);
        assert!(!world.accepts(&foreign.hash()));
    }
}

#[test]
fn a_key_that_was_replaced_does_not_come_back_by_hand() {
    let mut world = made(&triggered("one"));
    let first = world.current();
    world.settle(&triggered("two"));
    let second = world.current();
    let end = world.record(&first).not_after;
    world.edit("web", CURRENT, Some(first.expose().as_bytes()));
    let rest = world.settle(&triggered("two"));
    world.check_rest(&triggered("two"), &rest);
    let third = world.current();
    assert!(!third.hash().matches(&first.hash()) && !third.hash().matches(&second.hash()));
    assert_eq!(world.record(&first).not_after, end, "no longer, no shorter");
    assert_eq!(world.record(&second).not_after, Some(world.now.plus(HOUR)));
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
