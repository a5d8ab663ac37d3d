//! The store as its administrator uses it: no project, no ticket, no snapshot's bytes.

use std::path::PathBuf;

use sci_native::LocalAdmin;

use crate::context::Context;
use crate::error::{CliError, Kind, Result};
use crate::store::failed;

/// Opens the store on this machine for its administration: `--store`, else the default one.
///
/// # Errors
/// [`Kind::Usage`] when there is no place for a store; [`Kind::Store`] when it cannot be opened.
pub fn local(context: &Context) -> Result<LocalAdmin> {
    LocalAdmin::open(&directory(context)?).map_err(failed)
}

/// The directory of the store on this machine: `--store`, else the default one.
///
/// # Errors
/// [`Kind::Usage`] when there is no place for a store.
pub fn directory(context: &Context) -> Result<PathBuf> {
    match context.globals.store() {
        Some(flag) => std::path::absolute(&flag).map_err(|error| CliError::local("resolve", &flag, error)),
        None => Ok(context.state()?.default_store()),
    }
}

/// Reads a name of the protocol from the command line.
///
/// # Errors
/// [`Kind::Usage`] with the rule that it breaks.
pub fn named<T: std::str::FromStr<Err: std::fmt::Display>>(text: &str) -> Result<T> {
    text.parse().map_err(|error: T::Err| CliError::new(Kind::Usage, error))
}
