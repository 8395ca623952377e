//! One transaction for everything that waited.

use std::{collections::HashMap, sync::Arc, sync::atomic::Ordering};

use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior};
use tokio::sync::oneshot;

use super::{
    Options,
    error::{Fault, is_of_one_item},
    inbox::{Change, Job, Publish, Settle},
    state::{Queue, Stored},
};
use crate::PublishError;

type Reply = oneshot::Sender<Result<(), Fault>>;

/// Jobs taken together, by kind: changes go first, since they make room for publishes.
pub(super) struct Group {
    settles: Vec<Settle>,
    publishes: Vec<Publish>,
    pub probes: Vec<Reply>,
}

/// How far a transaction came before it failed.
pub(super) enum Failed {
    /// Nothing of it is stored.
    BeforeCommit(rusqlite::Error),
    /// All of it or nothing is stored; which, only the next start can tell.
    AtCommit(rusqlite::Error),
}

impl Failed {
    pub fn error(&self) -> &rusqlite::Error {
        match self {
            Self::BeforeCommit(error) | Self::AtCommit(error) => error,
        }
    }
}

/// What a transaction does to one queue.
struct Effect {
    queue: Arc<Queue>,
    added: Stored,
    removed: Stored,
    gone: Vec<i64>,
}

/// What a transaction does, to be believed once it is committed.
#[derive(Default)]
pub(super) struct Effects {
    by_queue: HashMap<i64, Effect>,
    /// One per publish that is not stored though the transaction is, by position.
    refused: HashMap<usize, PublishError>,
}

impl Effects {
    fn of(&mut self, queue: &Arc<Queue>) -> &mut Effect {
        self.by_queue.entry(queue.no).or_insert_with(|| Effect {
            queue: Arc::clone(queue),
            added: Stored::default(),
            removed: Stored::default(),
            gone: Vec::new(),
        })
    }
}

impl Group {
    /// Sorts jobs, dropping publishes that nobody waits for any more.
    pub fn new(jobs: Vec<Job>) -> Self {
        let mut group = Self {
            settles: Vec::new(),
            publishes: Vec::new(),
            probes: Vec::new(),
        };
        for job in jobs {
            match job {
                Job::Publish(publish) if publish.begin() => group.publishes.push(publish),
                Job::Publish(_) => {}
                Job::Settle(settle) => group.settles.push(settle),
                Job::Probe(reply) => group.probes.push(reply),
            }
        }
        group
    }

    /// Whether there is anything to write.
    pub fn is_empty(&self) -> bool {
        self.settles.is_empty() && self.publishes.is_empty()
    }

    /// Whether giving up the publishes would leave something to try again.
    pub fn is_mixed(&self) -> bool {
        !self.settles.is_empty() && !self.publishes.is_empty()
    }

    /// Writes and commits. What it returns is to be passed to [`Self::done`].
    pub fn write(
        &self,
        conn: &mut Connection,
        options: &Options,
        next_seq: &mut i64,
    ) -> Result<Effects, Failed> {
        let transaction = conn
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(Failed::BeforeCommit)?;
        let mut effects = Effects::default();
        self.write_settles(&transaction, &mut effects)
            .map_err(Failed::BeforeCommit)?;
        self.write_publishes(&transaction, &mut effects, options, next_seq)
            .map_err(Failed::BeforeCommit)?;
        transaction.commit().map_err(Failed::AtCommit)?;
        Ok(effects)
    }

    fn write_settles(
        &self,
        transaction: &Transaction<'_>,
        effects: &mut Effects,
    ) -> rusqlite::Result<()> {
        let mut remove =
            transaction.prepare_cached("DELETE FROM message WHERE seq = ?1 RETURNING size")?;
        let mut uncount = transaction.prepare_cached("DELETE FROM delivery WHERE seq = ?1")?;
        let mut count = transaction
            .prepare_cached("INSERT OR REPLACE INTO delivery (seq, count) VALUES (?1, ?2)")?;
        for settle in &self.settles {
            match &settle.change {
                Change::Remove(seqs) => {
                    let effect = effects.of(&settle.queue);
                    for &seq in seqs {
                        let size: Option<i64> =
                            remove.query_row([seq], |row| row.get(0)).optional()?;
                        uncount.execute([seq])?;
                        effect.gone.push(seq);
                        if let Some(size) = size {
                            effect.removed.messages += 1;
                            effect.removed.bytes += size as u64;
                        }
                    }
                }
                Change::Count(counts) => {
                    for &(seq, times) in counts {
                        if times == 0 {
                            uncount.execute([seq])?;
                        } else {
                            count.execute((seq, times))?;
                        }
                    }
                }
            }
        }
        Ok(())
    }

