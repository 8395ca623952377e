//! A watch that never ends: it begins again, with a list, whenever it breaks.

use std::{fmt::Debug, pin::pin, time::Duration};

use futures_util::{Stream, StreamExt};
use kube::runtime::watcher::{self, Event};
use sendry_runtime::{backoff::Backoff, error_chain::chain, health::Component};

use crate::metrics::{Kind, OperatorMetrics};

const BACKOFF: Backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(5));

/// Follows one kind.
pub(crate) struct Follow {
    pub kind: &'static str,
    /// Ready while what is known is complete and fresh.
    pub component: Component,
    pub metrics: OperatorMetrics,
}

impl Follow {
    pub(crate) fn kind(&self) -> Kind {
        Kind { kind: self.kind }
    }

    /// Runs until dropped. `hear` gets every event of every stream that `begin` begins.
    pub(crate) async fn run<K, S>(&self, begin: impl Fn() -> S, mut hear: impl FnMut(Event<K>))
    where
        K: Debug,
        S: Stream<Item = watcher::Result<Event<K>>>,
    {
        let mut attempt = 0;
        loop {
            let mut events = pin!(begin());
            while let Some(event) = events.next().await {
                match event {
                    Ok(event) => {
                        let complete = matches!(event, Event::InitDone);
                        hear(event);
                        if complete {
                            self.component.ready();
                            attempt = 0;
                        }
                    }
                    Err(error) => {
                        self.metrics
                            .watch_failures
                            .get_or_create(&self.kind())
                            .inc();
                        self.component.not_ready(format!(
                            "failed to watch {}: {}",
                            self.kind,
                            chain(&error)
                        ));
                        break;
                    }
                }
            }
            tokio::time::sleep(BACKOFF.delay(attempt, rand::random())).await;
            attempt = attempt.saturating_add(1);
        }
    }
}
