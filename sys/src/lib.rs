//! The operating system's file calls, under one set of names.
//!
//! On Unix this is `rustix`, re-exported: what the engine asks for is what the kernel is asked for. Windows has other calls;
//! [`windows`](self) means the same by the same names, by handle as well: a name is looked up in the directory that is open,
//! and no link is followed that Unix would not follow.

#[cfg(windows)]
pub mod console;
pub mod group;
pub mod lock;
pub mod names;
pub mod places;
pub mod programs;
pub mod times;
#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

#[cfg(unix)]
pub use unix::*;
#[cfg(windows)]
pub use windows::*;
