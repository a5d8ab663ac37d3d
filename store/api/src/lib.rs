//! Wire types, records, ids and the vocabulary of trust: what a client and a backend must agree on, written once.
//!
//! This crate deliberately knows no file system, no network, no database and no async runtime; it builds for wasm32.

pub mod ids;
pub mod transfer;

pub use ids::{ObjectId, SnapshotId};
pub use transfer::{ObjectSink, ObjectSource, TransferError};
