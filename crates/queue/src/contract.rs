//! The contract of the port, for every adapter: one suite, run unchanged on each.
//!
//! An adapter's test crate implements [`Harness`] and calls [`event_queue_contract!`](crate::event_queue_contract), which
//! makes one test of every case. No case rests on order or on how long something takes: each waits for what it wants to
//! see, up to [`DEADLINE`], and says what it saw last.

#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test suite, public for other crates"
)]

pub(crate) mod stage;

pub mod delivering;
pub mod publishing;
pub mod redelivering;
pub mod surviving;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use sendry_domain::routing::QueueName;

use crate::EventQueue;

/// The longest any case waits for something that has to happen.
pub const DEADLINE: Duration = Duration::from_secs(30);

/// How long a case listens to be sure that nothing comes. Passing it proves little; failing it proves a defect.
pub const SILENCE: Duration = Duration::from_millis(250);

/// What the suite needs of an adapter. One value serves one case.
#[async_trait]
pub trait Harness: Sized + Send + Sync + 'static {
    /// Whether the queue also counts what was put back without blame.
    const COUNTS_EVERY_RETURN: bool = false;

    /// Makes the surroundings: a folder, a virtual host.
    async fn start() -> Self;

    /// Opens a handle, as a starting process would. Called again after the last handle and its consumers were dropped, it
    /// finds what they left.
    async fn open(&self) -> Arc<dyn EventQueue>;

    /// A queue by this name that is empty and can be published to. Called once per name.
    async fn queue(&self, handle: &Arc<dyn EventQueue>, name: &str) -> QueueName;
}

/// Makes one test of every case of the contract, for the [`Harness`] named.
#[macro_export]
macro_rules! event_queue_contract {
    ($harness:ty) => {
        $crate::event_queue_contract! { @cases $harness;
            publishing: what_is_published_arrives_whole;
            publishing: bytes_survive_exactly;
            publishing: a_large_body_survives;
            publishing: what_is_published_while_nobody_reads_is_kept;
            publishing: queues_are_isolated;
            publishing: check_passes_on_a_working_queue;
            delivering: next_waits_and_wakes_on_a_publish;
            delivering: next_comes_back_empty_when_nothing_came;
            delivering: a_cancelled_next_loses_nothing;
            delivering: a_batch_keeps_to_its_events;
            delivering: many_at_once_lose_and_double_nothing;
            delivering: depth_tells_what_waits;
            delivering: a_stopped_consumer_gets_what_is_on_its_way_and_nothing_more;
            redelivering: what_a_dropped_consumer_held_comes_back_counted;
            redelivering: put_back_without_blame_is_not_counted;
            redelivering: put_back_with_blame_is_counted;
            redelivering: delivered_twice_comes_alone;
            redelivering: past_its_delivery_limit_it_is_parked;
            surviving: unacked_survives_a_restart;
            surviving: acked_never_returns;
        }
    };
    (@cases $harness:ty; $($file:ident: $case:ident;)*) => {
        $(
            #[tokio::test(flavor = "multi_thread")]
            async fn $case() {
                $crate::contract::$file::$case::<$harness>().await;
            }
        )*
    };
}
