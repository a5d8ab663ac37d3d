//! Good identities of runs that may do less than they seem to: by their event, reference, protection, repository or machine.

use sci_store_api::ErrorCode;
use serde_json::{Value, json};

use super::identities::refused;
use super::{Stage, Target};

/// What a push with changed claims writes, and reads.
fn scopes<T: Target>(stage: &Stage<T>, change: impl FnOnce(&mut Value)) -> (Option<String>, Vec<String>) {
    let mut claims = stage.push();
    change(&mut claims);
    let session = stage.opened(&claims).session;
    let read = session.scopes_read.iter().map(ToString::to_string).collect();
    (session.scope_write.map(|scope| scope.to_string()), read)
}

/// Somebody took the name of a repository that was renamed or deleted: the id is another.
pub fn a_squatted_repository_name<T: Target>() {
    let stage = Stage::<T>::default();
    for id in ["1002", "10010", "100", "01001", "1001a"] {
        refused(&stage, ErrorCode::Forbidden, |claims| claims["repository_id"] = id.into());
    }
    for id in ["../1001", "1001 ", "1001\n", "", "1001/x", ".1001", "1001\u{0}"] {
        refused(&stage, ErrorCode::Unauthorized, |claims| claims["repository_id"] = id.into());
    }
}

/// The repository was given to another owner.
pub fn a_repository_of_another_owner<T: Target>() {
    let stage = Stage::<T>::default();
    for owner in ["78", "7", "770", "077", "o"] {
        refused(&stage, ErrorCode::Forbidden, |claims| claims["repository_owner_id"] = owner.into());
    }
}

/// Names decide nothing: a repository that was renamed keeps what it had, and gets nothing by a name.
pub fn a_renamed_repository<T: Target>() {
    let stage = Stage::<T>::default();
    let changed = scopes(&stage, |claims| {
        for (claim, value) in [
            ("repository", "evil/r"),
            ("repository_owner", "evil"),
            ("sub", "repo:evil/r:ref:refs/heads/x"),
            ("actor", "mallory"),
            ("workflow", "release"),
            ("head_ref", "main"),
        ] {
            claims[claim] = value.into();
        }
    });
    assert_eq!(changed, scopes(&stage, |_| {}));
}

/// `pull_request_target` runs for main, with main's reference and protection, and is caused by a pull request.
pub fn pull_request_target_as_main<T: Target>() {
    let stage = Stage::<T>::default();
    let message = refused(&stage, ErrorCode::Forbidden, |claims| claims["event_name"] = "pull_request_target".into());
    assert!(message.contains("event"), "{message}");
    let mut claims = stage.pull_request_claims(42);
    claims["event_name"] = "pull_request_target".into();
    stage.refused(ErrorCode::Forbidden, "for its merge", || stage.session(&claims));
}

/// Every event that is not in the table opens nothing, and neither does a listed one spelt otherwise.
pub fn events_that_anybody_can_cause<T: Target>() {
    let stage = Stage::<T>::default();
    let unlisted = [
        "issue_comment",
        "workflow_run",
        "repository_dispatch",
        "deployment",
        "deployment_status",
        "branch_protection_rule",
        "check_run",
        "check_suite",
        "create",
        "delete",
        "discussion",
        "discussion_comment",
        "fork",
        "gollum",
        "issues",
        "label",
        "milestone",
        "page_build",
        "public",
        "pull_request_comment",
        "pull_request_review",
        "pull_request_review_comment",
        "registry_package",
        "status",
        "watch",
        "workflow_call",
        "image_version",
        "dynamic",
        "pull_request_target ",
    ];
    let misspelt = ["push ", " push", "PUSH", "Push", "push\n", "push\u{0}", "push,schedule", "pushx", "schedule\t"];
    for event in unlisted.into_iter().chain(misspelt) {
        refused(&stage, ErrorCode::Forbidden, |claims| claims["event_name"] = event.into());
    }
    for event in [json!(""), json!(null), json!(["push"]), json!({ "push": true }), json!(true)] {
        refused(&stage, ErrorCode::Unauthorized, |claims| claims["event_name"] = event);
    }
    // A timetable or a manual start where nobody is trusted.
    for event in ["schedule", "workflow_dispatch"] {
        refused(&stage, ErrorCode::Forbidden, |claims| {
            claims["event_name"] = event.into();
            claims["ref"] = "refs/heads/topic".into();
        });
        refused(&stage, ErrorCode::Forbidden, |claims| {
            claims["event_name"] = event.into();
            claims["ref_protected"] = "false".into();
        });
    }
    let dispatched = scopes(&stage, |claims| claims["event_name"] = "workflow_dispatch".into());
    assert_eq!(dispatched, (None, vec!["trusted:refs/heads/main".to_owned()]));
}

