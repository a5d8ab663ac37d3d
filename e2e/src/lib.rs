//! What the scenarios share: a machine of their own to run on, trees to compare, and ways to disturb.
//!
//! Scenarios use the built `sci` program as a user does, with the real tools. This crate deliberately links none of the
//! project's own crates: what a scenario needs to know, `sci` has to say.
//!
//! A step that fails panics, for a failed step is a failed test.
#![allow(clippy::unwrap_used, reason = "the message of the panic is the test's report")]

pub mod actions;
pub mod backend;
pub mod cloudflare;
pub mod disturb;
pub mod ecosystems;
pub mod event;
pub mod gate;
pub mod machine;
mod node;
pub mod ran;
pub mod rust;
pub mod server;
mod stand_in;
pub mod strace;
pub mod terminal;
pub mod tree;
pub mod worker;

pub use backend::Backend;
pub use ecosystems::{Downloads, Manager};
pub use machine::Machine;
pub use ran::Ran;
pub use tree::Tree;
pub use worker::Worker;
