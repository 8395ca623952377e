//! [`MetricStore`] on SQLite: each method sends one closure to the writer or to a reader; the work is in the modules.

mod buckets;
mod count;
mod dead_letters;
mod derive;
mod dirty;
mod erase;
mod fold;
mod ledger;
mod purge;
mod replay;
mod tallies;

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

use super::{SqliteStore, failure::Failure};
use crate::{
    Counted, DeadLetterPage, DeadLetterQuery, LedgerView, MetricStore, ReplayError, Replayed,
    StoreError,
};

/// What SQL statements of this module need of a connection that writes.
pub use buckets::register as register_functions;

/// The port, in errors.
const METRIC: &str = "metric";

/// Answers of a closure that may find the letter unfit: nothing is written then.
type Decided<T> = Result<Result<T, ReplayError>, Failure>;

#[async_trait]
impl MetricStore for SqliteStore {
    async fn count(
        &self,
        arrivals: &[Arrival],
        at: UnixMillis,
    ) -> Result<Vec<Counted>, StoreError> {
        let batch = count::Batch::of(arrivals, at);
        let counted = self.writer.transact(move |t, names| batch.count(t, names));
        counted.await.map_err(|f| f.at(METRIC, "count events"))
    }

    async fn rehearse(&self, arrivals: &[Arrival], at: UnixMillis) -> Result<(), StoreError> {
        let batch = count::Batch::of(arrivals, at);
        let rehearsed = self.writer.rehearse(move |t, names| batch.count(t, names));
        let rehearsed = rehearsed.await.map(drop);
        rehearsed.map_err(|f| f.at(METRIC, "rehearse counting events"))
    }

    async fn bury(&self, letters: &[DeadLetter]) -> Result<(), StoreError> {
        let letters = letters.to_vec();
        let buried = self
            .writer
            .transact(move |t, names| dead_letters::bury(t, names, &letters));
        buried.await.map_err(|f| f.at(METRIC, "bury messages"))
    }

    async fn raw_refused(
        &self,
        tenant: &TenantId,
        refused: &[DeadLetterId],
    ) -> Result<(), StoreError> {
        let (tenant, refused) = (tenant.clone(), refused.to_vec());
        let tallied = self
            .writer
            .transact(move |t, names| tallies::raw_refused(t, names, &tenant, &refused));
        let tallied = tallied.await;
        tallied.map_err(|f| f.at(METRIC, "tally refused raw events"))
    }

    async fn fold(&self, tenant: &TenantId, spec: FoldSpec) -> Result<Vec<Group>, StoreError> {
        let (tenant, readers) = (tenant.clone(), self.readers.clone());
        let folded = self
            .readers
            .read(move |s| fold::fold(s, &readers.dictionary, &tenant, spec));
        folded.await.map_err(|f| f.at(METRIC, "add up buckets"))
    }

    async fn ledger(&self, tenant: &TenantId) -> Result<LedgerView, StoreError> {
        let tenant = tenant.clone();
        let view = self.readers.read(move |s| tallies::view(s, &tenant));
        view.await.map_err(|f| f.at(METRIC, "read the ledger"))
    }

    async fn dead_letters(
        &self,
        tenant: &TenantId,
        query: &DeadLetterQuery,
    ) -> Result<DeadLetterPage, StoreError> {
        let (tenant, query) = (tenant.clone(), query.clone());
        let page = self
            .readers
            .read(move |s| dead_letters::list(s, &tenant, &query));
        page.await.map_err(|f| f.at(METRIC, "list dead letters"))
    }

    async fn dead_letter(
        &self,
        tenant: &TenantId,
        id: DeadLetterId,
    ) -> Result<Option<DeadLetter>, StoreError> {
        let tenant = tenant.clone();
        let letter = self
            .readers
            .read(move |s| dead_letters::find(s, &tenant, id));
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
        let replay = replay::Replay {
            tenant: tenant.clone(),
            id,
            event: event.clone(),
            body: body.to_owned(),
            at,
        };
        let decided = self.writer.transact(move |t, names| replay.run(t, names));
        decided
            .await
            .map_err(|f| f.at(METRIC, "replay a dead letter"))?
    }

    async fn raw_owed(&self, limit: u32) -> Result<Vec<Replayed>, StoreError> {
        let owed = self.readers.read(move |s| replay::raw_owed(s, limit));
        owed.await.map_err(|f| f.at(METRIC, "list owed raw events"))
    }

    async fn raw_settled(&self, tenant: &TenantId, id: DeadLetterId) -> Result<(), StoreError> {
        let tenant = tenant.clone();
        let settled = self
            .writer
            .transact(move |t, _| replay::raw_settled(t, &tenant, id));
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
        let (tenant, reason) = (tenant.clone(), reason.to_owned());
        let decided = self
            .writer
            .transact(move |t, names| replay::discard(t, names, &tenant, id, &reason, at));
        decided
            .await
            .map_err(|f| f.at(METRIC, "discard a dead letter"))?
    }

    async fn derive_levels(&self) -> Result<u64, StoreError> {
        let _only = self.deriving.lock().await;
        let derived = derive::derive(&self.readers, &self.writer).await;
        derived.map_err(|f| f.at(METRIC, "derive days and months"))
    }

    async fn purge(
        &self,
        tenant: &TenantId,
        at: UnixMillis,
        window: Window,
        head: OldestHead,
    ) -> Result<u64, StoreError> {
        let purged = purge::purge(&self.writer, tenant, at, window, head).await;
        purged.map_err(|f| f.at(METRIC, "purge what is past its retention"))
    }

    async fn check(&self) -> Result<(), StoreError> {
        let answers = self.answers().await;
        answers.map_err(|f| f.at(METRIC, "check the store"))
    }
}