/// A release needs a registered environment and a registered workflow, byte for byte, on a tag.
pub fn a_release_without_its_environment<T: Target>() {
    let stage = Stage::<T>::default();
    let workflow = stage.registration().release.workflow_refs[0].clone();
    let release = |claims: &mut Value| {
        claims["event_name"] = "release".into();
        claims["ref"] = "refs/tags/v1".into();
        claims["ref_type"] = "tag".into();
        claims["environment"] = "production".into();
        claims["job_workflow_ref"] = workflow.clone().into();
    };
    for (claim, value) in [
        ("environment", json!(null)),
        ("environment", json!("")),
        ("environment", json!("Production")),
        ("environment", json!("production ")),
        ("environment", json!(["production"])),
        ("job_workflow_ref", json!(null)),
        ("job_workflow_ref", json!("o/r/.github/workflows/release.yml@refs/heads/topic")),
        ("job_workflow_ref", json!("evil/r/.github/workflows/release.yml@refs/heads/main")),
        ("job_workflow_ref", json!(format!("{workflow}\u{0}"))),
        ("ref", json!("refs/heads/main")),
        ("runner_environment", json!("self-hosted")),
    ] {
        for event in ["release", "push"] {
            let wrong = |claims: &mut Value| {
                release(claims);
                claims["event_name"] = event.into();
                claims[claim] = value.clone();
            };
            refused(&stage, ErrorCode::Forbidden, wrong);
        }
    }
    assert_eq!(scopes(&stage, release), (Some("release:v1".to_owned()), vec!["release:v1".to_owned()]));
}

/// Main without its protection is a branch like any other; only the text `true` is protection.
pub fn unprotected_main<T: Target>() {
    let stage = Stage::<T>::default();
    let branch = |write: Option<String>| assert_eq!(write.as_deref(), Some("branch:refs/heads/main"));
    for value in [
        json!("false"),
        json!(true),
        json!(null),
        json!("TRUE"),
        json!("True"),
        json!("true "),
        json!("1"),
        json!(1),
        json!(["true"]),
    ] {
        branch(scopes(&stage, |claims| claims["ref_protected"] = value).0);
    }
    branch(scopes(&stage, |claims| drop(claims.as_object_mut().unwrap().remove("ref_protected"))).0);
}

/// References are compared byte for byte, in full.
pub fn refs_that_resemble_main<T: Target>() {
    let stage = Stage::<T>::default();
    for reference in [
        "refs/heads/refs/heads/main",
        "refs/heads/Main",
        "refs/heads/MAIN",
        "refs/heads/main2",
        "refs/heads/mai",
        "refs/heads/main/",
        "refs/heads//main",
        "refs/heads/./main",
        "refs/heads/x/../main",
        "refs/heads/m\u{0430}in",
        "refs/heads/main\u{200b}",
        "refs/heads/origin/main",
        "refs/heads/trusted:refs/heads/main",
    ] {
        let (write, read) = scopes(&stage, |claims| claims["ref"] = reference.into());
        assert_eq!(write.as_deref(), Some(format!("branch:{reference}").as_str()));
        assert_eq!(read[1..], ["trusted:refs/heads/main".to_owned()]);
    }
    // A pull request's base is named without its beginning.
    let mut claims = stage.pull_request_claims(7);
    claims["base_ref"] = "refs/heads/main".into();
    let read: Vec<String> = stage.opened(&claims).session.scopes_read.iter().map(ToString::to_string).collect();
    assert_eq!(read, ["pr:7", "branch:refs/heads/refs/heads/main", "trusted:refs/heads/main"]);
}

/// A tag may have a branch's name, and a branch one that begins like a tag's.
pub fn a_tag_called_main<T: Target>() {
    let stage = Stage::<T>::default();
    for (reference, kind) in [
        ("refs/tags/main", "tag"),
        ("refs/tags/refs/heads/main", "tag"),
        ("refs/heads/main", "tag"),
        ("refs/tags/main", "branch"),
        ("main", "branch"),
        ("heads/main", "branch"),
        ("Refs/heads/main", "branch"),
        ("refs/remotes/origin/main", "branch"),
        ("refs/heads/main", "Branch"),
    ] {
        refused(&stage, ErrorCode::Forbidden, |claims| {
            claims["ref"] = reference.into();
            claims["ref_type"] = kind.into();
        });
    }
}

