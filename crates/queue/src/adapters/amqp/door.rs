//! The way to the task that publishes: open while there is a connection that takes publishes.

use std::sync::{
    Arc, PoisonError, RwLock, RwLockReadGuard,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use lapin::ConnectionStatus;
use tokio::sync::{mpsc, oneshot};

use super::{AmqpState, options::AmqpOptions};
use crate::{PublishError, Sealed};

/// A publish that waits to be sent, and where its sender waits.
pub(super) struct Job {
    pub message: Sealed,
    /// Whoever sets it first decides: begun here, or taken back by its sender.
    pub taken: Arc<AtomicBool>,
    pub reply: Reply,
    _weight: Weight,
}

/// Where the sender of a publish waits.
pub(super) type Reply = oneshot::Sender<Result<(), PublishError>>;

/// Bytes that wait.
struct Weight {
    waiting: Arc<AtomicUsize>,
    bytes: usize,
}

impl Drop for Weight {
    fn drop(&mut self) {
        self.waiting.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

enum State {
    /// With the reason, for whoever is refused.
    Shut(Arc<str>),
    Open {
        inbox: mpsc::Sender<Job>,
        status: ConnectionStatus,
        blocked: Option<Arc<str>>,
    },
}

pub(super) struct Door {
    state: RwLock<State>,
    waiting_bytes: Arc<AtomicUsize>,
    max_waiting_bytes: usize,
    unconfirmed: AtomicUsize,
}

impl Door {
    pub fn new(options: &AmqpOptions) -> Self {
        Self {
            state: RwLock::new(State::Shut("not connected to the broker yet".into())),
            waiting_bytes: Arc::default(),
            max_waiting_bytes: options.max_waiting_bytes,
            unconfirmed: AtomicUsize::new(0),
        }
    }

    /// Hands a message to the publishing task, or says at once why it can not be sent.
    pub fn hand_in(
        &self,
        message: Sealed,
        taken: Arc<AtomicBool>,
        reply: Reply,
    ) -> Result<(), PublishError> {
        let state = self.read();
        let inbox = match &*state {
            State::Shut(reason) => return Err(unavailable(reason)),
            State::Open {
                inbox,
                status,
                blocked,
            } if !status.blocked() && blocked.is_none() => inbox,
            State::Open { blocked, .. } => {
                return Err(unavailable(&blocked_text(blocked.as_deref())));
            }
        };
        let bytes = message.body.len();
        let before = self.waiting_bytes.fetch_add(bytes, Ordering::Relaxed);
        let weight = Weight {
            waiting: Arc::clone(&self.waiting_bytes),
            bytes,
        };
        if before > 0 && before + bytes > self.max_waiting_bytes {
            return Err(unavailable("too many bytes wait to be published"));
        }
        let job = Job {
            message,
            taken,
            reply,
            _weight: weight,
        };
        inbox.try_send(job).map_err(|refused| {
            unavailable(match refused {
                mpsc::error::TrySendError::Full(_) => "too many messages wait to be published",
                mpsc::error::TrySendError::Closed(_) => "the connection was just lost",
            })
        })
    }

    pub fn open(&self, inbox: mpsc::Sender<Job>, status: ConnectionStatus) {
        self.set(State::Open {
            inbox,
            status,
            blocked: None,
        });
    }

    pub fn shut(&self, reason: &str) {
        self.set(State::Shut(reason.into()));
    }

    /// What `connection.blocked` and `connection.unblocked` said.
    pub fn set_blocked(&self, reason: Option<&str>) {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        if let State::Open { blocked, .. } = &mut *state {
            *blocked = reason.map(Into::into);
        }
    }

    /// Why nothing can be published now.
    pub fn check(&self) -> Result<(), String> {
        match &*self.read() {
            State::Shut(reason) => Err(reason.to_string()),
            State::Open {
                status, blocked, ..
            } if status.blocked() => Err(blocked_text(blocked.as_deref())),
            State::Open { .. } => Ok(()),
        }
    }

    pub fn set_unconfirmed(&self, count: usize) {
        self.unconfirmed.store(count, Ordering::Relaxed);
    }

    pub fn state(&self) -> AmqpState {
        let (connected, blocked) = match &*self.read() {
            State::Shut(_) => (false, false),
            State::Open { status, .. } => (status.connected(), status.blocked()),
        };
        AmqpState {
            connected,
            blocked,
            unconfirmed: self.unconfirmed.load(Ordering::Relaxed),
        }
    }

    fn set(&self, new: State) {
        *self.state.write().unwrap_or_else(PoisonError::into_inner) = new;
    }

    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why a blocked broker takes nothing.
pub(super) fn blocked_text(reason: Option<&str>) -> String {
    let reason = reason.unwrap_or("no reason given");
    format!("the broker blocks publishing ({reason}): free its disk or memory")
}

pub(super) fn unavailable(reason: &str) -> PublishError {
    PublishError::Unavailable(reason.to_owned())
}
