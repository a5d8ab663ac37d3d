//! What people install: the program with the Worker's built files beside it, in one archive, for one machine or another.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::context::Context;
use crate::files;
use crate::shell::{self, Failure};
use crate::steps::{scenarios, worker};

const USAGE: &str = "dist [--target TARGET] [--worker DIR], dist worker, dist sums, or dist check TAG";
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Packs into `target/dist`: `sci-VERSION-TARGET.tar.gz`; with `worker` only the Worker's files; with `sums` says what is there;
/// with `check` whether a tag is the version. Without a word it does all of it for this machine, and tries what it packed.
pub(crate) fn dist(context: &Context, args: &[String]) -> Result<(), Failure> {
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args.as_slice() {
        [] => rehearse(context),
        ["worker"] => worker_alone(context),
        ["sums"] => sums(context, VERSION),
        ["check", tag] => check(context, tag, VERSION),
        _ => program(context, &Options::parse(&args)?).map(|_| ()),
    }
}

/// What a release of the program is made of.
#[derive(Debug, Default, PartialEq, Eq)]
struct Options<'a> {
    /// The machine that it is for, if it is not this one.
    target: Option<&'a str>,
    /// Where the Worker's built files are, if they are built elsewhere.
    worker: Option<&'a Path>,
}

impl<'a> Options<'a> {
    fn parse(args: &[&'a str]) -> Result<Self, Failure> {
        let mut options = Self::default();
        for pair in args.chunks(2) {
            match pair {
                ["--target", target] => options.target = Some(*target),
                ["--worker", directory] => options.worker = Some(Path::new(*directory)),
                _ => return Err(USAGE.into()),
            }
        }
        Ok(options)
    }
}

/// What the release workflow does on several machines, on this one; and what somebody does then who gets the archive.
fn rehearse(context: &Context) -> Result<(), Failure> {
    let changelog = fs::read_to_string(context.root.join("CHANGELOG.md"))?;
    // Until somebody makes the release, what is new has no other heading.
    let heading = if notes(&changelog, VERSION).is_ok() { VERSION } else { "Unreleased" };
    check(context, &format!("v{VERSION}"), heading)?;
    let archive = program(context, &Options::default())?;
    sums(context, heading)?;
    let place = context.target.join("dist/unpacked");
    if place.exists() {
        fs::remove_dir_all(&place)?;
    }
    fs::create_dir(&place)?;
    shell::run(tar().args(["--strip-components=1", "-xzf"]).arg(archive).current_dir(&place))?;
    let said = shell::output(Command::new(place.join("bin/sci")).arg("--version"))?;
    let worker = fs::read_to_string(place.join("share/sci/worker/version"))
        .map_err(|error| format!("the archive has no share/sci/worker/version: {error}"))?;
    if said.trim() != format!("sci {VERSION}") || worker.trim() != VERSION {
        return Err(format!("the archive has {} and the Worker of {}", said.trim(), worker.trim()).into());
    }
    Ok(fs::remove_dir_all(&place)?)
}

/// Packs the program, and returns where the archive is.
fn program(context: &Context, options: &Options<'_>) -> Result<PathBuf, Failure> {
    let sci = scenarios::build_sci_for(context, options.target)?;
    let bundle = match options.worker {
        Some(directory) => directory.to_owned(),
        None => worker_files(context)?,
    };
    let target = options.target.map_or_else(|| host(context), |target| Ok(target.to_owned()))?;
    pack(context, &format!("sci-{VERSION}-{target}"), &|directory| {
        fs::create_dir_all(directory.join("bin"))?;
        fs::copy(&sci, directory.join("bin").join(sci.file_name().ok_or("the program has no name")?))?;
        files::copy(&bundle, &directory.join("share/sci/worker"))
    })
}

fn worker_alone(context: &Context) -> Result<(), Failure> {
    let bundle = worker_files(context)?;
    pack(context, &format!("sci-worker-{VERSION}"), &|directory| files::copy(&bundle, &directory.join("worker")))?;
    Ok(())
}

fn worker_files(context: &Context) -> Result<PathBuf, Failure> {
    worker::build(context)?;
    Ok(worker::bundle_directory(context))
}

/// Packs what `fill` puts into a directory, and what every release has.
fn pack(context: &Context, name: &str, fill: &dyn Fn(&Path) -> Result<(), Failure>) -> Result<PathBuf, Failure> {
    let dist = context.target.join("dist");
    let directory = dist.join(name);
    if directory.exists() {
        fs::remove_dir_all(&directory)?;
    }
    fs::create_dir_all(&directory)?;
    fill(&directory)?;
    for file in ["LICENSE", "README.md", "CHANGELOG.md"] {
        fs::copy(context.root.join(file), directory.join(file))?;
    }
    let archive = dist.join(format!("{name}.tar.gz"));
    // The same files make the same archive. Only GNU's tar knows these words; git for Windows brings it, and takes the colon of a
    // drive for the end of a host's name.
    let mut pack = tar();
    pack.args(["--sort=name", "--owner=0", "--group=0", "--numeric-owner", "--mtime=@0", "-czf"]);
    shell::run(pack.arg(format!("{name}.tar.gz")).arg(name).current_dir(&dist))?;
    println!("   {}", archive.display());
    Ok(archive)
}

/// GNU's. By its bare name Windows would start its own, which comes before what is on the `PATH`.
fn tar() -> Command {
    if cfg!(windows) {
        let programs = std::env::var_os("ProgramFiles").unwrap_or_else(|| r"C:\Program Files".into());
        return Command::new(Path::new(&programs).join(r"Git\usr\bin\tar.exe"));
    }
    Command::new(if cfg!(target_os = "macos") { "gtar" } else { "tar" })
}

/// Writes `SHA256SUMS` of every archive, as `sha256sum --check` reads it, and `notes.md`, what the changelog says under the heading.
fn sums(context: &Context, heading: &str) -> Result<(), Failure> {
    let dist = context.target.join("dist");
    let mut archives = Vec::new();
    for entry in fs::read_dir(&dist)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        archives.extend(Some(name).filter(|name| name.ends_with(".tar.gz")));
    }
    if archives.is_empty() {
        return Err(format!("there is no archive in {}", dist.display()).into());
    }
    archives.sort();
    let sums = shell::output(Command::new("sha256sum").args(&archives).current_dir(&dist))?;
    print!("{sums}");
    fs::write(dist.join("SHA256SUMS"), sums)?;
    let notes = notes(&fs::read_to_string(context.root.join("CHANGELOG.md"))?, heading)?;
    fs::write(dist.join("notes.md"), notes)?;
    Ok(())
}

