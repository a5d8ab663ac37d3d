//! Why there is no plan at all. What only concerns one path is that path's outcome instead.

use std::io;
use std::path::PathBuf;

use crate::config::ConfigError;

/// Why a workspace could not be planned.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// There is no sci.toml here or above.
    #[error("no sci.toml in {} or above", start.display())]
    NoWorkspace {
        /// Where the search began.
        start: PathBuf,
    },
    /// Something is wrong with sci.toml, perhaps several things.
    #[error("{}", summary(.0))]
    Config(Vec<ConfigError>),
    /// A file that planning itself needs could not be read.
    #[error("cannot read {}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

fn summary(errors: &[ConfigError]) -> String {
    match errors {
        [one] => one.to_string(),
        several => format!("{} errors in sci.toml", several.len()),
    }
}
