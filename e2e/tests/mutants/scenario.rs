//! One evening: what clients, workers and the power supply do, and what the oracle says in the end.

use rand::{Rng, SeedableRng, rngs::StdRng, seq::SliceRandom};
use sendry_domain::{
    routing::DELIVERY_LIMIT,
    time::{DAY, HOUR, MINUTE, UnixMillis},
};
use sendry_runtime::clock::{Clock, ManualClock};
use sendry_store::contract::build::{NOW, Sealer, tenant};
use sendry_testkit::oracle::{Verdict, judge};

use crate::{
    client::{Answer, Client, Kind, Sending},
    faults::Point,
    stage::{Mutant, Stage},
};

/// The evening of [`NOW`], ten minutes before midnight.
const EVENING: UnixMillis = UnixMillis(NOW.0 - NOW.0 % DAY + DAY - 10 * MINUTE);

struct Evening {
    stage: Stage,
    client: Client,
    /// Requests that are sent again, now and later. All others are sent once, and what loses them is not made good.
    repeated: Vec<Sending>,
}

/// Plays the evening with a mutant of the product. The seed decides what events there are, in which order the crashes
/// come, and which requests are repeated.
pub async fn play(mutant: Box<dyn Mutant>, seed: u64) -> Verdict {
    let mut evening = Evening {
        stage: Stage::new(mutant, ManualClock::at(EVENING.0)),
        client: Client::new(
            StdRng::seed_from_u64(seed),
            Sealer {
                accepted_at: EVENING,
                ..Sealer::new(&tenant("acme"))
            },
        ),
        repeated: Vec::new(),
    };
    evening.crashes().await;
    evening.power_cut_after_the_answer().await;
    evening.a_message_that_no_worker_survives().await;
    evening.retries_across_midnight().await;
    let Evening { stage, client, .. } = evening;
    let (from, to) = (EVENING.plus(-3 * HOUR), EVENING.plus(HOUR));
    judge(&*stage.store, &*stage.store, &client.journal, from, to)
        .await
        .unwrap()
}

impl Evening {
    /// A crash at every point, each on messages that are new; then two in a row on the same messages.
    async fn crashes(&mut self) {
        let mut points = Point::ALL;
        points.shuffle(&mut self.client.rng);
        for point in points {
            self.traffic().await;
            self.stage.crash_at(point).await;
            self.repeat_some().await;
            self.stage.run_dry().await;
            self.pass(20_000);
        }
        for point in points {
            self.traffic().await;
            self.stage.crash_at(point).await;
        }
        self.stage.run_dry().await;
    }

    /// Requests of every kind: each sent once and answered; once with no answer and retried; one given up.
    async fn traffic(&mut self) {
        let mut kinds = Kind::ALL;
        kinds.shuffle(&mut self.client.rng);
        for kind in kinds {
            let mut once = self.client.compose(kind);
            self.send(&mut once, Answer::Comes).await;
        }
        for kind in kinds {
            let mut retried = self.client.compose(kind);
            self.send(&mut retried, Answer::Unknown).await;
            if self.client.rng.random() {
                let (queue, mut other) = (self.stage.queue(), self.client.compose(kind));
                let together = &mut [&mut other, &mut retried];
                self.client.send(queue, together, Answer::Comes).await;
                self.repeated.push(other);
            } else {
                self.send(&mut retried, Answer::Comes).await;
            }
            self.repeated.push(retried);
        }
        let mut given_up = self.client.compose(Kind::Named);
        self.send(&mut given_up, Answer::Unknown).await;
    }

    async fn send(&mut self, sending: &mut Sending, answer: Answer) {
        let queue = self.stage.queue();
        self.client.send(queue, &mut [sending], answer).await;
    }

    /// Duplicates, as they were and regrouped.
    async fn repeat_some(&mut self) {
        let Self {
            stage,
            client,
            repeated,
        } = self;
        repeated.shuffle(&mut client.rng);
        if let [a, b, c, ..] = &mut repeated[..] {
            client.send(stage.queue(), &mut [a], Answer::Comes).await;
            client.send_regrouped(stage.queue(), &[b, c]).await;
        }
    }

    /// The answer is 202, and before any worker has looked the power is cut.
    async fn power_cut_after_the_answer(&mut self) {
        self.traffic().await;
        self.stage.power_cut();
        self.stage.run_dry().await;
        self.pass(20_000);
    }

    /// It leaves its queue for the parked one, where the keeper counts it.
    async fn a_message_that_no_worker_survives(&mut self) {
        let mut hopeless = self.client.compose(Kind::Batch);
        self.send(&mut hopeless, Answer::Comes).await;
        self.stage.end_on_delivery(DELIVERY_LIMIT).await;
        self.stage.run_dry().await;
    }

    /// What is sent again comes on another day.
    async fn retries_across_midnight(&mut self) {
        for kind in Kind::ALL {
            let mut late = self.client.compose(kind);
            self.send(&mut late, Answer::Unknown).await;
            self.repeated.push(late);
        }
        self.stage.run_dry().await;
        let midnight = EVENING.0 + 10 * MINUTE;
        self.pass(midnight + 5_000 - self.stage.clock.now_ms());
        let Self {
            stage,
            client,
            repeated,
        } = self;
        for sending in repeated.iter_mut() {
            client
                .send(stage.queue(), &mut [sending], Answer::Comes)
                .await;
        }
        self.repeat_some().await;
        self.traffic().await;
        self.stage.run_dry().await;
    }

    fn pass(&mut self, millis: i64) {
        self.stage.clock.advance(millis);
        self.client.at(UnixMillis(self.stage.clock.now_ms()));
    }
}
