//! Snapshots: the manifest and pack formats, and the engine that saves a tree into them and restores it from them.
//!
//! The engine sees a directory, an [`ObjectSource`](sci_store_api::ObjectSource) and an
//! [`ObjectSink`](sci_store_api::ObjectSink). It deliberately knows no derivation key, no scope, no record and no
//! network: who may read or write what is decided before it is called.

pub mod error;
pub mod exclude;
pub mod limits;
pub mod local;
pub mod replay;
pub mod restore;
pub mod save;
pub mod verify;

#[cfg(fuzzing)]
pub mod fuzzing;

pub mod manifest;
pub mod progress;

pub mod tree;

mod block;
mod dir;
mod pool;
mod tiers;
mod unpack;

pub use error::{Result, SnapshotError};
pub use exclude::Excludes;

pub use local::{Base, LocalState};
pub use manifest::{Manifest, PackRef, RecordedInput};
pub use progress::{Progress, Room, Silent};
pub use restore::{RestoreRequest, Restored, Wanted, clear, restore};
pub use save::{SaveRequest, Saved, save};
