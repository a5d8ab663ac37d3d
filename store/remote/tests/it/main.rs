//! The client against a real service behind a small server that can also lie, be slow, and be down.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by panicking")]
#![allow(clippy::print_stdout, reason = "what was measured is shown when it is asked for")]

mod latency;
mod lies;
mod operations;
mod sessions;
mod storage;
mod trouble;
