//! The Worker that is deployed, in workerd on this machine, with a counter between it and its bindings.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};

use sci_benches::server::{Failure, REPOSITORY, document, program};
use serde::Deserialize;
use serde_json::{Value, json};

/// The unit in which Linux tells the time that a process has taken, in milliseconds.
const TICK: f64 = 10.0;

/// What the platform counts, and asks money for.
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct Counted {
    /// Requests by method and route.
    pub(crate) requests: BTreeMap<String, u64>,
    /// Operations of R2 that write or list.
    pub(crate) class_a: u64,
    /// Operations of R2 that read.
    pub(crate) class_b: u64,
    /// Batches of D1, each of which is one request to it.
    pub(crate) batches: u64,
    /// Statements in them.
    pub(crate) statements: u64,
    /// Rows of D1 that were looked at.
    pub(crate) rows_read: u64,
    /// Rows of D1 and of its indexes that were written.
    pub(crate) rows_written: u64,
}

impl Counted {
    /// All requests.
    pub(crate) fn all(&self) -> u64 {
        self.requests.values().sum()
    }
}

/// A running Worker; it ends when dropped.
pub(crate) struct Local {
    child: Child,
    input: Option<ChildStdin>,
    directory: PathBuf,
    admin: String,
    url: String,
    /// The key that its records are signed with, as sci.toml names it.
    pub(crate) key: String,
}

impl Local {
    /// Starts one whose files are below `directory`.
    pub(crate) fn start(directory: &Path) -> Result<Self, Failure> {
        std::fs::create_dir_all(directory)?;
        let store = directory.join("store");
        let sci = |args: &[&str]| document(program(directory).env("SCI_STORE", &store).args(args));
        let key = text(&sci(&["key", "generate"])?["result"]["public_keys"][0])?;
        let mut summary = sci(&["token", "create", "--admin"])?["result"].take();
        let admin = summary.as_object_mut().and_then(|fields| fields.remove("token")).ok_or("no token")?;
        let marker: Value = serde_json::from_slice(&std::fs::read(store.join("sci-store.json"))?)?;
        let bindings = json!({
            "SCI_URL": "http://127.0.0.1",
            "SCI_STORE": marker["store"],
            "SCI_SIGNING_KEY": std::fs::read_to_string(store.join("signing-key.json"))?,
            "SCI_ADMINISTRATOR": summary.to_string(),
        });
        let this = std::env::current_exe()?;
        let target = this.ancestors().nth(2).ok_or("this program is in no target directory")?;
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../worker/local/run.mjs");
        let mut command = Command::new("node");
        command.arg(script).arg(target.join("tools/worker")).arg(target.join("worker/bundle"));
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        let mut input = child.stdin.take().ok_or("no input")?;
        let options = json!({ "bindings": bindings, "persist": directory.join("persist"), "counting": true });
        writeln!(input, "{options}")?;
        let mut log = child.stderr.take().ok_or("no log")?;
        std::thread::spawn(move || log.read_to_end(&mut Vec::new()));
        let mut line = String::new();
        BufReader::new(child.stdout.take().ok_or("no output")?).read_line(&mut line)?;
        let port: u16 = line.trim().parse().map_err(|_| "the Worker did not start: `cargo xtask worker` builds it")?;
        let url = format!("http://127.0.0.1:{port}");
        let local = Self { child, input: Some(input), directory: directory.to_owned(), admin: text(&admin)?, url, key };
        local.administer(&["repo", "add", REPOSITORY, "--owner", "77"])?;
        Ok(local)
    }

    /// Where it listens.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// A token that writes and reads `scope`.
    pub(crate) fn token(&self, scope: &str) -> Result<String, Failure> {
        text(&self.administer(&["token", "create", "--repository", REPOSITORY, "--scope", scope])?["result"]["token"])
    }

    fn administer(&self, args: &[&str]) -> Result<Value, Failure> {
        let mut command = program(&self.directory);
        document(command.env("SCI_TOKEN", &self.admin).args(["--store", &self.url]).args(args))
    }

    /// What was counted since this was asked last.
    pub(crate) fn counted(&self) -> Result<Counted, Failure> {
        let agent: ureq::Agent = ureq::Agent::config_builder().proxy(None).build().into();
        let mut response = agent.get(format!("{}/local/counted", self.url)).call()?;
        Ok(serde_json::from_reader(response.body_mut().as_reader())?)
    }

    /// Time of the processor, in milliseconds, that workerd has taken: the Worker, and what stands for R2 and D1 there.
    pub(crate) fn processor(&self) -> Result<f64, Failure> {
        let mut ticks = 0;
        for entry in std::fs::read_dir("/proc")? {
            // Processes end while they are looked at.
            let Ok(stat) = std::fs::read_to_string(entry?.path().join("stat")) else { continue };
            let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
            if fields.get(1) == Some(&self.child.id().to_string().as_str()) {
                ticks += fields[11].parse::<u64>()? + fields[12].parse::<u64>()?;
            }
        }
        Ok(ticks as f64 * TICK)
    }
}

impl Drop for Local {
    fn drop(&mut self) {
        // It ends with its input.
        self.input.take();
        let _ = self.child.wait();
    }
}

fn text(value: &Value) -> Result<String, Failure> {
    Ok(value.as_str().ok_or("an answer of sci lacks what it should have")?.to_owned())
}
