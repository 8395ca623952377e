//! Where a connection comes from, and what becomes of a change while we run.
//!
//! A folder is looked at again every [`LOOK_AGAIN`], and at once when the broker cannot be reached or does not know us:
//! that is how a rotation shows first. A folder that cannot be used is told of, and the connection we have stays.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::{Duration, Instant},
};

use super::{client::Live, connection::ManagementConnection, error::BadConnection, folder};

/// Between two looks at a folder in which nothing is wrong.
pub(super) const LOOK_AGAIN: Duration = Duration::from_secs(3);

/// A connection, and where to look for another.
pub(super) struct Source {
    folder: Option<PathBuf>,
    live: RwLock<Arc<Live>>,
    looked: Mutex<Instant>,
    /// One look at a time, whoever asks for it.
    looking: tokio::sync::Mutex<()>,
}

impl Source {
    pub fn fixed(connection: ManagementConnection) -> Result<Self, BadConnection> {
        Ok(Self::new(None, Live::new(connection)?))
    }

    pub fn folder(path: &Path) -> Result<Self, BadConnection> {
        let live = Live::new(folder::read(path)?)?;
        Ok(Self::new(Some(path.to_owned()), live))
    }

    fn new(folder: Option<PathBuf>, live: Live) -> Self {
        Self {
            folder,
            live: RwLock::new(Arc::new(live)),
            looked: Mutex::new(Instant::now()),
            looking: tokio::sync::Mutex::new(()),
        }
    }

    /// What is used now.
    pub fn now(&self) -> Arc<Live> {
        let live = self.live.read().unwrap_or_else(PoisonError::into_inner);
        live.clone()
    }

    /// What to use, after a look at the folder if it is time for one and nobody else is looking.
    pub async fn current(&self) -> Arc<Live> {
        if self.is_due()
            && let Ok(_one) = self.looking.try_lock()
            && self.is_due()
        {
            self.look(&self.now()).await;
        }
        self.now()
    }

    /// Another connection than `used`, which did not work, if there is one by now.
    pub async fn instead_of(&self, used: &Arc<Live>) -> Option<Arc<Live>> {
        self.folder.as_ref()?;
        let _one = self.looking.lock().await;
        if Arc::ptr_eq(&self.now(), used) {
            self.look(used).await;
        }
        let now = self.now();
        (!Arc::ptr_eq(&now, used)).then_some(now)
    }

    fn is_due(&self) -> bool {
        let looked = *self.looked.lock().unwrap_or_else(PoisonError::into_inner);
        self.folder.is_some() && looked.elapsed() >= LOOK_AGAIN
    }

    /// Reads the folder, and uses what is there if it is another connection than `used`. Whoever calls is the only one.
    async fn look(&self, used: &Arc<Live>) {
        let Some(folder) = self.folder.clone() else {
            return;
        };
        *self.looked.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        let before = used.clone();
        let looked = tokio::task::spawn_blocking(move || {
            let found = folder::read(&folder)?;
            if found == before.connection {
                return Ok(None);
            }
            Live::new(found).map(Some)
        });
        match looked.await {
            Ok(Ok(None)) => {}
            Ok(Ok(Some(live))) => {
                tracing::info!(address = %live.connection.address(), "the connection to the management API was changed, using the new one");
                *self.live.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(live);
            }
            Ok(Err(error)) => {
                tracing::warn!(error = %Chain(&error), "the connection to the management API was changed to one that cannot be used, keeping the old one");
            }
            Err(error) => {
                tracing::warn!(%error, "failed to look for another connection to the management API");
            }
        }
    }
}

/// An error with what led to it.
struct Chain<'a>(&'a dyn std::error::Error);

impl std::fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)?;
        let mut next = self.0.source();
        while let Some(error) = next {
            write!(f, ": {error}")?;
            next = error.source();
        }
        Ok(())
    }
}
