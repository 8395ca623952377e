//! Why are there fewer workers than there should be? Pure: what the cluster shows becomes one reason and one message, the
//! same ones for as long as nothing changes. Pods alternate between words for one trouble, and put into their messages
//! how long they wait next; neither may lead to a write.

mod pod;

#[cfg(test)]
mod tests;

use k8s_openapi::api::apps::v1::Deployment;

pub use pod::PodView;

/// Whether as many workers as asked for can be had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Availability {
    /// They are there, or on their way and nothing is known to be in it.
    Yes,
    /// Something is in the way.
    No {
        /// One of [`sendry_crds::condition::REASONS`].
        reason: &'static str,
        /// In the words of the cluster.
        message: String,
    },
}

/// Something that keeps workers from being there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// One of [`sendry_crds::condition::REASONS`].
    pub reason: &'static str,
    /// In the words of the cluster.
    pub message: String,
}

/// What matters of a Deployment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeploymentView {
    /// Of this very object: one that was deleted and made again has another.
    pub uid: String,
    /// How many there should be.
    pub wanted: u32,
    /// How many there are.
    pub there: u32,
    /// How many of them are ready.
    pub ready: u32,
    /// Pods that cannot even be made.
    failed: Option<Trouble>,
    /// A rollout that does not go on.
    stuck: Option<Trouble>,
}

impl DeploymentView {
    /// Of a Deployment as the API server shows it.
    #[must_use]
    pub fn of(deployment: &Deployment) -> Self {
        let status = deployment.status.clone().unwrap_or_default();
        let spec = deployment.spec.as_ref();
        let count = |n: Option<i32>| u32::try_from(n.unwrap_or(0)).unwrap_or(0);
        let conditions = status.conditions.unwrap_or_default();
        let said = |kind: &str, status: &str| {
            let mut all = conditions.iter();
            all.find(|c| c.type_ == kind && c.status == status)
        };
        let failed = said("ReplicaFailure", "True").map(|condition| Trouble {
            reason: "FailedCreate",
            message: format!(
                "pods cannot be made: {}",
                cut(condition.message.as_deref().unwrap_or("no reason is given"))
            ),
        });
        let late = |reason: Option<&str>| reason == Some("ProgressDeadlineExceeded");
        let stuck = said("Progressing", "False")
            .filter(|condition| late(condition.reason.as_deref()))
            .map(|_| Trouble {
                reason: "ProgressDeadlineExceeded",
                message: "workers started and are not ready; what each waits for is on its /readyz"
                    .to_owned(),
            });
        Self {
            uid: deployment.metadata.uid.clone().unwrap_or_default(),
            // The API server sets it where nobody did.
            wanted: spec
                .and_then(|spec| spec.replicas)
                .map_or(1, |n| count(Some(n))),
            there: count(status.replicas),
            ready: count(status.ready_replicas),
            failed,
            stuck,
        }
    }
}

/// Whether as many workers as asked for can be had. What keeps pods from being made comes first, then what keeps them from
/// starting: also while older ones go on, for the next ones will not start either.
#[must_use]
pub fn availability(deployment: &DeploymentView, pods: &[&PodView]) -> Availability {
    if deployment.wanted == 0 {
        return Availability::Yes;
    }
    let no = |trouble: &Trouble| Availability::No {
        reason: trouble.reason,
        message: trouble.message.clone(),
    };
    if let Some(failed) = &deployment.failed {
        return no(failed);
    }
    let mut troubled: Vec<_> = pods
        .iter()
        .filter_map(|pod| Some((*pod, pod.trouble()?)))
        .collect();
    // The one that has it longest, or the message would go from pod to pod.
    troubled.sort_by_key(|(pod, _)| pod.age());
    if let Some((_, trouble)) = troubled.first() {
        let alike = troubled
            .iter()
            .filter(|(_, other)| other.reason == trouble.reason)
            .count();
        return Availability::No {
            reason: trouble.reason,
            message: match alike {
                1 => trouble.message.clone(),
                n => format!("{} (so it is with {n} workers)", trouble.message),
            },
        };
    }
    match &deployment.stuck {
        Some(stuck) if deployment.ready < deployment.wanted => no(stuck),
        _ => Availability::Yes,
    }
}

/// What fits into a condition.
fn cut(text: &str) -> String {
    const MOST: usize = 512;
    let text = text.trim();
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
