//! What a job runs for. GitHub tells it three times: in the environment, in a file with the event's payload, and in the claims
//! of the job's identity. Here all three are made of one description. Of a payload there is what decides something; GitHub's
//! have hundreds of fields.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::backend::REPOSITORY;

const DEFAULT_BRANCH: &str = "main";
/// The branch of every pull request.
const TOPIC: &str = "topic";
/// The commit that the job is about: of a pull request and a queue the merge that GitHub tries.
const SHA: &str = "0123456789012345678901234567890123456789";
/// Where `main` was before.
const BASE_SHA: &str = "1111111111111111111111111111111111111111";
/// The newest commit of a pull request's branch.
const HEAD_SHA: &str = "2222222222222222222222222222222222222222";
/// The claims that the environment has too: `run_id` is `GITHUB_RUN_ID`.
const SHARED: [&str; 19] = [
    "actor",
    "actor_id",
    "base_ref",
    "event_name",
    "head_ref",
    "ref",
    "ref_protected",
    "ref_type",
    "repository",
    "repository_id",
    "repository_owner",
    "repository_owner_id",
    "run_attempt",
    "run_id",
    "run_number",
    "sha",
    "workflow",
    "workflow_ref",
    "workflow_sha",
];

/// What a job runs for.
#[derive(Debug, Clone)]
pub struct Event(Kind);

#[derive(Debug, Clone)]
enum Kind {
    Push { branch: String },
    PullRequest { number: u32, is_fork: bool },
    MergeGroup { number: u32 },
    Schedule,
    Release { tag: String, environment: String },
}

impl Event {
    /// A push to a branch; `main` is the protected one.
    pub fn push(branch: &str) -> Self {
        Self(Kind::Push { branch: branch.to_owned() })
    }

    /// A pull request against main, of the same repository.
    pub const fn pull_request(number: u32) -> Self {
        Self(Kind::PullRequest { number, is_fork: false })
    }

    /// A pull request of a fork.
    pub const fn fork(number: u32) -> Self {
        Self(Kind::PullRequest { number, is_fork: true })
    }

    /// A merge queue's look at a pull request.
    pub const fn merge_group(number: u32) -> Self {
        Self(Kind::MergeGroup { number })
    }

    /// A timetable, on main.
    pub const fn schedule() -> Self {
        Self(Kind::Schedule)
    }

    /// A release of a tag, in an environment.
    pub fn release(tag: &str, environment: &str) -> Self {
        Self(Kind::Release { tag: tag.to_owned(), environment: environment.to_owned() })
    }

    /// A pull request of a fork gets no identity.
    pub(crate) const fn has_identity(&self) -> bool {
        !matches!(self.0, Kind::PullRequest { is_fork: true, .. })
    }

    /// The claims of the identity in the run of this number, times and audience apart.
    pub(crate) fn claims(&self, run: u64) -> Value {
        let (reference, caller) = (self.reference(), self.workflow());
        let is_pull_request = matches!(self.0, Kind::PullRequest { .. });
        let (actor, actor_id) = self.actor();
        let mut claims = json!({
            "sub": format!("repo:o/r:{}", self.subject()), "repository": "o/r", "repository_id": REPOSITORY,
            "repository_owner": "o", "repository_owner_id": "77", "repository_visibility": "private",
            "actor": actor, "actor_id": actor_id, "event_name": self.name(), "ref": reference,
            "ref_type": if matches!(self.0, Kind::Release { .. }) { "tag" } else { "branch" },
            "ref_protected": (reference == in_full(DEFAULT_BRANCH)).to_string(),
            "base_ref": if is_pull_request { DEFAULT_BRANCH } else { "" },
            "head_ref": if is_pull_request { TOPIC } else { "" },
            "sha": SHA, "workflow": "ci", "workflow_ref": caller, "workflow_sha": SHA,
            "job_workflow_ref": caller, "job_workflow_sha": SHA, "runner_environment": "github-hosted",
            "run_id": run.to_string(), "run_number": "1", "run_attempt": "1",
        });
        if let Kind::Release { environment, .. } = &self.0 {
            claims["environment"] = environment.as_str().into();
            // A workflow of main that is called: its own reference is the same for every tag.
            claims["job_workflow_ref"] = "o/r/.github/workflows/release.yml@refs/heads/main".into();
            claims["job_workflow_sha"] = BASE_SHA.into();
        }
        claims
    }

