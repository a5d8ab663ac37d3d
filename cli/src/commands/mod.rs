//! The commands: one file each. A command takes its arguments and the [`Context`](crate::context::Context), and returns
//! how it ended; what it shows goes through [`Output`](crate::output::Output).

pub mod completions;
pub mod deploy;
pub mod diff;
pub mod doctor;
pub mod explain;
pub mod forget;
pub mod gc;
pub mod init;
pub mod key;
pub mod ls;
pub mod plan;
pub mod presets;
pub mod quarantine;
pub mod repo;
pub mod restore;
pub mod run;
pub mod save;
pub mod serve;
pub mod show;
pub mod token;
pub mod ui;
pub mod verify;
