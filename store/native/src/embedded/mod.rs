//! The embedded store: the service in this process, over a directory.
//!
//! It decides nothing itself: what it does not know, the service does, so that a remote store behaves the same.

mod caller;
mod reader;
mod save;
mod store;

pub use caller::{caller, in_ci};
pub use save::EmbeddedSave;
pub use store::Embedded;
