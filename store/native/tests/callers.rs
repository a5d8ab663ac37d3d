//! Which scopes a job's environment gives in the embedded store.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;

use sci_native::{caller, in_ci};
use sci_store_api::RunId;

fn env(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// The scope written, and those read.
fn scopes(pairs: &[(&str, &str)]) -> (String, Vec<String>) {
    let caller = caller("p", RunId::new("1").unwrap(), None, &env(pairs)).unwrap();
    let write = caller.scope_write.map_or("none".to_owned(), |scope| scope.to_string());
    (write, caller.scopes_read.iter().map(ToString::to_string).collect())
}

fn job(event: &str, reference: &str, protected: &str, base: &str) -> (String, Vec<String>) {
    let protected = if protected.is_empty() { vec![] } else { vec![("GITHUB_REF_PROTECTED", protected)] };
    let mut pairs = vec![
        ("GITHUB_ACTIONS", "true"),
        ("GITHUB_EVENT_NAME", event),
        ("GITHUB_REF", reference),
        ("GITHUB_BASE_REF", base),
    ];
    pairs.extend(protected);
    scopes(&pairs)
}

#[test]
fn outside_ci_there_is_one_scope() {
    let local = ("trusted:local".to_owned(), vec!["trusted:local".to_owned()]);
    assert_eq!(scopes(&[]), local);
    assert_eq!(scopes(&[("GITHUB_REF", "refs/heads/main"), ("GITHUB_EVENT_NAME", "push")]), local);
}

#[test]
fn events_write_and_read_apart() {
    let trusted = "trusted:refs/heads/main";
    let queue = "refs/heads/gh-readonly-queue/main/pr-7-abc";
    type Case<'a> = (&'a str, &'a str, &'a str, &'a str, &'a str, &'a [&'a str]);
    let cases: [Case<'_>; 15] = [
        ("push", "refs/heads/main", "true", "", trusted, &[trusted]),
        ("schedule", "refs/heads/main", "true", "", trusted, &[trusted]),
        ("push", "refs/heads/main", "false", "", "branch:refs/heads/main", &["branch:refs/heads/main", trusted]),
        ("push", "refs/heads/main", "", "", "branch:refs/heads/main", &["branch:refs/heads/main", trusted]),
        ("push", "refs/heads/topic", "false", "", "branch:refs/heads/topic", &["branch:refs/heads/topic", trusted]),
        ("push", "refs/tags/main", "true", "", "none", &[]),
        ("merge_group", queue, "false", "", &format!("queue:{queue}"), &[&format!("queue:{queue}"), trusted]),
        ("pull_request", "refs/pull/7/merge", "false", "main", "pr:7", &["pr:7", trusted]),
        ("pull_request", "refs/pull/7/merge", "false", "dev", "pr:7", &["pr:7", "trusted:refs/heads/dev", trusted]),
        ("pull_request", "refs/heads/main", "true", "main", "none", &[]),
        ("pull_request", "refs/pull/07/merge", "false", "main", "none", &[]),
        ("pull_request_target", "refs/heads/main", "true", "main", "none", &[]),
        ("workflow_dispatch", "refs/heads/main", "true", "", "none", &[trusted]),
        ("workflow_run", "refs/heads/main", "true", "", "none", &[]),
        ("release", "refs/tags/v1", "true", "", "none", &[]),
    ];
    for (event, reference, protected, base, write, read) in cases {
        let expected = (write.to_owned(), read.iter().map(|scope| (*scope).to_owned()).collect::<Vec<_>>());
        assert_eq!(job(event, reference, protected, base), expected, "{event} {reference} {protected:?}");
    }
}

#[test]
fn claims_come_from_the_job_and_the_checkout() {
    let job = env(&[("GITHUB_ACTIONS", "true"), ("GITHUB_SHA", "abc"), ("GITHUB_JOB", "test"), ("SECRET", "canary")]);
    let run = || RunId::new("1").unwrap();
    let claims = caller("p", run(), None, &job).unwrap().claims;
    assert_eq!((claims["sha"].as_str(), claims["job"].as_str(), claims.len()), ("abc", "test", 2));
    assert_eq!(caller("p", run(), Some("def"), &job).unwrap().claims["sha"], "def");
    assert!(caller("p", run(), None, &env(&[("GITHUB_SHA", "abc")])).unwrap().claims.is_empty());
}

#[test]
fn projects_have_repositories_of_their_own() {
    let repository = |project| caller(project, RunId::new("1").unwrap(), None, &env(&[])).unwrap().repository;
    assert_ne!(repository("/home/a"), repository("/home/b"));
    assert_eq!(repository("/home/a"), repository("/home/a"));
}

#[test]
fn ci_is_recognised() {
    for (pairs, expected) in [
        (&[("CI", "true")][..], true),
        (&[("CI", "1")], true),
        (&[("GITHUB_ACTIONS", "true")], true),
        (&[("CI", "false")], false),
        (&[("CI", "")], false),
        (&[], false),
    ] {
        assert_eq!(in_ci(&env(pairs)), expected, "{pairs:?}");
    }
}
