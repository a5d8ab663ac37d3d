//! The protocol's front with a real index in memory: who gets in, what for, and what is refused without a trace.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod admin;
mod bench;
mod identities;
mod objects;
mod quotas;
mod scopes;
