//! The contracts of the ports, as suites that every adapter runs unchanged.
//!
//! An adapter's tests say how to make an empty store and name the suite; it becomes one test a case:
//!
//! ```text
//! async fn fresh() -> Fresh<dyn MetricStore> { /* … */ }
//! sendry_store::metric_store_contract!(fresh);
//! ```
//!
//! Cases know nothing but the port. Each works in tenants of its own name and with message ids of its own, and passes
//! every time in, so it neither waits nor depends on the day it runs.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    missing_docs,
    reason = "cases fail by panicking, and their names say what they hold"
)]

pub mod build;
pub mod control;
pub mod metrics;
pub mod raw;

use std::{any::Any, sync::Arc};

/// An empty store for one case, with what it needs to live (a folder, a database that is dropped at the end).
pub struct Fresh<S: ?Sized> {
    /// The store.
    pub store: Arc<S>,
    /// Dropped after the store.
    _kept: Box<dyn Any + Send + Sync>,
}

impl<S: ?Sized> Fresh<S> {
    /// `kept` is dropped when the case is over.
    pub fn new(store: Arc<S>, kept: impl Any + Send + Sync) -> Self {
        Self {
            store,
            _kept: Box::new(kept),
        }
    }
}

/// One test a case; `$fresh` is an `async fn() -> Fresh<dyn Port>`.
#[doc(hidden)]
#[macro_export]
macro_rules! contract_tests {
    ($fresh:path; $suite:ident; $($module:ident { $($case:ident,)* })*) => {
        $($(
            #[tokio::test(flavor = "multi_thread")]
            async fn $case() {
                let fresh = $fresh().await;
                $crate::contract::$suite::$module::$case(fresh.store.clone()).await;
            }
        )*)*
    };
}

/// The contract of [`MetricStore`](crate::MetricStore).
#[macro_export]
macro_rules! metric_store_contract {
    ($fresh:path) => {
        $crate::contract_tests! { $fresh; metrics;
            identity {
                a_redelivered_message_wins_the_same_positions_and_tallies_nothing,
                what_another_message_counted_is_not_won_when_delivered_again,
                a_message_twice_in_one_call_counts_once,
                a_batch_sent_again_under_another_message_counts_once,
                a_resend_after_a_partial_rejection_counts_what_is_missing,
                a_batch_routed_and_grouped_otherwise_counts_once,
                the_same_bytes_are_the_same_event_however_they_travelled,
                an_id_that_was_minted_for_a_message_counts_once_when_it_comes_back,
                an_id_that_was_minted_for_a_batch_counts_once_when_it_comes_back,
                of_repeats_in_one_message_the_lowest_position_wins,
                of_repeats_in_one_call_the_first_message_wins,
                an_event_id_with_other_content_is_a_kept_conflict,
                a_batch_id_with_other_content_is_a_kept_conflict,
                equal_ids_of_two_tenants_both_count,
                no_query_sees_another_tenant,
                an_unknown_tenant_is_an_empty_one,
                rehearsing_changes_nothing,
            }
            horizon {
                below_the_floor_an_event_is_too_late,
                an_identity_counts_once_even_after_its_row_is_gone,
                a_row_stays_as_long_as_its_event_time_or_counting_time_is_above_the_floor,
                the_floor_waits_for_queues_that_may_hold_old_messages,
                the_floor_never_moves_back,
                a_retry_across_midnight_counts_once,
                imported_history_is_remembered_as_long_as_its_hours,
            }
            dead_letters {
                a_poison_event_is_kept_with_its_reason_and_its_bytes,
                letters_are_listed_newest_first_in_pages_without_gaps,
                letters_are_listed_by_state,
                an_undecodable_message_is_buried_once,
                a_message_is_counted_or_buried_never_both,
                a_refused_document_is_tallied_once,
                settled_letters_leave_and_open_ones_stay,
            }
            settling {
                a_letter_replayed_twice_counts_once,
                replays_that_race_count_once,
                a_replay_and_a_discard_that_race_settle_once,
                a_corrected_replay_keeps_the_corrected_body,
                a_replay_ignores_the_floor_and_fills_the_levels_of_its_age,
                a_discarded_letter_is_closed,
                letters_that_could_be_duplicates_are_not_replayable,
                a_replayed_letter_owes_its_raw_event_until_it_is_settled,
            }
            buckets {
                totals_equal_the_sums_of_their_leaves_at_every_level,
                an_answer_is_the_same_before_and_after_deriving,
                late_events_change_days_and_months_derived_before,
                deriving_again_changes_nothing,
                events_older_than_minutes_are_in_hours_only,
                rows_leave_with_their_retention,
                one_purge_drops_any_number_of_rows,
            }
            questions {
                filters_and_groups_choose_series,
                a_few_series_of_many_are_read_whole,
                points_take_the_buckets_after_them,
                errors_sizes_and_latencies_add_up,
            }
            endpoints {
                past_the_limit_endpoints_count_as_other_and_stay_so,
                each_service_of_each_tenant_has_its_own_limit,
                a_replay_obeys_the_limit,
            }
            concurrency {
                racing_duplicates_count_once,
                readers_see_whole_messages_only,
                deriving_beside_counting_loses_nothing,
                random_orders_splits_and_repeats_give_the_bytes_of_one_shot,
            }
        }
    };
}

