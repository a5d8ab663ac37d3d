//! The calls, on a real directory.
