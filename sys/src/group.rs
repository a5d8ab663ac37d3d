//! A process and what it starts, to be ended together.

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

#[cfg(unix)]
pub use unix::Group;
#[cfg(windows)]
pub use windows::Group;