    /// The variables of the runner that tell of the event.
    pub(crate) fn environment(&self, run: u64) -> Vec<(String, String)> {
        let claims = self.claims(run);
        let shared = SHARED.map(|name| (variable(name), claims[name].as_str().unwrap().to_owned()));
        let reference = self.reference();
        let short = ["refs/heads/", "refs/tags/", "refs/pull/"].iter().find_map(|kind| reference.strip_prefix(kind));
        shared.into_iter().chain([("GITHUB_REF_NAME".to_owned(), short.unwrap().to_owned())]).collect()
    }

    /// The payload, as the file says it that `GITHUB_EVENT_PATH` names.
    pub(crate) fn payload(&self) -> Value {
        let reference = self.reference();
        let mut payload = match &self.0 {
            Kind::Push { .. } => json!({
                "ref": reference, "before": BASE_SHA, "after": SHA, "base_ref": null,
                "created": false, "deleted": false, "forced": false, "head_commit": { "id": SHA },
            }),
            Kind::PullRequest { number, is_fork } => {
                let head = if *is_fork { repository("stranger", 2002, 88, true) } else { this_repository() };
                let label = format!("{}:{TOPIC}", head["owner"]["login"].as_str().unwrap());
                // The merge is not known yet when a pull request is opened.
                json!({ "action": "opened", "number": number, "pull_request": {
                    "number": number, "state": "open", "draft": false, "merged": false, "merge_commit_sha": null,
                    "head": { "label": label, "ref": TOPIC, "sha": HEAD_SHA, "repo": head },
                    "base": { "label": "o:main", "ref": DEFAULT_BRANCH, "sha": BASE_SHA, "repo": this_repository() },
                } })
            }
            Kind::MergeGroup { .. } => json!({ "action": "checks_requested", "merge_group": {
                "head_ref": reference, "head_sha": SHA, "base_ref": in_full(DEFAULT_BRANCH), "base_sha": BASE_SHA,
                "head_commit": { "id": SHA },
            } }),
            Kind::Schedule => json!({ "schedule": "0 4 * * 1", "workflow": ".github/workflows/ci.yml" }),
            Kind::Release { tag, .. } => json!({ "action": "published", "release": {
                "tag_name": tag, "name": tag, "target_commitish": DEFAULT_BRANCH, "draft": false, "prerelease": false,
            } }),
        };
        payload["repository"] = this_repository();
        // Nobody sends what a timetable does.
        if !matches!(self.0, Kind::Schedule) {
            let (login, id) = self.actor();
            payload["sender"] = json!({ "login": login, "id": id.parse::<u64>().unwrap() });
        }
        payload
    }

    const fn name(&self) -> &'static str {
        match self.0 {
            Kind::Push { .. } => "push",
            Kind::PullRequest { .. } => "pull_request",
            Kind::MergeGroup { .. } => "merge_group",
            Kind::Schedule => "schedule",
            Kind::Release { .. } => "release",
        }
    }

    fn reference(&self) -> String {
        match &self.0 {
            Kind::Push { branch } => in_full(branch),
            Kind::PullRequest { number, .. } => format!("refs/pull/{number}/merge"),
            Kind::MergeGroup { number } => {
                in_full(&format!("gh-readonly-queue/{DEFAULT_BRANCH}/pr-{number}-{BASE_SHA}"))
            }
            Kind::Schedule => in_full(DEFAULT_BRANCH),
            Kind::Release { tag, .. } => format!("refs/tags/{tag}"),
        }
    }

    fn workflow(&self) -> String {
        format!("o/r/.github/workflows/ci.yml@{}", self.reference())
    }

    fn subject(&self) -> String {
        match &self.0 {
            Kind::Release { environment, .. } => format!("environment:{environment}"),
            Kind::PullRequest { .. } => "pull_request".to_owned(),
            _ => format!("ref:{}", self.reference()),
        }
    }

    const fn actor(&self) -> (&'static str, &'static str) {
        if self.has_identity() { ("somebody", "78") } else { ("stranger", "88") }
    }
}

