//! [`MetricStore`] on PostgreSQL: each method is a transaction, or a few; the work is in the modules.

mod buckets;
mod count;
mod dead_letters;
mod derive;
mod dirty;
mod erase;
mod floor;
mod fold;
mod ledger;
mod naming;
mod purge;
mod replay;
mod tallies;

use std::collections::{BTreeSet, HashMap};

use async_trait::async_trait;
use sendry_domain::{
    counting::Arrival,
    dead_letter::{DeadLetter, DeadLetterId},
    event::Event,
    id::TenantId,
    ledger::OldestHead,
    query::{FoldSpec, Group},
    time::UnixMillis,
    window::Window,
};

use super::{
    PostgresStore, column,
    failure::Failure,
    names::{self, Shared},
};
use crate::{
    Counted, DeadLetterPage, DeadLetterQuery, LedgerView, MetricStore, ReplayError, Replayed,
    StoreError,
};

/// The port, in errors.
const METRIC: &str = "metric";

/// Answers of work that may find the letter unfit: nothing is written then.
type Decided<T> = Result<Result<T, ReplayError>, Failure>;

impl PostgresStore {
    /// Bytes of each table with its indexes, by name.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn sizes(&self) -> Result<Vec<(String, u64)>, StoreError> {
        let sizes = self.database.read(None, (), |c, ()| {
            let sql = "SELECT relname::text, pg_total_relation_size(oid) FROM pg_class
                       WHERE relnamespace = 'sendry'::regnamespace AND relkind = 'r' ORDER BY relname";
            Box::pin(async move {
                let sizes: Vec<(String, i64)> = sqlx::query_as(sql).fetch_all(c).await?;
                Ok(sizes)
            })
        });
        let sizes = sizes.await.map_err(|f| f.at(METRIC, "weigh the tables"))?;
        let sizes = sizes.into_iter();
        Ok(sizes
            .map(|(table, size)| (table, column::count(size)))
            .collect())
    }

    /// Runs `work` with the names of these tenants; again with new ones where a tenant was erased since they were learned.
    async fn naming<T, F: Future<Output = Result<T, Failure>>>(
        &self,
        tenants: BTreeSet<TenantId>,
        work: impl Fn(HashMap<TenantId, Shared>) -> F,
    ) -> Result<T, Failure> {
        let names = self.names.of(&self.database, &tenants).await?;
        let done = work(names).await;
        if !matches!(done, Err(Failure::Renumbered)) {
            return done;
        }
        self.names.forget(&tenants);
        work(self.names.of(&self.database, &tenants).await?).await
    }

    async fn number(&self, tenant: &TenantId) -> Result<Option<i32>, Failure> {
        let find = self.database.read(Some(tenant), tenant.clone(), |c, t| {
            Box::pin(names::number(c, t))
        });
        find.await
    }

    async fn count_all(
        &self,
        arrivals: &[Arrival],
        at: UnixMillis,
    ) -> Result<Vec<Counted>, Failure> {
        let tenants = arrivals.iter().map(|a| a.tenant.clone()).collect();
        let done = self.naming(tenants, |names| {
            let batch = count::Batch {
                names,
                arrivals: arrivals.to_vec(),
                at,
            };
            self.database
                .transact(None, batch, |c, batch| Box::pin(batch.count(c)))
        });
        let done = done.await?;
        for (names, learned) in done.learned {
            names.learn(learned);
        }
        Ok(done.counted)
    }

    async fn rehearse_all(&self, arrivals: &[Arrival], at: UnixMillis) -> Result<(), Failure> {
        let tenants = arrivals.iter().map(|a| a.tenant.clone()).collect();
        let rehearsed = self.naming(tenants, |names| {
            let batch = count::Batch {
                names,
                arrivals: arrivals.to_vec(),
                at,
            };
            self.database
                .rehearse(batch, |c, batch| Box::pin(batch.count(c)))
        });
        rehearsed.await.map(drop)
    }

    async fn bury_all(&self, letters: &[DeadLetter]) -> Result<(), Failure> {
        let tenants = letters.iter().map(|l| l.tenant.clone()).collect();
        let buried = self.naming(tenants, |names| {
            let burial = dead_letters::Burial {
                names,
                letters: letters.to_vec(),
            };
            self.database.transact(None, burial, |c, burial| {
                Box::pin(dead_letters::bury(c, burial))
            })
        });
        buried.await
    }

    async fn tally_refused(
        &self,
        tenant: &TenantId,
        refused: &[DeadLetterId],
    ) -> Result<(), Failure> {
        let distinct: BTreeSet<_> = refused.iter().copied().collect();
        let refused: Vec<_> = distinct.into_iter().collect();
        let tallied = self.naming([tenant.clone()].into(), |names| {
            let refused = (names, refused.clone());
            self.database
                .transact(Some(tenant), refused, |c, (names, refused)| {
                    Box::pin(tallies::raw_refused(c, names, refused))
                })
        });
        tallied.await
    }

    async fn replay_one(&self, replay: ReplayOf<'_>) -> Decided<Replayed> {
        // Nothing is made for a tenant that is not known: it has no letter.
        if self.number(replay.tenant).await?.is_none() {
            return Ok(Err(ReplayError::NotFound));
        }
        let decided = self.naming([replay.tenant.clone()].into(), |names| async {
            let names = names.into_values().next();
            let names =
                names.ok_or_else(|| Failure::damaged("a tenant's names were not loaded"))?;
            let work = replay::Replay {
                tenant: replay.tenant.clone(),
                names,
                id: replay.id,
                event: replay.event.clone(),
                body: replay.body.to_owned(),
                at: replay.at,
            };
            self.database
                .transact(Some(replay.tenant), work, |c, work| Box::pin(work.run(c)))
                .await
        });
        Ok(decided.await?.map(|(replayed, (names, learned))| {
            names.learn(learned);
            replayed
        }))
    }

    async fn discard_one(
        &self,
        tenant: &TenantId,
        id: DeadLetterId,
        reason: &str,
        at: UnixMillis,
    ) -> Decided<DeadLetter> {
        let Some(no) = self.number(tenant).await? else {
            return Ok(Err(ReplayError::NotFound));
        };
        let work = replay::Discard {
            tenant: tenant.clone(),
            no,
            id,
            reason: reason.to_owned(),
            at,
        };
        self.database
            .transact(Some(tenant), work, |c, work| Box::pin(work.run(c)))
            .await
    }

    async fn purge_one(&self, tenant: &TenantId, moment: purge::Moment) -> Result<u64, Failure> {
        let purged = self.naming([tenant.clone()].into(), |names| async move {
            match names.get(tenant) {
                Some(names) => purge::purge(&self.database, tenant, names.no, moment).await,
                None => Ok(0),
            }
        });
        purged.await
    }
}

