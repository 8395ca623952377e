//! The named tasks of a process, joined at its end.

use std::collections::HashMap;
use std::error::Error;
use std::fmt;
use std::time::Duration;

use tokio::task::{Id, JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

use super::Shutdown;
use crate::error_chain::chain;

/// How long an aborted task may take to notice.
const ABORT_GRACE: Duration = Duration::from_secs(1);

type BoxError = Box<dyn Error + Send + Sync>;

/// What a task may return: `()`, or a `Result<(), E>` whose error is reported under its name.
pub trait TaskOutput: Send + 'static {
    /// The error, if that is what it is.
    fn into_error(self) -> Option<BoxError>;
}

impl TaskOutput for () {
    fn into_error(self) -> Option<BoxError> {
        None
    }
}

impl<E: Into<BoxError> + Send + 'static> TaskOutput for Result<(), E> {
    fn into_error(self) -> Option<BoxError> {
        self.err().map(Into::into)
    }
}

/// The tasks a process runs until it is told to stop.
///
/// A *vital* task lasts as long as the process: if it returns or panics before the shutdown
/// began, the shutdown begins at that moment, and [`join_all`](Self::join_all) names it. Other
/// tasks may finish when they like; only their errors and panics are reported. Dropped, it aborts
/// all of them.
#[derive(Debug)]
pub struct Tasks {
    set: JoinSet<Option<FailureKind>>,
    names: HashMap<Id, String>,
    shutdown: CancellationToken,
}

impl Tasks {
    /// No tasks yet.
    #[must_use]
    pub fn new(shutdown: &Shutdown) -> Self {
        Self {
            set: JoinSet::new(),
            names: HashMap::new(),
            shutdown: shutdown.token(),
        }
    }

    /// Runs a task the process cannot do without.
    pub fn spawn_vital<F>(&mut self, name: impl Into<String>, task: F)
    where
        F: Future<Output: TaskOutput> + Send + 'static,
    {
        let name = name.into();
        let guard = VitalGuard {
            name: name.clone(),
            shutdown: self.shutdown.clone(),
        };
        self.spawn_as(name, async move {
            // Dropped when the task returns, and by the unwinding when it panics.
            let guard = guard;
            let error = task.await.into_error();
            match error {
                Some(error) => Some(FailureKind::Failed(error)),
                None if guard.shutdown.is_cancelled() => None,
                None => Some(FailureKind::EndedEarly),
            }
        });
    }

    /// Runs a task that may end before the process does.
    pub fn spawn<F>(&mut self, name: impl Into<String>, task: F)
    where
        F: Future<Output: TaskOutput> + Send + 'static,
    {
        self.spawn_as(name.into(), async move {
            task.await.into_error().map(FailureKind::Failed)
        });
    }

    fn spawn_as<F>(&mut self, name: String, task: F)
    where
        F: Future<Output = Option<FailureKind>> + Send + 'static,
    {
        let id = self.set.spawn(task).id();
        self.names.insert(id, name);
    }

    /// Waits until every task has ended, or until `grace` after the shutdown began; what still
    /// runs then is aborted.
    ///
    /// # Errors
    /// Every task that failed, panicked, ended though it was vital, or had to be aborted, by name;
    /// each was logged when it happened.
    pub async fn join_all(mut self, grace: Duration) -> Result<(), TasksError> {
        let mut failures = Vec::new();
        let shutdown = self.shutdown.clone();
        let deadline = async {
            shutdown.cancelled().await;
            tokio::time::sleep(grace).await;
        };
        tokio::select! {
            biased;
            () = self.drain(&mut failures) => {}
            () = deadline => {
                self.set.abort_all();
                // One that blocks its thread cannot even be aborted; it is left behind.
                let _ = tokio::time::timeout(ABORT_GRACE, self.drain(&mut failures)).await;
                let stuck = self.names.drain().map(|(_, name)| name);
                failures.extend(stuck.map(|name| TaskFailure { name, kind: FailureKind::Unfinished }));
                self.set.detach_all();
            }
        }
        if failures.is_empty() {
            Ok(())
        } else {
            Err(TasksError { failures })
        }
    }

    async fn drain(&mut self, failures: &mut Vec<TaskFailure>) {
        while let Some(ended) = self.set.join_next_with_id().await {
            failures.extend(self.failure(ended));
        }
    }

    fn failure(
        &mut self,
        ended: Result<(Id, Option<FailureKind>), JoinError>,
    ) -> Option<TaskFailure> {
        let (id, kind) = match ended {
            Ok((id, kind)) => (id, kind),
            Err(error) => (error.id(), Some(FailureKind::from(error))),
        };
        let name = self.names.remove(&id).unwrap_or_default();
        let failure = TaskFailure { name, kind: kind? };
        tracing::error!(task.name = %failure.name, error = %failure, "task failed");
        Some(failure)
    }
}

/// Begins the shutdown when the vital task it lives in ends, however it ends.
struct VitalGuard {
    name: String,
    shutdown: CancellationToken,
}

impl Drop for VitalGuard {
    fn drop(&mut self) {
        if !self.shutdown.is_cancelled() {
            tracing::error!(task.name = %self.name, "vital task ended; stopping the process");
            self.shutdown.cancel();
        }
    }
}

/// How a task let the process down.
#[derive(Debug)]
pub enum FailureKind {
    /// It returned this error.
    Failed(BoxError),
    /// It was vital and returned before the shutdown began.
    EndedEarly,
    /// It panicked with this message.
    Panicked(String),
    /// It was still running when the grace period ended, and was aborted.
    Unfinished,
}

impl From<JoinError> for FailureKind {
    fn from(error: JoinError) -> Self {
        match error.try_into_panic() {
            Ok(payload) => Self::Panicked(panic_message(&*payload).to_owned()),
            Err(_cancelled) => Self::Unfinished,
        }
    }
}

/// The text a panic was raised with.
pub(crate) fn panic_message(payload: &(dyn std::any::Any + Send)) -> &str {
    let text = payload.downcast_ref::<&'static str>().copied();
    text.or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("(no message)")
}

/// One task's failure.
#[derive(Debug)]
pub struct TaskFailure {
    /// The task.
    pub name: String,
    /// What happened.
    pub kind: FailureKind,
}

impl fmt::Display for TaskFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = &self.name;
        match &self.kind {
            FailureKind::Failed(error) => write!(f, "task `{name}` failed: {}", chain(&**error)),
            FailureKind::EndedEarly => write!(f, "task `{name}` ended before the shutdown"),
            FailureKind::Panicked(message) => write!(f, "task `{name}` panicked: {message}"),
            FailureKind::Unfinished => {
                write!(f, "task `{name}` did not finish in its grace period")
            }
        }
    }
}

/// Every task that let the process down, first failure first.
#[derive(Debug)]
pub struct TasksError {
    /// At least one.
    pub failures: Vec<TaskFailure>,
}

impl fmt::Display for TasksError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, failure) in self.failures.iter().enumerate() {
            if index > 0 {
                f.write_str("; ")?;
            }
            write!(f, "{failure}")?;
        }
        Ok(())
    }
}

impl Error for TasksError {}
