//! What an issuer's claims mean.

use std::collections::BTreeMap;

use sci_store_api::{RepositoryId, RunId};
use serde::{Deserialize, Serialize};

use super::Rejection;
use super::jwt::Claims;
use crate::ids;
use crate::policy::{Event, Identity, references};

/// How an issuer says things.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClaimMap {
    /// GitHub Actions.
    GitHub,
    /// GitLab CI.
    GitLab,
    /// Any other, by the names of its claims.
    Generic(Box<GenericClaims>),
}

/// The claims of an issuer that is neither GitHub nor GitLab. What has no claim is absent: an unprotected reference, no
/// environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct GenericClaims {
    /// The repository's id, one that is never given to another repository.
    pub repository: String,
    /// The owner's id.
    pub owner: String,
    /// The reference in full, as `refs/heads/main`.
    pub reference: String,
    /// Why the job runs.
    pub event: String,
    /// Which values of that claim mean what; a value that is not listed opens nothing.
    pub events: BTreeMap<String, Event>,
    /// The claims that name the run together.
    pub run: Vec<String>,
    /// The claim that is the text `true` for a protected reference.
    #[serde(default)]
    pub protected: Option<String>,
    /// The number of a pull request.
    #[serde(default)]
    pub pull_request: Option<String>,
    /// The branch that a pull request is for, without `refs/heads/`.
    #[serde(default)]
    pub base: Option<String>,
    /// The job's environment.
    #[serde(default)]
    pub environment: Option<String>,
    /// The job's workflow with its reference.
    #[serde(default)]
    pub workflow: Option<String>,
    /// The commit.
    #[serde(default)]
    pub sha: Option<String>,
    /// Claims with which records are labelled.
    #[serde(default)]
    pub recorded: Vec<String>,
}

/// Claims of GitHub that records are labelled with.
const GITHUB_RECORDED: [&str; 8] =
    ["sha", "ref", "event_name", "run_id", "run_attempt", "job_workflow_ref", "job_workflow_sha", "environment"];
/// Claims of GitLab that records are labelled with.
const GITLAB_RECORDED: [&str; 6] = ["sha", "ref_path", "pipeline_source", "pipeline_id", "job_id", "environment"];
/// The longest value of a claim that records are labelled with, in bytes.
const MAX_RECORDED: usize = 512;

impl ClaimMap {
    /// How old a token may be, in seconds, that has not ended by its own word. GitHub makes one whenever a step asks, for that step;
    /// others give a job one at its start.
    pub(super) fn longest_age(&self) -> i64 {
        match self {
            Self::GitHub => 10 * 60,
            Self::GitLab | Self::Generic(_) => 24 * 60 * 60,
        }
    }

    pub(super) fn identity(&self, issuer: &str, claims: &Claims) -> Result<Identity, Rejection> {
        match self {
            Self::GitHub => github(issuer, claims),
            Self::GitLab => gitlab(issuer, claims),
            Self::Generic(map) => generic(issuer, claims, map),
        }
    }
}

fn github(issuer: &str, claims: &Claims) -> Result<Identity, Rejection> {
    let reference = claims.required("ref")?;
    Ok(Identity {
        issuer: issuer.to_owned(),
        repository: repository(claims, "repository_id")?,
        owner: claims.required("repository_owner_id")?,
        event: Event::of_github(&claims.required("event_name")?),
        is_branch: claims.required("ref_type")? == "branch" && reference.starts_with("refs/heads/"),
        protected: claims.is_true("ref_protected"),
        base: present(claims, "base_ref"),
        pull_request: references::pull_request(&reference),
        queue_base: references::queue_base(&reference).map(str::to_owned),
        environment: present(claims, "environment"),
        workflow: present(claims, "job_workflow_ref"),
        self_hosted: claims.required("runner_environment")? != "github-hosted",
        run: run(claims, &["run_id", "run_attempt"])?,
        claims: recorded(claims, GITHUB_RECORDED),
        reference,
    })
}

fn gitlab(issuer: &str, claims: &Claims) -> Result<Identity, Rejection> {
    let reference = claims.required("ref_path")?;
    let event = match claims.required("pipeline_source")?.as_str() {
        "push" => Event::Push,
        "schedule" => Event::Schedule,
        "web" => Event::WorkflowDispatch,
        "merge_request_event" => Event::PullRequest,
        _ => Event::Other,
    };
    Ok(Identity {
        issuer: issuer.to_owned(),
        repository: repository(claims, "project_id")?,
        owner: claims.required("namespace_id")?,
        event,
        is_branch: claims.required("ref_type")? == "branch" && reference.starts_with("refs/heads/"),
        protected: claims.is_true("ref_protected"),
        base: None,
        pull_request: references::merge_request(&reference),
        queue_base: None,
        environment: present(claims, "environment"),
        workflow: present(claims, "ci_config_ref_uri"),
        self_hosted: claims.required("runner_environment")? != "gitlab-hosted",
        run: run(claims, &["pipeline_id"])?,
        claims: recorded(claims, GITLAB_RECORDED),
        reference,
    })
}

