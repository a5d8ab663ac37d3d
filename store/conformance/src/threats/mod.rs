//! The attacks that a backend must stand, over its protocol: each case sends what an attacker would send, expects a refusal
//! with a stable code and a sentence, and that nothing was written.
//!
//! A backend's crate implements [`Target`] and writes `sci_conformance::attacks!(ItsTarget);` in a test file: each case becomes
//! a test that is named after the attack. A target is the whole backend with a real gate of identities, and not, as in
//! [`Harness`](crate::Harness), a store behind an open one. Nothing but its protocol is asked of it, so a host in another
//! process, or in another language, can be one.

pub mod identities;
pub mod load;
pub mod names;
pub mod quotas;
pub mod requests;
pub mod runs;
pub mod scopes;
mod stage;
pub mod tickets;
pub mod tokens;

use crate::http::{Heard, Said};
use crate::issuer::TestIssuer;

pub use stage::{Shown, Stage, registration, shown};

/// A backend under attack: started by `default`, where nobody but the administrator of [`Target::admin`] is known yet.
pub trait Target: Default {
    /// What the backend calls itself, and identities are made for.
    fn audience(&self) -> String;

    /// The backend's clock, in seconds since 1970.
    fn now(&self) -> u64;

    /// Who issues the identities that it believes. Its count of fetches is of how often this backend asked for keys.
    fn issuer(&self) -> &TestIssuer;

    /// The claim `iss` of those identities.
    fn issuer_url(&self) -> String;

    /// An administrator's token.
    fn admin(&self) -> &str;

    /// Sends a request as it is, and waits for the whole answer.
    fn send(&self, request: &Heard) -> Said;

    /// What the backend keeps, as far as the host can tell: another text after any write. A host that cannot look at its index
    /// says nothing, and what an administrator can list is compared alone.
    fn kept(&self) -> Option<String> {
        None
    }

    /// All that the host has logged, once the requests so far are in it. A host that logs nothing says nothing.
    fn logged(&self) -> String {
        String::new()
    }
}

/// Makes a test of each attack, for one target.
#[macro_export]
macro_rules! attacks {
    ($target:ident) => {
        $crate::with_attacks! { attack_tests $target }
    };
}

/// The attacks on one target as a list, for [`run_all`](crate::run_all).
#[macro_export]
macro_rules! attacks_list {
    ($target:ident) => {
        $crate::with_attacks! { attack_list $target }
    };
}

/// Gives every attack to a macro.
#[doc(hidden)]
#[macro_export]
macro_rules! with_attacks {
    ($macro:ident $target:ident) => {
        $crate::$macro! { $target;
            identities: [
                algorithm_confusion, hs256_with_the_public_key, headers_that_name_their_own_keys, a_token_without_a_key_id,
                broken_and_spliced_tokens, claims_said_twice, a_huge_token, expired_early_and_old_tokens, another_audience,
                another_issuer
            ],
            runs: [
                a_squatted_repository_name, a_repository_of_another_owner, a_renamed_repository,
                pull_request_target_as_main, events_that_anybody_can_cause, a_release_without_its_environment,
                unprotected_main, refs_that_resemble_main, a_tag_called_main, pull_requests_of_another_form,
                a_self_hosted_runner, a_fork_pull_request, missing_and_malformed_claims, a_reference_that_is_no_scope
            ],
            scopes: [
                a_pull_request_saves_mains_key_first, a_save_committed_by_another_scope, a_save_used_by_another_run,
                a_scope_named_in_a_request, a_digest_of_another_repository, a_digest_of_another_scope,
                a_base_that_was_not_served, lower_state_saved_as_higher, a_forgotten_snapshot_of_another_scope,
                rights_taken_away_between_begin_and_commit, readers_without_an_identity
            ],
            tickets: [
                edited_tickets, one_kind_of_bearer_as_another, a_ticket_as_an_identity, a_ticket_of_another_repository,
                several_bearers_in_one
            ],
            tokens: [
                an_edited_token, a_revoked_token_and_its_tickets, a_token_that_ended, a_token_above_a_branch,
                administration_without_an_administrator, an_administrators_token_in_a_job
            ],
            names: [
                separators_and_quotes_in_names, paths_that_slip_out, hostile_roots, statements_in_parameters,
                ids_of_another_form
            ],
            requests: [
                declared_bombs, lists_beyond_their_caps, json_bombs, an_object_of_other_bytes, fields_that_nobody_knows,
                another_protocol
            ],
            load: [ten_thousand_unknown_keys, strangers_on_every_route, a_canary_in_every_place],
            quotas: [
                a_pull_request_that_fills_its_quota, many_pull_requests_against_main, a_larger_object_than_the_quota,
                objects_that_belong_to_no_save, saves_that_cite_little,
                what_was_forgotten_is_charged_until_it_is_collected, pull_requests_against_a_quota_of_the_repository,
            ],
        }
    };
}

/// Expands [`attacks`].
#[doc(hidden)]
#[macro_export]
macro_rules! attack_tests {
    ($target:ident; $($module:ident: [$($case:ident),* $(,)?]),* $(,)?) => {
        $(mod $module {
            $(#[test]
            fn $case() {
                $crate::threats::$module::$case::<super::$target>();
            })*
        })*
    };
}

/// Expands [`attacks_list`].
#[doc(hidden)]
#[macro_export]
macro_rules! attack_list {
    ($target:ident; $($module:ident: [$($case:ident),* $(,)?]),* $(,)?) => {
        &[$($((
            concat!(stringify!($module), "::", stringify!($case)),
            $crate::threats::$module::$case::<$target> as fn(),
        ),)*)*]
    };
}
