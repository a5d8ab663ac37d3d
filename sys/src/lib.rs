//! The operating system's file calls, under one set of names.
//!
//! On Unix this is `rustix`, re-exported: what the engine asks for is what the kernel is asked for. A system without these
//! calls gets the same names and types here, and nowhere else.

#[cfg(windows)]
pub mod console;
pub mod group;
pub mod lock;
pub mod places;
pub mod programs;
pub mod times;
#[cfg(unix)]
mod unix;

#[cfg(unix)]
pub use unix::*;
