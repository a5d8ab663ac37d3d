//! The `sci` program: parses the command line, joins planner, store and engine, renders what they return.
//!
//! This crate decides nothing about keys, trust or formats. It is the only one that prints, that reads the process
//! environment, and that chooses exit codes.

pub mod administration;
pub mod args;
pub mod audit;
pub mod called;
pub mod child;
pub mod commands;
pub mod context;
pub mod deploy;
pub mod environment;
pub mod error;
pub mod exit;
pub mod flow;
pub mod git;
pub mod inputs;
pub mod interrupt;
mod memory;
pub mod output;
pub mod placement;
pub mod state;
pub mod store;
pub mod trees;
pub mod ui;
pub mod workspace;

use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory, Parser};

use crate::args::{Cli, Command};
use crate::context::Context;
use crate::environment::Environment;
use crate::error::{CliError, Kind, Result};
use crate::exit::Exit;
use crate::output::Output;

/// Runs the program on the arguments and the environment of this process.
pub fn main() -> ExitCode {
    if let Some(code) = sci_audit::stand_by() {
        return code;
    }
    memory::give_back_large();
    match Cli::try_parse() {
        Ok(cli) => execute(&cli).into(),
        Err(error) => refuse(&error).into(),
    }
}

fn execute(cli: &Cli) -> Exit {
    let environment = Environment::capture();
    let mut output = Output::new(cli.globals.output());
    let start = match context::start_directory(&cli.globals) {
        Ok(start) => start,
        Err(error) => return report(&mut output, cli.command.name(), &error),
    };
    let mut context = Context::new(cli.globals.clone(), environment, output, start);
    let exit = match dispatch(&cli.command, &mut context) {
        Ok(exit) => exit,
        Err(error) => report(&mut context.out, cli.command.name(), &error),
    };
    told(exit, &context.out)
}

/// How a command ends whose result may not have reached its reader. Another failure counts for more, and the code of what
/// `sci run` ran.
fn told(exit: Exit, output: &Output) -> Exit {
    if exit.code() == Exit::Success.code() && output.is_lost() { Exit::Local } else { exit }
}

fn report(output: &mut Output, command: &str, error: &CliError) -> Exit {
    output.error(command, error);
    error.kind.exit()
}

fn dispatch(command: &Command, context: &mut Context) -> Result<Exit> {
    use crate::commands::*;
    match command {
        Command::Init(arguments) => init::run(arguments, context),
        Command::Plan(arguments) => plan::run(arguments, context),
        Command::Restore(arguments) => restore::run(arguments, context),
        Command::Save(arguments) => save::run(arguments, context),
        Command::Run(arguments) => run::run(arguments, context),
        Command::Explain(arguments) => explain::run(arguments, context),
        Command::Ui(arguments) => ui::run(arguments, context),
        Command::Ls(arguments) => ls::run(arguments, context),
        Command::Show(arguments) => show::run(arguments, context),
        Command::Diff(arguments) => diff::run(arguments, context),
        Command::Verify(arguments) => verify::run(arguments, context),
        Command::Gc(arguments) => gc::run(arguments, context),
        Command::Forget(arguments) => forget::run(arguments, context),
        Command::Quarantine(arguments) => quarantine::run(arguments, context),
        Command::Repo(arguments) => repo::run(arguments, context),
        Command::Token(arguments) => token::run(arguments, context),
        Command::Key(arguments) => key::run(arguments, context),
        Command::Serve(arguments) => serve::run(arguments, context),
        Command::Deploy(arguments) => deploy::run(arguments, context),
        Command::Presets(arguments) => presets::run(arguments, context),
        Command::Doctor(arguments) => doctor::run(arguments, context),
        Command::Completions(arguments) => completions::run(arguments, context),
    }
}

/// Help and version are answers; anything else is a usage error, as a document too when `--json` was among the words.
fn refuse(error: &clap::Error) -> Exit {
    let printed = output::read_or_gone(error.print());
    let mut output = Output::new(output::Options::default());
    if !error.use_stderr() {
        if let Err(error) = printed {
            output.lose(&error);
        }
        return told(Exit::Success, &output);
    }
    let json = std::env::args_os().any(|word| word == "--json")
        || Environment::capture().text("SCI_JSON").is_some_and(|value| args::switch(value) == Ok(true));
    if json {
        let message = error.to_string();
        let first = message.lines().next().unwrap_or_default().trim_start_matches("error: ");
        output.usage_document(named(error).as_deref(), &CliError::new(Kind::Usage, first));
    }
    Exit::Usage
}

/// The command that is among the words, whatever is wrong with the others.
fn named(error: &clap::Error) -> Option<String> {
    let unknown = match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::String(word)) if error.kind() == ErrorKind::UnknownArgument => word.as_str(),
        _ => "",
    };
    // What stands after a flag that is not known is not read.
    let words = std::env::args_os().filter(|word| word != unknown);
    let read = Cli::command().ignore_errors(true).try_get_matches_from(words).ok()?;
    read.subcommand_name().map(str::to_owned)
}
