//! What an operator's write of a pipeline comes to. One policy for every database, as [`super::operator`] is of tenants.

use sendry_domain::id::TenantId;

use super::operator::superseder;
use crate::{ManagedPipeline, QueueStage, Stamp, StoreError, Superseder};

/// What the store holds of a pipeline.
#[derive(Debug)]
pub struct HeldPipeline {
    /// The store's epoch.
    pub epoch: u64,
    /// Whether its tenant is there.
    pub tenant: bool,
    /// The pipeline.
    pub pipeline: Option<ManagedPipeline>,
}

/// What is to be done.
#[derive(Debug)]
pub enum PipelineChange {
    /// Nothing: it is as it should be.
    None,
    /// To be written.
    Write(ManagedPipeline),
    /// To be removed.
    Remove,
    /// Nothing: somebody knows better.
    Superseded(Superseder),
}

impl HeldPipeline {
    fn stamp(&self) -> Option<&Stamp> {
        self.pipeline.as_ref()?.stamp.as_ref()
    }

    fn superseder(&self, stamp: &Stamp) -> Option<Superseder> {
        superseder(self.epoch, self.stamp(), stamp)
    }

    /// The pipeline as it is asked for.
    pub fn apply(
        &self,
        stamp: &Stamp,
        asked: &ManagedPipeline,
    ) -> Result<PipelineChange, StoreError> {
        if let Some(by) = self.superseder(stamp) {
            return Ok(PipelineChange::Superseded(by));
        }
        if !self.tenant {
            return Err(no_tenant(&asked.record.tenant));
        }
        let same = |held: &&Stamp| (held.uid, held.generation) == (stamp.uid, stamp.generation);
        let asked = ManagedPipeline {
            // A new leader that finds nothing to do leaves no trace.
            stamp: Some(*self.stamp().filter(same).unwrap_or(stamp)),
            ..asked.clone()
        };
        Ok(if self.pipeline.as_ref() == Some(&asked) {
            PipelineChange::None
        } else {
            PipelineChange::Write(asked)
        })
    }

    /// Its resource goes, and everything of it is gone.
    pub fn remove(&self, stamp: &Stamp) -> PipelineChange {
        match (self.superseder(stamp), self.stamp()) {
            (Some(by), _) => PipelineChange::Superseded(by),
            (None, Some(held)) if held.uid == stamp.uid => PipelineChange::Remove,
            (None, _) => PipelineChange::None,
        }
    }
}

/// How a stage is written.
pub fn stage_word(stage: QueueStage) -> &'static str {
    match stage {
        QueueStage::Open => "open",
        QueueStage::Closed => "closed",
        QueueStage::Leaving => "leaving",
    }
}

/// The stage of a word.
pub fn stage(word: &str) -> Option<QueueStage> {
    let all = [QueueStage::Open, QueueStage::Closed, QueueStage::Leaving];
    all.into_iter().find(|stage| stage_word(*stage) == word)
}

fn no_tenant(tenant: &TenantId) -> StoreError {
    StoreError::Refused {
        store: "control",
        doing: "apply a pipeline",
        source: format!("its tenant `{tenant}` is not there: apply it first").into(),
    }
}
