//! What a person sees of `sci`: stdout, stderr and exit code, command by command, with the embedded store.

mod sandbox;

mod basics;
mod config;
mod explain;
mod flow;
mod store;
