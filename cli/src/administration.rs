//! The store as its administrator uses it: no project, no ticket, no snapshot's bytes.

use sci_native::LocalAdmin;

use crate::context::Context;
use crate::error::{CliError, Kind, Result};
use crate::store::{buckets, directory, failed};

/// Opens the store on this machine for its administration: `--store`, else the default one.
///
/// # Errors
/// [`Kind::Usage`] when there is no place for a store; [`Kind::Store`] when it cannot be opened.
pub fn local(context: &Context) -> Result<LocalAdmin> {
    LocalAdmin::open(&directory(context, None)?, &buckets(context)).map_err(failed)
}

/// Reads a name of the protocol from the command line.
///
/// # Errors
/// [`Kind::Usage`] with the rule that it breaks.
pub fn named<T: std::str::FromStr<Err: std::fmt::Display>>(text: &str) -> Result<T> {
    text.parse().map_err(|error: T::Err| CliError::new(Kind::Usage, error))
}
