//! Wire types, records, ids and the vocabulary of trust: what a client and a backend must agree on, written once.
//!
//! This crate deliberately knows no file system, no network, no database and no async runtime; it builds for wasm32.

pub mod address;
pub mod admin;
pub mod dsse;
pub mod error;
pub mod explain;
pub mod ids;
pub mod names;
pub mod object;
pub mod plans;
pub mod record;
pub mod repositories;
pub mod resolve;
pub mod routes;
pub mod saves;
pub mod scope;
pub mod secret;
pub mod session;
pub mod snapshots;
pub mod stored_keys;
pub mod time;
pub mod tokens;
pub mod transfer;
pub mod verdict;

pub use error::{ApiError, ErrorCode};
pub use ids::{Nonce, ObjectId, PlanId, SaveId, SnapshotId};
pub use names::{Instance, KeyId, NameError, PathName, RepositoryId, RunId, StoreId, TokenId};
pub use object::{Object, Pieces};
pub use record::{ObjectKind, ObjectRef, Record};
pub use repositories::Registration;
pub use scope::{Scope, ScopeClass};
pub use secret::Secret;
pub use stored_keys::StoredKeys;
pub use time::UnixMillis;
pub use transfer::{ObjectSink, ObjectSource, TransferError};
