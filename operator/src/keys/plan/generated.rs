//! A key that the operator makes.

use sendry_domain::{api_key::ApiKey, time::UnixMillis};

use super::{
    Rest, Scene, Step, Trouble, conflict,
    slots::{self, Current, Loss, Previous, Slots},
    verifiers::{Old, is_published, verify},
};
use crate::keys::{
    report::Told,
    secret::{
        CURRENT, Change, FINGERPRINT_NOTE, KEY_ID, NEXT, NOT_AFTER, NOT_BEFORE_NOTE, PREVIOUS,
        PREVIOUS_FINGERPRINT_NOTE, PREVIOUS_ID, PREVIOUS_NOT_AFTER, PREVIOUS_NOT_AFTER_NOTE,
        STATE_NOTE, SecretView, TRIGGER_NOTE, Text, written,
    },
};

pub(super) fn plan(scene: &Scene<'_>) -> Step {
    let ours = |view: &&SecretView| view.is_of(scene.tenant, &scene.entry.name);
    if scene.entry.revoked {
        return revoked(scene, scene.secret.filter(ours));
    }
    match scene.secret {
        None => absent(scene),
        Some(view) if ours(&view) => {
            let slots = Slots::read(scene, view);
            match &slots.current {
                Ok(current) => held(scene, view, &slots, current),
                Err(loss) => lost(scene, view, &slots, *loss),
            }
        }
        Some(_) => kept(scene, Some(conflict(scene))),
    }
}

/// Nothing of it is accepted any more. `api-key` stays where it is: what mounts it goes on starting, and is answered a 403
/// that names the reason, in the place of a pod that waits for a value and says nothing.
fn revoked(scene: &Scene<'_>, secret: Option<&SecretView>) -> Step {
    if let Some(step) = scene.revoke("the spec says `revoked`") {
        return step;
    }
    let emptied = [NEXT, PREVIOUS, PREVIOUS_ID, PREVIOUS_NOT_AFTER];
    let noted = [PREVIOUS_FINGERPRINT_NOTE, PREVIOUS_NOT_AFTER_NOTE];
    let state = Some("revoked".to_owned());
    let change = scene.change().note(STATE_NOTE, state);
    let change = emptied
        .into_iter()
        .fold(change, |to, name| to.value(name, None));
    let change = noted
        .into_iter()
        .fold(change, |to, name| to.note(name, None));
    if secret.is_some_and(|view| change.differs(view)) {
        return write(change, None);
    }
    scene.reap(None).unwrap_or(Step::Rest(Rest::with(None)))
}

/// What concerns the store alone, while the Secret is not there for us. A key that was to come is not known to stand
/// anywhere.
fn kept(scene: &Scene<'_>, trouble: Option<Trouble>) -> Step {
    scene
        .settle_old(Old::Keep, &[], None)
        .or_else(|| scene.reap(None))
        .unwrap_or(Step::Rest(Rest::with(trouble)))
}

/// There is no Secret: it is new, its name was changed in the spec, or somebody deleted it.
fn absent(scene: &Scene<'_>) -> Step {
    if let Some(step) = scene.reap(None) {
        return step;
    }
    if scene.is_expired() {
        return kept(scene, None);
    }
    match scene.elsewhere {
        None if scene.has_live() => return Step::Look,
        None => {}
        Some(others) => {
            if let Some(step) = others.iter().find_map(|view| moved(scene, view)) {
                return step;
            }
        }
    }
    write(scene.change().value(NEXT, Some(Text::Fresh)), None)
}

/// Another Secret of this entry shows the key to use, so this is where it was before the spec named another one. There it
/// stays, for who has not followed yet.
fn moved(scene: &Scene<'_>, view: &SecretView) -> Option<Step> {
    let current = slots::current(scene, view).ok()?;
    let record = scene.record(&current.key)?;
    let in_use = is_published(record) && super::is_unretired(record, scene.entry.expires_at);
    if !in_use {
        return None;
    }
    let change = shown(scene, Some(view), &current, None);
    let note = format!(
        "key `{}` of the entry `{}` is published in Secret `{}` now; what Secret `{}` shows goes stale",
        current.key.id(),
        scene.entry.name,
        scene.entry.secret(),
        view.name(),
    );
    Some(write(change, Some(Told::normal("SecretMoved", note))))
}

