//! The command line: the global flags, each with its `SCI_*` variable, and the tree of commands.

use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgAction, Args, Parser, Subcommand};

use crate::commands::{
    completions, deploy, diff, doctor, explain, forget, gc, init, key, ls, plan, presets, quarantine, repo, restore,
    run, save, serve, show, token, ui, verify,
};
use crate::output::{ColorChoice, Options};

const AFTER_HELP: &str = "\
Exit codes: 0 done; 1 damage found, or cache trouble under --require; 2 usage or configuration; 3 store;
4 not found; 5 local file; 130 interrupted. `sci run` ends with the code of its command.";

/// Stateful CI: a declarative build cache.
///
/// sci.toml says what each path of a workspace is derived from. sci hashes those inputs into a key, restores the snapshot
/// with exactly that key or the nearest trusted one, saves what changed, and explains why a key missed.
#[derive(Debug, Parser)]
#[command(name = "sci", version, propagate_version = true, max_term_width = 100, after_help = AFTER_HELP)]
#[command(arg_required_else_help = true)]
pub struct Cli {
    /// Flags of every command.
    #[command(flatten)]
    pub globals: Globals,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The flags that every command takes, before or after its name.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Global options")]
pub struct Globals {
    /// Print one JSON document on stdout instead of human lines
    #[arg(long, global = true, env = "SCI_JSON", action = ArgAction::SetTrue, value_parser = switch)]
    pub json: bool,
    /// When to colour
    #[arg(long, global = true, env = "SCI_COLOR", value_enum, default_value = "auto", value_name = "WHEN")]
    pub color: ColorChoice,
    /// Directory of the embedded store, or address of a remote one [default: sci.toml's, else `store` below the state]
    #[arg(long, global = true, env = "SCI_STORE", value_name = "DIR|URL")]
    store: Option<String>,
    /// Directory of local state [default: the user's cache directory]
    #[arg(long, global = true, env = "SCI_STATE", value_name = "DIR")]
    state: Option<String>,
    /// Name that this workspace's snapshots are kept under, in a remote store the repository's id [default: sci.toml's, else
    /// the workspace directory]
    #[arg(long, global = true, env = "SCI_PROJECT", value_name = "NAME")]
    project: Option<String>,
    /// Start in this directory; sci.toml is looked for here and above
    #[arg(short = 'C', long, global = true, env = "SCI_WORKSPACE", value_name = "DIR")]
    workspace: Option<String>,
    /// Results, warnings and errors only
    #[arg(short, long, global = true, env = "SCI_QUIET", action = ArgAction::SetTrue, value_parser = switch)]
    pub quiet: bool,
    /// Say how each result came about
    #[arg(short, long, global = true, env = "SCI_VERBOSE", action = ArgAction::SetTrue, value_parser = switch)]
    pub verbose: bool,
    /// Make cache trouble an error (exit code 1) instead of a miss
    #[arg(long, global = true, env = "SCI_REQUIRE", action = ArgAction::SetTrue, value_parser = switch)]
    pub require: bool,
    /// Use the embedded store in CI, where it is refused otherwise
    #[arg(long, global = true, env = "SCI_ALLOW_EMBEDDED", action = ArgAction::SetTrue, value_parser = switch)]
    pub allow_embedded: bool,
    /// Keys that a remote store's records must be signed with, separated by commas [default: sci.toml's]
    #[arg(long, global = true, env = "SCI_TRUSTED_PUBLIC_KEYS", value_name = "KEYS")]
    trusted_public_keys: Option<String>,
    /// How long a remote store is waited for while nothing moves; then it counts as down
    #[arg(long, global = true, env = "SCI_TIMEOUT", value_name = "TIME", value_parser = patience, default_value = "30s")]
    pub timeout: Duration,
    /// Speak http:// to a remote store on another machine: whoever is on the way can read tickets and objects
    #[arg(long, global = true, env = "SCI_ALLOW_HTTP", action = ArgAction::SetTrue, value_parser = switch)]
    pub allow_http: bool,
}

impl Globals {
    /// What the flags say about output.
    pub fn output(&self) -> Options {
        Options { json: self.json, quiet: self.quiet, verbose: self.verbose, color: self.color }
    }

