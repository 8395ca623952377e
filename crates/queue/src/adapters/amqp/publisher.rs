//! Publishing: the door to the task that does it, and that task, which connects for ever.
//!
//! Nothing waits longer than the time-outs say: a publish that cannot be sent is refused at once or after
//! [`AmqpOptions::publish_timeout`], one whose confirm does not come is unknown after it. Nothing is ever sent twice.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use tokio::{
    sync::{Notify, mpsc, oneshot},
    task::JoinHandle,
    time::{Instant, sleep, timeout},
};

use super::{
    door::{Door, unavailable},
    link::Pauses,
    options::AmqpOptions,
    session::Session,
};
use crate::{PublishError, Sealed};

/// Publishes through the task it started.
pub(super) struct Publisher {
    pub door: Arc<Door>,
    options: Arc<AmqpOptions>,
    retry: Arc<Notify>,
    task: JoinHandle<()>,
}

impl Publisher {
    /// Starts to connect.
    pub fn start(options: Arc<AmqpOptions>) -> Self {
        let door = Arc::new(Door::new(&options));
        let retry = Arc::new(Notify::new());
        let task = tokio::spawn(supervise(
            Arc::clone(&options),
            Arc::clone(&door),
            Arc::clone(&retry),
        ));
        Self {
            door,
            options,
            retry,
            task,
        }
    }

    /// Tries to connect now, if it is waiting to.
    pub fn retry_now(&self) {
        self.retry.notify_waiters();
    }

    pub async fn publish(&self, message: Sealed) -> Result<(), PublishError> {
        let (reply, answer) = oneshot::channel();
        let taken = Arc::new(AtomicBool::new(false));
        self.door.hand_in(message, Arc::clone(&taken), reply)?;
        let limit = self.options.publish_timeout;
        match timeout(limit, answer).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) if !taken.load(Ordering::Acquire) => {
                Err(unavailable("the publishing task has ended"))
            }
            Ok(Err(_)) => Err(PublishError::Unknown(
                "the publishing task has ended".to_owned(),
            )),
            Err(_) if taken.swap(true, Ordering::AcqRel) => Err(PublishError::Unknown(format!(
                "no confirm within {limit:?}"
            ))),
            Err(_) => Err(unavailable(&format!("not sent within {limit:?}"))),
        }
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Connects, publishes until the connection is lost, and again, for ever.
async fn supervise(options: Arc<AmqpOptions>, door: Arc<Door>, retry: Arc<Notify>) {
    let mut pauses = Pauses::new();
    loop {
        let began = Instant::now();
        let fault = match Session::open(&options, &door).await {
            Ok(session) => {
                let (inbox, jobs) = mpsc::channel(options.max_waiting);
                door.open(inbox, session.status());
                tracing::info!(broker = %options.address(), "connected for publishing");
                session.run(jobs).await
            }
            Err(fault) => fault,
        };
        door.shut(&fault.0);
        tracing::warn!(reason = %fault, "not connected for publishing, will try again");
        tokio::select! {
            () = sleep(pauses.next(began)) => {}
            () = retry.notified() => {}
        }
    }
}
