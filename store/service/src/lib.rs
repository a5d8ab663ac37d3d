//! The backend: resolve, saves, commit and collection over [`Blobs`], [`Sql`], [`Clock`] and [`Keys`].
//!
//! The same code runs embedded, self-hosted and as a Worker. It deliberately knows no file system, no runtime, no HTTP, no
//! JavaScript, no randomness and no ambient time.
#![allow(async_fn_in_trait, reason = "one core serves hosts with and without threads, so no trait asks for Send")]

mod adding;
pub mod audit;
pub mod blobs;
pub mod caller;
pub mod error;
pub mod http;
pub mod identity;
pub mod keys;
pub mod policy;
pub mod schema;
pub mod sql;

mod commit;
mod gc;
mod ids;
mod lineage;
mod objects;
mod plans;
mod quota;
mod ranking;
mod records;
mod repair;
mod repositories;
mod resolve;
mod saves;
mod sealed;
mod service;
mod sessions;
mod snapshots;
mod tokens;
mod unfinished;

pub use audit::Audited;
pub use blobs::{Blob, BlobError, BlobKey, Blobs};
pub use caller::{Caller, Sight};
pub use error::Error;
pub use keys::{Clock, HeldKeys, KeyError, Keys};
pub use objects::Hold;
pub use service::{Service, Settings};
pub use sessions::Access;
pub use sql::{Row, Rows, Sql, SqlError, Statement, Value};
pub use tokens::first_administrator;
