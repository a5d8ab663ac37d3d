//! The tour of the README, on the example workspace: every command is printed with its output and time, and at the end the
//! promises are checked against what the tools said.
//!
//! It runs the `sci` program as a user would and knows nothing of its insides.

mod facts;
mod scratch;
mod story;

use crate::context::Context;
use crate::shell::Failure;
use crate::steps::build_sci;

/// Runs the tour in a scratch directory under the target directory.
pub(crate) fn run(context: &Context, args: &[String]) -> Result<(), Failure> {
    let sci = build_sci(context)?;
    let scratch = scratch::Scratch::new(context, &sci)?;
    let facts = story::tell(&scratch)?;
    facts.print();
    if args.iter().any(|arg| arg == "--keep") {
        println!("\nleft in {}", scratch.dir().display());
    } else {
        scratch.remove()?;
    }
    facts.into_result()
}
