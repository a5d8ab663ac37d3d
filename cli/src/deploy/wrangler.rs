//! Cloudflare's own command line, run as a child without a terminal: it asks nothing and opens no browser.

use std::ffi::{OsStr, OsString};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use sci_sys::programs;

use crate::error::{CliError, Kind, Result};

/// What npx is asked for where there is no wrangler: the one that is tested.
const PACKAGE: &str = "wrangler@4.164.0";
/// The variable that wrangler takes the account from.
pub const ACCOUNT: &str = "CLOUDFLARE_ACCOUNT_ID";
/// The variable that names the file that wrangler tells programs in what it did.
const REPORT: &str = "WRANGLER_OUTPUT_FILE_PATH";

/// How wrangler is run.
#[derive(Debug)]
pub struct Wrangler {
    program: Vec<OsString>,
    directory: PathBuf,
    account: Option<String>,
}

/// What wrangler said when it failed.
#[derive(Debug)]
pub struct Failure {
    command: String,
    says: String,
}

impl Wrangler {
    /// Finds wrangler: `given`, else the one on the `PATH`, else npx gets it. Gives what it says of its version, too.
    ///
    /// # Errors
    /// [`Kind::NotFound`] when there is none, [`Kind::Local`] when it does not run.
    pub fn find(given: Option<&OsStr>) -> Result<(Self, String)> {
        let candidates: Vec<Vec<OsString>> = match given {
            Some(program) => vec![vec![program.to_owned()]],
            None => vec![vec!["wrangler".into()], vec!["npx".into(), "--yes".into(), PACKAGE.into()]],
        };
        for program in candidates {
            let wrangler = Self { program, directory: PathBuf::from("."), account: None };
            match wrangler.start(&["--version"], None, None) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(CliError::local("run", Path::new(&wrangler.program[0]), error)),
                Ok(output) => {
                    let version = judge(&["--version"], &output).map_err(|failure| failure.error(""))?;
                    return Ok((wrangler, version.trim().to_owned()));
                }
            }
        }
        let missing = given.map_or_else(|| "wrangler".into(), OsStr::to_string_lossy);
        let error = CliError::new(Kind::NotFound, format!("{missing} is not there, and everything goes through it"));
        Err(error.hint("install Node.js 22 or later, then `npm install --global wrangler` and `wrangler login`"))
    }

    /// From now on it runs in `directory`, where a `wrangler.toml` may be.
    pub fn work_in(&mut self, directory: &Path) {
        directory.clone_into(&mut self.directory);
    }

    /// From now on it works for this account.
    pub fn work_for(&mut self, account: &str) {
        self.account = Some(account.to_owned());
    }

    /// Runs it to its end, and gives what it printed.
    ///
    /// # Errors
    /// What it said when it failed.
    pub fn run(&self, args: &[&str]) -> Result<String, Failure> {
        self.finish(args, None, None)
    }

    /// As [`Wrangler::run`], with `input` for it to read: what stands on no command line and in no file. `report` is the file
    /// that it tells programs in what it did.
    ///
    /// # Errors
    /// As [`Wrangler::run`].
    pub fn run_reporting(&self, args: &[&str], input: Option<&[u8]>, report: &Path) -> Result<String, Failure> {
        self.finish(args, input, Some(report))
    }

    fn finish(&self, args: &[&str], input: Option<&[u8]>, report: Option<&Path>) -> Result<String, Failure> {
        let output = self.start(args, input, report);
        let output = output.map_err(|error| Failure { command: spoken(args), says: error.to_string() })?;
        judge(args, &output)
    }

    fn start(&self, args: &[&str], input: Option<&[u8]>, report: Option<&Path>) -> io::Result<Output> {
        let variable = |name| std::env::var_os(name);
        let (path, extensions) = (variable("PATH"), variable(programs::EXTENSIONS));
        let program = programs::resolve(&self.program[0], Path::new("."), path.as_deref(), extensions.as_deref());
        let mut command = Command::new(program);
        command.args(&self.program[1..]).args(args).current_dir(&self.directory);
        command.env("WRANGLER_HIDE_BANNER", "true").env("FORCE_COLOR", "0");
        command.envs(self.account.iter().map(|account| (ACCOUNT, account)));
        command.envs(report.map(|report| (REPORT, report)));
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let Some(input) = input else { return command.stdin(Stdio::null()).output() };
        let mut child = command.stdin(Stdio::piped()).spawn()?;
        let mut pipe = child.stdin.take();
        std::thread::scope(|scope| {
            // Who ends without reading says why by itself.
            scope.spawn(move || pipe.as_mut().map(|pipe| pipe.write_all(input)));
            child.wait_with_output()
        })
    }
}

impl Failure {
    /// Whether the platform answered with this code.
    pub fn has_code(&self, code: u32) -> bool {
        self.says.contains(&format!("[code: {code}]"))
    }

    /// What the person reads: the step, the command, and wrangler's own words.
    pub fn error(&self, step: &str) -> CliError {
        let step = if step.is_empty() { String::new() } else { format!("{step}: ") };
        CliError::store(format!("{step}`{}` failed: {}", self.command, self.says))
    }

    /// Wrangler did not say what it says when all is well.
    pub fn unexpected(args: &[&str], said: &str) -> Self {
        let said: String = said.chars().take(400).collect();
        Self { command: spoken(args), says: format!("an answer that this sci does not know: {}", essence(&said)) }
    }
}

/// What it printed, or why it failed.
fn judge(args: &[&str], output: &Output) -> Result<String, Failure> {
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(stdout);
    }
    let stderr = String::from_utf8_lossy(&output.stderr);
    let says = [essence(&stderr), essence(&stdout)].into_iter().find(|says| !says.is_empty());
    Err(Failure { command: spoken(args), says: says.unwrap_or_else(|| output.status.to_string()) })
}

fn spoken(args: &[&str]) -> String {
    format!("wrangler {}", args.join(" "))
}

/// What a person needs of wrangler's words: no colours, no frames, no advice to report a bug, no path of a log.
fn essence(text: &str) -> String {
    let plain = anstream::adapter::strip_str(text).to_string();
    let is_said = |line: &&str| {
        !line.is_empty() && !["If you think this is a bug", "🪵", "⛅", "─"].iter().any(|noise| line.starts_with(noise))
    };
    let clean = |line: &str| line.trim_start_matches(['✘', '▲', ' ']).replace("[ERROR] ", "").replace("[WARNING] ", "");
    plain.lines().map(str::trim).filter(is_said).map(clean).collect::<Vec<_>>().join("\n  ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_words_are_told_without_what_is_around_them() {
        let said = "\u{1b}[31m✘ \u{1b}[41;31m[\u{1b}[41;97mERROR\u{1b}[41;31m]\u{1b}[0m \u{1b}[1mA request failed.\u{1b}[0m\n\n  \
                    This Worker does not exist. [code: 10007]\n  \n  If you think this is a bug, please open an issue\n\
                    🪵  Logs were written to \"/root/wrangler.log\"\n";
        assert_eq!(essence(said), "A request failed.\n  This Worker does not exist. [code: 10007]");
    }
}
