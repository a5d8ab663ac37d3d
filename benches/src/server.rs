//! A server to measure: the real program, with a store of its own.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

/// What stops a measurement: a sentence for a developer.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// The repository that every client works for.
pub const REPOSITORY: &str = "1001";

/// A running server; it is killed when dropped.
#[derive(Debug)]
pub struct Server {
    child: Child,
    directory: PathBuf,
    address: String,
}

impl Server {
    /// Starts one whose files are below `directory`.
    ///
    /// # Errors
    /// When the program does not do as it should.
    pub fn start(directory: &Path) -> Result<Self, Failure> {
        std::fs::create_dir_all(directory)?;
        document(sci(directory).args(["repo", "add", REPOSITORY, "--owner", "77"]))?;
        let mut command = sci(directory);
        command.args(["serve", "--url", "http://127.0.0.1", "--listen", "127.0.0.1:0", "--gc-every", "0s"]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
        let mut output = BufReader::new(child.stdout.take().ok_or("the server has no output")?);
        // The document ends with the first line that is a closing brace alone.
        let mut document = String::new();
        while !document.ends_with("\n}\n") {
            if output.read_line(&mut document)? == 0 {
                return Err(format!("the server did not start: {document}").into());
            }
        }
        std::thread::spawn(move || output.read_to_end(&mut Vec::new()));
        let document: Value = serde_json::from_str(&document)?;
        let address = text(&document["result"]["address"])?;
        Ok(Self { child, directory: directory.to_owned(), address })
    }

    /// Address and port.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Where it listens.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Makes a token that writes and reads `scope`.
    ///
    /// # Errors
    /// When the program does not do as it should.
    pub fn token(&self, scope: &str) -> Result<String, Failure> {
        let mut command = sci(&self.directory);
        command.args(["token", "create", "--repository", REPOSITORY, "--scope", scope]);
        text(&document(&mut command)?["result"]["token"])
    }

    /// The key that its records are signed with, as sci.toml names it.
    ///
    /// # Errors
    /// When the program fails.
    pub fn key(&self) -> Result<String, Failure> {
        text(&document(sci(&self.directory).args(["key", "export"]))?["result"]["public_keys"][0])
    }

    /// Requests that it has answered.
    ///
    /// # Errors
    /// When it does not say.
    pub fn requests(&self) -> Result<u64, Failure> {
        let metrics = self.metrics()?;
        let counts = metrics.lines().filter(|line| line.starts_with("sci_requests_total{"));
        Ok(counts.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok()).sum())
    }

    /// The most memory that it ever had, in bytes.
    ///
    /// # Errors
    /// When the program does not do as it should.
    pub fn peak_memory(&self) -> Result<u64, Failure> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("no VmHWM in its status")?;
        let kibibytes: u64 = line.trim().trim_end_matches(" kB").parse()?;
        Ok(kibibytes << 10)
    }

    /// What it counts: lines of Prometheus' text format.
    ///
    /// # Errors
    /// When the program does not do as it should.
    pub fn metrics(&self) -> Result<String, Failure> {
        let mut stream = TcpStream::connect(&self.address)?;
        write!(stream, "GET /metrics HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\r\n", self.address)?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself; either way it is waited for.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The program in a directory, with nothing of the environment but `PATH`.
pub fn program(directory: &Path) -> Command {
    let mut command = Command::new(std::env::var_os("SCI_BIN").unwrap_or_else(|| "sci".into()));
    command.current_dir(directory).env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.env("HOME", directory).arg("--json");
    command
}

/// The program, for a store below `directory`.
fn sci(directory: &Path) -> Command {
    let mut command = program(directory);
    command.env("SCI_STORE", directory.join("store"));
    command
}

/// Runs `sci --json` to its end, and reads what it answers.
///
/// # Errors
/// When it fails, with what it said.
pub fn document(command: &mut Command) -> Result<Value, Failure> {
    let output = command.stdin(Stdio::null()).output()?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{command:?} failed: {} {said}", output.status).into());
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

fn text(value: &Value) -> Result<String, Failure> {
    Ok(value.as_str().ok_or("an answer of sci lacks what it should have")?.to_owned())
}
