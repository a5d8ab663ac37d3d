//! The program for Windows: built here with the GNU toolchain, and run with Wine through what people do with it.
//!
//! A release is built on Windows, with Microsoft's toolchain. What differs from Unix is in both: names, handles, paths, children.

mod build;
mod machine;
mod story;

use std::path::PathBuf;

use crate::context::Context;
use crate::shell::Failure;

const USAGE: &str = "windows [--program FILE]";

/// Builds `sci.exe`, installing what is missing, and runs it; with `--program` one that was built before.
pub(crate) fn run(context: &Context, args: &[String]) -> Result<(), Failure> {
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let sci = match args.as_slice() {
        ["--program", file] => PathBuf::from(file),
        [] => build::build(context)?,
        _ => return Err(USAGE.into()),
    };
    let machine = machine::Machine::new(context, &sci)?;
    story::tell(&machine)?;
    machine.remove()
}
