//! Where sci's own directories may be: not in what it restores, or a restore would roll them back too.

use std::path::{Path, PathBuf};

use sci_planner::config::{Config, DeclaredPath};
use sci_planner::{Outcome, Plan};
use sci_sys::places;

use crate::error::{CliError, Kind, Result};

/// Refuses a directory of sci's (`what`, that `flag` names) that a declared path is or holds.
///
/// # Errors
/// [`Kind::Usage`].
pub fn refuse_in_a_path(config: &Config, home: Option<&Path>, directory: &Path, what: &str, flag: &str) -> Result<()> {
    let directory = resolved(directory);
    let home = home.map(resolved);
    let hit = config.paths.iter().find(|declared| holds(&declared.path.value, config, home.as_deref(), &directory));
    let Some(declared) = hit else { return Ok(()) };
    let (directory, path) = (directory.display(), declared.path.value.text());
    let message = format!("{what} {directory} is in the workspace path `{path}`");
    Err(CliError::new(Kind::Usage, message).hint(format!("a restore would roll it back too: name another with {flag}")))
}

fn holds(path: &DeclaredPath, config: &Config, home: Option<&Path>, directory: &Path) -> bool {
    if path.base().is_none() {
        let root = if path.is_home() { home } else { Some(config.workspace.as_path()) };
        let place = root.map(|root| root.join(path.tail()));
        return place.is_some_and(|place| directory.starts_with(place));
    }
    let Some(below) = directory.strip_prefix(&config.workspace).ok().and_then(places::text) else { return false };
    below.match_indices('/').map(|(slash, _)| &below[..slash]).chain([&*below]).any(|part| path.covers(part))
}

/// The path whose inputs include files of sci's own `directory`, which changes at every save.
pub fn counted_by<'p>(plan: &'p Plan, directory: &Path) -> Option<&'p str> {
    let directory = resolved(directory);
    let below = directory.strip_prefix(&plan.workspace).ok().and_then(places::text)?;
    let prefix = format!("{below}/");
    let counts = |outcome: &Outcome| match outcome {
        Outcome::Keyed(keyed) => {
            keyed.derivation.inputs().any(|(_, name, _)| name.as_bytes().starts_with(prefix.as_bytes()))
        }
        Outcome::Unkeyed { .. } => false,
    };
    plan.paths.iter().find(|path| counts(&path.outcome)).map(|path| path.instance.as_str())
}

/// The path with links resolved, as far as it exists.
pub fn resolved(path: &Path) -> PathBuf {
    let existing = path.ancestors().find_map(|above| Some((above, places::canonical(above).ok()?)));
    match existing {
        Some((above, real)) => path.strip_prefix(above).map_or_else(|_| path.to_owned(), |rest| join(real, rest)),
        None => path.to_owned(),
    }
}

/// Joining nothing would add a separator.
fn join(real: PathBuf, rest: &Path) -> PathBuf {
    if rest.as_os_str().is_empty() { real } else { real.join(rest) }
}
