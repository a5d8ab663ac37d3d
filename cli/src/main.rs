//! The `sci` program. Everything is in the library part, so that tests can reach it.

use std::process::ExitCode;

fn main() -> ExitCode {
    sci_cli::main()
}
