//! Who uses the embedded store: a project, and in CI the event that started the job.
//!
//! The embedded store trusts its user: there is no token to check. It still keeps what an event may write apart, so that a
//! pull request's job on a shared machine does not feed the default branch's.

use std::collections::BTreeMap;

use sci_service::policy::{self, Event, Identity, references};
use sci_service::{Caller, Sight};
use sci_store_api::repositories::Quota;
use sci_store_api::{NameError, Registration, RepositoryId, RunId, Scope, ScopeClass};

/// The claims taken from the environment of a GitHub job: claim, variable.
const CLAIMS: [(&str, &str); 6] = [
    ("sha", "GITHUB_SHA"),
    ("ref", "GITHUB_REF"),
    ("event_name", "GITHUB_EVENT_NAME"),
    ("run_id", "GITHUB_RUN_ID"),
    ("run_attempt", "GITHUB_RUN_ATTEMPT"),
    ("job", "GITHUB_JOB"),
];

/// Whether the environment is that of a CI job, where the embedded store is used only when asked for.
pub fn in_ci(env: &BTreeMap<String, String>) -> bool {
    ["CI", "GITHUB_ACTIONS"]
        .iter()
        .any(|name| env.get(*name).is_some_and(|value| !matches!(value.as_str(), "" | "false" | "0")))
}

/// The caller for a project: its repository is the digest of `project` (the `[store] project` setting, else the canonical
/// root), and its scopes follow from the event that `env` names; outside CI there is one scope, `trusted:local`.
///
/// `sha` is the commit of the checkout, when the caller knows it; it becomes the record's `sha` claim, by which
/// resolve finds the nearest ancestor.
pub fn caller(
    project: &str,
    run: RunId,
    sha: Option<&str>,
    env: &BTreeMap<String, String>,
) -> Result<Caller, NameError> {
    let digest = sci_hasher::Encoder::digest("sci v1 embedded project", project);
    let repository = RepositoryId::new(digest.to_string())?;
    let (scope_write, scopes_read) = scopes(&repository, &run, env);
    let mut claims = BTreeMap::new();
    if env.get("GITHUB_ACTIONS").is_some_and(|value| value == "true") {
        let found = CLAIMS.iter().filter_map(|(claim, name)| Some(((*claim).to_owned(), env.get(*name)?.clone())));
        claims.extend(found);
    }
    if let Some(sha) = sha {
        claims.insert("sha".to_owned(), sha.to_owned());
    }
    Ok(Caller {
        repository,
        scope_write,
        scopes_read,
        run,
        claims,
        is_public: false,
        sight: Sight::Scopes,
        quota: Quota::default(),
    })
}

/// The scope that may be written, and the scopes that may be read, in order: what the policy of every backend says of the job,
/// where a protected branch counts as trusted, and so does one that a pull request or a queue is for.
fn scopes(repository: &RepositoryId, run: &RunId, env: &BTreeMap<String, String>) -> (Option<Scope>, Vec<Scope>) {
    let get = |name: &str| env.get(name).map_or("", String::as_str);
    if get("GITHUB_ACTIONS") != "true" {
        let local = Scope::new(ScopeClass::Trusted, "local").ok();
        return (local.clone(), local.into_iter().collect());
    }
    let reference = get("GITHUB_REF");
    let protected = get("GITHUB_REF_PROTECTED") == "true";
    let base = Some(get("GITHUB_BASE_REF")).filter(|base| !base.is_empty());
    let queue_base = references::queue_base(reference);
    // The environment does not name the default branch. To read a trusted scope that does not exist is harmless.
    let default = if get("SCI_DEFAULT_BRANCH").is_empty() { "main" } else { get("SCI_DEFAULT_BRANCH") };
    let in_full = |branch: &str| format!("refs/heads/{branch}");
    let trusted = base.into_iter().chain(queue_base).map(in_full);
    let registration = Registration {
        trusted_refs: trusted.chain(protected.then(|| reference.to_owned())).collect(),
        ..Registration::new(repository.clone(), "", in_full(default))
    };
    let identity = Identity {
        issuer: registration.issuer.clone(),
        repository: repository.clone(),
        owner: registration.owner.clone(),
        event: Event::of_github(get("GITHUB_EVENT_NAME")),
        reference: reference.to_owned(),
        is_branch: reference.starts_with("refs/heads/"),
        protected,
        base: base.map(str::to_owned),
        pull_request: references::pull_request(reference),
        queue_base: queue_base.map(str::to_owned),
        environment: None,
        workflow: None,
        // Whose machine it is does not matter: the store is its owner's.
        self_hosted: false,
        run: run.clone(),
        claims: BTreeMap::new(),
    };
    policy::decide(&identity, &registration).map_or_else(|_| (None, Vec::new()), |grant| (grant.write, grant.read))
}
