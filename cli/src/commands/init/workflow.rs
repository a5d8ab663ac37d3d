//! The GitHub workflow that `sci init --workflow` offers: what a person would begin with, to be edited.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use sci_presets::{Detected, Workflow};
use sci_sys::places::with_slashes;
use serde::Serialize;

use crate::error::{CliError, Result};
use crate::git;
use crate::state::atomic;

/// What became of the workflow file.
#[derive(Debug, Serialize)]
pub(super) struct Offered {
    pub file: PathBuf,
    /// False when there is one already: it is somebody's, whatever it says.
    pub written: bool,
}

/// Writes the workflow for a workspace in `directory`, unless there is one.
pub(super) fn write(directory: &Path, found: &[&Detected]) -> Result<Offered> {
    let repository = directory.ancestors().find(|above| above.join(".git").exists()).unwrap_or(directory);
    let below = directory.strip_prefix(repository).unwrap_or(Path::new(""));
    let name = below.iter().map(|part| format!("-{}", part.to_string_lossy())).collect::<String>();
    let file = repository.join(format!(".github/workflows/sci{name}.yml"));
    if file.symlink_metadata().is_ok() {
        return Ok(Offered { file, written: false });
    }
    let folder = repository.join(".github/workflows");
    std::fs::create_dir_all(&folder).map_err(|error| CliError::local("make", &folder, error))?;
    atomic::write(&file, compose(branch(repository), below, found).as_bytes())?;
    Ok(Offered { file, written: true })
}

/// The branch whose pushes build, and whether it is the default one for certain, as a clone notes it; else it is the one that is
/// checked out. None where git says neither.
fn branch(repository: &Path) -> Option<(String, bool)> {
    let default = git::symbolic(repository, "refs/remotes/origin/HEAD");
    let default = default.and_then(|name| Some((name.strip_prefix("refs/remotes/origin/")?.to_owned(), true)));
    default.or_else(|| {
        let head = git::symbolic(repository, "HEAD")?;
        Some((head.strip_prefix("refs/heads/")?.to_owned(), false))
    })
}

/// Whether YAML takes the word for what it is, without quotes.
fn is_plain(name: &str) -> bool {
    !matches!(name.to_ascii_lowercase().as_str(), "true" | "false" | "null" | "yes" | "no" | "on" | "off" | "y" | "n")
        && name.starts_with(|letter: char| letter.is_ascii_alphabetic())
        && name.chars().all(|letter| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '/' | '.'))
}

/// The content, as a function of what was detected and where.
fn compose(branch: Option<(String, bool)>, below: &Path, found: &[&Detected]) -> String {
    let push = match branch {
        Some((branch, is_default)) => {
            let remark = if is_default { "" } else { " # the branch that was checked out: name the default one here" };
            format!("push:\n    branches: [{}]{remark}", quoted(&pattern(&branch)))
        }
        None => "push:".to_owned(),
    };
    let mut text = format!(
        "# Written by `sci init --workflow`, and yours from here on: what it builds, and with what, is to be seen through.\n\
         # The store is the one that sci.toml names with [store] url; `sci deploy` and `sci serve` make one.\n\
         name: build\n\
         on:\n\
         \x20 {push}\n\
         \x20 pull_request:\n\
         \x20 merge_group:\n\
         permissions:\n\
         \x20 contents: read\n\
         \x20 id-token: write # the store has to know who asks; nothing secret is needed\n\
         jobs:\n\
         \x20 build:\n\
         \x20   runs-on: ubuntu-latest\n\
         \x20   steps:\n\
         \x20     - uses: actions/checkout@v6\n"
    );
    steps(&mut text, below, found, |workflow| Some((workflow.setup.as_deref()?, None)));
    text.push_str("      # Restores the paths of sci.toml now, and saves them when the job ends. <OWNER> is who keeps sci: name it, and the\n");
    text.push_str("      # store of your jobs as `url` in [store] of sci.toml.\n");
    text.push_str("      - uses: <OWNER>/sci/action@v1\n");
    if below != Path::new("") {
        let _ = writeln!(text, "        with:\n          working-directory: {}", quoted(&slashed(below)));
    }
    steps(&mut text, below, found, |workflow| Some((workflow.run.as_deref()?, workflow.because.as_deref())));
    text
}

