//! The decision table: every row, and every event that is not listed.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;

use sci_service::policy::{Denial, Event, Grant, Identity, decide};
use sci_store_api::{Registration, Scope};

const MAIN: &str = "refs/heads/main";

fn registration() -> Registration {
    let mut registration = Registration::new("1001".parse().unwrap(), "77", MAIN);
    registration.trusted_refs.push("refs/heads/stable".to_owned());
    registration.release.environments.push("production".to_owned());
    registration.release.workflow_refs.push("o/r/.github/workflows/release.yml@refs/tags/v1".to_owned());
    registration
}

fn run(event: Event, reference: &str) -> Identity {
    Identity {
        issuer: sci_store_api::repositories::GITHUB.to_owned(),
        repository: "1001".parse().unwrap(),
        owner: "77".to_owned(),
        event,
        reference: reference.to_owned(),
        is_branch: reference.starts_with("refs/heads/"),
        protected: true,
        base: None,
        pull_request: None,
        queue_base: None,
        environment: None,
        workflow: None,
        self_hosted: false,
        run: "5-1".parse().unwrap(),
        claims: BTreeMap::new(),
    }
}

/// The decision in a line: what is written, then what is read.
fn line(identity: &Identity, registration: &Registration) -> String {
    match decide(identity, registration) {
        Ok(Grant { write, read }) => {
            let could = |scope: &Scope| scope.is_open_to(&identity.reference, identity.base.as_deref());
            assert!(read.iter().all(could), "{read:?} of {}", identity.reference);
            let write = write.map_or_else(|| "nothing".to_owned(), |scope| scope.to_string());
            let read: Vec<String> = read.iter().map(ToString::to_string).collect();
            format!("{write} <- {}", read.join(", "))
        }
        Err(denial) => format!("{denial:?}"),
    }
}

fn decided(identity: &Identity) -> String {
    line(identity, &registration())
}

fn pull_request(base: &str) -> Identity {
    let mut identity = run(Event::PullRequest, "refs/pull/42/merge");
    identity.is_branch = false;
    identity.pull_request = Some(42);
    identity.base = Some(base.to_owned());
    identity.protected = false;
    identity
}

fn release(event: Event) -> Identity {
    let mut identity = run(event, "refs/tags/v1");
    identity.environment = Some("production".to_owned());
    identity.workflow = Some("o/r/.github/workflows/release.yml@refs/tags/v1".to_owned());
    identity
}

#[test]
fn protected_trusted_branches_write_themselves_and_read_nothing_else() {
    for event in [Event::Push, Event::Schedule] {
        assert_eq!(decided(&run(event, MAIN)), "trusted:refs/heads/main <- trusted:refs/heads/main");
    }
    let stable = run(Event::Push, "refs/heads/stable");
    assert_eq!(decided(&stable), "trusted:refs/heads/stable <- trusted:refs/heads/stable");
}

#[test]
fn other_branches_and_unprotected_ones_write_a_branch_scope() {
    let topic = run(Event::Push, "refs/heads/topic");
    assert_eq!(decided(&topic), "branch:refs/heads/topic <- branch:refs/heads/topic, trusted:refs/heads/main");
    let unprotected = Identity { protected: false, ..run(Event::Push, MAIN) };
    assert_eq!(decided(&unprotected), "branch:refs/heads/main <- branch:refs/heads/main, trusted:refs/heads/main");
}

#[test]
fn references_are_compared_byte_for_byte() {
    for reference in ["refs/heads/refs/heads/main", "refs/heads/Main", "refs/heads/main/", "main"] {
        let identity = Identity { is_branch: true, ..run(Event::Push, reference) };
        assert!(decided(&identity).starts_with(&format!("branch:{reference} <- ")), "{reference}");
    }
    assert_eq!(decided(&run(Event::Push, "refs/tags/main")), "Release");
    // A tag whose issuer gives it a branch's name is still a tag.
    assert_eq!(decided(&Identity { is_branch: false, ..run(Event::Push, MAIN) }), "Release");
    let spaced = Identity { is_branch: true, ..run(Event::Push, "refs/heads/a b") };
    assert_eq!(decided(&spaced), "Reference");
}

#[test]
fn manual_and_scheduled_runs_need_a_trusted_branch() {
    let manual = run(Event::WorkflowDispatch, MAIN);
    assert_eq!(decided(&manual), "nothing <- trusted:refs/heads/main");
    let opted_in = Registration { dispatch_writes: true, ..registration() };
    assert_eq!(line(&manual, &opted_in), "trusted:refs/heads/main <- trusted:refs/heads/main");
    for event in [Event::Schedule, Event::WorkflowDispatch] {
        assert_eq!(decided(&run(event, "refs/heads/topic")), "Untrusted");
        assert_eq!(decided(&Identity { protected: false, ..run(event, MAIN) }), "Untrusted");
    }
}

