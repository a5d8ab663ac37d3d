//! Where sci's own directories may be: not in what it restores, or a restore would roll them back too.

use std::path::Path;

use sci_planner::config::{Config, Declaration};
use sci_planner::{Host, Outcome, Place, Plan};
use sci_sys::places;

use crate::error::{CliError, Kind, Result};

/// Refuses a directory of sci's (`what`, that `flag` names) that a declared path is or holds.
///
/// # Errors
/// [`Kind::Usage`].
pub fn refuse_in_a_path(config: &Config, host: &Host, directory: &Path, what: &str, flag: &str) -> Result<()> {
    let directory = places::resolved(directory);
    let hit = config.paths.iter().find(|declared| holds(declared, config, host, &directory));
    let Some(declared) = hit else { return Ok(()) };
    let (directory, path) = (directory.display(), declared.path.value.text());
    let message = format!("{what} {directory} is in the workspace path `{path}`");
    Err(CliError::new(Kind::Usage, message).hint(format!("a restore would roll it back too: name another with {flag}")))
}

fn holds(declared: &Declaration, config: &Config, host: &Host, directory: &Path) -> bool {
    let path = &declared.path.value;
    if path.base().is_none() {
        let place = Place::of(declared, path.text(), &config.workspace, host);
        return place.is_ok_and(|place| directory.starts_with(place.resolved()));
    }
    let Some(below) = directory.strip_prefix(&config.workspace).ok().and_then(places::text) else { return false };
    below.match_indices('/').map(|(slash, _)| &below[..slash]).chain([&*below]).any(|part| path.covers(part))
}

/// The path whose inputs include files of sci's own `directory`, which changes at every save.
pub fn counted_by<'p>(plan: &'p Plan, directory: &Path) -> Option<&'p str> {
    let directory = places::resolved(directory);
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
