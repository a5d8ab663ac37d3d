//! What an account holds, and what is made in it, each by one command of wrangler.

use serde::Deserialize;
use serde_json::Value;
use tempfile::NamedTempFile;

use super::wrangler::{Failure, Wrangler};

/// The platform's words for "there is no such Worker", by which of its two interfaces was asked.
const NO_WORKER: [u32; 2] = [10_007, 10_090];
const NO_BUCKET: u32 = 10_006;
/// The bucket is there, and is the account's own.
const BUCKET_EXISTS: u32 = 10_004;

/// An account that the login can use.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Account {
    /// The platform's id of it.
    pub id: String,
    /// What people call it.
    #[serde(default)]
    pub name: String,
}

/// A Worker that an account has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Worker {
    /// The version that all requests go to; `None` when they go to several.
    version: Option<String>,
    /// Whether it has the secret that was asked for.
    pub has_secret: bool,
}

/// The accounts that the login can use.
///
/// # Errors
/// [`Failure`], also when nobody is logged in.
pub fn accounts(wrangler: &Wrangler) -> Result<Vec<Account>, Failure> {
    #[derive(Deserialize)]
    struct Answer {
        accounts: Vec<Account>,
    }
    json::<Answer>(wrangler, &["whoami", "--json"]).map(|answer| answer.accounts)
}

/// Whether the account has a bucket.
///
/// # Errors
/// [`Failure`].
pub fn has_bucket(wrangler: &Wrangler, name: &str) -> Result<bool, Failure> {
    match wrangler.run(&["r2", "bucket", "info", name, "--json"]) {
        Ok(_) => Ok(true),
        Err(failure) if failure.has_code(NO_BUCKET) => Ok(false),
        Err(failure) => Err(failure),
    }
}

/// Makes a bucket, unless somebody has just done so.
///
/// # Errors
/// [`Failure`].
pub fn make_bucket(wrangler: &Wrangler, name: &str) -> Result<(), Failure> {
    match wrangler.run(&["r2", "bucket", "create", name]) {
        Err(failure) if !failure.has_code(BUCKET_EXISTS) => Err(failure),
        _ => Ok(()),
    }
}

/// The id of a database; `None` when the account has none of that name.
///
/// # Errors
/// [`Failure`].
pub fn database(wrangler: &Wrangler, name: &str) -> Result<Option<String>, Failure> {
    #[derive(Deserialize)]
    struct Database {
        uuid: String,
        name: String,
    }
    let databases: Vec<Database> = json(wrangler, &["d1", "list", "--json"])?;
    Ok(databases.into_iter().find(|database| database.name == name).map(|database| database.uuid))
}

/// Makes a database, and gives its id.
///
/// # Errors
/// [`Failure`].
pub fn make_database(wrangler: &Wrangler, name: &str) -> Result<String, Failure> {
    let args = ["d1", "create", name];
    let said = wrangler.run(&args)?;
    database(wrangler, name)?.ok_or_else(|| Failure::unexpected(&args, &said))
}

/// The Worker of a name, and whether it has a secret; `None` when the account has no such Worker.
///
/// # Errors
/// [`Failure`].
pub fn worker(wrangler: &Wrangler, name: &str, secret: &str) -> Result<Option<Worker>, Failure> {
    #[derive(Deserialize)]
    struct Named {
        name: String,
    }
    let status: Value = match json(wrangler, &["deployments", "status", "--name", name, "--json"]) {
        Err(failure) if NO_WORKER.iter().any(|code| failure.has_code(*code)) => return Ok(None),
        status => status?,
    };
    let version = match status["versions"].as_array().map_or(&[][..], Vec::as_slice) {
        [version] => version["version_id"].as_str().map(str::to_owned),
        _ => None,
    };
    let secrets: Vec<Named> = json(wrangler, &["secret", "list", "--name", name, "--format", "json"])?;
    Ok(Some(Worker { version, has_secret: secrets.iter().any(|found| found.name == secret) }))
}

/// The tag of the version that all requests go to; `None` when there is no such one, or when it has no tag.
///
/// # Errors
/// [`Failure`].
pub fn tag(wrangler: &Wrangler, name: &str, worker: &Worker) -> Result<Option<String>, Failure> {
    let Some(id) = &worker.version else { return Ok(None) };
    let version: Value = json(wrangler, &["versions", "view", id, "--name", name, "--json"])?;
    Ok(version["annotations"]["workers/tag"].as_str().map(str::to_owned))
}

/// Uploads the Worker of the directory and lets all requests go to it. `secrets` are taken as JSON; without them it keeps
/// those that it has. Gives the addresses that it answers at.
///
/// # Errors
/// [`Failure`].
pub fn upload(
    wrangler: &Wrangler,
    tag: &str,
    message: &str,
    secrets: Option<&[u8]>,
) -> std::io::Result<Result<Vec<String>, Failure>> {
    let report = NamedTempFile::new()?;
    let mut args = vec!["deploy", "--tag", tag, "--message", message];
    if secrets.is_some() {
        // Through a pipe, so that the key is in no file but the owner's secret.
        args.extend(["--secrets-file", "/dev/stdin"]);
    }
    Ok(match wrangler.run_reporting(&args, secrets, report.path()) {
        Ok(_) => Ok(targets(&std::fs::read_to_string(report.path())?)),
        Err(failure) => Err(failure),
    })
}

/// What an upload would be, as far as this machine can tell.
///
/// # Errors
/// [`Failure`].
pub fn try_upload(wrangler: &Wrangler) -> Result<(), Failure> {
    wrangler.run(&["deploy", "--dry-run"]).map(drop)
}

/// The addresses among what the uploaded Worker is reached by, in wrangler's own report of one JSON object a line.
fn targets(report: &str) -> Vec<String> {
    let lines = report.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let deploys = lines.filter(|line| line["type"] == "deploy");
    let targets = deploys.filter_map(|line| line["targets"].as_array().cloned()).flatten();
    let text = targets.filter_map(|target| target.as_str().map(str::to_owned));
    text.filter(|target| target.starts_with("https://")).collect()
}

fn json<T: serde::de::DeserializeOwned>(wrangler: &Wrangler, args: &[&str]) -> Result<T, Failure> {
    let said = wrangler.run(args)?;
    serde_json::from_str(&said).map_err(|_| Failure::unexpected(args, &said))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_told_from_other_targets() {
        let report = "{\"type\":\"wrangler-session\"}\nnoise\n\
                      {\"type\":\"deploy\",\"targets\":[\"https://sci.a.workers.dev\",\"schedule: 17 * * * *\"]}\n";
        assert_eq!(targets(report), ["https://sci.a.workers.dev"]);
    }
}
