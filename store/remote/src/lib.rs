//! The client of a backend's protocol: every operation that the embedded store has, over HTTP, and its administration.
//!
//! Synchronous, and used from many threads at once. This crate deliberately trusts nobody: each answer is bounded before it
//! is read and checked before it is given on; what a record says is believed by whoever holds the pinned keys. It knows no
//! sci.toml, no terminal and no environment: its caller brings the address, the settings and the identity.

pub mod address;
pub mod admin;
pub mod error;
pub mod identity;
pub mod machine;
pub mod remote;
pub mod save;
pub mod settings;

mod attempts;
mod breaker;
mod call;
mod clean;
mod ticket;
mod tls;
mod transfer;
mod uploads;
mod wire;

pub use address::{Address, AddressError};
pub use admin::RemoteAdmin;
pub use error::{DOCTOR, Error};
pub use identity::{GitHub, Identity, IdentityError, Nobody, Token};
pub use machine::Machine;
pub use remote::{Remote, Wanted};
pub use save::RemoteSave;
pub use settings::Settings;
