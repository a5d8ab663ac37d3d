//! The rules of the tree that no compiler checks. Each rule is a function from text to findings, so that its tests need no files.

mod layers;
mod links;
mod releases;
mod sources;

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::context::Context;
use crate::shell::{self, Failure};

/// One breach of a rule, as `place: what is wrong`.
type Finding = String;

/// A file of the tree that git tracks or would track.
struct Source {
    /// Relative to the root.
    path: PathBuf,
    text: String,
}

/// Checks every rule and reports all findings at once.
pub(crate) fn run(context: &Context, _: &[String]) -> Result<(), Failure> {
    let files = read_tree(&context.root)?;
    let mut findings = layers::check(context);
    findings.extend(releases::check(&files));
    for file in &files {
        findings.extend(sources::check(file));
        findings.extend(links::check(&context.root, file));
    }
    findings.sort();
    findings.dedup();
    for finding in &findings {
        println!("   {finding}");
    }
    if findings.is_empty() {
        println!("   {} files, {} packages", files.len(), context.members.len());
        return Ok(());
    }
    Err(format!("{} findings", findings.len()).into())
}

/// Reads the text files below `root`; other files have no rules.
fn read_tree(root: &Path) -> Result<Vec<Source>, Failure> {
    let mut git = Command::new("git");
    git.args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]).current_dir(root);
    let mut files = Vec::new();
    for name in shell::output(&mut git)?.split('\0').filter(|name| !name.is_empty()) {
        // A file that is deleted but not yet committed is listed and absent.
        let Ok(bytes) = std::fs::read(root.join(name)) else { continue };
        if let Ok(text) = String::from_utf8(bytes) {
            files.push(Source { path: name.into(), text });
        }
    }
    Ok(files)
}