    /// `--store` as a directory.
    pub fn store(&self) -> Option<PathBuf> {
        given(self.store.as_ref()).filter(|place| !is_url(place)).map(PathBuf::from)
    }

    /// `--store` as the address of a remote store.
    pub fn store_url(&self) -> Option<&str> {
        given(self.store.as_ref()).filter(|place| is_url(place))
    }

    /// `--trusted-public-keys`, one by one.
    pub fn trusted_public_keys(&self) -> impl Iterator<Item = &str> {
        let keys = given(self.trusted_public_keys.as_ref()).into_iter().flat_map(|keys| keys.split(','));
        keys.map(str::trim).filter(|key| !key.is_empty())
    }

    /// `--state`, unless empty.
    pub fn state(&self) -> Option<PathBuf> {
        given(self.state.as_ref()).map(PathBuf::from)
    }

    /// `--project`, unless empty.
    pub fn project(&self) -> Option<&str> {
        given(self.project.as_ref())
    }

    /// `--workspace`, unless empty.
    pub fn workspace(&self) -> Option<PathBuf> {
        given(self.workspace.as_ref()).map(PathBuf::from)
    }
}

fn is_url(place: &str) -> bool {
    place.contains("://")
}

/// CI systems set what is absent to the empty text, so an empty value counts as none.
fn given(value: Option<&String>) -> Option<&str> {
    value.map(String::as_str).filter(|value| !value.is_empty())
}

/// Reads the value of a switch's variable.
///
/// # Errors
/// A sentence that says what is expected.
pub fn switch(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "" | "0" | "false" | "no" | "off" => Ok(false),
        "1" | "true" | "yes" | "on" => Ok(true),
        _ => Err("expected true or false (or 1, 0, yes, no, on, off)".to_owned()),
    }
}

/// Reads a length of time: a whole number and s, m, h, d or w.
///
/// # Errors
/// A sentence that says what is expected.
pub fn span(text: &str) -> Result<Duration, String> {
    let expected = || format!("expected a number and a unit (s, m, h, d, w), as in 30d; found {text:?}");
    let unit = text.chars().next_back().ok_or_else(expected)?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        'w' => 7 * 86_400,
        _ => return Err(expected()),
    };
    let number: u64 = text[..text.len() - unit.len_utf8()].parse().map_err(|_| expected())?;
    number.checked_mul(seconds).map(Duration::from_secs).ok_or_else(expected)
}

/// Reads a length of time that is at least a second and at most a day.
///
/// # Errors
/// A sentence that says what is expected.
pub fn patience(text: &str) -> Result<Duration, String> {
    // An empty variable counts as none.
    let time = span(if text.is_empty() { "30s" } else { text })?;
    let is_sensible = (1..=86_400).contains(&time.as_secs());
    if is_sensible { Ok(time) } else { Err("expected at least 1s and at most 1d".to_owned()) }
}

/// Reads a number of bytes: a whole number and K, M, G or T, in steps of 1,024.
///
/// # Errors
/// A sentence that says what is expected.
pub fn size(text: &str) -> Result<u64, String> {
    let expected = || format!("expected a number of bytes, as in 500M or 20G; found {text:?}");
    let unit = text.chars().next_back().ok_or_else(expected)?;
    let shift = match unit {
        '0'..='9' => return text.parse().map_err(|_| expected()),
        'K' => 10,
        'M' => 20,
        'G' => 30,
        'T' => 40,
        _ => return Err(expected()),
    };
    let number: u64 = text[..text.len() - 1].parse().map_err(|_| expected())?;
    number.checked_mul(1 << shift).ok_or_else(expected)
}

