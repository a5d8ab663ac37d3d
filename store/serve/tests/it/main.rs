//! The real server on a port of this machine, with a real store and a real issuer, asked by a real client.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod bench;
mod bodies;
mod crowds;
mod identities;
mod life;
mod raw;
mod routes;
mod slowness;
mod threats;
mod tls;
mod unfinished;
