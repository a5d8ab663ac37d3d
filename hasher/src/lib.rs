//! Digests, the canonical encoding, and the derivation: the record of what a workspace path is derived from.
//!
//! The pure part ([`digest`], [`encode`], [`derivation`], [`sketch`]) builds for wasm32 and is what planner and store share.
//! The `fs` feature adds file hashing and the stat cache.
//!
//! This crate deliberately does not know sci.toml, presets, snapshots or any backend.

pub mod derivation;
pub mod digest;
pub mod encode;
pub mod sketch;

#[cfg(feature = "fs")]
pub mod fs;

pub use derivation::{Derivation, InputClass, InputName, Ladder};
pub use digest::{Digest, ParseHexError};
pub use encode::{Canonical, Encoder};
pub use sketch::Sketch;
