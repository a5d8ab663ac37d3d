//! The GitHub workflow that `sci init --workflow` offers: what a person would begin with, to be edited.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use sci_presets::{Detected, Workflow};
use sci_sys::places::with_slashes;
use serde::Serialize;

use crate::error::{CliError, Result};
use crate::state::atomic;

/// The branch whose pushes build, where git does not say which one that is.
const DEFAULT_BRANCH: &str = "main";

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
    atomic::write(&file, compose(&branch(repository), below, found).as_bytes())?;
    Ok(Offered { file, written: true })
}

/// The default branch, as a clone notes it.
fn branch(repository: &Path) -> String {
    let head = std::fs::read_to_string(repository.join(".git/refs/remotes/origin/HEAD")).unwrap_or_default();
    let named = head.trim().strip_prefix("ref: refs/remotes/origin/").filter(|name| is_plain(name));
    named.unwrap_or(DEFAULT_BRANCH).to_owned()
}

/// Whether YAML takes the word for what it is, without quotes.
fn is_plain(name: &str) -> bool {
    name.starts_with(|letter: char| letter.is_ascii_alphabetic())
        && name.chars().all(|letter| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '/' | '.'))
}

/// The content, as a function of what was detected and where.
fn compose(branch: &str, below: &Path, found: &[&Detected]) -> String {
    let mut text = format!(
        "# Written by `sci init --workflow`, and yours from here on: what it builds, and with what, is to be seen through.\n\
         # The store is the one that sci.toml names with [store] url; `sci deploy` and `sci serve` make one.\n\
         name: build\n\
         on:\n\
         \x20 push:\n\
         \x20   branches: [{branch}]\n\
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
        let _ = writeln!(text, "        with:\n          working-directory: {}", quoted(below));
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
            let _ = writeln!(text, "        working-directory: {}", quoted(&step.0));
        }
        told.push(step);
    }
}

/// A path as YAML reads it, whatever is in it.
fn quoted(path: &Path) -> String {
    let path = with_slashes(path.to_owned());
    let path = path.to_string_lossy();
    if is_plain(&path) { path.into_owned() } else { format!("{path:?}") }
}
