//! One suite that every backend must pass: what a user of a store may rely on, whatever keeps the bytes and the rows.
//!
//! A backend's crate implements [`Harness`] and writes `sci_conformance::suite!(ItsHarness);` in a test file: each case
//! becomes a test. [`threats`] is a second suite: the attacks that a whole backend must stand, and [`traces`]
//! a third: what two hosts must answer alike. All deliberately know no backend; [`moto`] is a server that one of them needs.
#![allow(clippy::unwrap_used, clippy::missing_panics_doc, reason = "a suite of tests fails by panicking")]

pub mod cases;
pub mod distance;
pub mod door;
pub mod fakes;
pub mod http;
pub mod issuer;
pub mod loopback;
pub mod moto;
pub mod state;
pub mod threats;
pub mod traces;
pub mod world;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

pub use world::Harness;

/// Cases that [`run_all`] runs at a time.
const AT_ONCE: usize = 4;

/// Makes a test of each case, for one backend.
#[macro_export]
macro_rules! suite {
    ($harness:ident) => {
        $crate::with_cases! { tests $harness }
    };
}

/// The cases for one backend as a list, for [`run_all`].
#[macro_export]
macro_rules! suite_list {
    ($harness:ident) => {
        $crate::with_cases! { list $harness }
    };
}

/// Gives every case to a macro.
#[doc(hidden)]
#[macro_export]
macro_rules! with_cases {
    ($macro:ident $harness:ident) => {
        $crate::$macro! { $harness;
            objects: [
                wrong_hash_is_refused, wrong_size_is_refused, put_is_idempotent, ranges_are_exact,
                unknown_and_foreign_are_the_same, put_needs_the_callers_save, lost_object_is_healed_by_put
            ],
            saves: [
                commit_is_idempotent, a_commit_sent_twice_has_one_answer, another_request_conflicts, same_key_converges,
                other_tree_is_nondeterministic,
                base_with_another_tree_gets_a_successor, unsettled_is_kept_apart, two_at_once_converge,
                begin_tells_of_others, begin_is_idempotent, foreign_objects_cannot_be_cited,
                unverified_upload_cannot_be_cited, sizes_must_be_true, settled_needs_its_key, scope_is_checked_again,
                unrestorable_snapshot_is_replaced, bases_must_be_served
            ],
            resolve: [
                exact_prefers_own_scope_then_order, exact_takes_the_newest_settled, nearest_takes_the_highest_rung,
                nearest_ranks_by_sketch_then_ancestor_then_scope, settled_ranks_before_unsettled_among_equals, match_is_respected, policies_are_respected,
                other_scopes_are_named_not_served, unsettled_is_never_exact, missing_object_is_a_reason,
                a_flood_elsewhere_hides_nothing, repositories_are_apart
            ],
            lineage: [
                parents_are_what_was_served, quarantine_reaches_descendants, quarantine_takes_whole_runs,
                quarantine_reaches_through_a_run_that_is_gone, lineage_is_bounded, lineage_of_runs_that_descend_from_each_other_ends,
                what_was_served_without_a_note_binds, parents_that_are_gone_still_bind, more_parents_than_a_record_names
            ],
            trust: [
                edited_rows_are_refused, swapped_rows_are_refused, retired_keys_end, a_save_is_not_signed_by_a_key_that_ended,
                unknown_keys_are_refused
            ],
            gc: [
                waits_for_grace, keeps_what_is_needed, leases_outlive_forgetting, saves_in_flight_are_kept,
                abandoned_saves_end, put_during_deletion_survives, abandoned_during_put_is_retryable,
                collected_base_cannot_be_cited,
                collected_during_commit_is_refused, grace_begins_anew, policy_prunes_per_place, plan_tells_what_gc_does, interrupted_gc_is_resumed, bounded_gc_goes_on
            ],
            plans: [stored_and_listed, private_to_their_scope, derivations_are_explained, retention_is_bounded],
            repair: [
                damage_becomes_a_miss, what_is_healed_meanwhile_stays, what_is_collected_meanwhile_is_not_dropped,
                a_save_in_flight_is_told, a_put_in_flight_is_told, inputs_of_plans_are_looked_at,
                edited_rows_are_found,
                audits_keep_to_their_scopes, a_repair_that_fails_is_repeated
            ],
            faults: [a_failed_statement_leaves_the_store_whole],
            interleavings: [no_record_cites_a_missing_object],
        }
    };
}

/// Runs every case of a suite in this process, some at a time, for a backend that has something to start first: a test runner
/// gives each test a process of its own.
///
/// # Panics
/// When a case does, with the names of all that did.
pub fn run_all(cases: &[(&'static str, fn())]) {
    let (next, failed) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some((name, case)) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if std::panic::catch_unwind(case).is_err() {
                        failed.lock().unwrap_or_else(PoisonError::into_inner).push(*name);
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().unwrap_or_else(PoisonError::into_inner);
    assert!(failed.is_empty(), "{} of {} cases failed: {}", failed.len(), cases.len(), failed.join(", "));
}

/// Expands [`suite`].
#[doc(hidden)]
#[macro_export]
macro_rules! tests {
    ($harness:ident; $($module:ident: [$($case:ident),* $(,)?]),* $(,)?) => {
        $(mod $module {
            $(#[test]
            fn $case() {
                $crate::cases::$module::$case::<super::$harness>();
            })*
        })*
    };
}

/// Expands [`suite_list`].
#[doc(hidden)]
#[macro_export]
macro_rules! list {
    ($harness:ident; $($module:ident: [$($case:ident),* $(,)?]),* $(,)?) => {
        &[$($((
            concat!(stringify!($module), "::", stringify!($case)),
            $crate::cases::$module::$case::<$harness> as fn(),
        ),)*)*]
    };
}
