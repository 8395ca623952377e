//! One publishing connection and its one channel, owned by one task until they are lost.

use std::{
    collections::HashMap, future::poll_fn, pin::Pin, sync::atomic::Ordering, task::Poll,
    time::Duration,
};

use futures_util::{Stream, StreamExt};
use lapin::{
    Channel, Confirmation, Connection, ConnectionStatus, Event, ExchangeKind,
    options::{BasicPublishOptions, ConfirmSelectOptions, ExchangeDeclareOptions},
    types::FieldTable,
};
use sendry_domain::{
    id::MessageId,
    routing::{EXCHANGE, QueueName},
};
use tokio::{
    sync::mpsc,
    time::{Instant, MissedTickBehavior, interval, timeout},
};

use super::{
    door::{Door, Job, Reply, blocked_text, unavailable},
    error::Fault,
    flight::Flight,
    link::connect,
    options::AmqpOptions,
    properties,
    verdicts::{Confirmed, Verdict, Verdicts},
};
use crate::{PublishError, Sealed};

/// Between two looks at the age of confirms and the state of the connection.
const WATCH: Duration = Duration::from_millis(250);

/// How one publish ended, as the library tells it.
enum Outcome {
    Confirmed {
        ack: bool,
        returned: Option<MessageId>,
    },
    /// Never completely written to the socket.
    NotSent(lapin::Error),
    /// Written, and the channel ended before a confirm.
    Lost(lapin::Error),
    /// Written on a channel that gives no confirms, which says nothing of what became of it.
    Unasked,
}

/// A publish without a verdict.
struct Pending {
    id: MessageId,
    queue: QueueName,
    /// Gone when its sender was told already.
    reply: Option<Reply>,
}

impl Pending {
    fn tell(&mut self, outcome: Result<(), PublishError>) {
        if let Some(reply) = self.reply.take() {
            // A sender that went away has nothing to be told.
            let _ = reply.send(outcome);
        }
    }
}

/// One connection and its channel.
pub(super) struct Session<'a> {
    options: &'a AmqpOptions,
    door: &'a Door,
    connection: Connection,
    channel: Channel,
    events: Pin<Box<dyn Stream<Item = Event> + Send>>,
    flight: Flight<Pending, Outcome>,
    /// Confirmed and not judged: what [`Verdicts`] holds.
    held: HashMap<u64, Pending>,
    verdicts: Verdicts,
    /// When the broker read again; what waited meanwhile is not late before.
    unblocked: Instant,
}

impl<'a> Session<'a> {
    /// Connects, and makes sure that what is published has an exchange to go to.
    pub async fn open(options: &'a AmqpOptions, door: &'a Door) -> Result<Self, Fault> {
        let connection = connect(options, "publishing").await?;
        let events = Box::pin(connection.events_listener());
        let opening = async {
            let channel = connection.create_channel().await?;
            let passive = ExchangeDeclareOptions {
                passive: true,
                ..ExchangeDeclareOptions::default()
            };
            let (name, none) = (EXCHANGE.into(), FieldTable::default());
            channel
                .exchange_declare(name, ExchangeKind::Topic, passive, none)
                .await?;
            channel
                .confirm_select(ConfirmSelectOptions::default())
                .await?;
            Ok::<_, lapin::Error>(channel)
        };
        let limit = options.answer_timeout;
        let channel = match timeout(limit, opening).await {
            Ok(Ok(channel)) => channel,
            Ok(Err(error)) => {
                return Err(Fault(format!(
                    "exchange {EXCHANGE} can not be used: {error}"
                )));
            }
            Err(_) => return Err(Fault(format!("the broker did not answer within {limit:?}"))),
        };
        Ok(Self {
            options,
            door,
            connection,
            channel,
            events,
            flight: Flight::new(),
            held: HashMap::new(),
            verdicts: Verdicts::default(),
            unblocked: Instant::now(),
        })
    }

    /// What the library knows of the connection.
    pub fn status(&self) -> ConnectionStatus {
        self.connection.status().clone()
    }

    /// Publishes what comes in, until the connection is lost; says why it was. Everything handed in has been told its
    /// fate by then.
    pub async fn run(mut self, mut jobs: mpsc::Receiver<Job>) -> Fault {
        let mut watch = interval(WATCH);
        watch.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut taken = Vec::new();
        let fault = loop {
            let room = self
                .options
                .max_unconfirmed
                .saturating_sub(self.flight.len());
            let done = tokio::select! {
                biased;
                answered = poll_fn(|cx| self.flight.poll_answered(cx)) => self.settle(answered),
                event = self.events.next() => self.hear(event),
                _ = jobs.recv_many(&mut taken, room), if room > 0 => {
                    taken.drain(..).for_each(|job| self.send(job));
                    Ok(())
                }
                _ = watch.tick() => self.watch(),
            };
            if let Err(fault) = done {
                break fault;
            }
        };
        self.door.shut(&fault.0);
        jobs.close();
        while let Ok(job) = jobs.try_recv() {
            let _ = job.reply.send(Err(unavailable(&fault.0)));
        }
        self.give_up(&fault).await;
        fault
    }

    fn send(&mut self, job: Job) {
        let Job {
            message,
            taken,
            reply,
            ..
        } = job;
        if self.connection.status().blocked() {
            let _ = reply.send(Err(unavailable(&blocked_text(None))));
            return;
        }
        if taken.swap(true, Ordering::AcqRel) {
            return;
        }
        let pending = Pending {
            id: message.id,
            queue: message.queue.clone(),
            reply: Some(reply),
        };
        self.flight
            .add(pending, publish(self.channel.clone(), message));
        self.door.set_unconfirmed(self.flight.len());
    }