fn generic(issuer: &str, claims: &Claims, map: &GenericClaims) -> Result<Identity, Rejection> {
    let reference = claims.required(&map.reference)?;
    let event = claims.required(&map.event)?;
    let named = |claim: &Option<String>| claim.as_ref().and_then(|claim| present(claims, claim));
    let pull_request = named(&map.pull_request);
    let mut labels = recorded(claims, map.recorded.iter().map(String::as_str));
    labels.extend(named(&map.sha).filter(|sha| sha.len() <= MAX_RECORDED).map(|sha| ("sha".to_owned(), sha)));
    Ok(Identity {
        issuer: issuer.to_owned(),
        repository: repository(claims, &map.repository)?,
        owner: claims.required(&map.owner)?,
        event: map.events.get(&event).copied().unwrap_or(Event::Other),
        is_branch: reference.starts_with("refs/heads/"),
        protected: map.protected.as_ref().is_some_and(|claim| claims.is_true(claim)),
        base: named(&map.base),
        pull_request: pull_request.and_then(|number| references::canonical(&number)),
        queue_base: None,
        environment: named(&map.environment),
        workflow: named(&map.workflow),
        // Nothing says whose machine it is; who maps claims by hand knows the runners.
        self_hosted: false,
        run: run(claims, &map.run.iter().map(String::as_str).collect::<Vec<_>>())?,
        claims: labels,
        reference,
    })
}

fn repository(claims: &Claims, claim: &str) -> Result<RepositoryId, Rejection> {
    RepositoryId::new(claims.required(claim)?).map_err(|_| Rejection::Claim { claim: claim.to_owned() })
}

/// The claims that name a run, joined. Where there are several, what joins them is marked in each, so that no two runs get the
/// same name.
fn run(claims: &Claims, names: &[&str]) -> Result<RunId, Rejection> {
    let marked = |part: String| if names.len() > 1 { ids::marked(&part) } else { part };
    let parts = names.iter().map(|name| claims.required(name).map(marked)).collect::<Result<Vec<_>, _>>()?;
    RunId::new(parts.join("-")).map_err(|_| Rejection::Claim { claim: names.join(", ") })
}

fn present(claims: &Claims, claim: &str) -> Option<String> {
    claims.text(claim).filter(|text| !text.is_empty())
}

fn recorded<'a>(claims: &Claims, names: impl IntoIterator<Item = &'a str>) -> BTreeMap<String, String> {
    let value = |name: &str| Some((name.to_owned(), present(claims, name).filter(|text| text.len() <= MAX_RECORDED)?));
    names.into_iter().filter_map(value).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pull_request_has_one_spelling() {
        let map: GenericClaims = serde_json::from_value(serde_json::json!({
            "repository": "r", "owner": "o", "reference": "ref", "event": "e", "events": {}, "run": ["n"], "pull-request": "pr",
        }))
        .unwrap();
        let number = |pr: &str| {
            let claims = [("r", "1"), ("o", "2"), ("ref", "refs/heads/x"), ("e", "e"), ("n", "5"), ("pr", pr)];
            let claims = claims.map(|(name, value)| (name.to_owned(), value.into()));
            generic("https://ci.example", &Claims(claims.into_iter().collect()), &map).unwrap().pull_request
        };
        assert_eq!(number("42"), Some(42));
        for other in ["042", "+42", " 42", "42 ", "0x2a"] {
            assert_eq!(number(other), None, "{other}");
        }
    }

    #[test]
    fn no_two_runs_get_one_name() {
        let name = |pipeline: &str, attempt: &str| {
            let claims =
                [("pipeline", pipeline), ("attempt", attempt)].map(|(name, value)| (name.to_owned(), value.into()));
            run(&Claims(claims.into_iter().collect()), &["pipeline", "attempt"]).unwrap()
        };
        assert_eq!(name("5000", "1").as_str(), "5000-1");
        let parts = ["a", "a-", "-a", "a_", "a-a", "a_.a", "_", "-", "_-", "-_", ".", "_.", "a-a-a"];
        let all: Vec<_> = parts.iter().flat_map(|one| parts.iter().map(|two| name(one, two))).collect();
        let distinct: std::collections::BTreeSet<_> = all.iter().collect();
        assert_eq!(distinct.len(), parts.len() * parts.len());
    }
}
