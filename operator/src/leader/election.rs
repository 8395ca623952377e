//! Standing for election, and keeping what was won.

use std::{sync::Arc, time::Duration};

use k8s_openapi::{
    api::coordination::v1::{Lease, LeaseSpec},
    apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta},
    jiff::Timestamp,
};
use kube::{Api, Client, api::PostParams};
use sendry_crds::names::{MANAGED_BY, MANAGED_BY_LABEL};
use sendry_runtime::{clock::Clock, error_chain::chain};
use tokio::time::{error::Elapsed, sleep, timeout};

use super::{Act, Leadership, Observed, Record, Seen, Timing, decide, decide::see};

/// So often a Lease is given back anew because somebody wrote it meanwhile.
const OUTRUN: u32 = 5;

/// One process that stands for election.
pub struct Candidate {
    api: Api<Lease>,
    name: String,
    identity: String,
    timing: Timing,
    clock: Arc<dyn Clock>,
    seen: Option<Seen>,
    /// The Lease as we wrote it last, while it is ours.
    ours: Option<Lease>,
}

/// Why the Lease could not be read or written.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error("failed to {doing} lease `{name}`")]
    Api {
        doing: &'static str,
        name: String,
        #[source]
        source: kube::Error,
    },
    #[error("the API server did not answer in time to {doing} lease `{name}`")]
    Slow {
        doing: &'static str,
        name: String,
        #[source]
        source: Elapsed,
    },
}

impl Trouble {
    /// Somebody wrote, made or removed it since we read it.
    fn is_outrun(&self) -> bool {
        let Self::Api {
            source: kube::Error::Api(status),
            doing,
            ..
        } = self
        else {
            return false;
        };
        // Not found when it is made is the namespace, which somebody has to hear of.
        let vanished = status.is_not_found() && *doing == "write";
        status.is_conflict() || status.is_already_exists() || vanished
    }
}

