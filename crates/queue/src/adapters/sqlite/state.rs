//! What is known in memory about each queue: how much it holds, what is handed out, where reading goes on.
//!
//! Rebuilt from the file at open. The file decides what exists; this decides who gets it.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
};

use tokio::sync::Notify;

use super::rows::Row;

/// A message delivered this often already is handed out alone.
const SUSPECT_AT: u32 = 2;

/// All queues by routing key.
#[derive(Default)]
pub(super) struct Registry {
    queues: Mutex<HashMap<String, Arc<Queue>>>,
    last_no: AtomicI64,
}

impl Registry {
    /// The queue, made in memory where absent; its row is written with its first message.
    pub fn get_or_make(&self, name: &str) -> Arc<Queue> {
        let mut queues = self.lock();
        if let Some(queue) = queues.get(name) {
            return Arc::clone(queue);
        }
        let no = self.last_no.fetch_add(1, Ordering::Relaxed) + 1;
        let queue = Arc::new(Queue::new(no, name, false));
        queues.insert(name.to_owned(), Arc::clone(&queue));
        queue
    }

    pub fn get(&self, name: &str) -> Option<Arc<Queue>> {
        self.lock().get(name).cloned()
    }

    /// Adds a queue that the file has.
    pub fn restore(&self, no: i64, name: &str) {
        self.last_no.fetch_max(no, Ordering::Relaxed);
        self.lock()
            .insert(name.to_owned(), Arc::new(Queue::new(no, name, true)));
    }

    pub fn all(&self) -> Vec<Arc<Queue>> {
        self.lock().values().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Arc<Queue>>> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) struct Queue {
    pub no: i64,
    pub name: String,
    /// Its row is in the file.
    pub persisted: AtomicBool,
    /// Rings when something may have become ready.
    pub arrived: Notify,
    /// Held while one consumer reads what it is about to take.
    pub turn: tokio::sync::Mutex<()>,
    inner: Mutex<Inner>,
}

impl Queue {
    fn new(no: i64, name: &str, persisted: bool) -> Self {
        Self {
            no,
            name: name.to_owned(),
            persisted: persisted.into(),
            arrived: Notify::new(),
            turn: tokio::sync::Mutex::default(),
            inner: Mutex::default(),
        }
    }

    pub fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the file holds of a queue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Stored {
    pub messages: u64,
    pub bytes: u64,
}

/// A message with a consumer.
#[derive(Clone, Copy, Debug)]
struct Held {
    /// `None` when the consumer left while its ack was being written: the writer's answer decides.
    consumer: Option<u64>,
    acking: bool,
}

/// Which messages to read next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Plan {
    /// These, which were out before.
    Again(Vec<i64>),
    /// Those after `cursor`, and before the first that has to come alone; if none is, that one.
    After { cursor: i64, alone: Option<i64> },
}

#[derive(Default)]
pub(super) struct Inner {
    pub stored: Stored,
    /// Everything up to here is in flight, in `returned`, or gone.
    cursor: i64,
    returned: BTreeSet<i64>,
    /// How often a message was delivered; only those that were.
    counts: BTreeMap<i64, u32>,
    held: HashMap<i64, Held>,
}

impl Inner {
    pub fn ready(&self) -> u64 {
        self.stored.messages.saturating_sub(self.unacknowledged())
    }

    pub fn unacknowledged(&self) -> u64 {
        self.held.len() as u64
    }

    /// What to read for a consumer that can take `max` messages; `None` when nothing is ready.
    pub fn plan(&self, max: usize) -> Option<Plan> {
        if let Some(&first) = self.returned.first() {
            if self.is_suspect(first) {
                return Some(Plan::Again(vec![first]));
            }
            let unsuspected = self
                .returned
                .iter()
                .copied()
                .take_while(|&seq| !self.is_suspect(seq));
            return Some(Plan::Again(unsuspected.take(max.max(1)).collect()));
        }
        let alone = self
            .counts
            .range(self.cursor + 1..)
            .find(|(_, count)| **count >= SUSPECT_AT);
        (self.ready() > 0).then(|| Plan::After {
            cursor: self.cursor,
            alone: alone.map(|(&seq, _)| seq),
        })
    }

