//! How much waits in many queues: passive declares, sent one after the other without waiting for answers in between.
//!
//! A broker closes the channel over a queue that is missing, and with it go the answers of all that were asked after it.
//! They are asked again on another channel, and the missing one is told from memory for [`MISSING_FOR`], so that one
//! queue that is gone costs the others nothing. So it is with one that does not answer: the broker answers each channel in
//! order, so the first question without an answer is the one that all after it wait for.
//!
//! **Guarantee.** A look ends within two and a quarter of the time that one answer may take, and what was answered by then
//! is known whatever was not.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use futures_util::{StreamExt, future::join_all, stream::FuturesUnordered};
use lapin::{Channel, options::QueueDeclareOptions, types::FieldTable};
use sendry_domain::{ledger::OldestHead, routing::QueueName};
use tokio::time::{Instant, sleep, timeout_at};

use super::{
    AmqpQueue, SECOND_LOOK,
    error::{Fault, Late, queue_error, within},
    link::Link,
    options::AmqpOptions,
};
use crate::{Depth, QueueDepths, QueueError};

/// Channels that share the questions of one look: the broker answers each channel's in order.
const CHANNELS: usize = 4;
/// Fewer questions than this are not worth another channel.
const WORTH_ONE: usize = 32;
/// A queue that was missing, or did not answer, is not asked for again for so long.
const MISSING_FOR: Duration = Duration::from_secs(10);
/// So often the questions of one look are begun anew because of one queue.
const ROUNDS: usize = 16;

/// A broker that is only asked about its queues, over a connection that is kept.
pub struct AmqpDepths {
    pub(super) link: Link,
    limit: Duration,
    missing: Missing,
}

/// Queues that the broker did not tell of: when, and in which words.
#[derive(Default)]
pub(super) struct Missing(Mutex<HashMap<QueueName, (Instant, String)>>);

/// What became of one question.
enum Answer {
    Told(Depth),
    /// It is the reason why the channel was closed.
    Refused(String),
    /// There was none in time, and everything after it waited for it.
    Late(String),
    /// It came to nothing because of another one.
    Unasked,
    Failed(QueueError),
}

impl AmqpDepths {
    /// Starts to connect, and goes on for ever.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    #[must_use]
    pub fn connect(options: AmqpOptions) -> Self {
        let options = Arc::new(options);
        Self {
            limit: options.answer_timeout,
            link: Link::start(options),
            missing: Missing::default(),
        }
    }
}

#[async_trait]
impl QueueDepths for AmqpDepths {
    async fn depths(&self, queues: &[QueueName]) -> Vec<Result<Depth, QueueError>> {
        let look = Look {
            link: &self.link,
            limit: self.limit,
            missing: &self.missing,
        };
        look.depths(queues).await
    }
}

#[async_trait]
impl QueueDepths for AmqpQueue {
    async fn depths(&self, queues: &[QueueName]) -> Vec<Result<Depth, QueueError>> {
        let look = Look {
            link: &self.link,
            limit: self.options.answer_timeout,
            missing: &Missing::default(),
        };
        look.depths(queues).await
    }
}

struct Look<'a> {
    link: &'a Link,
    limit: Duration,
    missing: &'a Missing,
}

