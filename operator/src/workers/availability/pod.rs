//! What keeps a pod from starting.

use k8s_openapi::{
    api::core::v1::{ContainerState, ContainerStateTerminated, ContainerStatus, Pod},
    jiff::Timestamp,
};
use kube::ResourceExt;

use super::{Trouble, cut};

/// What matters of a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodView {
    created: Option<Timestamp>,
    name: String,
    trouble: Option<Trouble>,
}

impl PodView {
    /// Of a pod as the API server shows it.
    #[must_use]
    pub fn of(pod: &Pod) -> Self {
        Self {
            created: pod.metadata.creation_timestamp.as_ref().map(|at| at.0),
            name: pod.name_any(),
            trouble: trouble(pod),
        }
    }

    /// What keeps it from starting, if something does.
    #[must_use]
    pub fn trouble(&self) -> Option<&Trouble> {
        self.trouble.as_ref()
    }

    /// Orders pods from the oldest on.
    pub(super) fn age(&self) -> (Option<Timestamp>, &str) {
        (self.created, &self.name)
    }
}

fn trouble(pod: &Pod) -> Option<Trouble> {
    let status = pod.status.as_ref()?;
    let phase = status.phase.as_deref();
    // One that goes, or was put off its node, is replaced: it says nothing of the next one.
    if pod.metadata.deletion_timestamp.is_some() || matches!(phase, Some("Failed" | "Succeeded")) {
        return None;
    }
    let conditions = status.conditions.as_deref().unwrap_or_default();
    let mut unscheduled = conditions
        .iter()
        .filter(|c| c.type_ == "PodScheduled" && c.status == "False");
    if let Some(condition) = unscheduled.next() {
        return Some(Trouble {
            reason: "Unschedulable",
            message: format!(
                "no node takes the worker: {}",
                cut(condition.message.as_deref().unwrap_or("no reason is given"))
            ),
        });
    }
    let containers = status.container_statuses.as_deref().unwrap_or_default();
    containers.iter().find_map(of_container)
}

fn of_container(status: &ContainerStatus) -> Option<Trouble> {
    if status.ready {
        return None;
    }
    let waiting = status
        .state
        .as_ref()
        .and_then(|state| state.waiting.as_ref());
    let reason = waiting.and_then(|waiting| waiting.reason.as_deref());
    let message = waiting.and_then(|waiting| waiting.message.as_deref());
    let message = message.unwrap_or("no reason is given");
    match reason {
        Some("ErrImagePull" | "ImagePullBackOff" | "RegistryUnavailable" | "ImageInspectError") => {
            Some(Trouble {
                reason: "ErrImagePull",
                message: format!(
                    "image {} cannot be pulled: {}",
                    status.image,
                    cut(cause(message))
                ),
            })
        }
        Some(reason) if let Some(known) = known(reason) => Some(Trouble {
            reason: known,
            message: format!("the worker's container cannot be made: {}", cut(message)),
        }),
        // Between two tries it runs, or has just ended: the same trouble.
        _ => crashed(status).map(of_crash),
    }
}

/// While it waits to try again the kubelet puts words before the cause.
fn cause(message: &str) -> &str {
    message
        .split_once("ErrImagePull: ")
        .map_or(message, |(_, cause)| cause)
}

fn known(reason: &str) -> Option<&'static str> {
    [
        "ErrImageNeverPull",
        "InvalidImageName",
        "CreateContainerConfigError",
        "CreateContainerError",
        "RunContainerError",
    ]
    .into_iter()
    .find(|known| *known == reason)
}

/// How it ended last, if not in order.
fn crashed(status: &ContainerStatus) -> Option<&ContainerStateTerminated> {
    let ended = |state: &'_ Option<ContainerState>| -> bool {
        let ended = state.as_ref().and_then(|state| state.terminated.as_ref());
        ended.is_some_and(|ended| ended.exit_code != 0)
    };
    let state = [&status.state, &status.last_state]
        .into_iter()
        .find(|state| ended(state))?;
    state.as_ref()?.terminated.as_ref()
}

fn of_crash(ended: &ContainerStateTerminated) -> Trouble {
    if ended.reason.as_deref() == Some("OOMKilled") {
        return Trouble {
            reason: "OOMKilled",
            message: "the worker needed more memory than spec.worker.resources.memory gives it"
                .to_owned(),
        };
    }
    let text = ended.message.as_deref().unwrap_or_default();
    let last = text.lines().rev().find(|line| !line.trim().is_empty());
    let said = last
        .or(ended.reason.as_deref())
        .unwrap_or("it said nothing");
    Trouble {
        reason: "CrashLoopBackOff",
        message: format!(
            "the worker ended with code {}: {}",
            ended.exit_code,
            cut(said)
        ),
    }
}
