//! The least that a durable 202 could cost: a message to a quorum queue and its confirm, by the bare client library.

use std::time::{Duration, Instant};

use anyhow::ensure;
use lapin::{
    BasicProperties, Channel, Confirmation, Connection, ConnectionProperties,
    options::{BasicPublishOptions, ConfirmSelectOptions, QueueDeclareOptions, QueueDeleteOptions},
    types::{AMQPValue, FieldTable},
};
use sendry_testkit::latency::Latencies;

const QUEUE: &str = "bare";
/// As many as Sendry keeps open for one route.
const CALLERS: usize = 32;

/// A connection and a queue of its own.
pub struct BareConfirms {
    connection: Connection,
    channel: Channel,
}

impl BareConfirms {
    /// Connects and declares the queue.
    pub async fn connect(url: &str) -> anyhow::Result<Self> {
        let connection = Connection::connect(url, ConnectionProperties::default()).await?;
        let channel = connection.create_channel().await?;
        channel
            .confirm_select(ConfirmSelectOptions::default())
            .await?;
        let mut arguments = FieldTable::default();
        arguments.insert(
            "x-queue-type".into(),
            AMQPValue::LongString("quorum".into()),
        );
        let options = QueueDeclareOptions {
            durable: true,
            ..QueueDeclareOptions::default()
        };
        channel
            .queue_declare(QUEUE.into(), options, arguments)
            .await?;
        Ok(Self {
            connection,
            channel,
        })
    }

    /// Callers come at a fixed rate, each publishes and waits for its confirm.
    pub async fn open(
        &self,
        per_second: f64,
        bytes: usize,
        time: Duration,
    ) -> anyhow::Result<Latencies> {
        let (began, interval) = (Instant::now(), CALLERS as f64 / per_second);
        let mut callers = tokio::task::JoinSet::new();
        for number in 0..CALLERS {
            let (channel, body) = (self.channel.clone(), vec![b'x'; bytes]);
            callers.spawn(async move {
                let mut latencies = Latencies::default();
                let offset = interval * number as f64 / CALLERS as f64;
                for turn in 0.. {
                    let due = Duration::from_secs_f64(offset + interval * f64::from(turn));
                    if due >= time {
                        break;
                    }
                    tokio::time::sleep_until((began + due).into()).await;
                    let start = Instant::now();
                    let properties = BasicProperties::default().with_delivery_mode(2);
                    let options = BasicPublishOptions::default();
                    let sent =
                        channel.basic_publish("".into(), QUEUE.into(), options, &body, properties);
                    let confirm = sent.await?.await?;
                    ensure!(matches!(confirm, Confirmation::Ack(None)), "{confirm:?}");
                    latencies.record(start.elapsed());
                }
                anyhow::Ok(latencies)
            });
        }
        let mut all = Latencies::default();
        while let Some(latencies) = callers.join_next().await {
            all.extend(latencies??);
        }
        Ok(all)
    }

    /// Removes the queue.
    pub async fn close(self) -> anyhow::Result<()> {
        self.channel
            .queue_delete(QUEUE.into(), QueueDeleteOptions::default())
            .await?;
        self.connection.close(200, "done".into()).await?;
        Ok(())
    }
}