/// A pull request is `refs/pull/<n>/merge`, and nothing else.
pub fn pull_requests_of_another_form<T: Target>() {
    let stage = Stage::<T>::default();
    for reference in [
        "refs/heads/main",
        "refs/pull/42/head",
        "refs/pull/042/merge",
        "refs/pull/+42/merge",
        "refs/pull/-1/merge",
        "refs/pull//merge",
        "refs/pull/42/merge/",
        "refs/pull/42/merge\n",
        "refs/pull/4 2/merge",
        "refs/pull/42/43/merge",
        "refs/pull/\u{0664}\u{0662}/merge",
        "refs/pull/18446744073709551616/merge",
        "refs/heads/refs/pull/42/merge",
        "pull/42/merge",
    ] {
        let mut claims = stage.pull_request_claims(42);
        claims["ref"] = reference.into();
        stage.refused(ErrorCode::Forbidden, reference, || stage.session(&claims));
    }
    // That of a pull request in a push is no branch.
    refused(&stage, ErrorCode::Forbidden, |claims| claims["ref"] = "refs/pull/42/merge".into());
}

/// The repository's own machines write at most a branch's scope, whatever they say that they are.
pub fn a_self_hosted_runner<T: Target>() {
    let stage = Stage::<T>::default();
    for runner in ["self-hosted", "github-hosted ", "GitHub-hosted", "github-hosted-larger", "x"] {
        let (write, read) = scopes(&stage, |claims| claims["runner_environment"] = runner.into());
        assert_eq!(write.as_deref(), Some("branch:refs/heads/main"), "{runner}");
        assert_eq!(read, ["branch:refs/heads/main", "trusted:refs/heads/main"]);
    }
    refused(&stage, ErrorCode::Unauthorized, |claims| {
        drop(claims.as_object_mut().unwrap().remove("runner_environment"))
    });
}

/// A pull request from a fork is one of this repository for the issuer; what it saves stays its own.
pub fn a_fork_pull_request<T: Target>() {
    let stage = Stage::<T>::default();
    let mut claims = stage.pull_request_claims(42);
    // It brings protection, an environment and a workflow along: none of them raises it.
    claims["ref_protected"] = "true".into();
    claims["environment"] = "production".into();
    claims["job_workflow_ref"] = stage.registration().release.workflow_refs[0].clone().into();
    claims["head_ref"] = "main".into();
    let session = stage.opened(&claims).session;
    assert_eq!(session.scope_write.unwrap().to_string(), "pr:42");
    let read: Vec<String> = session.scopes_read.iter().map(ToString::to_string).collect();
    assert_eq!(read, ["pr:42", "trusted:refs/heads/main"]);
    // The fork's own token is another repository's.
    refused(&stage, ErrorCode::Forbidden, |claims| {
        claims["repository_id"] = "9009".into();
        claims["repository_owner_id"] = "99".into();
    });
}

/// What a decision needs must be there, and a text.
pub fn missing_and_malformed_claims<T: Target>() {
    let stage = Stage::<T>::default();
    for claim in [
        "repository_id",
        "repository_owner_id",
        "event_name",
        "ref",
        "ref_type",
        "runner_environment",
        "run_id",
        "run_attempt",
    ] {
        for value in [json!(null), json!(""), json!([]), json!({}), json!(true)] {
            refused(&stage, ErrorCode::Unauthorized, |claims| claims[claim] = value);
        }
        refused(&stage, ErrorCode::Unauthorized, |claims| drop(claims.as_object_mut().unwrap().remove(claim)));
    }
    refused(&stage, ErrorCode::Unauthorized, |claims| claims["run_id"] = "50 00".into());
    refused(&stage, ErrorCode::Unauthorized, |claims| claims["run_id"] = "5".repeat(300).into());
}

/// A branch whose name cannot be a scope's.
pub fn a_reference_that_is_no_scope<T: Target>() {
    let stage = Stage::<T>::default();
    for name in ["a b", "a\nb", "a\u{0}b", "a\u{85}b", &"x".repeat(600)] {
        refused(&stage, ErrorCode::Forbidden, |claims| claims["ref"] = format!("refs/heads/{name}").into());
    }
}