/// The letter to replay, as the port names it.
struct ReplayOf<'a> {
    tenant: &'a TenantId,
    id: DeadLetterId,
    event: &'a Event,
    body: &'a str,
    at: UnixMillis,
}

#[async_trait]
impl MetricStore for PostgresStore {
    async fn count(
        &self,
        arrivals: &[Arrival],
        at: UnixMillis,
    ) -> Result<Vec<Counted>, StoreError> {
        let counted = self.count_all(arrivals, at).await;
        counted.map_err(|f| f.at(METRIC, "count events"))
    }

    async fn rehearse(&self, arrivals: &[Arrival], at: UnixMillis) -> Result<(), StoreError> {
        let rehearsed = self.rehearse_all(arrivals, at).await;
        rehearsed.map_err(|f| f.at(METRIC, "rehearse counting events"))
    }

    async fn bury(&self, letters: &[DeadLetter]) -> Result<(), StoreError> {
        let buried = self.bury_all(letters).await;
        buried.map_err(|f| f.at(METRIC, "bury messages"))
    }

    async fn raw_refused(
        &self,
        tenant: &TenantId,
        refused: &[DeadLetterId],
    ) -> Result<(), StoreError> {
        let tallied = self.tally_refused(tenant, refused).await;
        tallied.map_err(|f| f.at(METRIC, "tally refused raw events"))
    }