/// A line for a shell, and a remark on it.
type Line<'w> = (&'w str, Option<&'w str>);

/// A step for each line of the presets, each once in a directory.
fn steps(text: &mut String, below: &Path, found: &[&Detected], line: impl Fn(&Workflow) -> Option<Line<'_>>) {
    let mut told = Vec::new();
    for detected in found {
        let Some((line, remark)) = line(&detected.preset.workflow) else { continue };
        // By components, for joining nothing leaves a `/` behind.
        let step = (below.iter().chain(detected.directory.iter()).collect::<PathBuf>(), line);
        if told.contains(&step) {
            continue;
        }
        if let Some(remark) = remark {
            let _ = writeln!(text, "      # {remark}");
        }
        let _ = writeln!(text, "      - run: {line}");
        if step.0 != Path::new("") {
            let _ = writeln!(text, "        working-directory: {}", quoted(&slashed(&step.0)));
        }
        told.push(step);
    }
}

/// A pattern of GitHub's that matches nothing but this branch.
fn pattern(branch: &str) -> String {
    let escaped = |letter| {
        if matches!(letter, '*' | '?' | '+' | '[' | ']' | '!' | '\\') {
            format!("\\{letter}")
        } else {
            letter.to_string()
        }
    };
    branch.chars().map(escaped).collect()
}

fn slashed(path: &Path) -> String {
    with_slashes(path.to_owned()).to_string_lossy().into_owned()
}

/// A text as YAML reads it, whatever is in it: between double quotes it takes the escapes of JSON.
fn quoted(text: &str) -> String {
    if is_plain(text) {
        return text.to_owned();
    }
    // YAML forbids these, too, as they are; JSON does not.
    let is_forbidden = |letter: char| {
        matches!(letter, '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
    };
    let escaped =
        |letter| if is_forbidden(letter) { format!("\\u{:04x}", u32::from(letter)) } else { letter.to_string() };
    serde_json::Value::from(text).to_string().chars().map(escaped).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_quoted_as_yaml_reads_them() {
        for (text, written) in [
            ("packages/web", "packages/web"),
            ("true", "\"true\""),
            ("a \"b\"", r#""a \"b\"""#),
            (r"a\b", r#""a\\b""#),
            ("it's #1: {x}", "\"it's #1: {x}\""),
            ("bell\u{7}\u{1b}\u{7f}\u{85}\u{2028}é", r#""bell\u0007\u001b\u007f\u0085\u2028é""#),
        ] {
            assert_eq!(quoted(text), written);
        }
        assert_eq!(pattern("release/*"), r"release/\*");
    }

    #[test]
    fn the_branch_is_the_default_one_or_that_of_the_checkout_or_none() {
        let directory = tempfile::tempdir().unwrap();
        let named = |name: &str, is_default| Some((name.to_owned(), is_default));
        let git = |words: &[&str]| {
            let git = std::process::Command::new("git").arg("-C").arg(directory.path()).args(words).status().unwrap();
            assert!(git.success(), "{words:?}");
        };
        assert_eq!(branch(directory.path()), None);
        assert!(!compose(None, Path::new(""), &[]).contains("branches"));
        git(&["init", "--quiet", "--initial-branch", "trunk"]);
        assert_eq!(branch(directory.path()), named("trunk", false));
        git(&["-c", "user.name=a", "-c", "user.email=a@b", "commit", "--quiet", "--allow-empty", "--message", "one"]);
        git(&["worktree", "add", "--quiet", "-b", "other", "linked"]);
        assert_eq!(branch(&directory.path().join("linked")), named("other", false));
        git(&["checkout", "--quiet", "--detach"]);
        assert_eq!(branch(directory.path()), None);
        git(&["symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/master"]);
        assert_eq!(branch(directory.path()), named("master", true));
        assert_eq!(branch(&directory.path().join("linked")), named("master", true));
        let written = |is_default| compose(named("a \"b\"", is_default), Path::new(""), &[]);
        assert!(written(true).contains("branches: [\"a \\\"b\\\"\"]\n"));
        assert!(
            written(false)
                .contains("branches: [\"a \\\"b\\\"\"] # the branch that was checked out: name the default one here\n")
        );
    }
}
