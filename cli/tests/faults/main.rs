//! What is left when save, restore or gc is cut off: killed at any labelled step, refused any of its I/O, or without room.
//!
//! The real program runs in a child process on a machine of its own; what must hold afterwards is in `flow.rs`.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by panicking")]
#![allow(clippy::print_stdout, reason = "where it was when it failed; nobody sees it otherwise")]

mod changed;
#[cfg(target_os = "linux")]
mod disk;
mod flow;
#[cfg(target_os = "linux")]
mod full;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod io;
mod machine;
mod steps;
mod store;
mod syncing;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod trace;
mod tree;
