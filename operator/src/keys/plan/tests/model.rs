//! Any interleaving of crashes, changes of the spec, time, and people who edit Secrets comes to the same kind of end.

use proptest::prelude::*;
use sendry_crds::names::API_KEY_LABEL;
use sendry_domain::time::{DAY, HOUR};

use super::world::{World, entry, triggered};
use crate::keys::{
    entry::{KeyEntry, Source},
    secret::{CURRENT, NEXT, PREVIOUS},
};

#[derive(Clone, Debug)]
enum Act {
    /// A pass takes so many steps and crashes.
    Steps(usize),
    Settle,
    Wait(i64),
    Trigger(u8),
    Interval(Option<i64>),
    Overlap(i64),
    Expires(Option<i64>),
    Services(u8),
    SecretName(bool),
    /// A person at the Secret.
    Delete,
    Junk(&'static str),
    Foreign(&'static str),
    Remove(&'static str),
    PreviousBack,
    Unnote(&'static str),
    Unlabel(bool),
    /// The store, restored from an empty backup.
    Forget,
    /// A person who revokes a key with the command.
    Revoke,
}

fn act() -> impl Strategy<Value = Act> {
    let slot = || {
        prop::sample::select(vec![
            CURRENT,
            NEXT,
            PREVIOUS,
            "key-id",
            "previous-not-after",
        ])
    };
    let note = prop::sample::select(vec![
        "sendry.io/trigger",
        "sendry.io/fingerprint",
        "sendry.io/not-before",
        "sendry.io/previous-not-after",
        "sendry.io/previous-fingerprint",
    ]);
    prop_oneof![
        8 => (0usize..7).prop_map(Act::Steps),
        2 => Just(Act::Settle),
        4 => prop::sample::select(vec![1, HOUR / 2, HOUR, DAY, 2 * DAY]).prop_map(Act::Wait),
        4 => (0u8..4).prop_map(Act::Trigger),
        1 => prop::option::of(Just(DAY)).prop_map(Act::Interval),
        1 => prop::sample::select(vec![0, HOUR / 2, HOUR, DAY]).prop_map(Act::Overlap),
        1 => prop::option::of(prop::sample::select(vec![HOUR, DAY, 10 * DAY])).prop_map(Act::Expires),
        1 => (0u8..3).prop_map(Act::Services),
        1 => any::<bool>().prop_map(Act::SecretName),
        1 => Just(Act::Delete),
        1 => slot().prop_map(Act::Junk),
        1 => slot().prop_map(Act::Foreign),
        1 => slot().prop_map(Act::Remove),
        1 => Just(Act::PreviousBack),
        1 => note.prop_map(Act::Unnote),
        1 => any::<bool>().prop_map(Act::Unlabel),
        1 => Just(Act::Forget),
        1 => Just(Act::Revoke),
    ]
}

fn perform(world: &mut World, entry: &mut KeyEntry, act: &Act) {
    let name = entry.secret().to_owned();
    match act {
        Act::Steps(steps) => {
            for _ in 0..*steps {
                world.step(entry);
            }
            world.restart();
        }
        Act::Settle => drop(world.settle(entry)),
        Act::Wait(millis) => world.advance(*millis),
        Act::Trigger(n) => entry.trigger = (*n > 0).then(|| n.to_string()),
        Act::Interval(interval) => entry.interval = *interval,
        Act::Overlap(overlap) => entry.overlap = *overlap,
        Act::Expires(after) => entry.expires_at = after.map(|after| world.now.plus(after)),
        Act::Services(n) => entry.services = (0..*n).map(|n| n.to_string()).collect(),
        Act::SecretName(other) => {
            let secret = if *other { "other" } else { "web" }.to_owned();
            entry.source = Source::Generate { secret };
        }
        Act::Delete => drop(world.secrets.remove(&name)),
        Act::Junk(slot) => world.edit(&name, slot, Some(b"junk")),
        Act::Foreign(slot) => {
            let foreign = world.fresh();
            world.edit(&name, slot, Some(foreign.expose().as_bytes()));
        }
        Act::Remove(slot) => world.edit(&name, slot, None),
        Act::PreviousBack => {
            if let Some(previous) = world.key(&name, PREVIOUS) {
                world.edit(&name, CURRENT, Some(previous.expose().as_bytes()));
            }
        }
        Act::Unnote(note) => {
            if let Some(secret) = world.secrets.get_mut(&name) {
                secret
                    .metadata
                    .annotations
                    .get_or_insert_default()
                    .remove(*note);
            }
        }
        Act::Unlabel(back) => {
            if world.secrets.contains_key(&name) {
                world.label(&name, API_KEY_LABEL, back.then_some("web"));
            }
        }
        Act::Forget => world.records.clear(),
        Act::Revoke => {
            let now = world.now;
            if let Some(record) = world.records.last_mut() {
                record.revoked_at = record.revoked_at.or(Some(now));
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, ..ProptestConfig::default() })]

    /// What every step may do is checked by the world after each of them.
    #[test]
    fn everything_comes_to_rest_with_one_current_key(acts in prop::collection::vec(act(), 0..40)) {
        let mut world = World::new();
        let mut entry = entry();
        for act in &acts {
            perform(&mut world, &mut entry, act);
        }
        let rest = world.settle(&entry);
        world.check_rest(&entry, &rest);
        // And a revocation ends all of it.
        entry.revoked = true;
        let rest = world.settle(&entry);
        world.check_rest(&entry, &rest);
    }

    /// Without anybody at the Secret: as many keys as triggers, whatever crashes, and no shown key is ever refused.
    #[test]
    fn a_trigger_is_one_key_over_any_crashes(
        rounds in prop::collection::vec((prop::collection::vec(0usize..7, 0..4), 0i64..3 * HOUR), 1..8),
    ) {
        let mut world = World::new();
        world.settle(&triggered("first"));
        for (round, (crashes, wait)) in rounds.iter().enumerate() {
            let entry = triggered(&round.to_string());
            for steps in crashes {
                for _ in 0..*steps {
                    world.step(&entry);
                }
                world.restart();
                world.advance(*wait);
                let shown = world.shown(&entry);
                prop_assert!(shown.iter().all(|(_, accepted)| *accepted), "{:?}", world.steps);
            }
            let rest = world.settle(&entry);
            world.check_rest(&entry, &rest);
            prop_assert_eq!(world.records.len(), round + 2);
        }
    }
}
