//! `sci completions`: a script for the user's shell.

use clap::CommandFactory;
use clap_complete::Shell;

use crate::args::Cli;
use crate::context::Context;
use crate::error::Result;
use crate::exit::Exit;

/// Arguments of `sci completions`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The shell
    shell: Shell,
}

/// Prints the script.
///
/// # Errors
/// None; the signature is that of every command.
pub fn run(arguments: &Arguments, context: &mut Context) -> Result<Exit> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Cli::command(), "sci", &mut script);
    let script = String::from_utf8_lossy(&script).into_owned();
    if context.out.is_json() {
        context
            .out
            .document("completions", &serde_json::json!({"shell": arguments.shell.to_string(), "script": script}));
    } else {
        context.out.raw(&script);
    }
    Ok(Exit::Success)
}