/// The Secret shows the key to use.
fn held(scene: &Scene<'_>, view: &SecretView, slots: &Slots, current: &Current) -> Step {
    let entry = scene.entry;
    let previous = slots.previous.as_ref();
    let verifiers = || {
        let this = match scene.record(&current.key) {
            Some(record) => scene.settle(record, entry.expires_at, true),
            None => Some(verify(scene.verifier(&current.key, current.made, true))),
        };
        this.or_else(|| restored(scene, previous)).or_else(|| {
            let aside: Vec<&ApiKey> = std::iter::once(&current.key).chain(&slots.next).collect();
            scene.settle_old(Old::Retire, &aside, previous)
        })
    };
    if let Some(step) = verifiers().or_else(|| scene.reap(slots.next.as_ref())) {
        return step;
    }
    let rotation = entry.interval.map(|interval| current.made.plus(interval));
    let aged = rotation.is_some_and(|at| at <= scene.now);
    if !scene.is_expired() && (aged || is_triggered(scene, view)) {
        let staged = || {
            let change = shown(scene, Some(view), current, previous);
            write(change.value(NEXT, Some(Text::Fresh)), None)
        };
        return advance(scene, slots, staged, |next, made| {
            let until = scene.retirement();
            let old = (entry.overlap > 0).then(|| Previous {
                key: current.key.clone(),
                until,
            });
            let note = format!(
                "key `{}` of the entry `{}` takes the place of `{}`, which stays valid until {}",
                next.id(),
                entry.name,
                current.key.id(),
                written(until),
            );
            let change = shown(scene, None, &Current { key: next, made }, old.as_ref());
            write(change, Some(Told::normal("KeyRotated", note)))
        });
    }
    let change = shown(scene, Some(view), current, previous);
    if change.differs(view) {
        return write(change, None);
    }
    Step::Rest(Rest {
        current: Some(current.key.id().clone()),
        next_rotation: rotation.filter(|_| !scene.is_expired()),
        trouble: None,
    })
}

/// The Secret is there and shows no key that we made: it is new, or somebody was at it. Old keys stay valid as they are
/// until a new one is published, and for the overlap from then on.
fn lost(scene: &Scene<'_>, view: &SecretView, slots: &Slots, loss: Loss) -> Step {
    let previous = slots.previous.as_ref();
    let verifiers = || {
        let aside: Vec<&ApiKey> = slots.next.iter().collect();
        restored(scene, previous).or_else(|| scene.settle_old(Old::Keep, &aside, previous))
    };
    if let Some(step) = verifiers().or_else(|| scene.reap(slots.next.as_ref())) {
        return step;
    }
    if scene.is_expired() {
        // No key comes any more, so the one that was to come goes.
        let change = scene.change().value(NEXT, None);
        if change.differs(view) {
            return write(change, None);
        }
        return Step::Rest(Rest::with(None));
    }
    let staged = || write(scene.change().value(NEXT, Some(Text::Fresh)), None);
    advance(scene, slots, staged, |next, made| {
        let told = replaced(scene, &next, loss);
        let change = shown(scene, None, &Current { key: next, made }, previous);
        write(change, Some(told))
    })
}

/// A new key, one step further: staged, known, known to be seen, promoted.
fn advance(
    scene: &Scene<'_>,
    slots: &Slots,
    stage: impl FnOnce() -> Step,
    promote: impl FnOnce(ApiKey, UnixMillis) -> Step,
) -> Step {
    let Some(next) = &slots.next else {
        return stage();
    };
    let Some(record) = scene.record(next) else {
        return verify(scene.verifier(next, scene.now, false));
    };
    scene
        .settle(record, scene.entry.expires_at, true)
        .unwrap_or_else(|| promote(next.clone(), record.created_at))
}

