//! A machine that runs Windows' programs: a prefix of Wine's, and scratch directories that both sides see.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Instant;

use serde_json::Value;

use super::build;
use crate::context::Context;
use crate::shell::Failure;

/// A scratch directory with the program in it, and how programs are run there.
pub(super) struct Machine {
    wine: &'static str,
    prefix: PathBuf,
    directory: PathBuf,
}

/// A server that is running. It ends with this value.
pub(super) struct Server {
    child: Child,
    /// What clients reach it at.
    pub(super) url: String,
}

impl Machine {
    /// Makes the scratch directory; the prefix stays from one run to the next.
    pub(super) fn new(context: &Context, sci: &Path) -> Result<Self, Failure> {
        let directory = context.target.join("windows-scratch");
        if directory.exists() {
            fs::remove_dir_all(&directory)?;
        }
        fs::create_dir_all(directory.join("bin"))?;
        build::place(context, sci, &directory.join("bin"))?;
        Ok(Self { wine: build::wine()?, prefix: context.target.join("elsewhere/wine"), directory })
    }

    /// A path in the scratch directory.
    pub(super) fn path(&self, below: &str) -> PathBuf {
        self.directory.join(below)
    }

    /// Removes the scratch directory.
    pub(super) fn remove(self) -> Result<(), Failure> {
        Ok(fs::remove_dir_all(self.directory)?)
    }

    /// `sci` in a workspace, with state and an embedded store of the given names.
    pub(super) fn command(&self, workspace: &str, store: &str, args: &[&str]) -> Command {
        let mut command = Command::new(self.wine);
        command.env("WINEPREFIX", &self.prefix).env("WINEDEBUG", "-all");
        command.env("WINEDLLOVERRIDES", "mscoree,mshtml,winemenubuilder.exe=");
        command.arg(self.path("bin/sci.exe")).args(args).current_dir(self.path(workspace)).stdin(Stdio::null());
        command.env("WINEPATH", seen(&self.path("bin")));
        command.env("SCI_STATE", seen(&self.path(&format!("state-{workspace}"))));
        command.env("SCI_STORE", seen(&self.path(store)));
        for name in ["CI", "GITHUB_ACTIONS", "SCI_TOKEN"] {
            command.env_remove(name);
        }
        command
    }

    /// Runs it to its end, and gives what it printed, and its exit code.
    pub(super) fn run(&self, workspace: &str, args: &[&str]) -> Result<(String, Option<i32>), Failure> {
        let start = Instant::now();
        let Output { status, stdout, stderr } = self.command(workspace, "store", args).output()?;
        let said = [stdout, stderr].map(|bytes| String::from_utf8_lossy(&bytes).replace('\r', "")).concat();
        println!("   sci {}  ({:.1} s)", args.join(" "), start.elapsed().as_secs_f64());
        Ok((said, status.code()))
    }

    /// Runs it to its end, which has to be a success, and gives what it printed.
    pub(super) fn sci(&self, workspace: &str, args: &[&str]) -> Result<String, Failure> {
        match self.run(workspace, args)? {
            (said, Some(0)) => Ok(said),
            (said, code) => Err(format!("`sci {}` ended with {code:?}:\n{said}", args.join(" ")).into()),
        }
    }

    /// Serves a store.
    pub(super) fn serve(&self, workspace: &str, store: &str) -> Result<Server, Failure> {
        let args = ["--json", "serve", "--url", "http://127.0.0.1", "--listen", "127.0.0.1:0", "--gc-every", "0s"];
        let mut child = self.command(workspace, store, &args).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
        let mut output = BufReader::new(child.stdout.take().ok_or("the server has no output")?);
        let mut document = String::new();
        while !document.replace('\r', "").ends_with("\n}\n") {
            if output.read_line(&mut document)? == 0 {
                return Err(format!("the server did not start: {document}").into());
            }
        }
        std::thread::spawn(move || output.read_to_end(&mut Vec::new()));
        let document: Value = serde_json::from_str(&document)?;
        let address = document["result"]["address"].as_str().ok_or("the server names no address")?;
        Ok(Server { child, url: format!("http://{address}") })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself; either way it is waited for.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A path of this machine as Wine's programs see it.
pub(super) fn seen(path: &Path) -> String {
    format!("Z:{}", path.display()).replace('/', "\\")
}
