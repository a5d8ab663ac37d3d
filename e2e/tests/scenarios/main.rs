//! What a user must be able to rely on, shown with the real tools. `cargo xtask e2e` prepares them and runs this.
#![allow(clippy::unwrap_used, reason = "a step that fails is the test's report")]

mod actions;
mod audit;
mod bun;
mod bundler;
mod cargo;
mod compilers;
mod composer;
mod crowd;
mod dashboard;
mod deploying;
mod edits;
mod endings;
mod go;
mod gradle;
mod growth;
mod histories;
mod hosting;
mod interrupt;
mod kill;
mod maven;
mod narrowing;
mod next;
mod npm;
mod nx;
mod outage;
mod playwright;
mod pnpm;
mod python;
mod serving;
mod sharing;
mod tasks;
mod turbo;
mod vite;
mod worker;
mod yarn;
