//! Finds sci.toml, reads it, and puts the checks in order.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::error::{Errors, Source};
use super::{Config, ConfigError, after, merge, overlap, read};
use crate::PlanError;

/// The name of the file that makes a directory a workspace.
pub const FILE_NAME: &str = "sci.toml";

/// A larger sci.toml is refused before it is parsed: each of its patterns takes some ten kilobytes when it is compiled.
const SIZE_LIMIT: usize = 64 << 10;

/// Finds the sci.toml of the workspace that `start` is in: there, or in the nearest directory above.
///
/// # Errors
/// [`PlanError::NoWorkspace`] when there is none up to the root of the file system.
pub fn find(start: &Path) -> Result<PathBuf, PlanError> {
    let above = start.ancestors().map(|directory| directory.join(FILE_NAME));
    above.into_iter().find(|file| file.is_file()).ok_or_else(|| PlanError::NoWorkspace { start: start.to_owned() })
}

/// Reads and checks one sci.toml. The workspace is the directory that holds it, with symlinks resolved.
///
/// # Errors
/// [`PlanError::Config`] with everything that is wrong, or [`PlanError::Io`].
pub fn load(file: &Path) -> Result<Config, PlanError> {
    let io = |source| PlanError::Io { path: file.to_owned(), source };
    let mut bytes = Vec::new();
    // One byte more than is accepted, so that a file that is too large is seen to be so.
    File::open(file).and_then(|file| file.take(SIZE_LIMIT as u64 + 1).read_to_end(&mut bytes)).map_err(io)?;
    let directory = file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let workspace = sci_sys::places::canonical(directory).map_err(io)?;
    if bytes.len() > SIZE_LIMIT {
        return Err(PlanError::Config(vec![too_large(&Source::new(file, ""))]));
    }
    let text = String::from_utf8(bytes).map_err(|error| PlanError::Config(vec![not_text(file, &error)]))?;
    parse(&workspace, file, &text).map_err(PlanError::Config)
}

/// Checks the text of a sci.toml.
///
/// `workspace` is where it applies, `file` how errors call it. Which files exist does not matter yet.
///
/// # Errors
/// Everything that is wrong with the text (the first hundred things that are found), in the order of the file.
pub fn parse(workspace: &Path, file: &Path, text: &str) -> Result<Config, Vec<ConfigError>> {
    let source = Source::new(file, text);
    if text.len() > SIZE_LIMIT {
        return Err(vec![too_large(&source)]);
    }
    // What follows a syntax error says nothing about what was meant, so the first one is the only one.
    let root = toml::de::DeTable::parse(text).map_err(|error| {
        vec![source.error(&error.span().unwrap_or(0..0), format!("not valid TOML: {}", error.message()), None)]
    })?;
    let mut errors = Errors::new(&source);
    let mut document = read::document(root.get_ref(), &mut errors);
    let (declarations, names) = merge::declarations(&mut document, &mut errors);
    overlap::check(&declarations, &mut errors);
    let paths = after::order(declarations, &names, &mut errors);
    errors.finish(())?;
    let read::Document { presets, variant, text: mode, store, .. } = document;
    Ok(Config { workspace: workspace.to_owned(), store, presets, variant, text: mode, paths, source })
}

fn too_large(source: &Source) -> ConfigError {
    source.error(&(0..0), format!("{FILE_NAME} is larger than {SIZE_LIMIT} bytes"), None)
}

fn not_text(file: &Path, error: &std::string::FromUtf8Error) -> ConfigError {
    let valid = error.utf8_error().valid_up_to();
    let text = String::from_utf8_lossy(&error.as_bytes()[..valid]).into_owned();
    Source::new(file, text).error(&(valid..valid), "not UTF-8", Some("save the file as UTF-8".to_owned()))
}
