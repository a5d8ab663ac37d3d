//! Unix: the calls as they are.

pub use rustix::{buffer, fd, fs, io, process, time};

/// Names and paths as bytes.
pub mod ffi {
    pub use std::os::unix::ffi::{OsStrExt, OsStringExt};
}
