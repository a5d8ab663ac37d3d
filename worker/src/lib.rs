//! The backend as a Cloudflare Worker: the service of `store/service` over R2 and D1, in its user's own account.
//!
//! A host and nothing else: it deliberately decides nothing that the service decides. Everything here is an adapter, a limit
//! of the platform, or the way from an event to the service. The events themselves are in `bundle/`: a suite of tests links
//! the same adapters behind doors of its own (`testing/`).
#![allow(async_fn_in_trait, reason = "a Worker has one thread, so nothing asks for Send")]

pub mod answer;
pub mod blobs;
pub mod cron;
pub mod fetch;
pub mod host;
pub mod incoming;
pub mod refusal;
pub mod sql;

mod backend;
mod clock;
mod config;
mod fault;
