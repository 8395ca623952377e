//! Verifiers that nobody can write: an operator stands still between two steps, as if it were slow.

use std::thread::JoinHandle;

use sendry_servers::{postgres::Postgres, probe, process};

use crate::wait::PATIENCE;

/// Longer than anybody waits for it.
const HOLD: &str = "pg_sleep(120)";

/// Let go when it is dropped.
pub struct Held<'a> {
    postgres: &'a Postgres,
    holding: Option<JoinHandle<()>>,
}

impl<'a> Held<'a> {
    pub fn begin(postgres: &'a Postgres) -> Self {
        let port = postgres.port();
        let sql = format!("LOCK TABLE sendry.api_key IN EXCLUSIVE MODE; SELECT {HOLD}");
        let holding = std::thread::spawn(move || {
            // Ends when it is let go, with an error that says so.
            let _ = probe::postgres(probe::local(port), "sendry", "postgres", &sql);
        });
        let held = Self {
            postgres,
            holding: Some(holding),
        };
        let locked = "SELECT pid FROM pg_locks WHERE granted AND mode = 'ExclusiveLock' \
                      AND relation = 'sendry.api_key'::regclass";
        tokio::task::block_in_place(|| {
            process::wait(PATIENCE, "the lock", || {
                let rows = postgres.query("postgres", locked)?;
                Ok((rows.len() == 1).then_some(()))
            })
        })
        .unwrap();
        held
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        let sql = format!(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
             WHERE query LIKE 'LOCK TABLE%{HOLD}' AND pid <> pg_backend_pid()"
        );
        let _ = self.postgres.query("postgres", &sql);
        let _ = self.holding.take().map(JoinHandle::join);
    }
}