    /// Hands `rows`, read for `plan`, to `consumer`. Returns how often each was delivered, this time included.
    pub fn claim(&mut self, plan: &Plan, rows: &[Row], consumer: u64) -> Vec<(i64, u32)> {
        if let Plan::Again(asked) = plan {
            // Rows are a prefix of what was asked, without those the file no longer has.
            let upto = rows.last().map_or(i64::MAX, |row| row.seq);
            for &seq in asked.iter().filter(|&&seq| seq <= upto) {
                self.returned.remove(&seq);
                if rows.binary_search_by_key(&seq, |row| row.seq).is_err() {
                    self.counts.remove(&seq);
                }
            }
        }
        let mut marks = Vec::with_capacity(rows.len());
        for row in rows {
            self.cursor = self.cursor.max(row.seq);
            self.held.insert(
                row.seq,
                Held {
                    consumer: Some(consumer),
                    acking: false,
                },
            );
            let count = self.counts.entry(row.seq).or_insert(0);
            *count = count.saturating_add(1);
            marks.push((row.seq, *count));
        }
        marks
    }

    /// Makes what `consumer` holds of `seqs` ready again; without blame the delivery is not counted. Returns the new
    /// counts of those that were held.
    pub fn put_back(&mut self, seqs: &[i64], consumer: u64, blame: bool) -> Vec<(i64, u32)> {
        let mut marks = Vec::with_capacity(seqs.len());
        for &seq in seqs {
            match self.held.get(&seq) {
                Some(held) if held.consumer == Some(consumer) && !held.acking => {}
                _ => continue,
            }
            self.held.remove(&seq);
            self.returned.insert(seq);
            let count = self.counts.entry(seq).or_insert(0);
            if !blame {
                *count = count.saturating_sub(1);
            }
            marks.push((seq, *count));
            if *count == 0 {
                self.counts.remove(&seq);
            }
        }
        marks
    }

    /// Makes everything `consumer` holds ready again, except what is being acked.
    pub fn leave(&mut self, consumer: u64) {
        for (&seq, held) in &mut self.held {
            if held.consumer == Some(consumer) {
                held.consumer = None;
                if !held.acking {
                    self.returned.insert(seq);
                }
            }
        }
        self.held
            .retain(|_, held| held.consumer.is_some() || held.acking);
    }

    /// Which of `seqs` are `consumer`'s to ack; until the writer answers they stay out.
    pub fn begin_ack(&mut self, seqs: impl Iterator<Item = i64>, consumer: u64) -> Vec<i64> {
        let mut own = Vec::with_capacity(seqs.size_hint().0);
        for seq in seqs {
            if let Some(held) = self.held.get_mut(&seq)
                && held.consumer == Some(consumer)
            {
                held.acking = true;
                own.push(seq);
            }
        }
        own
    }

    /// The ack was not written: the message stays with its consumer, or is ready again if that one left.
    pub fn fail_ack(&mut self, seqs: &[i64]) {
        for &seq in seqs {
            let Some(held) = self.held.get_mut(&seq) else {
                continue;
            };
            held.acking = false;
            if held.consumer.is_none() {
                self.held.remove(&seq);
                self.returned.insert(seq);
            }
        }
    }

    /// What is with consumers.
    pub fn held(&self) -> Vec<i64> {
        self.held.keys().copied().collect()
    }

    /// The message is not in the file any more.
    pub fn forget(&mut self, seq: i64) {
        self.held.remove(&seq);
        self.returned.remove(&seq);
        self.counts.remove(&seq);
    }

    /// A count found in the file at open.
    pub fn restore_count(&mut self, seq: i64, count: u32) {
        self.counts.insert(seq, count);
    }

    fn is_suspect(&self, seq: i64) -> bool {
        self.counts
            .get(&seq)
            .is_some_and(|&count| count >= SUSPECT_AT)
    }
}