/// What a job was told of its event, as whatever runs in it finds it.
pub struct Told {
    pub(crate) environment: BTreeMap<String, String>,
    pub(crate) payload: Value,
    /// None where nobody issues an identity.
    pub(crate) claims: Option<Value>,
}

impl Told {
    /// Panics unless all three say the same.
    pub fn assert_agrees(&self) {
        let variable = |name: &str| self.environment[&variable(name)].as_str();
        for (name, value) in SHARED.iter().filter_map(|name| Some((*name, self.claims.as_ref()?.get(*name)?))) {
            assert_eq!(value, variable(name), "{name}");
        }
        let payload = |pointer: &str| self.payload.pointer(pointer).unwrap_or_else(|| panic!("no {pointer}"));
        let text = |pointer: &str| payload(pointer).as_str().unwrap().to_owned();
        let default = in_full(&text("/repository/default_branch"));
        let expected = match variable("event_name") {
            "push" => [text("/ref"), text("/after"), String::new(), String::new()],
            "pull_request" => {
                assert_eq!(payload("/number"), payload("/pull_request/number"));
                let is_foreign = text("/pull_request/head/repo/full_name") != text("/repository/full_name");
                assert_eq!(payload("/pull_request/head/repo/fork"), is_foreign);
                assert_eq!(self.claims.is_none(), is_foreign);
                assert_ne!(text("/pull_request/head/sha"), variable("sha"), "it is the merge that is built");
                let merge = format!("refs/pull/{}/merge", payload("/number"));
                [merge, SHA.to_owned(), text("/pull_request/base/ref"), text("/pull_request/head/ref")]
            }
            "merge_group" => {
                assert_eq!(text("/merge_group/base_ref"), default);
                let branch = default.trim_start_matches("refs/heads/");
                assert!(
                    text("/merge_group/head_ref").starts_with(&in_full(&format!("gh-readonly-queue/{branch}/pr-")))
                );
                [text("/merge_group/head_ref"), text("/merge_group/head_sha"), String::new(), String::new()]
            }
            "schedule" => [default, SHA.to_owned(), String::new(), String::new()],
            "release" => {
                [format!("refs/tags/{}", text("/release/tag_name")), SHA.to_owned(), String::new(), String::new()]
            }
            other => panic!("what is {other}?"),
        };
        assert_eq!(["ref", "sha", "base_ref", "head_ref"].map(variable), expected.each_ref().map(String::as_str));
        assert_eq!(text("/repository/full_name"), variable("repository"));
        assert_eq!(text("/repository/owner/login"), variable("repository_owner"));
        assert_eq!(payload("/repository/id").to_string(), variable("repository_id"));
        assert_eq!(payload("/repository/owner/id").to_string(), variable("repository_owner_id"));
        if let Some(sender) = self.payload.get("sender") {
            assert_eq!(
                (&sender["login"], sender["id"].to_string().as_str()),
                (&variable("actor").into(), variable("actor_id"))
            );
        }
    }
}

fn variable(claim: &str) -> String {
    format!("GITHUB_{}", claim.to_uppercase())
}

fn in_full(branch: &str) -> String {
    format!("refs/heads/{branch}")
}

fn this_repository() -> Value {
    repository("o", REPOSITORY.parse().unwrap(), 77, false)
}

fn repository(owner: &str, id: u64, owner_id: u64, is_fork: bool) -> Value {
    json!({
        "id": id, "name": "r", "full_name": format!("{owner}/r"), "owner": { "login": owner, "id": owner_id },
        "fork": is_fork, "private": true, "visibility": "private", "default_branch": DEFAULT_BRANCH,
    })
}
