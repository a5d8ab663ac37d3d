//! What an audit says: which files a command read that no path declares, and which declared ones it never read.
//!
//! From what was seen to what is told, as plain functions of values; who watches the command is `flow/auditing.rs`.

pub mod compare;
pub mod group;
pub mod report;
