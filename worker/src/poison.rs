//! Finding the event whose data the metric store refuses, so that its neighbours count.
//!
//! Halving: first messages, each half in a transaction of its own; then, within one message, events, by rehearsals that
//! are rolled back. What is found is marked and becomes a dead letter in the transaction that counts its neighbours.

use sendry_domain::{
    counting::Arrival,
    dead_letter::{Reason, Refusal},
};
use sendry_store::{Counted, StoreError};
use tokio_util::sync::CancellationToken;

use crate::stores::{Leaving, Stores};

/// Counts `arrivals`, whatever single events the store refuses. The answers are in the order of the arrivals.
///
/// # Errors
/// When the process leaves, or when the store refuses a message of which it accepts every event alone (then nothing
/// of that message is counted and the caller keeps it).
pub async fn count(
    stores: &Stores,
    arrivals: Vec<Arrival>,
    stop: &CancellationToken,
) -> Result<Result<Vec<(Arrival, Counted)>, StoreError>, Leaving> {
    let mut counted = Vec::with_capacity(arrivals.len());
    // A stack of groups, the first on top.
    let mut groups = vec![arrivals];
    while let Some(mut group) = groups.pop() {
        let at = stores.now();
        let started = tokio::time::Instant::now();
        let answer = stores
            .counts_guard
            .call(stop, || stores.counts.count(&group, at))
            .await?;
        stores
            .metrics
            .transaction
            .observe(started.elapsed().as_secs_f64());
        match answer {
            Ok(outcomes) => counted.extend(group.into_iter().zip(outcomes)),
            Err(_) if group.len() > 1 => {
                let second = group.split_off(group.len() / 2);
                groups.push(second);
                groups.push(group);
            }
            Err(error) => {
                let Some(mut arrival) = group.pop() else {
                    continue;
                };
                let refused = refused_events(stores, &arrival, stop).await?;
                if refused.is_empty() {
                    return Ok(Err(error));
                }
                for position in refused {
                    arrival.events[position].parsed = Err(Refusal {
                        reason: Reason::StoreRefused,
                        field: None,
                        message: format!(
                            "the metric store refuses this event: {}",
                            sendry_runtime::error_chain::chain(&error)
                        ),
                    });
                }
                groups.push(vec![arrival]);
            }
        }
    }
    Ok(Ok(counted))
}

/// Positions of the events that the store refuses when rehearsed without the others.
async fn refused_events(
    stores: &Stores,
    arrival: &Arrival,
    stop: &CancellationToken,
) -> Result<Vec<usize>, Leaving> {
    let mut refused = Vec::new();
    let valid = |p: &usize| arrival.events[*p].parsed.is_ok();
    let mut ranges: Vec<Vec<usize>> = vec![(0..arrival.events.len()).filter(valid).collect()];
    while let Some(mut positions) = ranges.pop() {
        if positions.is_empty() {
            continue;
        }
        let part = Arrival {
            events: positions
                .iter()
                .map(|p| arrival.events[*p].clone())
                .collect(),
            ..arrival.clone()
        };
        let at = stores.now();
        let answer = stores
            .counts_guard
            .call(stop, || {
                stores.counts.rehearse(std::slice::from_ref(&part), at)
            })
            .await?;
        match answer {
            Ok(()) => {}
            Err(_) if positions.len() == 1 => refused.append(&mut positions),
            Err(_) => {
                let second = positions.split_off(positions.len() / 2);
                ranges.push(second);
                ranges.push(positions);
            }
        }
    }
    Ok(refused)
}
