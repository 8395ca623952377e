//! What a new data folder needs: a tenant, its pipeline, a key for apps and one for history.

use anyhow::Context;
use sendry_domain::{api_key::ApiKey, time::UnixMillis};
use sendry_runtime::clock::Clock;
use sendry_store::{ControlStore, KeyRecord};

use super::laptop_tenant;
use crate::{
    data_dir::{Credentials, DataDir, read_credentials},
    keys, tenants,
};

/// The folder's credentials, made on the first start. A key whose hash is not in the store (a crash between the two
/// writes, or another store.db) is added again.
pub(super) async fn credentials(
    data: &DataDir,
    store: &dyn ControlStore,
    clock: &dyn Clock,
) -> anyhow::Result<Credentials> {
    let now = UnixMillis(clock.now_ms());
    let tenant = laptop_tenant();
    let snapshot = store
        .snapshot()
        .await
        .context("failed to read the settings")?;
    if !snapshot.tenants.iter().any(|t| t.id == tenant) {
        store.put_tenant(&tenants::fresh(tenant.clone())).await?;
    }
    if !snapshot.pipelines.iter().any(|p| p.tenant == tenant) {
        store
            .put_pipeline(&tenants::catch_all(&tenant, now))
            .await?;
    }
    let credentials = match read_credentials(data.path())? {
        Some(credentials) => credentials,
        None => {
            let made = Credentials {
                tenant: tenant.to_string(),
                api_key: keys::mint().expose().to_owned(),
                operator_key: keys::mint().expose().to_owned(),
            };
            data.write_credentials(&made)?;
            made
        }
    };
    for (text, name, backfill) in [
        (&credentials.api_key, "first key", false),
        (&credentials.operator_key, "history", true),
    ] {
        let key = ApiKey::parse(text)
            .context("credentials.json holds no API key (delete it to get new ones)")?;
        if !snapshot.keys.iter().any(|k| k.id == *key.id()) {
            let record = KeyRecord {
                backfill,
                ..keys::record(&key, &tenant, name, now)
            };
            store.add_key(&record).await?;
        }
    }
    Ok(credentials)
}
