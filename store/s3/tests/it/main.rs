//! Objects in a bucket: the conformance suite and more over a real server, and a bucket that lies.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod lying;
mod real;
mod secrets;
mod setting;
