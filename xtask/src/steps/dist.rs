//! What people install: the program with the Worker's built files beside it, in one archive.

use std::fs;
use std::process::Command;

use crate::context::Context;
use crate::files;
use crate::shell::{self, Failure};
use crate::steps::{scenarios, worker};

/// Builds both and packs `target/dist/sci-VERSION-TARGET.tar.gz`.
pub(crate) fn dist(context: &Context) -> Result<(), Failure> {
    let sci = scenarios::build_sci(context)?;
    worker::build(context)?;
    let name = format!("sci-{}-{}", env!("CARGO_PKG_VERSION"), host(context)?);
    let dist = context.target.join("dist");
    let directory = dist.join(&name);
    if directory.exists() {
        fs::remove_dir_all(&directory)?;
    }
    fs::create_dir_all(directory.join("bin"))?;
    fs::copy(sci, directory.join("bin/sci").with_extension(std::env::consts::EXE_EXTENSION))?;
    files::copy(&worker::bundle_directory(context), &directory.join("share/sci/worker"))?;
    for file in ["LICENSE", "README.md", "CHANGELOG.md"] {
        fs::copy(context.root.join(file), directory.join(file))?;
    }
    let archive = dist.join(format!("{name}.tar.gz"));
    // The same files make the same archive.
    let mut pack = Command::new("tar");
    pack.args(["--sort=name", "--owner=0", "--group=0", "--numeric-owner", "--mtime=@0", "-czf"]).arg(&archive);
    shell::run(pack.arg("-C").arg(&dist).arg(&name))?;
    println!("   {}", archive.display());
    Ok(())
}

/// The target that the compiler builds for by itself.
fn host(context: &Context) -> Result<String, Failure> {
    let said = shell::output(context.cargo().args(["--version", "--verbose"]))?;
    let host = said.lines().find_map(|line| line.strip_prefix("host: ")).ok_or("cargo names no host")?;
    Ok(host.to_owned())
}
