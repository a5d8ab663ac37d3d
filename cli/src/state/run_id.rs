//! The id of a run: one job attempt in GitHub Actions, one `restore` or `run` elsewhere.

use jiff::Timestamp;
use sci_hasher::Encoder;

use crate::environment::Environment;

/// A fresh run id.
///
/// In GitHub Actions every command of a job attempt has the same one, `RUN_ID.ATTEMPT.JOB`; elsewhere it holds the time,
/// so that people can sort runs, and a digest of time and process, so that two never meet.
pub fn fresh(environment: &Environment, now: Timestamp) -> String {
    if let Some(id) = github(environment) {
        return id;
    }
    let mut encoder = Encoder::new("sci v1 local run");
    encoder.integer(now.as_nanosecond() as u64).integer(u64::from(std::process::id()));
    let unique = encoder.finish().to_string();
    format!("local-{}-{}", now.strftime("%Y%m%dT%H%M%SZ"), &unique[..8])
}

fn github(environment: &Environment) -> Option<String> {
    let part = |name| environment.text(name);
    Some(format!("{}.{}.{}", part("GITHUB_RUN_ID")?, part("GITHUB_RUN_ATTEMPT")?, part("GITHUB_JOB")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_github_job_attempt_is_one_run() {
        let pairs = [("GITHUB_RUN_ID", "77"), ("GITHUB_RUN_ATTEMPT", "2"), ("GITHUB_JOB", "test")];
        let environment = pairs.map(|(name, value)| (name.into(), value.into())).into_iter().collect();
        assert_eq!(fresh(&environment, Timestamp::UNIX_EPOCH), "77.2.test");
    }

    #[test]
    fn local_runs_differ_by_time() {
        let at = |nanos| fresh(&Environment::default(), Timestamp::from_nanosecond(nanos).unwrap());
        assert!(at(1).starts_with("local-19700101T000000Z-"));
        assert_ne!(at(1), at(2));
    }
}
