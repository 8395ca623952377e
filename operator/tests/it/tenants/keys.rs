//! Keys, as a tenant's manifest brings, changes and takes them.

use serde_json::json;

use super::stage::{Stage, states, values};
use crate::support::{eventually, is};

#[tokio::test]
async fn a_trigger_is_one_rotation_with_both_keys_valid() {
    let stage = Stage::new().await;
    let spec =
        |trigger: &str| json!({"apiKeys": [{"name": "app", "rotation": {"trigger": trigger}}]});
    let name = stage.apply("acme", spec("monday")).await;
    stage.ready(&name).await;
    let old = stage.key(&name, "app").await;
    stage.apply("acme", spec("tuesday")).await;
    let new = eventually("another key", async || {
        let key = stage.key(&name, "app").await;
        is(key.id() != old.id(), key.id()).map(|()| key)
    })
    .await;
    let tenant = stage.ready(&name).await;
    assert_eq!(states(&tenant, "app"), ["Current", "Retiring"]);
    assert_eq!(stage.sum("sendry_apikey_rotations_total"), 1);
    assert!(stage.verifier(&new).await.not_after.is_none());
    assert!(stage.verifier(&old).await.not_after.is_some());
    let secret = stage.secret(&name, "app").await;
    assert_eq!(values(&secret)["previous-api-key"], old.expose());

    // The same manifest again, from somebody else, is no rotation.
    stage.apply("acme", spec("tuesday")).await;
    stage.ready(&name).await;
    assert_eq!(stage.key(&name, "app").await.id(), new.id());
}

#[tokio::test]
async fn revoked_and_removed_entries_are_refused_for_good() {
    let stage = Stage::new().await;
    let spec = json!({"apiKeys": [{"name": "app"}, {"name": "job"}]});
    let name = stage.apply("acme", spec).await;
    stage.ready(&name).await;
    let (app, job) = (stage.key(&name, "app").await, stage.key(&name, "job").await);
    stage
        .apply(
            "acme",
            json!({"apiKeys": [{"name": "app", "revoked": true}]}),
        )
        .await;
    eventually("both to be revoked", async || {
        let (app, job) = (stage.verifier(&app).await, stage.verifier(&job).await);
        let revoked = app.revoked_at.is_some() && job.revoked_at.is_some();
        is(revoked, (app.revoked_at, job.revoked_at))
    })
    .await;
    let tenant = stage.ready(&name).await;
    assert_eq!(states(&tenant, "app"), ["Revoked"]);
    assert_eq!(tenant.status.unwrap().active_keys, Some(0));
}

#[tokio::test]
async fn a_secret_that_was_deleted_comes_back_with_another_key_and_the_old_one_goes_on() {
    let stage = Stage::new().await;
    let name = stage
        .apply("acme", json!({"apiKeys": [{"name": "app"}]}))
        .await;
    stage.ready(&name).await;
    let old = stage.key(&name, "app").await;
    stage
        .secrets(&name)
        .delete("app", &Default::default())
        .await
        .unwrap();
    let new = eventually("a new Secret", async || {
        let found = stage.secrets(&name).get_opt("app").await.unwrap();
        let found = found.and_then(|secret| values(&secret).get("api-key").cloned());
        is(found.is_some(), ()).map(|()| found.unwrap_or_default())
    })
    .await;
    assert_ne!(new, old.expose());
    // The new one is published first, and only then does the old one get an end.
    eventually("an end of the old key", async || {
        let verifier = stage.verifier(&old).await;
        assert!(verifier.revoked_at.is_none());
        is(verifier.not_after.is_some(), ())
    })
    .await;
    eventually("a Warning", async || {
        let events = stage.events(&name).await;
        is(events.contains_key("SecretRecreated"), events)
    })
    .await;
}

#[tokio::test]
async fn a_secret_of_somebody_else_is_left_alone_and_holds_up_no_other_key() {
    let stage = Stage::new().await;
    let name = stage.apply("acme", json!({})).await;
    stage.ready(&name).await;
    let foreign = json!({"metadata": {"name": "app"}, "stringData": {"theirs": "yes"}});
    let foreign = serde_json::from_value(foreign).unwrap();
    stage
        .secrets(&name)
        .create(&Default::default(), &foreign)
        .await
        .unwrap();
    stage
        .apply(
            "acme",
            json!({"apiKeys": [{"name": "app"}, {"name": "job"}]}),
        )
        .await;
    stage
        .says(&name, "KeysReady", "False", Some("SecretConflict"))
        .await;
    let tenant = stage
        .says(&name, "Stalled", "True", Some("SecretConflict"))
        .await;
    assert_eq!(states(&tenant, "job"), ["Current"]);
    let secret = stage.secret(&name, "app").await;
    assert_eq!(values(&secret).len(), 1);
}