/// The commands, in the order of their use.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Detect what the workspace is made with, and write sci.toml
    Init(init::Arguments),
    /// Show the key of each path and the inputs that it is derived from
    Plan(plan::Arguments),
    /// Restore paths from the exact or the nearest trusted snapshot
    Restore(restore::Arguments),
    /// Save what the build left in paths
    Save(save::Arguments),
    /// Restore, run a command, save
    Run(run::Arguments),
    /// Say why a path was restored, or was not, and from what
    Explain(explain::Arguments),
    /// Show the workspace and the published runs on a dashboard
    Ui(ui::Arguments),
    /// List this project's snapshots
    Ls(ls::Arguments),
    /// Show one snapshot
    Show(show::Arguments),
    /// Compare the files and inputs of two snapshots
    Diff(diff::Arguments),
    /// Check signatures and objects of this project's snapshots
    Verify(verify::Arguments),
    /// Delete what no snapshot needs
    Gc(gc::Arguments),
    /// Remove a snapshot from the index
    Forget(forget::Arguments),
    /// Refuse what a run saved, and everything that descends from it
    Quarantine(quarantine::Arguments),
    /// Register the repositories that a store serves, and say what it trusts of each
    Repo(repo::Arguments),
    /// Make, list and revoke tokens for machines without an identity of their own
    Token(token::Arguments),
    /// Make, rotate and print the keys that sign a store's records
    Key(key::Arguments),
    /// Serve the store to many machines over HTTP
    Serve(serve::Arguments),
    /// Set up the Worker that serves a store in your own Cloudflare account, or bring it up to date
    Deploy(deploy::Arguments),
    /// List the built-in presets, or show one
    Presets(presets::Arguments),
    /// Show what sci sees of this machine and workspace, and what is wrong
    Doctor(doctor::Arguments),
    /// Print a completion script for a shell
    Completions(completions::Arguments),
}

impl Command {
    /// The name that JSON documents carry.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Init(_) => "init",
            Self::Plan(_) => "plan",
            Self::Restore(_) => "restore",
            Self::Save(_) => "save",
            Self::Run(_) => "run",
            Self::Explain(_) => "explain",
            Self::Ui(_) => "ui",
            Self::Ls(_) => "ls",
            Self::Show(_) => "show",
            Self::Diff(_) => "diff",
            Self::Verify(_) => "verify",
            Self::Gc(_) => "gc",
            Self::Forget(_) => "forget",
            Self::Quarantine(_) => "quarantine",
            Self::Repo(_) => "repo",
            Self::Token(_) => "token",
            Self::Key(_) => "key",
            Self::Serve(_) => "serve",
            Self::Deploy(_) => "deploy",
            Self::Presets(_) => "presets",
            Self::Doctor(_) => "doctor",
            Self::Completions(_) => "completions",
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_tree_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_global_flag_has_its_variable() {
        for argument in Cli::command().get_arguments().filter(|argument| argument.is_global_set()) {
            let long = argument.get_long().unwrap().to_uppercase().replace('-', "_");
            assert_eq!(argument.get_env().unwrap().to_str(), Some(format!("SCI_{long}").as_str()));
        }
    }

    #[test]
    fn switches_take_the_usual_words() {
        assert_eq!(switch("YES"), Ok(true));
        assert_eq!(switch(""), Ok(false));
        assert!(switch("perhaps").is_err());
    }

    #[test]
    fn spans_need_a_unit() {
        assert_eq!(span("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(span("2w"), Ok(Duration::from_secs(14 * 86_400)));
        for bad in ["", "d", "5", "1.5h", "-1d", "3é", "99999999999999999999d", "9999999999999999999w"] {
            assert!(span(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn sizes_are_in_steps_of_1024() {
        assert_eq!((size("0"), size("20G"), size("3K")), (Ok(0), Ok(20 << 30), Ok(3 << 10)));
        for bad in ["", "G", "1.5G", "-1", "5é", "20GB", "99999999999T"] {
            assert!(size(bad).is_err(), "{bad:?}");
        }
    }
}
