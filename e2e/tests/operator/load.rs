//! Applications under way: each keeps its connections, and reads its key from the Secret every so often.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use sendry_testkit::client::Client;
use tokio::{
    task::JoinSet,
    time::{MissedTickBehavior, interval, sleep},
};

use crate::{
    client::{Answer, events, send},
    secret::Secret,
    tenant::Tenant,
};

/// Applications.
const APPS: usize = 4;
/// Between two requests of one of them.
const TICK: Duration = Duration::from_millis(20);
/// Between two looks of one of them at the Secret.
const RELOAD: Duration = Duration::from_secs(2);

/// What was answered, and how often.
pub type Answers = BTreeMap<Answer, u64>;

/// 200 requests a second, together.
pub struct Load {
    apps: JoinSet<Answers>,
    stop: Arc<AtomicBool>,
    sent: Arc<AtomicU64>,
}

impl Load {
    /// Begins with the key that the Secret of the entry shows.
    pub fn start(tenant: &Tenant<'_>, entry: &str) -> Self {
        let (stop, sent) = (Arc::new(AtomicBool::new(false)), Arc::default());
        let mut load = Self {
            apps: JoinSet::new(),
            stop,
            sent,
        };
        for app in 0..APPS {
            let key = Arc::new(Mutex::new(tenant.key(entry)));
            load.read_again(tenant, entry, app, key.clone());
            load.send(tenant, key);
        }
        load
    }

    fn read_again(
        &mut self,
        tenant: &Tenant<'_>,
        entry: &str,
        app: usize,
        key: Arc<Mutex<String>>,
    ) {
        let cluster = tenant.stage.cluster.clone();
        let (namespace, entry, stop) = (tenant.name.clone(), entry.to_owned(), self.stop.clone());
        self.apps.spawn(async move {
            // Not all at once.
            sleep(RELOAD / 4 * u32::try_from(app).unwrap()).await;
            while !stop.load(Ordering::Relaxed) {
                let secret = Secret::read(&cluster, &namespace, &entry).unwrap();
                secret
                    .key()
                    .clone_into(&mut key.lock().unwrap_or_else(PoisonError::into_inner));
                sleep(RELOAD).await;
            }
            Answers::new()
        });
    }

    fn send(&mut self, tenant: &Tenant<'_>, key: Arc<Mutex<String>>) {
        let (stop, sent) = (self.stop.clone(), self.sent.clone());
        let addresses = tenant.stage.addresses();
        let mut clients: Vec<Client> = addresses.into_iter().map(Client::new).collect();
        self.apps.spawn(async move {
            let mut answers = Answers::new();
            let mut ticks = interval(TICK);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
            while !stop.load(Ordering::Relaxed) {
                ticks.tick().await;
                clients.rotate_left(1);
                let key = key.lock().unwrap_or_else(PoisonError::into_inner).clone();
                let answer = send(&mut clients[0], &key, events(1)).await;
                let answer = answer.unwrap_or_else(|error| Answer {
                    status: 0,
                    code: format!("{error:#}"),
                });
                *answers.entry(answer).or_default() += 1;
                sent.fetch_add(1, Ordering::Relaxed);
            }
            answers
        });
    }

    /// Requests that were answered so far.
    pub fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// Ends it; what was answered.
    pub async fn end(mut self) -> Answers {
        self.stop.store(true, Ordering::Relaxed);
        let mut all = Answers::new();
        while let Some(answers) = self.apps.join_next().await {
            for (answer, times) in answers.unwrap() {
                *all.entry(answer).or_default() += times;
            }
        }
        all
    }
}
