//! From declared paths to path instances: which directories hold one, with which input files, after which upstreams.
//!
//! An instance is found by its inputs and never by its own presence, because on an empty runner none is there yet.

mod content;
mod copied;
mod expand;
mod members;
mod missing;
mod narrowing;
mod outside;
mod upstreams;

pub(crate) use expand::{Instance, expand};
pub(crate) use narrowing::Narrowed;
pub(crate) use upstreams::link;
