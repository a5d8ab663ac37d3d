//! What a user must be able to rely on, shown with the real tools. `cargo xtask e2e` prepares them and runs this.
#![allow(clippy::unwrap_used, reason = "a step that fails is the test's report")]

mod actions;
mod bun;
mod bundler;
mod cargo;
mod composer;
mod crowd;
mod deploying;
mod edits;
mod go;
mod growth;
mod histories;
mod hosting;
mod interrupt;
mod kill;
mod npm;
mod outage;
mod pnpm;
mod python;
mod serving;
mod sharing;
mod turbo;
mod worker;
mod yarn;