#[test]
fn merge_queues_have_a_scope_of_their_own() {
    let reference = "refs/heads/gh-readonly-queue/main/pr-7-abc";
    let own = format!("queue:{reference} <- queue:{reference}");
    let identity = Identity { queue_base: Some("main".to_owned()), ..run(Event::MergeGroup, reference) };
    assert_eq!(decided(&identity), format!("{own}, trusted:refs/heads/main"));
    assert_eq!(decided(&Identity { queue_base: Some("topic".to_owned()), ..identity.clone() }), own);
    assert_eq!(decided(&Identity { queue_base: None, ..identity }), own);
}

#[test]
fn pull_requests_write_their_number() {
    assert_eq!(decided(&pull_request("main")), "pr:42 <- pr:42, trusted:refs/heads/main");
    assert_eq!(decided(&pull_request("stable")), "pr:42 <- pr:42, trusted:refs/heads/stable, trusted:refs/heads/main");
    assert_eq!(decided(&pull_request("topic")), "pr:42 <- pr:42, branch:refs/heads/topic, trusted:refs/heads/main");
    // However protected its reference claims to be.
    assert_eq!(decided(&Identity { protected: true, ..pull_request("main") }), decided(&pull_request("main")));
    assert_eq!(decided(&Identity { pull_request: None, ..pull_request("main") }), "PullRequest");
}

#[test]
fn releases_need_an_environment_and_a_workflow() {
    for event in [Event::Release, Event::Push] {
        assert_eq!(decided(&release(event)), "release:v1 <- release:v1");
        for missing in [None, Some("staging".to_owned())] {
            assert_eq!(decided(&Identity { environment: missing.clone(), ..release(event) }), "Release");
            assert_eq!(decided(&Identity { workflow: missing, ..release(event) }), "Release");
        }
    }
    assert_eq!(decided(&Identity { reference: MAIN.to_owned(), ..release(Event::Release) }), "Release");
    let mut opted_in = registration();
    opted_in.release.reads_trusted = true;
    assert_eq!(line(&release(Event::Release), &opted_in), "release:v1 <- release:v1, trusted:refs/heads/main");
    let unregistered = Registration { release: sci_store_api::repositories::ReleasePolicy::default(), ..opted_in };
    assert_eq!(line(&release(Event::Release), &unregistered), "Release");
}

#[test]
fn self_hosted_runners_write_at_most_a_branch_scope() {
    let on = |identity: Identity| Identity { self_hosted: true, ..identity };
    let branch = "branch:refs/heads/main <- branch:refs/heads/main, trusted:refs/heads/main";
    assert_eq!(decided(&on(run(Event::Push, MAIN))), branch);
    assert_eq!(decided(&on(pull_request("main"))), decided(&pull_request("main")));
    assert!(decided(&on(run(Event::MergeGroup, "refs/heads/gh-readonly-queue/main/pr-7-abc"))).starts_with("branch:"));
    assert_eq!(decided(&on(release(Event::Release))), "SelfHosted");
    let allowed = Registration { self_hosted_trusted: true, ..registration() };
    for identity in [run(Event::Push, MAIN), release(Event::Release)] {
        assert_eq!(line(&on(identity.clone()), &allowed), line(&identity, &allowed));
    }
    let dispatch = Registration { dispatch_writes: true, ..registration() };
    let manual = on(run(Event::WorkflowDispatch, MAIN));
    assert_eq!(line(&manual, &dispatch), "nothing <- trusted:refs/heads/main");
}

#[test]
fn a_repository_is_its_ids_at_its_issuer() {
    let main = run(Event::Push, MAIN);
    let mut renamed = registration();
    renamed.name = "somebody/else".to_owned();
    assert!(decide(&main, &renamed).is_ok());
    assert_eq!(decided(&Identity { owner: "78".to_owned(), ..main.clone() }), format!("{:?}", Denial::Owner));
    assert_eq!(decided(&Identity { repository: "1002".parse().unwrap(), ..main.clone() }), "Owner");
    assert_eq!(decided(&Identity { issuer: "https://ci.example".to_owned(), ..main }), "Issuer");
}

#[test]
fn anything_else_opens_nothing() {
    assert_eq!(decided(&run(Event::Other, MAIN)), "Event");
}
