//! A real `sci serve` on loopback, with a store of its own, and the runners that use it.

use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::backend::{Backend, REPOSITORY};
use crate::machine::{finish, sci};
use crate::{Machine, Ran};

/// A server. It is killed when dropped.
pub struct Server {
    machine: Machine,
    /// What it is started with, each time.
    settings: Vec<String>,
    child: Child,
    address: String,
    key: String,
}

impl Server {
    /// A server with one registered repository.
    pub fn start() -> Self {
        let machine = Machine::new();
        machine.sci(&["repo", "add", REPOSITORY, "--owner", "77"]);
        Self::serving(machine, "127.0.0.1:0", &["--url", "http://127.0.0.1"])
    }

    /// A server that believes this issuer, with one repository, registered with these flags.
    pub fn believing(issuer: &str, registration: &[&str]) -> Self {
        let machine = Machine::new();
        machine.sci(&[&["repo", "add", REPOSITORY, "--owner", "77", "--issuer", issuer], registration].concat());
        let issuers = machine.dir().join("issuers.toml");
        std::fs::write(&issuers, format!("[[issuer]]\nkind = \"github\"\nurl = \"{issuer}\"\n")).unwrap();
        // Identities are made for the very address.
        let listen = format!("127.0.0.1:{}", free_port());
        let url = format!("http://{listen}");
        Self::serving(machine, &listen, &["--url", &url, "--issuers", issuers.to_str().unwrap()])
    }

    fn serving(machine: Machine, listen: &str, settings: &[&str]) -> Self {
        let key = machine.run(&sci().display().to_string(), &["key", "export"]).success().stdout.trim().to_owned();
        let settings: Vec<String> = settings.iter().map(|word| (*word).to_owned()).collect();
        let (child, address) = serve(&machine, listen, &settings);
        Self { machine, settings, child, address, key }
    }

    /// Kills it as a power cut of its process would, and starts it anew at the same address.
    pub fn kill_and_restart(&mut self) {
        self.kill();
        let (child, address) = serve(&self.machine, &self.address, &self.settings);
        (self.child, self.address) = (child, address);
    }

    /// Loses the whole store and lets `restore` put one into its place, which is served at the same address.
    pub fn lose_store(&mut self, restore: impl FnOnce(&Path)) {
        self.kill();
        std::fs::remove_dir_all(self.store()).unwrap();
        restore(&self.store());
        let (child, address) = serve(&self.machine, &self.address, &self.settings);
        (self.child, self.address) = (child, address);
    }

    fn kill(&mut self) {
        // It may have ended by itself; either way it is waited for.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Where its store is.
    pub fn store(&self) -> PathBuf {
        self.machine.dir().join("store")
    }
}

impl Backend for Server {
    fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    fn key(&self) -> &str {
        &self.key
    }

    /// Where the store is, beside the server.
    fn administer(&self, args: &[&str]) -> Ran {
        self.machine.sci(args)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A port of loopback that nobody listens at. It is none of those that systems give to whoever asks for any: a server that was killed
/// finds it free when it comes back, whatever runs beside it.
pub fn free_port() -> u16 {
    let mut candidates = std::iter::repeat_with(|| fastrand::u16(10_000..32_768));
    candidates.find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok()).unwrap()
}

fn serve(machine: &Machine, listen: &str, settings: &[String]) -> (Child, String) {
    let mut command = machine.command(sci());
    command.args(["--json", "serve", "--listen", listen, "--gc-every", "0s"]).args(settings);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    // The document ends with the first line that is a closing brace alone.
    let mut document = String::new();
    while !document.ends_with("\n}\n") {
        if output.read_line(&mut document).unwrap() == 0 {
            panic!("the server did not start: {document}");
        }
    }
    std::thread::spawn(move || output.read_to_end(&mut Vec::new()));
    let document: serde_json::Value = serde_json::from_str(&document).unwrap();
    (child, document["result"]["address"].as_str().unwrap().to_owned())
}

/// `sci --json` on a machine, with a token.
pub fn command(machine: &Machine, token: &str, args: &[&str]) -> Command {
    let mut command = machine.command(sci());
    command.env("SCI_TOKEN", token).env_remove("SCI_STORE").arg("--json").args(args);
    command
}

/// Runs it to its end, which has to be a success.
pub fn run(machine: &Machine, token: &str, args: &[&str]) -> Ran {
    finish(&mut command(machine, token, args)).success()
}
