//! What a checked identity says of a run, whichever system issued it.

use std::collections::BTreeMap;

use sci_store_api::{RepositoryId, RunId};
use serde::{Deserialize, Serialize};

/// Why a job runs. What is not listed here is [`Event::Other`], which opens nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// Commits or a tag were pushed.
    Push,
    /// A timetable.
    Schedule,
    /// Somebody started it by hand.
    WorkflowDispatch,
    /// A merge queue tries an entry.
    MergeGroup,
    /// A pull request, run with the pull request's own workflow.
    PullRequest,
    /// A release was published.
    Release,
    /// Anything else.
    Other,
}

impl Event {
    /// What GitHub's name of an event means.
    pub fn of_github(name: &str) -> Self {
        match name {
            "push" => Self::Push,
            "schedule" => Self::Schedule,
            "workflow_dispatch" => Self::WorkflowDispatch,
            "merge_group" => Self::MergeGroup,
            "pull_request" => Self::PullRequest,
            "release" => Self::Release,
            _ => Self::Other,
        }
    }
}

/// An identity. All texts are compared byte for byte. Who started the job, and what the workflow is called, are not here:
/// nothing may be decided by them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The issuer that vouches for the rest.
    pub issuer: String,
    /// The repository's id.
    pub repository: RepositoryId,
    /// The owner's id.
    pub owner: String,
    /// Why the job runs.
    pub event: Event,
    /// The reference that it runs for, in full.
    pub reference: String,
    /// Whether that is a branch, and not a tag of the same name.
    pub is_branch: bool,
    /// Whether the issuer says that the reference is protected.
    pub protected: bool,
    /// The branch that a pull request is for, without `refs/heads/`.
    pub base: Option<String>,
    /// The number of the pull request, where the reference is exactly that of its merge.
    pub pull_request: Option<u64>,
    /// The branch that a merge queue's entry is for, without `refs/heads/`.
    pub queue_base: Option<String>,
    /// The job's environment.
    pub environment: Option<String>,
    /// The job's workflow with its reference.
    pub workflow: Option<String>,
    /// Whether the runner is the repository's own machine.
    pub self_hosted: bool,
    /// The run.
    pub run: RunId,
    /// What records say of the run: claims that the issuer vouched for.
    pub claims: BTreeMap<String, String>,
}
