//! Whether the program compiles for macOS and for Windows. It is not linked, and not run.
//!
//! C code is not compiled either, since that needs their headers: a compiler that makes empty files stands in.

use std::fs;
use std::path::{Path, PathBuf};

use super::wasm;
use crate::context::Context;
use crate::shell::{self, Failure};

const TARGETS: [&str; 2] = ["aarch64-apple-darwin", "x86_64-pc-windows-gnu"];

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
    // Apart from this machine's own artefacts, which would be built anew after each of these.
    let directory = context.target.join("elsewhere");
    let tools = directory.join("stand-ins");
    fs::create_dir_all(&tools)?;
    let (compiler, archiver) = (stand_in(&tools, "cc", COMPILER)?, stand_in(&tools, "ar", ARCHIVER)?);
    for target in TARGETS {
        let mut command = wasm::cargo_for(context, target, "std,panic_unwind")?;
        command.args(["check", "--quiet", "--locked", "--package", "sci", "--target", target]);
        command.env("CARGO_TARGET_DIR", &directory).env("CARGO_INCREMENTAL", "0").env("SDKROOT", &tools);
        let of_target = target.replace('-', "_");
        command.env(format!("CC_{of_target}"), &compiler).env(format!("AR_{of_target}"), &archiver);
        shell::run(&mut command)?;
        println!("   sci compiles for {target}");
    }
    Ok(())
}

fn stand_in(directory: &Path, name: &str, script: &str) -> Result<PathBuf, Failure> {
    let path = directory.join(name);
    fs::write(&path, script)?;
    // Releases are made with this program on Windows, too.
    #[cfg(unix)]
    fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
    Ok(path)
}
