//! The one thread that writes.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use rusqlite::Connection;

use super::{
    Options,
    error::Fault,
    group::{Effects, Failed, Group},
    inbox::{Inbox, Job},
    load,
    log::LogKeeper,
    schema,
    state::Registry,
};

pub(super) struct Writer {
    pub path: PathBuf,
    pub options: Options,
    pub inbox: Arc<Inbox>,
    pub registry: Arc<Registry>,
    pub log: Arc<LogKeeper>,
    pub commits: Arc<AtomicU64>,
    /// `None` after an error that may have come from the connection; the next group opens another.
    pub conn: Option<Connection>,
    pub next_seq: i64,
}

/// Tells everyone who waits that nobody will come, should the thread ever end otherwise than by being closed.
struct AbandonAtEnd(Arc<Inbox>);

impl Drop for AbandonAtEnd {
    fn drop(&mut self) {
        self.0.abandon();
    }
}

impl Writer {
    /// Writes group after group until the inbox is closed. No error ends it.
    pub fn run(mut self) {
        let _abandon = AbandonAtEnd(Arc::clone(&self.inbox));
        while let Some(jobs) = self.inbox.take() {
            self.handle(jobs);
        }
    }

    /// Does one group, answers everyone in it, then looks after the log.
    pub fn handle(&mut self, jobs: Vec<Job>) {
        self.write(Group::new(jobs));
        if let Some(conn) = &self.conn {
            self.log.after_commit(conn);
        }
    }

    fn write(&mut self, mut group: Group) {
        let probes = std::mem::take(&mut group.probes);
        if !group.is_empty() {
            match self.commit(&group) {
                Ok(effects) => group.done(effects),
                Err(failed) if group.is_mixed() => {
                    // Acks make room, so they must not fail for the publish that found none. Writing them twice is
                    // writing them once.
                    group.give_up_publishes(&failed);
                    match self.commit(&group) {
                        Ok(effects) => group.done(effects),
                        Err(failed) => group.fail(&failed),
                    }
                }
                Err(failed) => group.fail(&failed),
            }
        }
        if !probes.is_empty() {
            let answer = self.probe().map_err(|error| Fault::of(&error));
            for probe in probes {
                let _ = probe.send(answer.clone());
            }
        }
    }

    fn commit(&mut self, group: &Group) -> Result<Effects, Failed> {
        let (options, mut next_seq) = (self.options.clone(), self.next_seq);
        let conn = self.connection().map_err(Failed::BeforeCommit)?;
        let result = group.write(conn, &options, &mut next_seq);
        self.next_seq = self.next_seq.max(next_seq);
        match &result {
            Ok(_) => drop(self.commits.fetch_add(1, Ordering::Relaxed)),
            Err(failed) => self.after_error(failed),
        }
        result
    }

    /// Writes and removes two pages, so that a full or failing disk shows without the file growing.
    fn probe(&mut self) -> rusqlite::Result<()> {
        let conn = self.connection()?;
        let transaction = conn.transaction()?;
        transaction.execute("INSERT INTO probe (body) VALUES (zeroblob(8192))", [])?;
        transaction.execute("DELETE FROM probe", [])?;
        transaction.commit()
    }

    fn connection(&mut self) -> rusqlite::Result<&mut Connection> {
        let conn = match self.conn.take() {
            Some(conn) => conn,
            None => {
                let conn = schema::reopen(&self.path, &self.options)?;
                self.next_seq = self.next_seq.max(load::contents(&conn, &self.registry)?);
                // A transaction that failed at COMMIT may be there after all.
                self.registry
                    .all()
                    .iter()
                    .for_each(|queue| queue.arrived.notify_waiters());
                tracing::info!(path = %self.path.display(), "queue file opened again");
                conn
            }
        };
        Ok(self.conn.insert(conn))
    }

    fn after_error(&mut self, failed: &Failed) {
        let fault = Fault::of(failed.error());
        tracing::error!(error = %fault, at_commit = matches!(failed, Failed::AtCommit(_)), "queue transaction failed");
        // A full disk is no fault of the connection. Anything else may be, and after an error at COMMIT the counters
        // have to be read again.
        if !fault.full || matches!(failed, Failed::AtCommit(_)) {
            self.conn = None;
        }
    }
}