    /// Tells what is certain. An error when the channel has ended.
    fn settle(&mut self, answered: Vec<(u64, Pending, Outcome)>) -> Result<(), Fault> {
        let mut confirmed = Vec::with_capacity(answered.len());
        let mut lost = None;
        for (key, mut pending, outcome) in answered {
            match outcome {
                Outcome::Confirmed { ack, returned } => {
                    confirmed.push(Confirmed {
                        key,
                        id: pending.id,
                        ack,
                        returned,
                    });
                    self.held.insert(key, pending);
                }
                Outcome::NotSent(error) => {
                    pending.tell(Err(unavailable(&error.to_string())));
                    lost = Some(error.to_string());
                }
                Outcome::Lost(error) => {
                    pending.tell(Err(PublishError::Unknown(error.to_string())));
                    lost = Some(error.to_string());
                }
                Outcome::Unasked => {
                    let reason = "the channel gives no confirms".to_owned();
                    pending.tell(Err(PublishError::Unknown(reason.clone())));
                    lost = Some(reason);
                }
            }
        }
        let held = &mut self.held;
        self.verdicts
            .settle(&confirmed, self.flight.len(), |key, verdict| {
                if let Some(mut pending) = held.remove(&key) {
                    let outcome = match verdict {
                        Verdict::Stored => Ok(()),
                        Verdict::Full => Err(PublishError::Full(pending.queue.clone())),
                        Verdict::Unroutable => Err(unroutable(&pending.queue)),
                    };
                    pending.tell(outcome);
                }
            });
        self.door.set_unconfirmed(self.flight.len());
        lost.map_or(Ok(()), |error| Err(Fault(format!("channel lost: {error}"))))
    }

    fn hear(&mut self, event: Option<Event>) -> Result<(), Fault> {
        match event {
            Some(Event::ConnectionBlocked(reason)) => {
                tracing::warn!(%reason, "the broker blocks publishing");
                self.door.set_blocked(Some(&reason));
            }
            Some(Event::ConnectionUnblocked) => {
                tracing::info!("the broker takes publishes again");
                self.unblocked = Instant::now();
                self.door.set_blocked(None);
            }
            Some(Event::Error(error)) => return Err(Fault(format!("connection lost: {error}"))),
            Some(_) => {}
            None => return Err(Fault("connection closed".to_owned())),
        }
        Ok(())
    }

    /// Looks whether the channel still works. While the broker blocks, late confirms are its fault and not the
    /// channel's: their senders are told, and the channel stays.
    fn watch(&mut self) -> Result<(), Fault> {
        let limit = self.options.confirm_timeout;
        if !self.connection.status().connected() || !self.channel.status().connected() {
            return Err(Fault("connection closed".to_owned()));
        }
        let oldest = self.flight.oldest().map(|since| since.max(self.unblocked));
        if oldest.is_none_or(|since| since.elapsed() <= limit) {
            return Ok(());
        }
        if !self.connection.status().blocked() {
            return Err(Fault(format!("no confirm within {limit:?}")));
        }
        let Some(oldest) = Instant::now().checked_sub(limit) else {
            return Ok(());
        };
        for pending in self.flight.older_than(oldest) {
            pending.tell(Err(PublishError::Unknown(blocked_text(None))));
        }
        Ok(())
    }

    /// Tells everyone who still waits. The library has answered what it knows by now; one more look takes that in.
    async fn give_up(mut self, fault: &Fault) {
        let last = poll_fn(|cx| Poll::Ready(self.flight.poll_answered(cx))).await;
        if let Poll::Ready(answered) = last {
            // That the channel has ended is known.
            let _ = self.settle(answered);
        }
        let unknown = || Err(PublishError::Unknown(fault.0.clone()));
        for mut pending in self.flight.into_unanswered() {
            pending.tell(unknown());
        }
        for key in self.verdicts.into_open() {
            if let Some(mut pending) = self.held.remove(&key) {
                pending.tell(unknown());
            }
        }
        self.door.set_unconfirmed(0);
    }
}

/// Sends one message and waits for its confirm. Begun in order by one task, so that the broker numbers messages as the
/// library does: it counts a publish before it queues its frames.
async fn publish(channel: Channel, message: Sealed) -> Outcome {
    let properties = properties::of(&message);
    let key = message.queue.routing_key();
    let options = BasicPublishOptions {
        mandatory: true,
        ..BasicPublishOptions::default()
    };
    let sent = channel
        .basic_publish(
            EXCHANGE.into(),
            key.into(),
            options,
            &message.body,
            properties,
        )
        .await;
    drop(message);
    let confirm = match sent {
        Ok(confirm) => confirm,
        Err(error) => return Outcome::NotSent(error),
    };
    let (ack, returned) = match confirm.await {
        Ok(Confirmation::Ack(returned)) => (true, returned),
        Ok(Confirmation::Nack(returned)) => (false, returned),
        Ok(Confirmation::NotRequested) => return Outcome::Unasked,
        Err(error) => return Outcome::Lost(error),
    };
    let returned = returned.and_then(|message| properties::id(&message.delivery.properties));
    Outcome::Confirmed { ack, returned }
}

fn unroutable(queue: &QueueName) -> PublishError {
    let tenant = queue.tenant();
    PublishError::Unavailable(format!(
        "the broker has neither queue {queue} nor sendry.{tenant}.parked: declare the tenant's queues"
    ))
}