    fn write_publishes(
        &self,
        transaction: &Transaction<'_>,
        effects: &mut Effects,
        options: &Options,
        next_seq: &mut i64,
    ) -> rusqlite::Result<()> {
        let mut name =
            transaction.prepare_cached("INSERT OR IGNORE INTO queue (no, name) VALUES (?1, ?2)")?;
        let mut insert = transaction.prepare_cached(
            "INSERT INTO message (seq, queue, id, events, accepted_ms, size, body)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?;
        for (position, Publish { queue, message, .. }) in self.publishes.iter().enumerate() {
            let size = message.body.len() as u64;
            let effect = effects.of(queue);
            if is_full(options, queue.lock().stored, effect, size) {
                effects
                    .refused
                    .insert(position, PublishError::Full(message.queue.clone()));
                continue;
            }
            if effect.added.messages == 0 && !queue.persisted.load(Ordering::Acquire) {
                name.execute((queue.no, &queue.name))?;
            }
            let seq = *next_seq;
            *next_seq += 1;
            let inserted = insert.execute((
                seq,
                queue.no,
                message.id.0.as_bytes(),
                message.events,
                message.accepted_at.0,
                size as i64,
                &message.body,
            ));
            match inserted {
                Ok(_) => {
                    effect.added.messages += 1;
                    effect.added.bytes += size;
                }
                Err(error) if is_of_one_item(&error) && !transaction.is_autocommit() => {
                    let refused = PublishError::Unavailable(error.to_string());
                    effects.refused.insert(position, refused);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// The transaction is on stable storage: lets everyone know.
    pub fn done(self, mut effects: Effects) {
        for effect in effects.by_queue.into_values() {
            let Effect {
                queue,
                added,
                removed,
                gone,
            } = effect;
            let mut inner = queue.lock();
            inner.stored.messages =
                (inner.stored.messages + added.messages).saturating_sub(removed.messages);
            inner.stored.bytes = (inner.stored.bytes + added.bytes).saturating_sub(removed.bytes);
            gone.into_iter().for_each(|seq| inner.forget(seq));
            drop(inner);
            if added.messages > 0 {
                queue.persisted.store(true, Ordering::Release);
                queue.arrived.notify_waiters();
            }
        }
        for (position, publish) in self.publishes.into_iter().enumerate() {
            let refused = effects.refused.remove(&position);
            // Nobody may wait any more; the message is stored all the same.
            let _ = publish.reply.send(refused.map_or(Ok(()), Err));
        }
        for settle in self.settles {
            settle.reply.map(|reply| reply.send(Ok(())));
        }
    }

    /// Answers the publishes of a transaction that failed, and leaves the rest for another try.
    pub fn give_up_publishes(&mut self, failed: &Failed) {
        for publish in self.publishes.drain(..) {
            let text = failed.error().to_string();
            let error = match failed {
                Failed::BeforeCommit(_) => PublishError::Unavailable(text),
                Failed::AtCommit(_) => PublishError::Unknown(text),
            };
            let _ = publish.reply.send(Err(error));
        }
    }

    /// Answers everything with the failure.
    pub fn fail(mut self, failed: &Failed) {
        self.give_up_publishes(failed);
        let fault = Fault::of(failed.error());
        for Settle {
            queue,
            change,
            reply,
        } in self.settles
        {
            if let Change::Remove(seqs) = &change {
                queue.lock().fail_ack(seqs);
                queue.arrived.notify_waiters();
            }
            match reply {
                Some(reply) => drop(reply.send(Err(fault.clone()))),
                None => tracing::warn!(queue = queue.name, %fault, "delivery counts not written"),
            }
        }
        for probe in self.probes {
            let _ = probe.send(Err(fault.clone()));
        }
    }
}

fn is_full(options: &Options, stored: Stored, effect: &Effect, size: u64) -> bool {
    let messages =
        (stored.messages + effect.added.messages + 1).saturating_sub(effect.removed.messages);
    let bytes = (stored.bytes + effect.added.bytes + size).saturating_sub(effect.removed.bytes);
    options.max_messages.is_some_and(|max| messages > max)
        || options.max_bytes.is_some_and(|max| bytes > max)
}
