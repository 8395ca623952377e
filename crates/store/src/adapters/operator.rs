//! What an operator's write comes to. One policy for every database: they load, ask here, and write, in one transaction
//! that holds the settings alone.

use sendry_domain::{
    id::{KeyId, TenantId},
    time::UnixMillis,
    window::Window,
};

use crate::{KeyRecord, KeyWritten, ManagedKey, Stamp, StoreError, Superseder, TenantRecord};

/// What the store holds of a tenant.
#[derive(Debug)]
pub struct Held {
    /// The store's epoch.
    pub epoch: u64,
    /// The tenant.
    pub tenant: Option<TenantRecord>,
}

/// Who knows better than the writer of `stamp`, where the store is at `epoch` and `held` was written last.
pub fn superseder(epoch: u64, held: Option<&Stamp>, stamp: &Stamp) -> Option<Superseder> {
    if stamp.epoch != epoch {
        return Some(Superseder::Leader { epoch });
    }
    let newer = held.filter(|held| held.uid == stamp.uid && held.generation > stamp.generation);
    newer.map(|held| Superseder::Generation {
        generation: held.generation,
    })
}

/// The change of a record; `None` = it is as it should be.
pub type Change<T> = Option<T>;

/// The change of a key, or why there is none.
#[derive(Debug)]
pub enum KeyChange {
    /// To be inserted.
    Make(KeyRecord),
    /// To be written over the one of its id.
    Write(KeyRecord),
    /// Nothing to write.
    Answer(KeyWritten),
}

impl Held {
    fn stamp(&self) -> Option<&Stamp> {
        self.tenant
            .as_ref()
            .and_then(|tenant| tenant.stamp.as_ref())
    }

    /// Who knows better than the writer of `stamp`.
    pub fn superseder(&self, stamp: &Stamp) -> Option<Superseder> {
        superseder(self.epoch, self.stamp(), stamp)
    }

    /// The tenant as it is asked for.
    pub fn apply(
        &self,
        stamp: &Stamp,
        tenant: &TenantRecord,
    ) -> Result<Change<TenantRecord>, Superseder> {
        let asked = TenantRecord {
            retained_at: None,
            // As the store will give it back.
            window: Window::live(tenant.window.past()),
            ..tenant.clone()
        };
        self.write(stamp, asked)
    }

    /// The tenant without its resource.
    pub fn retain(
        &self,
        stamp: &Stamp,
        at: UnixMillis,
    ) -> Result<Change<TenantRecord>, Superseder> {
        let Some(held) = &self.tenant else {
            return self.superseder(stamp).map_or(Ok(None), Err);
        };
        let asked = TenantRecord {
            suspended: true,
            retained_at: held.retained_at.or(Some(at)),
            ..held.clone()
        };
        self.write(stamp, asked)
    }

    fn write(
        &self,
        stamp: &Stamp,
        asked: TenantRecord,
    ) -> Result<Change<TenantRecord>, Superseder> {
        if let Some(newer) = self.superseder(stamp) {
            return Err(newer);
        }
        let same = |held: &&Stamp| (held.uid, held.generation) == (stamp.uid, stamp.generation);
        let asked = TenantRecord {
            // A new leader that finds nothing to do leaves no trace.
            stamp: Some(*self.stamp().filter(same).unwrap_or(stamp)),
            ..asked
        };
        Ok((self.tenant.as_ref() != Some(&asked)).then_some(asked))
    }

    /// The key as it is asked for; `held` is the one of its id.
    pub fn key(
        &self,
        stamp: &Stamp,
        held: Option<&KeyRecord>,
        asked: &KeyRecord,
    ) -> Result<KeyChange, StoreError> {
        let Some(managed) = &asked.managed else {
            return Err(refused(&asked.id, "it names no entry of its tenant"));
        };
        if let Some(by) = self.superseder(stamp) {
            return Ok(KeyChange::Answer(KeyWritten::Superseded { by }));
        }
        if let Some(held) = held {
            return Ok(changed(held, asked, managed));
        }
        if self.tenant.is_none() {
            let why = format!("its tenant `{}` is not there: apply it first", asked.tenant);
            return Err(refused(&asked.id, &why));
        }
        Ok(KeyChange::Make(asked.clone()))
    }
}

fn changed(held: &KeyRecord, asked: &KeyRecord, managed: &ManagedKey) -> KeyChange {
    let entry = held.managed.as_ref().map(|managed| &managed.entry);
    let same = held.tenant == asked.tenant
        && entry == Some(&managed.entry)
        && held.hash.matches(&asked.hash);
    if !same {
        return KeyChange::Answer(KeyWritten::Claimed {
            tenant: held.tenant.clone(),
            entry: entry.cloned(),
        });
    }
    let was_published = held.managed.as_ref().is_some_and(|m| m.published);
    let managed = ManagedKey {
        entry: managed.entry.clone(),
        published: was_published || managed.published,
    };
    let record = KeyRecord {
        name: asked.name.clone(),
        services: asked.services.clone(),
        not_after: asked.not_after,
        revoked_at: held.revoked_at.or(asked.revoked_at),
        managed: Some(managed),
        ..held.clone()
    };
    let facts = |key: &KeyRecord| {
        let texts = (key.name.clone(), key.services.clone());
        (texts, key.not_after, key.revoked_at, key.managed.clone())
    };
    if facts(held) == facts(&record) {
        KeyChange::Answer(KeyWritten::Done)
    } else {
        KeyChange::Write(record)
    }
}

/// Whether `tenant`'s operator may remove the key: nobody can have seen it.
pub fn may_reap(key: &KeyRecord, tenant: &TenantId) -> bool {
    let unseen = |managed: &ManagedKey| !managed.published;
    key.tenant == *tenant && key.managed.as_ref().is_some_and(unseen)
}

fn refused(id: &KeyId, why: &str) -> StoreError {
    StoreError::Refused {
        store: "control",
        doing: "apply an API key",
        source: format!("key `{id}`: {why}").into(),
    }
}
