//! Who uses the embedded store: a project, and in CI the event that started the job.
//!
//! The embedded store trusts its user: there is no token to check. It still keeps what an event may write apart, so that a
//! pull request's job on a shared machine does not feed the default branch's.

use std::collections::BTreeMap;

use sci_service::Caller;
use sci_service::policy::references;
use sci_store_api::repositories::Quota;
use sci_store_api::{NameError, RepositoryId, RunId, Scope, ScopeClass};

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
    let (scope_write, scopes_read) = scopes(env);
    let mut claims = BTreeMap::new();
    if env.get("GITHUB_ACTIONS").is_some_and(|value| value == "true") {
        let found = CLAIMS.iter().filter_map(|(claim, name)| Some(((*claim).to_owned(), env.get(*name)?.clone())));
        claims.extend(found);
    }
    if let Some(sha) = sha {
        claims.insert("sha".to_owned(), sha.to_owned());
    }
    let repository = RepositoryId::new(digest.to_string())?;
    Ok(Caller { repository, scope_write, scopes_read, run, claims, is_public: false, quota: Quota::default() })
}

/// The scope that may be written, and the scopes that may be read, in order.
fn scopes(env: &BTreeMap<String, String>) -> (Option<Scope>, Vec<Scope>) {
    let get = |name: &str| env.get(name).map_or("", String::as_str);
    let scope = |class, reference: &str| Scope::new(class, reference).ok();
    let trusted = |branch: &str| scope(ScopeClass::Trusted, &format!("refs/heads/{branch}"));
    if get("GITHUB_ACTIONS") != "true" {
        let local = scope(ScopeClass::Trusted, "local");
        return (local.clone(), local.into_iter().collect());
    }
    let reference = get("GITHUB_REF");
    let is_branch = reference.starts_with("refs/heads/");
    let is_trusted = is_branch && get("GITHUB_REF_PROTECTED") == "true";
    // The environment does not name the default branch. To read a trusted scope that does not exist is harmless.
    let default = if get("SCI_DEFAULT_BRANCH").is_empty() { "main" } else { get("SCI_DEFAULT_BRANCH") };
    let (write, base) = match get("GITHUB_EVENT_NAME") {
        "push" | "schedule" if is_trusted => (scope(ScopeClass::Trusted, reference), None),
        "push" if is_branch => (scope(ScopeClass::Branch, reference), trusted(default)),
        "merge_group" => (scope(ScopeClass::Queue, reference), references::queue_base(reference).and_then(trusted)),
        "pull_request" => (references::pull_request(reference).map(Scope::pr), trusted(get("GITHUB_BASE_REF"))),
        "workflow_dispatch" if is_trusted => {
            return (None, scope(ScopeClass::Trusted, reference).into_iter().collect());
        }
        _ => return (None, Vec::new()),
    };
    let fallback = if write.as_ref().map(Scope::class) == Some(ScopeClass::Pr) { trusted(default) } else { None };
    let mut read: Vec<Scope> = Vec::new();
    if write.is_some() {
        read.extend(write.iter().cloned().chain(base).chain(fallback));
        read.dedup();
    }
    (write, read)
}