/// The contract of [`RawEventStore`](crate::RawEventStore).
#[macro_export]
macro_rules! raw_event_store_contract {
    ($fresh:path) => {
        $crate::contract_tests! { $fresh; raw;
            cases {
                an_event_stored_again_changes_nothing,
                of_two_contents_in_one_place_the_first_stays,
                events_are_listed_newest_first,
                a_range_takes_its_start_and_not_its_end,
                every_field_and_byte_comes_back,
                purging_drops_what_is_older,
                tenants_see_and_purge_their_own,
                inserts_that_race_store_once,
            }
        }
    };
}

/// The contract of [`ControlStore`](crate::ControlStore).
#[macro_export]
macro_rules! control_store_contract {
    ($fresh:path) => {
        $crate::contract_tests! { $fresh; control;
            cases {
                an_empty_store_has_an_empty_snapshot,
                every_change_raises_the_version,
                a_snapshot_shows_what_was_put,
                a_pipeline_keeps_the_moment_it_was_made,
                a_key_is_revoked_once,
                a_key_of_another_tenant_is_not_revoked,
                a_second_key_of_one_id_is_refused,
                a_process_is_known_by_its_last_beat,
                a_beat_that_stopped_long_ago_is_swept_up,
                a_change_wakes_who_waits_for_one,
            }
        }
    };
}

/// The contract of [`OperatorStore`](crate::OperatorStore).
#[macro_export]
macro_rules! operator_store_contract {
    ($fresh:path) => {
        $crate::contract_tests! { $fresh; control;
            one_tenant {
                one_tenant_is_shown_with_its_keys_and_no_others,
            }
            pipelines {
                a_pipeline_is_applied_changed_and_removed,
                what_people_made_an_operator_takes_up,
                who_knows_better_of_a_pipeline_is_not_overruled,
                a_pipeline_needs_its_tenant_and_goes_with_it,
            }
            operator {
                epochs_grow_and_are_no_change_of_the_settings,
                an_applied_tenant_is_shown_with_its_stamp,
                what_is_applied_again_raises_no_version,
                a_former_leader_changes_nothing,
                an_older_generation_of_one_resource_changes_nothing,
                a_retained_tenant_is_suspended_and_keeps_everything,
                retaining_what_is_not_there_is_done,
                people_write_beside_an_operator_and_leave_its_marks,
                the_same_applied_by_many_at_once_is_one_change,
                who_loses_the_lead_in_the_middle_stops_there,
            }
            managed_keys {
                a_key_changes_and_some_of_it_only_one_way,
                a_key_that_is_somebodys_is_claimed,
                a_key_needs_an_entry_and_a_tenant,
                only_a_key_that_nobody_saw_is_reaped,
            }
        }
    };
}

/// The contract of [`MetricEraser`](crate::MetricEraser).
#[macro_export]
macro_rules! metric_eraser_contract {
    ($fresh:path) => {
        $crate::contract_tests! { $fresh; metrics;
            erasing {
                erasing_drops_every_row_of_a_tenant_and_none_of_another,
                an_erasure_goes_on_where_it_was_stopped,
                what_a_late_worker_still_holds_leaves_no_trace,
                a_tenant_that_is_made_again_begins_anew,
                erasing_beside_counting_leaves_the_fence_in_force,
            }
        }
    };
}

/// The contract of [`RawEventEraser`](crate::RawEventEraser).
#[macro_export]
macro_rules! raw_event_eraser_contract {
    ($fresh:path) => {
        $crate::contract_tests! { $fresh; raw;
            erasing {
                erasing_drops_every_event_of_a_tenant_and_none_of_another,
            }
        }
    };
}

/// The contract of [`ControlEraser`](crate::ControlEraser).
#[macro_export]
macro_rules! control_eraser_contract {
    ($fresh:path) => {
        $crate::contract_tests! { $fresh; control;
            erasing {
                a_suspended_tenant_is_erased_whole_and_no_other,
                a_tenant_that_takes_events_is_not_erased,
            }
        }
    };
}

#[cfg(test)]
mod tests {
    /// A case that no macro names would never run.
    #[test]
    fn every_case_is_named_in_its_suite() {
        let sources = [
            include_str!("contract/metrics/identity.rs"),
            include_str!("contract/metrics/horizon.rs"),
            include_str!("contract/metrics/dead_letters.rs"),
            include_str!("contract/metrics/buckets.rs"),
            include_str!("contract/metrics/endpoints.rs"),
            include_str!("contract/metrics/questions.rs"),
            include_str!("contract/metrics/settling.rs"),
            include_str!("contract/metrics/erasing.rs"),
            include_str!("contract/raw/erasing.rs"),
            include_str!("contract/control/erasing.rs"),
            include_str!("contract/metrics/concurrency.rs"),
            include_str!("contract/raw/cases.rs"),
            include_str!("contract/control/cases.rs"),
            include_str!("contract/control/one_tenant.rs"),
            include_str!("contract/control/operator.rs"),
            include_str!("contract/control/managed_keys.rs"),
            include_str!("contract/control/pipelines.rs"),
        ];
        let suites = include_str!("contract.rs");
        let cases = sources.map(|source| source.split("pub async fn ").skip(1));
        let names = cases
            .into_iter()
            .flatten()
            .filter_map(|case| case.split('(').next());
        let names: Vec<_> = names.collect();
        assert!(names.len() > 65, "{} cases", names.len());
        for name in names {
            let named = format!(" {name},");
            assert!(suites.contains(&named), "{name} is in no suite");
        }
    }
}
