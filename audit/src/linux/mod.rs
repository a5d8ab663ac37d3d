//! Linux: seccomp tells of each request for a file, and waits for an answer.
//!
//! A thread takes the filter upon itself and starts the command, which inherits it ([`launch`]); another one looks at each
//! request and lets it go on ([`supervise`]). A process stands by that answers should this one be gone first ([`standby`](mod@standby)).

mod filter;
mod launch;
mod listener;
mod place;
mod standby;
mod supervise;
mod syscalls;
mod target;

pub use launch::{Watch, spawn};
pub use standby::{program as standby, stand_by};
