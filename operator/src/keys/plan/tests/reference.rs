//! A key that somebody else puts into a Secret, story by story.

use sendry_crds::names::TENANT_LABEL;
use sendry_domain::{
    api_key::ApiKey,
    time::{DAY, HOUR},
};

use super::world::{World, entry, reason};
use crate::keys::entry::{KeyEntry, Source};

fn referred() -> KeyEntry {
    KeyEntry {
        source: Source::Reference {
            secret: "vault".to_owned(),
            key: "token".to_owned(),
        },
        ..entry()
    }
}

fn put(world: &mut World, text: &str) {
    world.put("vault", "token", text);
    world.label("vault", TENANT_LABEL, Some("acme"));
}

fn accepted() -> (World, ApiKey) {
    let mut world = World::new();
    let key = world.fresh();
    put(&mut world, key.expose());
    let rest = world.settle(&referred());
    assert_eq!(
        (reason(&rest), rest.current.as_ref()),
        (None, Some(key.id()))
    );
    assert_eq!(world.steps, ["verify published"]);
    assert!(world.accepts(&key.hash()));
    assert!(world.settle(&referred()) == rest && world.steps.is_empty());
    (world, key)
}

#[test]
fn a_key_is_taken_as_it_is() {
    let (world, _) = accepted();
    assert_eq!(world.told[0].reason, "KeyAccepted");
    let data = world.secrets["vault"].data.as_ref().unwrap();
    assert_eq!(data.len(), 1, "its Secret is only read");
    assert!(world.secrets["vault"].metadata.annotations.is_none());
}

#[test]
fn what_cannot_be_taken_says_why() {
    let mut world = World::new();
    let key = world.fresh();
    assert_eq!(reason(&world.settle(&referred())), Some("SecretMissing"));
    world.put("vault", "token", key.expose());
    assert_eq!(reason(&world.settle(&referred())), Some("NotLabelled"));
    world.label("vault", TENANT_LABEL, Some("other"));
    assert_eq!(reason(&world.settle(&referred())), Some("NotLabelled"));
    world.label("vault", TENANT_LABEL, Some("acme"));
    world.edit("vault", "token", None);
    assert_eq!(reason(&world.settle(&referred())), Some("ValueMissing"));
    world.edit("vault", "token", Some(b"sdy_live_no"));
    assert_eq!(reason(&world.settle(&referred())), Some("MalformedKey"));
    world.taken.insert(key.id().clone());
    world.edit("vault", "token", Some(key.expose().as_bytes()));
    assert_eq!(reason(&world.settle(&referred())), Some("KeyClaimed"));
    assert!(world.records.is_empty());
    world.taken.clear();
    assert_eq!(reason(&world.settle(&referred())), None);
}

#[test]
fn another_value_is_valid_at_once_and_the_old_one_for_the_overlap() {
    let (mut world, old) = accepted();
    let new = world.fresh();
    put(&mut world, new.expose());
    world.step(&referred());
    assert!(world.accepts(&new.hash()) && world.accepts(&old.hash()));
    world.settle(&referred());
    let end = Some(world.now.plus(HOUR));
    assert_eq!(world.record(&old).not_after, end);
    world.advance(HOUR / 2);
    world.settle(&referred());
    assert_eq!(world.record(&old).not_after, end, "once");
}

#[test]
fn a_secret_that_went_leaves_the_overlap_and_may_come_back() {
    let (mut world, key) = accepted();
    world.secrets.clear();
    assert_eq!(reason(&world.settle(&referred())), Some("SecretMissing"));
    assert_eq!(world.record(&key).not_after, Some(world.now.plus(HOUR)));
    world.advance(DAY);
    assert!(!world.accepts(&key.hash()));
    put(&mut world, key.expose());
    assert_eq!(reason(&world.settle(&referred())), None);
    assert_eq!(world.record(&key).not_after, None);
}

#[test]
fn taking_the_label_away_revokes_for_good() {
    let (mut world, key) = accepted();
    world.label("vault", TENANT_LABEL, None);
    assert_eq!(reason(&world.settle(&referred())), Some("NotLabelled"));
    assert!(!world.accepts(&key.hash()));
    let last = world.told.last().unwrap();
    assert_eq!((last.reason, last.warning), ("KeyRevoked", true));
    world.label("vault", TENANT_LABEL, Some("acme"));
    assert_eq!(reason(&world.settle(&referred())), Some("KeyRevoked"));
    let new = world.fresh();
    put(&mut world, new.expose());
    assert_eq!(reason(&world.settle(&referred())), None);
}

#[test]
fn a_key_that_was_made_here_is_replaced_by_one_from_elsewhere() {
    let mut world = World::new();
    world.settle(&entry());
    let own = world.current();
    // A Secret that is not labelled yet takes nothing away.
    let key = world.fresh();
    world.put("vault", "token", key.expose());
    assert_eq!(reason(&world.settle(&referred())), Some("NotLabelled"));
    assert!(world.record(&own).revoked_at.is_none());
    put(&mut world, key.expose());
    assert_eq!(reason(&world.settle(&referred())), None);
    assert!(world.accepts(&own.hash()) && world.accepts(&key.hash()));
    assert!(world.record(&own).not_after.is_some());
}

#[test]
fn the_entry_s_own_end_and_revocation_hold() {
    let (mut world, key) = accepted();
    let expires = KeyEntry {
        expires_at: Some(world.now.plus(HOUR)),
        services: vec!["a".to_owned()],
        ..referred()
    };
    world.settle(&expires);
    assert_eq!(world.record(&key).not_after, Some(world.now.plus(HOUR)));
    assert_eq!(world.record(&key).services, ["a"]);
    let revoked = KeyEntry {
        revoked: true,
        ..referred()
    };
    assert_eq!(reason(&world.settle(&revoked)), None);
    assert!(!world.accepts(&key.hash()));
}
