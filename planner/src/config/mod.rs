//! sci.toml: found, read, checked and merged with the presets it names.
//!
//! Everything that can be judged without walking the workspace is judged here, all findings at once, each with its place
//! in the file. This module deliberately does not know which files exist, beyond sci.toml itself.

mod after;
mod declaration;
pub(crate) mod error;
mod load;
mod merge;
mod narrow;
mod overlap;
mod path;
mod read;
mod toml;

pub use declaration::{Config, Declaration, EnvInput, Origin, StoreConfig, TextMode, ToolInput};
pub use error::{ConfigError, Located, Source, nearest};
pub use load::{FILE_NAME, find, load, parse};
pub use path::DeclaredPath;

pub(crate) use error::{Errors, suggest};
pub(crate) use path::{refuse_credentials, secret_in};