/// The previous key's verifier where the store has lost it.
fn restored(scene: &Scene<'_>, previous: Option<&Previous>) -> Option<Step> {
    let previous = previous.filter(|previous| previous.until > scene.now)?;
    if scene.record(&previous.key).is_some() {
        return None;
    }
    let mut record = scene.verifier(&previous.key, scene.now, true);
    record.not_after = Some(previous.until);
    Some(verify(record))
}

fn is_triggered(scene: &Scene<'_>, view: &SecretView) -> bool {
    match (&scene.entry.trigger, view.note(TRIGGER_NOTE)) {
        (Some(asked), Some(noted)) => asked != noted,
        // Nothing is wished for; or the note was taken away, and what it said is unknown.
        (None, _) | (_, None) => false,
    }
}

/// The whole of what is ours in a Secret. `held` = the key was shown before, and so its trigger stays.
fn shown(
    scene: &Scene<'_>,
    held: Option<&SecretView>,
    current: &Current,
    previous: Option<&Previous>,
) -> Change {
    let plain = |text: String| Some(Text::Plain(text));
    let key = |key: &ApiKey| Some(Text::Key(key.clone()));
    let previous = previous.filter(|previous| previous.until > scene.now);
    let until = previous.map(|previous| written(previous.until));
    let id = |key: &ApiKey| key.id().as_str().to_owned();
    let asked = scene.entry.trigger.clone().unwrap_or_default();
    let noted = held.and_then(|view| view.note(TRIGGER_NOTE));
    let mark = |key: &ApiKey| key.hash().fingerprint();
    let state = scene.is_expired().then(|| "expired".to_owned());
    scene
        .change()
        .value(CURRENT, key(&current.key))
        .value(KEY_ID, plain(id(&current.key)))
        .value(
            NOT_AFTER,
            scene.entry.expires_at.and_then(|at| plain(written(at))),
        )
        .value(PREVIOUS, previous.and_then(|previous| key(&previous.key)))
        .value(
            PREVIOUS_ID,
            previous.and_then(|previous| plain(id(&previous.key))),
        )
        .value(PREVIOUS_NOT_AFTER, until.clone().and_then(plain))
        .value(NEXT, None)
        .note(TRIGGER_NOTE, Some(noted.map_or(asked, str::to_owned)))
        .note(NOT_BEFORE_NOTE, Some(written(current.made)))
        .note(FINGERPRINT_NOTE, Some(mark(&current.key)))
        .note(
            PREVIOUS_FINGERPRINT_NOTE,
            previous.map(|previous| mark(&previous.key)),
        )
        .note(PREVIOUS_NOT_AFTER_NOTE, until)
        .note(STATE_NOTE, state)
}

fn replaced(scene: &Scene<'_>, next: &ApiKey, loss: Loss) -> Told {
    let (id, entry, secret) = (next.id(), &scene.entry.name, scene.entry.secret());
    let issued = format!("key `{id}` of the entry `{entry}` is published in Secret `{secret}`");
    let end = written(scene.retirement());
    match loss {
        Loss::Absent if scene.has_live_but(next) => Told::warning(
            "SecretRecreated",
            format!("{issued}: the key before it was gone from there, and stays valid until {end}"),
        ),
        Loss::Absent => Told::normal("KeyIssued", issued),
        Loss::Malformed | Loss::Foreign => Told::warning(
            "SecretDamaged",
            format!(
                "{issued}: somebody had put another value there; the key before it stays valid until {end}"
            ),
        ),
        Loss::Revoked => Told::normal(
            "KeyIssued",
            format!("{issued}: the key that was there is revoked"),
        ),
        Loss::Retired => Told::warning(
            "SecretRestored",
            format!(
                "{issued}: the key that was there had been replaced before, and is not valid any more"
            ),
        ),
    }
}

fn write(change: Change, told: Option<Told>) -> Step {
    Step::Write {
        change: Box::new(change),
        told,
    }
}