impl Candidate {
    /// Stands for the Lease `name` in `namespace`. `identity` must be this process's alone, also after a restart. The
    /// client must not be behind a [`crate::gate`].
    #[must_use]
    pub fn new(
        client: Client,
        namespace: &str,
        name: &str,
        identity: &str,
        timing: Timing,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            api: Api::namespaced(client, namespace),
            name: name.to_owned(),
            identity: identity.to_owned(),
            timing,
            clock,
            seen: None,
            ours: None,
        }
    }

    /// Waits until the Lease is ours. `told` hears who holds it, or what is wrong, when that changes.
    pub async fn win(&mut self, mut told: impl FnMut(&str)) -> Leadership {
        self.ours = None;
        loop {
            let pause = match self.attempt().await {
                Ok(Ok(leadership)) => return leadership,
                Ok(Err((holder, wait))) => {
                    told(&holder);
                    wait.min(self.look_again())
                }
                Err(trouble) if trouble.is_outrun() => self.look_again() / 4,
                Err(trouble) => {
                    told(&chain(&trouble).to_string());
                    self.look_again()
                }
            };
            sleep(pause).await;
        }
    }

    /// One look at the Lease: ours now, or whose it is and for how long at least.
    async fn attempt(&mut self) -> Result<Result<Leadership, (String, Duration)>, Trouble> {
        let lease = self.read().await?;
        let observed = lease.as_ref().map(observe);
        let now = self.clock.monotonic_ms();
        self.seen = see(observed.as_ref(), self.seen.take(), now);
        let act = decide(observed.as_ref(), self.seen.as_ref(), &self.identity, now);
        if let Act::Wait(wait) = act {
            let holder = observed.and_then(|lease| lease.record.holder);
            let holder = holder.unwrap_or_else(|| "nobody; its lease has vanished".to_owned());
            return Ok(Err((format!("standing by: the leader is {holder}"), wait)));
        }
        let (sent, sent_wall) = (self.clock.monotonic_ms(), self.clock.now_ms());
        let written = self.write(lease.as_ref(), Some(&self.identity)).await?;
        self.ours = Some(written);
        Ok(Ok(Leadership::begin(
            self.clock.clone(),
            self.timing.give_up,
            sent,
            sent_wall,
        )))
    }

    /// Renews what was won for as long as it can be renewed; returns when it is lost. Dropped, it renews no more, and the
    /// term ends by itself.
    pub async fn keep(&mut self, leadership: &Leadership) {
        let mut pause = self.timing.renew;
        loop {
            tokio::select! {
                () = sleep(pause) => {}
                () = leadership.lost() => break,
            }
            match self.renew(leadership).await {
                Ok(true) => pause = self.timing.renew,
                Ok(false) => break,
                Err(trouble) => {
                    tracing::warn!(error = %chain(&trouble), "failed to renew the lease, will try again");
                    pause = self.look_again();
                }
            }
        }
        leadership.end();
    }

    /// `false` when it is somebody else's, or gone, or it is too late.
    async fn renew(&mut self, leadership: &Leadership) -> Result<bool, Trouble> {
        loop {
            let Some(ours) = &self.ours else {
                return Ok(false);
            };
            let (sent, sent_wall) = (self.clock.monotonic_ms(), self.clock.now_ms());
            match self.write(Some(ours), Some(&self.identity)).await {
                Ok(written) => {
                    self.ours = Some(written);
                    return Ok(leadership.renewed(sent, sent_wall));
                }
                Err(trouble) if trouble.is_outrun() => {
                    let lease = self.read().await?;
                    let holder = lease.as_ref().and_then(holder_of);
                    if holder.as_deref() != Some(&self.identity) {
                        let holder = holder.unwrap_or_else(|| "nobody".to_owned());
                        tracing::warn!(%holder, "the lease is another's");
                        self.ours = None;
                        return Ok(false);
                    }
                    // A renewal whose answer was lost, or somebody's annotation: ours all the same, and at once again.
                    self.ours = lease;
                    if !leadership.holds() {
                        return Ok(false);
                    }
                }
                Err(trouble) => return Err(trouble),
            }
        }
    }

    /// Gives the Lease back if it is ours, so that another need not wait for it; also one that was won by a write whose
    /// answer nobody waited for. Best effort: it runs out by itself.
    pub async fn give_back(&mut self) {
        if let Err(trouble) = self.try_to_give_back().await {
            tracing::warn!(error = %chain(&trouble), "failed to give the lease back; another takes it when it has run out");
        }
    }

    async fn try_to_give_back(&mut self) -> Result<(), Trouble> {
        let mut ours = match self.ours.take() {
            Some(ours) => Some(ours),
            None => self.read().await?,
        };
        let mut outrun = 0;
        while let Some(lease) = ours.filter(|l| holder_of(l).as_ref() == Some(&self.identity)) {
            match self.write(Some(&lease), None).await {
                // By a renewal that was dropped while it was under way, or by somebody's annotation.
                Err(trouble) if trouble.is_outrun() && outrun < OUTRUN => outrun += 1,
                done => return done.map(drop),
            }
            ours = self.read().await?;
        }
        Ok(())
    }

    /// Somebody else's Lease is looked at so often, and a failed renewal repeated.
    fn look_again(&self) -> Duration {
        (self.timing.renew / 3).max(Duration::from_millis(20))
    }

    async fn read(&self) -> Result<Option<Lease>, Trouble> {
        self.ask("read", self.api.get_opt(&self.name)).await
    }

    /// Writes over exactly `base`, or makes a new one.
    async fn write(&self, base: Option<&Lease>, holder: Option<&str>) -> Result<Lease, Trouble> {
        let lease = self.lease(base, holder);
        let params = PostParams::default();
        if base.is_some() {
            self.ask("write", self.api.replace(&self.name, &params, &lease))
                .await
        } else {
            self.ask("make", self.api.create(&params, &lease)).await
        }
    }

    fn lease(&self, base: Option<&Lease>, holder: Option<&str>) -> Lease {
        let now = Timestamp::from_millisecond(self.clock.now_ms()).unwrap_or_default();
        let now = MicroTime(now);
        let spec = base
            .and_then(|lease| lease.spec.clone())
            .unwrap_or_default();
        let stays = spec.holder_identity.as_deref() == holder;
        let transitions = spec.lease_transitions.unwrap_or(0);
        let metadata = base.map_or_else(
            || ObjectMeta {
                name: Some(self.name.clone()),
                labels: Some([(MANAGED_BY_LABEL.to_owned(), MANAGED_BY.to_owned())].into()),
                ..ObjectMeta::default()
            },
            |lease| lease.metadata.clone(),
        );
        Lease {
            metadata,
            spec: Some(LeaseSpec {
                acquire_time: if stays {
                    spec.acquire_time
                } else {
                    Some(now.clone())
                },
                renew_time: Some(now),
                holder_identity: Some(holder.unwrap_or_default().to_owned()),
                lease_duration_seconds: i32::try_from(self.timing.duration.as_secs()).ok(),
                // Counted when somebody takes it, as everybody who writes Leases does.
                lease_transitions: Some(if stays || holder.is_none() {
                    transitions
                } else {
                    transitions.saturating_add(1)
                }),
                ..spec
            }),
        }
    }

    async fn ask<T>(
        &self,
        doing: &'static str,
        call: impl Future<Output = Result<T, kube::Error>>,
    ) -> Result<T, Trouble> {
        let name = || self.name.clone();
        timeout(self.timing.give_up / 3, call)
            .await
            .map_err(|source| Trouble::Slow {
                doing,
                name: name(),
                source,
            })?
            .map_err(|source| Trouble::Api {
                doing,
                name: name(),
                source,
            })
    }
}

fn observe(lease: &Lease) -> Observed {
    let spec = lease.spec.clone().unwrap_or_default();
    Observed {
        record: Record {
            holder: holder_of(lease),
            renewed: spec.renew_time.map(|MicroTime(at)| at.to_string()),
            transitions: spec.lease_transitions.unwrap_or(0),
            duration: Duration::from_secs(
                spec.lease_duration_seconds
                    .and_then(|seconds| u64::try_from(seconds).ok())
                    .unwrap_or(0),
            ),
        },
        version: lease.metadata.resource_version.clone().unwrap_or_default(),
    }
}

fn holder_of(lease: &Lease) -> Option<String> {
    let spec = lease.spec.as_ref()?;
    spec.holder_identity
        .clone()
        .filter(|holder| !holder.is_empty())
}
