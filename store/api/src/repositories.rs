//! Registration: what an administrator says of a repository. The policy of trust is here and in the backend, never in a
//! sci.toml, which a pull request can edit.

use serde::{Deserialize, Serialize};

use crate::RepositoryId;

/// The issuer of GitHub's identities.
pub const GITHUB: &str = "https://token.actions.githubusercontent.com";
/// The most entries of each list of a registration.
pub const MAX_ENTRIES: usize = 256;

/// How much each untrusted scope of a new registration may keep, and all together, in bytes: who opens pull requests fills no
/// store because nobody thought of a limit.
const UNTRUSTED_SCOPE: u64 = 10 << 30;
const UNTRUSTED: u64 = 50 << 30;

/// A registered repository. Every name is compared byte for byte.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Registration {
    /// The id that the issuer gives the repository; a name can be taken by somebody else.
    pub repository: RepositoryId,
    /// The id of the repository's owner, by the same issuer.
    pub owner: String,
    /// The issuer whose identities may speak for the repository.
    pub issuer: String,
    /// What people call it; decides nothing.
    #[serde(default)]
    pub name: String,
    /// The default branch, as `refs/heads/main`.
    pub default_ref: String,
    /// The references whose protected state is trusted, in full.
    pub trusted_refs: Vec<String>,
    /// Who may write release scopes.
    #[serde(default)]
    pub release: ReleasePolicy,
    /// Whether a manual start (`workflow_dispatch`) on a trusted reference may write its scope.
    #[serde(default)]
    pub dispatch_writes: bool,
    /// Whether self-hosted runners may write more than branch scopes.
    #[serde(default)]
    pub self_hosted_trusted: bool,
    /// Whether anybody may read the default branch's trusted scope without an identity.
    #[serde(default)]
    pub public_read: bool,
    /// How much it may keep.
    #[serde(default)]
    pub quota: Quota,
}

/// Which jobs may write `release:<tag>`. Without an entry in both lists none may.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReleasePolicy {
    /// Environments of the job.
    #[serde(default)]
    pub environments: Vec<String>,
    /// The job's workflow with its reference, as `owner/repo/.github/workflows/release.yml@refs/heads/main`.
    #[serde(default)]
    pub workflow_refs: Vec<String>,
    /// Whether a release may also read the default branch's trusted scope.
    #[serde(default)]
    pub reads_trusted: bool,
}

/// Limits in bytes of objects; absent: none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quota {
    /// Of the repository as a whole.
    #[serde(default)]
    pub repository: Option<u64>,
    /// Of each scope of a pull request, a branch or a merge queue.
    #[serde(default)]
    pub untrusted_scope: Option<u64>,
    /// Of all those scopes together: what they cannot take from trusted ones.
    #[serde(default)]
    pub untrusted: Option<u64>,
}

/// Every registered repository, by id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Repositories {
    /// The registrations.
    pub repositories: Vec<Registration>,
}

impl Registration {
    /// A registration that trusts the default branch and nothing else, and limits what others may fill.
    pub fn new(repository: RepositoryId, owner: impl Into<String>, default_ref: impl Into<String>) -> Self {
        let default_ref = default_ref.into();
        Self {
            repository,
            owner: owner.into(),
            issuer: GITHUB.to_owned(),
            name: String::new(),
            trusted_refs: vec![default_ref.clone()],
            default_ref,
            release: ReleasePolicy::default(),
            dispatch_writes: false,
            self_hosted_trusted: false,
            public_read: false,
            quota: Quota { untrusted_scope: Some(UNTRUSTED_SCOPE), untrusted: Some(UNTRUSTED), repository: None },
        }
    }

    /// What is wrong with it, if anything: a sentence for the administrator.
    pub fn problem(&self) -> Option<String> {
        let lists = [&self.trusted_refs, &self.release.environments, &self.release.workflow_refs];
        if lists.iter().any(|list| list.len() > MAX_ENTRIES) {
            return Some(format!("a list has more than {MAX_ENTRIES} entries"));
        }
        let strange = |text: &&String| text.is_empty() || text.len() > 512 || text.chars().any(char::is_control);
        let mut names = lists.into_iter().flatten().chain([&self.default_ref, &self.owner, &self.issuer]);
        if let Some(name) = names.find(strange) {
            return Some(format!("{name:?} is empty, longer than 512 bytes, or holds a control character"));
        }
        let mut refs = self.trusted_refs.iter().chain([&self.default_ref]);
        let short = refs.find(|name| !name.starts_with("refs/heads/"));
        short.map(|name| format!("{name:?} is not a branch in full, as refs/heads/main"))
    }
}
