//! What only a real API server says.

use sendry_operator::{
    error::Category,
    keys::{KeyEntry, Source},
};

use super::site::{Site, mint};
use crate::crash::Saboteur;

#[tokio::test]
async fn two_tenants_cannot_have_one_key() {
    let site = Site::new().await;
    let (shop, bank) = (site.place("shop").await, site.place("bank").await);
    let key = mint();
    for (place, reason) in [(&shop, None), (&bank, Some("KeyClaimed"))] {
        place.put(&key).await;
        let source = Source::Reference {
            secret: place.owner.tenant.to_string(),
            key: "api-key".to_owned(),
        };
        let entry = KeyEntry {
            source,
            ..place.entry()
        };
        let reports = place.settle(&[entry]).await;
        assert_eq!(reports[0].status.reason.as_deref(), reason);
        assert_eq!(reports[0].ready, reason.is_none());
    }
    assert!(bank.known().await.is_empty());
}

#[tokio::test]
async fn one_that_does_not_lead_any_more_publishes_nothing() {
    let site = Site::new().await;
    let place = site.place("shop").await;
    site.store.claim_epoch().await.unwrap();
    let mut told = Vec::new();
    let done = place
        .pass(&Saboteur::idle(), &[place.entry()], &mut told)
        .await;
    let failure = done.unwrap_err();
    assert_eq!(failure.category, Category::Superseded);
    let text = failure.to_string();
    assert!(text.contains("tenant `shop`"), "{text}");
    assert_eq!(place.value("api-key").await, None);
    assert!(place.known().await.is_empty() && told.is_empty());
}

#[tokio::test]
async fn an_immutable_secret_is_left_as_it_is() {
    let site = Site::new().await;
    let place = site.place("shop").await;
    place.settle(&[place.entry()]).await;
    let mut secret = place.secret().await.unwrap();
    secret.immutable = Some(true);
    let (name, how) = (place.owner.tenant.as_str(), Default::default());
    place.secrets().replace(name, &how, &secret).await.unwrap();
    let trigger = Some("two".to_owned());
    let entry = KeyEntry {
        trigger,
        ..place.entry()
    };
    let reports = place.settle(&[entry]).await;
    assert_eq!(reports[0].status.reason.as_deref(), Some("SecretImmutable"));
    let text = place.value("api-key").await.unwrap();
    assert!(place.accepts(&text).await);
}

#[tokio::test]
async fn a_status_shows_no_key() {
    let site = Site::new().await;
    let place = site.place("shop").await;
    let mut told = Vec::new();
    let idle = Saboteur::idle();
    let reports = place
        .pass(&idle, &[place.entry()], &mut told)
        .await
        .unwrap();
    let text = place.value("api-key").await.unwrap();
    let secret = &text[22..];
    let status = serde_json::to_string(&reports[0].status).unwrap();
    assert!(!status.contains(secret) && !format!("{reports:?} {told:?}").contains(secret));
    let key = &reports[0].status.keys[0];
    assert_eq!(place.value("key-id").await.as_ref(), Some(&key.id));
    assert_eq!(key.fingerprint.len(), 12);
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].reason, "KeyIssued");
}
