//! A rustc whose output is the same wherever the tree is.
//!
//! Cargo tells crates apart by a hash that goes into every symbol, and for a package outside the workspace that is built, as
//! `store/service` is for the Worker, the hash is of its path. Here the project's own crates have their names instead.

use std::ffi::OsString;
use std::process::{Command, ExitCode};

use crate::shell::Failure;

/// The variable that makes this program a rustc: cargo starts it with the real one and its arguments.
const IS_RUSTC: &str = "SCI_XTASK_IS_RUSTC";
/// What the names of the project's crates begin with.
const OWN: &str = "sci_";

/// Lets a cargo build by way of this program.
pub(super) fn by_way_of_this(cargo: &mut Command) -> Result<(), Failure> {
    cargo.env(IS_RUSTC, "1").env("RUSTC_WRAPPER", std::env::current_exe()?);
    Ok(())
}

/// Whether cargo has started this program as a rustc.
pub(crate) fn is_meant() -> bool {
    std::env::var_os(IS_RUSTC).is_some()
}

/// Is a rustc.
pub(crate) fn run(args: impl IntoIterator<Item = OsString>) -> Result<ExitCode, Failure> {
    let mut args = args.into_iter();
    let rustc = args.next().ok_or("cargo names the rustc that it wants")?;
    let status = Command::new(rustc).args(named(args.collect())).status()?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The arguments, with the name in place of the hash when the crate is the project's own.
fn named(mut args: Vec<OsString>) -> Vec<OsString> {
    let name = args.iter().skip_while(|arg| *arg != "--crate-name").nth(1).and_then(|name| name.to_str());
    let Some(name) = name.filter(|name| name.starts_with(OWN)).map(str::to_owned) else { return args };
    for arg in &mut args {
        if arg.to_str().is_some_and(|text| text.starts_with("metadata=")) {
            *arg = format!("metadata={name}").into();
        }
    }
    args
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_projects_crates_are_told_apart_by_their_names() {
        let args = |name: &str, hash: &str| ["--crate-name", name, "-C", hash].map(OsString::from).to_vec();
        let with_name = args("sci_hasher", "metadata=sci_hasher");
        assert_eq!(named(args("sci_hasher", "metadata=0123456789abcdef")), with_name);
        let (other, without) = (args("serde", "metadata=0123456789abcdef"), vec![OsString::from("-vV")]);
        assert_eq!((named(other.clone()), named(without.clone())), (other, without));
    }
}
