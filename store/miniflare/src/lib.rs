//! The real Worker in workerd on this machine, for tests: `cargo xtask worker` builds its bundles and installs what runs them.
//!
//! [`Miniflare`] is a process that ends with its test; [`remote`] has the doors of the bundle for suites of tests, [`gated`] a
//! world behind the gate of the deployed one, [`deployed`] what that one is set up with, [`client`] asks any of them.
#![allow(clippy::unwrap_used, clippy::missing_panics_doc, reason = "a suite of tests fails by panicking")]

pub mod client;
pub mod deployed;
pub mod gated;
pub mod process;
pub mod remote;

pub use process::{Bundle, Miniflare};
