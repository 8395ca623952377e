use serde_json::{Value, json};

use super::*;

fn tenant(name: &str, change: Value) -> DeserializeGuard<SendryTenant> {
    let mut object = json!({
        "apiVersion": "sendry.io/v1alpha1",
        "kind": "SendryTenant",
        "metadata": {"name": name, "uid": name, "generation": 1, "resourceVersion": "1", "managedFields": []},
        "spec": {"namespace": name},
    });
    for (path, value) in change.as_object().unwrap() {
        let (parent, field) = path.rsplit_once('/').unwrap();
        object.pointer_mut(parent).unwrap()[field] = value.clone();
    }
    serde_json::from_value(object).unwrap()
}

fn plain(name: &str) -> DeserializeGuard<SendryTenant> {
    tenant(name, json!({}))
}

fn unreadable(name: &str) -> DeserializeGuard<SendryTenant> {
    tenant(name, json!({"/spec/namespace": 7}))
}

fn list(tenants: &Tenants, objects: Vec<DeserializeGuard<SendryTenant>>) -> Heard {
    let mut all = tenants.hear(Event::Init);
    for event in objects
        .into_iter()
        .map(Event::InitApply)
        .chain([Event::InitDone])
    {
        let heard = tenants.hear(event);
        all.changed.extend(heard.changed);
        all.listed.extend(heard.listed);
        all.unreadable.extend(heard.unreadable);
    }
    all
}

fn synced(objects: Vec<DeserializeGuard<SendryTenant>>) -> Tenants {
    let tenants = Tenants::default();
    list(&tenants, objects);
    tenants
}

fn changed(tenants: &Tenants, event: Event<DeserializeGuard<SendryTenant>>) -> Vec<String> {
    tenants.hear(event).changed.into_iter().collect()
}

#[tokio::test]
async fn the_first_list_is_known_whole_before_anybody_is_reconciled() {
    let tenants = Tenants::default();
    tenants.hear(Event::Init);
    let heard = tenants.hear(Event::InitApply(plain("a")));
    assert!(heard.changed.is_empty() && heard.listed.is_empty());
    assert!(!*tenants.synced.borrow());
    tenants.hear(Event::InitApply(plain("b")));
    let heard = tenants.hear(Event::InitDone);
    assert!(heard.changed.is_empty());
    assert_eq!(heard.listed, ["a", "b"]);
    tenants.synced().await;
}

#[tokio::test]
async fn no_tenants_are_known_whole_too() {
    synced(vec![]).synced().await;
}

#[test]
fn only_what_matters_is_a_change() {
    let tenants = synced(vec![plain("a"), plain("b")]);
    let after = |change| changed(&tenants, Event::Apply(tenant("a", change)));
    assert_eq!(after(json!({"/metadata/resourceVersion": "2"})), [""; 0]);
    assert_eq!(after(json!({"/status": {"activeKeys": 1}})), [""; 0]);
    for change in [
        json!({"/metadata/generation": 2}),
        json!({"/metadata/labels": {"a": "b"}}),
        json!({"/metadata/annotations": {"a": "b"}}),
        json!({"/metadata/finalizers": ["sendry.io/tenant"]}),
        json!({"/metadata/deletionTimestamp": "2026-01-01T00:00:00Z"}),
        json!({"/metadata/uid": "another"}),
    ] {
        assert_eq!(after(change.clone()), ["a"], "{change}");
        assert_eq!(after(change), [""; 0], "the same once more");
    }
}

#[test]
fn a_later_list_tells_what_was_missed() {
    let tenants = synced(vec![plain("a"), plain("b"), plain("c")]);
    let heard = list(
        &tenants,
        vec![
            plain("a"),
            tenant("b", json!({"/metadata/generation": 2})),
            plain("d"),
        ],
    );
    assert_eq!(
        heard.changed.into_iter().collect::<Vec<_>>(),
        ["b", "c", "d"]
    );
    assert!(heard.listed.is_empty());
    assert_eq!(tenants.names(), ["a", "b", "d"]);
}

#[test]
fn what_cannot_be_read_is_told_once_and_stops_nobody() {
    let tenants = Tenants::default();
    let heard = list(&tenants, vec![plain("a"), unreadable("bad"), plain("c")]);
    assert_eq!(heard.listed, ["a", "c"]);
    assert_eq!(heard.unreadable.len(), 1);
    assert_eq!(heard.unreadable[0].about.name.as_deref(), Some("bad"));
    assert_eq!(
        heard.unreadable[0].about.kind.as_deref(),
        Some("SendryTenant")
    );
    assert_eq!(tenants.counts(), (2, 1));
    assert!(
        list(&tenants, vec![plain("a"), unreadable("bad"), plain("c")])
            .unreadable
            .is_empty()
    );
    // Mended, it is a tenant like any other.
    let mended = tenant("bad", json!({"/metadata/generation": 2}));
    assert_eq!(changed(&tenants, Event::Apply(mended)), ["bad"]);
    assert_eq!(tenants.counts(), (3, 0));
}

#[test]
fn who_shares_a_namespace_hears_of_the_other() {
    let shared = |name, generation| {
        tenant(
            name,
            json!({"/spec/namespace": "one", "/metadata/generation": generation}),
        )
    };
    let tenants = synced(vec![shared("a", 1), shared("b", 1), plain("c")]);
    assert_eq!(changed(&tenants, Event::Apply(shared("a", 2))), ["a", "b"]);
    assert_eq!(changed(&tenants, Event::Delete(shared("a", 2))), ["a", "b"]);
    assert_eq!(changed(&tenants, Event::Apply(shared("d", 1))), ["b", "d"]);
    assert_eq!(changed(&tenants, Event::Delete(plain("c"))), ["c"]);
}

#[test]
fn managed_fields_are_not_kept() {
    let tenants = synced(vec![plain("a")]);
    assert!(tenants.get("a").unwrap().metadata.managed_fields.is_none());
}