    async fn fold(&self, tenant: &TenantId, spec: FoldSpec) -> Result<Vec<Group>, StoreError> {
        let question = (self.dictionary.clone(), tenant.clone(), spec);
        let folded = self
            .database
            .read(Some(tenant), question, |c, (names, tenant, spec)| {
                Box::pin(fold::fold(c, names, tenant, spec.clone()))
            });
        folded.await.map_err(|f| f.at(METRIC, "add up buckets"))
    }

    async fn ledger(&self, tenant: &TenantId) -> Result<LedgerView, StoreError> {
        let view = self
            .database
            .read(Some(tenant), tenant.clone(), |c, tenant| {
                Box::pin(tallies::view(c, tenant))
            });
        view.await.map_err(|f| f.at(METRIC, "read the ledger"))
    }

    async fn dead_letters(
        &self,
        tenant: &TenantId,
        query: &DeadLetterQuery,
    ) -> Result<DeadLetterPage, StoreError> {
        let question = (tenant.clone(), query.clone());
        let page = self
            .database
            .read(Some(tenant), question, |c, (tenant, query)| {
                Box::pin(dead_letters::list(c, tenant, query))
            });
        page.await.map_err(|f| f.at(METRIC, "list dead letters"))
    }

    async fn dead_letter(
        &self,
        tenant: &TenantId,
        id: DeadLetterId,
    ) -> Result<Option<DeadLetter>, StoreError> {
        let question = (tenant.clone(), id);
        let letter = self
            .database
            .read(Some(tenant), question, |c, (tenant, id)| {
                Box::pin(dead_letters::find(c, tenant, *id))
            });
        letter.await.map_err(|f| f.at(METRIC, "read a dead letter"))
    }

    async fn replay(
        &self,
        tenant: &TenantId,
        id: DeadLetterId,
        event: &Event,
        body: &str,
        at: UnixMillis,
    ) -> Result<Replayed, ReplayError> {
        let decided = self.replay_one(ReplayOf {
            tenant,
            id,
            event,
            body,
            at,
        });
        decided
            .await
            .map_err(|f| f.at(METRIC, "replay a dead letter"))?
    }

    async fn raw_owed(&self, limit: u32) -> Result<Vec<Replayed>, StoreError> {
        let owed = self.database.read(None, limit, |c, limit| {
            Box::pin(replay::raw_owed(c, *limit))
        });
        owed.await.map_err(|f| f.at(METRIC, "list owed raw events"))
    }

    async fn raw_settled(&self, tenant: &TenantId, id: DeadLetterId) -> Result<(), StoreError> {
        let settled =
            self.database
                .transact(Some(tenant), (tenant.clone(), id), |c, (tenant, id)| {
                    Box::pin(replay::raw_settled(c, tenant, *id))
                });
        settled
            .await
            .map_err(|f| f.at(METRIC, "settle a raw event"))
    }

    async fn discard(
        &self,
        tenant: &TenantId,
        id: DeadLetterId,
        reason: &str,
        at: UnixMillis,
    ) -> Result<DeadLetter, ReplayError> {
        let decided = self.discard_one(tenant, id, reason, at).await;
        decided.map_err(|f| f.at(METRIC, "discard a dead letter"))?
    }

    async fn derive_levels(&self) -> Result<u64, StoreError> {
        let _only = self.deriving.lock().await;
        let derived = derive::derive(&self.database).await;
        derived.map_err(|f| f.at(METRIC, "derive days and months"))
    }

    async fn purge(
        &self,
        tenant: &TenantId,
        at: UnixMillis,
        window: Window,
        head: OldestHead,
    ) -> Result<u64, StoreError> {
        let moment = purge::Moment { at, window, head };
        let purged = self.purge_one(tenant, moment).await;
        purged.map_err(|f| f.at(METRIC, "purge what is past its retention"))
    }

    async fn check(&self) -> Result<(), StoreError> {
        let answers = self.database.read(None, (), |c, ()| {
            Box::pin(async move {
                sqlx::query("SELECT max(version) FROM schema_step")
                    .execute(c)
                    .await?;
                Ok(())
            })
        });
        answers.await.map_err(|f| f.at(METRIC, "check the store"))
    }
}
