//! The program for Windows: built here with the GNU toolchain, and run with Wine through what people do with it.
//!
//! A release is built on Windows, with Microsoft's toolchain. What differs from Unix is in both: names, handles, paths, children.

mod build;
mod machine;
mod story;

use crate::context::Context;
use crate::shell::Failure;

/// Builds `sci.exe`, installing what is missing, and runs it. With `--check` it only looks whether everything compiles.
pub(crate) fn run(context: &Context, args: &[String]) -> Result<(), Failure> {
    if args.iter().any(|arg| arg == "--check") {
        return build::check(context);
    }
    let sci = build::build(context)?;
    let machine = machine::Machine::new(context, &sci)?;
    story::tell(&machine)?;
    machine.remove()
}
