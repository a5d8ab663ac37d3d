//! What a person sees of `sci`: stdout, stderr and exit code, command by command, with the embedded store.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by panicking")]

mod sandbox;

mod absent;
mod administration;
mod anew;
mod audit;
mod basics;
mod bucket;
mod collecting;
mod config;
mod docs;
mod doctor;
mod elsewhere;
mod explain;
mod fields;
mod flips;
mod flow;
mod jobs;
mod names;
mod output;
mod permissions;
mod remote;
mod signals;
mod stateless;
mod store;
mod ui;
mod workflows;
