//! Whether the program compiles for macOS. It is not linked, and not run: for that a Mac is needed.
//!
//! C code is not compiled either, since that needs Apple's headers: a compiler that makes empty files stands in.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::wasm;
use crate::context::Context;
use crate::shell::{self, Failure};

const TARGET: &str = "aarch64-apple-darwin";

/// Makes what it is asked for, and asks the system's preprocessor who it is.
const COMPILER: &str = r#"#!/bin/sh
while [ $# -gt 0 ]; do
    case "$1" in
        -E) exec cc -E - </dev/null ;;
        -o) : >"$2" ;;
    esac
    shift
done
"#;
/// An archive of nothing.
const ARCHIVER: &str = r#"#!/bin/sh
for argument in "$@"; do
    case "$argument" in *.a) printf '!<arch>\n' >"$argument" ;; esac
done
"#;

pub(super) fn run(context: &Context, _: &[String]) -> Result<(), Failure> {
    // With Windows' artefacts: what runs on this machine while they are built is the same.
    let directory = context.target.join("elsewhere");
    let tools = directory.join("stand-ins");
    fs::create_dir_all(&tools)?;
    let mut command = wasm::cargo_for(context, TARGET, "std,panic_unwind")?;
    command.args(["check", "--quiet", "--locked", "--package", "sci", "--target", TARGET]);
    command.env("CARGO_TARGET_DIR", &directory).env("CARGO_INCREMENTAL", "0").env("SDKROOT", &tools);
    command.env("CC_aarch64_apple_darwin", stand_in(&tools, "cc", COMPILER)?);
    command.env("AR_aarch64_apple_darwin", stand_in(&tools, "ar", ARCHIVER)?);
    shell::run(&mut command)?;
    println!("   sci compiles for {TARGET}");
    Ok(())
}

fn stand_in(directory: &Path, name: &str, script: &str) -> Result<PathBuf, Failure> {
    let path = directory.join(name);
    fs::write(&path, script)?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
    Ok(path)
}