impl Look<'_> {
    /// As for one queue, nothing is told twice before it is believed.
    async fn depths(&self, queues: &[QueueName]) -> Vec<Result<Depth, QueueError>> {
        let deadline = Instant::now() + self.limit * 2 + self.limit / 4;
        let mut answers: Vec<_> = self.missing.recall(queues);
        let mut late = Vec::new();
        let both = async {
            let asked = which(&answers, Option::is_none);
            self.ask(queues, asked, &mut answers, &mut late).await;
            let asked = which(&answers, is_empty);
            if !asked.is_empty() {
                // Should the second answer not come, the first is worth nothing.
                asked.iter().for_each(|number| answers[*number] = None);
                sleep(SECOND_LOOK).await;
                self.ask(queues, asked, &mut answers, &mut late).await;
            }
        };
        // What is not known by then is not known.
        let _ = timeout_at(deadline, both).await;
        if answers.iter().flatten().any(Result::is_ok) {
            // It is them, and not the broker.
            for (number, words) in late {
                self.missing.remember(&queues[number], &words);
            }
        }
        let unanswered = |queue| queue_error("ask", queue, Fault("nobody answered".to_owned()));
        answers
            .into_iter()
            .zip(queues)
            .map(|(answer, queue)| answer.unwrap_or_else(|| Err(unanswered(queue))))
            .collect()
    }

    /// Asks those of `queues` that are numbered in `left`. Whatever comes is put into `answers` at once.
    async fn ask(
        &self,
        queues: &[QueueName],
        mut left: Vec<usize>,
        answers: &mut [Option<Result<Depth, QueueError>>],
        late: &mut Vec<(usize, String)>,
    ) {
        for _ in 0..ROUNDS {
            if left.is_empty() {
                return;
            }
            let each = left.len().div_ceil(CHANNELS).max(WORTH_ONE);
            let mut asked: FuturesUnordered<_> = left
                .chunks(each)
                .map(|part| async move { (part, self.one_channel(queues, part).await) })
                .collect();
            let mut again = Vec::new();
            while let Some((part, found)) = asked.next().await {
                for (&number, answer) in part.iter().zip(found) {
                    let queue = &queues[number];
                    answers[number] = match answer {
                        Answer::Told(depth) => Some(Ok(depth)),
                        Answer::Failed(error) => Some(Err(error)),
                        Answer::Refused(words) => {
                            self.missing.remember(queue, &words);
                            Some(Err(queue_error("ask", queue, Fault(words))))
                        }
                        Answer::Late(words) => {
                            late.push((number, words.clone()));
                            Some(Err(queue_error("ask", queue, Fault(words))))
                        }
                        Answer::Unasked => {
                            again.push(number);
                            None
                        }
                    };
                }
            }
            drop(asked);
            left = again;
        }
        for number in left {
            let fault = Fault("not asked: too many other queues are missing".to_owned());
            answers[number] = Some(Err(queue_error("ask", &queues[number], fault)));
        }
    }

    async fn one_channel(&self, queues: &[QueueName], part: &[usize]) -> Vec<Answer> {
        let names: Vec<String> = part.iter().map(|n| queues[*n].to_string()).collect();
        let channel = match self.link.channel("ask", "of all").await {
            Ok(channel) => channel,
            Err(error) => {
                let words = error.source.to_string();
                let failed =
                    |name: &String| Answer::Failed(queue_error("ask", name, Fault(words.clone())));
                return names.iter().map(failed).collect();
            }
        };
        let asked = join_all(names.iter().map(|name| passive(&channel, name, self.limit))).await;
        let refused = asked
            .iter()
            .zip(&names)
            .any(|(answer, name)| is_about(answer, name));
        let first_late = asked.iter().position(is_late);
        asked
            .into_iter()
            .zip(&names)
            .enumerate()
            .map(|(number, (answer, name))| match answer {
                Ok(depth) => Answer::Told(depth),
                Err(error) if error.source.is::<Late>() => match first_late {
                    Some(first) if first == number => Answer::Late(error.source.to_string()),
                    _ => Answer::Unasked,
                },
                Err(error) if names_it(&error, name) => Answer::Refused(error.source.to_string()),
                Err(error) if refused && is_closed(&error) => Answer::Unasked,
                Err(error) => Answer::Failed(error),
            })
            .collect()
    }
}

impl Missing {
    /// What is known of `queues` without asking.
    fn recall(&self, queues: &[QueueName]) -> Vec<Option<Result<Depth, QueueError>>> {
        let mut missing = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        missing.retain(|_, (at, _)| at.elapsed() < MISSING_FOR);
        let told = |queue: &QueueName| {
            let (_, words) = missing.get(queue)?;
            Some(Err(queue_error("ask", queue, Fault(words.clone()))))
        };
        queues.iter().map(told).collect()
    }

    fn remember(&self, queue: &QueueName, words: &str) {
        let mut missing = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        missing.insert(queue.clone(), (Instant::now(), words.to_owned()));
    }
}

fn which<T>(answers: &[T], what: impl Fn(&T) -> bool) -> Vec<usize> {
    let all = answers.iter().enumerate();
    all.filter(|(_, answer)| what(answer))
        .map(|(number, _)| number)
        .collect()
}

async fn passive(channel: &Channel, name: &str, limit: Duration) -> Result<Depth, QueueError> {
    let options = QueueDeclareOptions {
        passive: true,
        ..QueueDeclareOptions::default()
    };
    let asked = channel.queue_declare(name.into(), options, FieldTable::default());
    let found = within(limit, "ask", name, asked).await?;
    // The library gives answers to questions by their order alone.
    if found.name().as_str() != name {
        let fault = Fault(format!("the broker answered about {}", found.name()));
        return Err(queue_error("ask", name, fault));
    }
    Ok(Depth {
        ready: found.message_count().into(),
        unacknowledged: None,
        consumers: Some(found.consumer_count().into()),
        oldest: OldestHead::Unknown,
    })
}

fn is_empty(answer: &Option<Result<Depth, QueueError>>) -> bool {
    matches!(answer, Some(Ok(Depth { ready: 0, .. })))
}

fn is_late(answer: &Result<Depth, QueueError>) -> bool {
    answer
        .as_ref()
        .is_err_and(|error| error.source.is::<Late>())
}

fn is_about(answer: &Result<Depth, QueueError>, name: &str) -> bool {
    matches!(answer, Err(error) if names_it(error, name))
}

/// Whether the broker closed the channel over this very queue: it names it in quotes.
fn names_it(error: &QueueError, name: &str) -> bool {
    is_closed(error) && error.source.to_string().contains(&format!("'{name}'"))
}

/// Whether the broker closed the channel, and not the connection.
fn is_closed(error: &QueueError) -> bool {
    use lapin::{ErrorKind, protocol::AMQPErrorKind};
    let kind = error.source.downcast_ref().map(lapin::Error::kind);
    match kind {
        Some(ErrorKind::ProtocolError(error)) => matches!(error.kind(), AMQPErrorKind::Soft(_)),
        // Sent after the channel was closed.
        Some(ErrorKind::InvalidChannelState(..)) => true,
        _ => false,
    }
}