/// Fails unless `tag` is the version everywhere, and the changelog says under the heading what is in it.
fn check(context: &Context, tag: &str, heading: &str) -> Result<(), Failure> {
    let manifest: Value = serde_json::from_str(&fs::read_to_string(context.root.join("action/package.json"))?)?;
    let action = manifest["version"].as_str().unwrap_or_default();
    if tag != format!("v{VERSION}") || action != VERSION {
        return Err(format!("the tag is {tag}, Cargo.toml says {VERSION}, action/package.json {action}").into());
    }
    notes(&fs::read_to_string(context.root.join("CHANGELOG.md"))?, heading).map(|_| ())
}

/// What the changelog says under the heading of a version.
fn notes(changelog: &str, version: &str) -> Result<String, Failure> {
    let heading = format!("## [{version}]");
    let (_, after) = changelog.split_once(&heading).ok_or(format!("CHANGELOG.md has no heading `{heading}`"))?;
    let (_, after) = after.split_once('\n').unwrap_or_default();
    Ok(after.split("\n## ").next().unwrap_or_default().trim().to_owned())
}

/// The target that the compiler builds for by itself.
fn host(context: &Context) -> Result<String, Failure> {
    let said = shell::output(context.cargo().args(["--version", "--verbose"]))?;
    let host = said.lines().find_map(|line| line.strip_prefix("host: ")).ok_or("cargo names no host")?;
    Ok(host.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_end_where_the_next_version_begins() {
        let changelog = "# Changelog\n\n## [1.1.0] - 2026-01-02\n\n### Added\n\n- This.\n\n## [1.0.0]\n\n- That.\n";
        assert_eq!(notes(changelog, "1.1.0").expect("it is there"), "### Added\n\n- This.");
        assert_eq!(notes(changelog, "1.0.0").expect("it is there"), "- That.");
        assert!(notes(changelog, "1.2.0").is_err());
    }

    #[test]
    fn options_are_pairs_of_words() {
        let both = Options::parse(&["--worker", "w", "--target", "t"]).expect("these are options");
        assert_eq!(both, Options { target: Some("t"), worker: Some(Path::new("w")) });
        assert_eq!(Options::parse(&[]).expect("none is needed"), Options::default());
        for wrong in [["--target"].as_slice(), &["sum"], &["--target", "t", "u"]] {
            assert!(Options::parse(wrong).is_err());
        }
    }
}
