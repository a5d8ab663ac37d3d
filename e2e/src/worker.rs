//! The Worker that is deployed, in a real workerd on loopback, with R2 and D1 of its own. `cargo xtask worker` builds it.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::{Value, json};

use crate::backend::{Backend, REPOSITORY};
use crate::machine::finish;
use crate::server::{command, free_port};
use crate::tree::files_below;
use crate::{Machine, Ran};

/// The longest that a line of the log is waited for.
const PATIENCE: Duration = Duration::from_secs(60);

/// A Worker with one registered repository. It is killed when dropped.
pub struct Worker {
    /// Where its keys were made, and from where it is administered.
    machine: Machine,
    variables: Value,
    key: String,
    admin: String,
    running: Running,
}

/// The process of node, whose child workerd is.
struct Running {
    child: Child,
    input: Option<ChildStdin>,
    port: u16,
    log: Receiver<String>,
}

impl Worker {
    /// A Worker whose repository an administrator registered from another machine.
    pub fn start() -> Self {
        Self::with(0, &json!({ "SCI_URL": "http://127.0.0.1" }), &[])
    }

    /// A Worker that believes this issuer, with one repository, registered with these flags.
    pub fn believing(issuer: &str, registration: &[&str]) -> Self {
        // Identities are made for the very address.
        let port = free_port();
        let issuers = json!([{ "kind": "github", "url": issuer }]).to_string();
        let variables = json!({ "SCI_URL": format!("http://127.0.0.1:{port}"), "SCI_ISSUERS": issuers });
        Self::with(port, &variables, &[&["--issuer", issuer], registration].concat())
    }

    fn with(port: u16, more: &Value, registration: &[&str]) -> Self {
        let machine = Machine::new();
        let key = machine.sci(&["key", "generate"]).result()["public_keys"][0].as_str().unwrap().to_owned();
        let mut summary = machine.sci(&["token", "create", "--admin"]).result();
        let admin = summary.as_object_mut().unwrap().remove("token").unwrap().as_str().unwrap().to_owned();
        let file = |name: &str| std::fs::read_to_string(machine.dir().join("store").join(name)).unwrap();
        let store: Value = serde_json::from_str(&file("sci-store.json")).unwrap();
        let mut variables = json!({
            "SCI_STORE": store["store"],
            "SCI_SIGNING_KEY": file("signing-key.json"),
            "SCI_ADMINISTRATOR": summary.to_string(),
        });
        variables.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        // From here on the Worker is all that there is of the store.
        std::fs::remove_dir_all(machine.dir().join("store")).unwrap();
        let running = Running::start(&variables, &machine.dir().join("persist"), port);
        let worker = Self { machine, variables, key, admin, running };
        worker.administer(&[&["repo", "add", REPOSITORY, "--owner", "77"], registration].concat());
        worker
    }

    /// The token of its administrator.
    pub fn admin(&self) -> &str {
        &self.admin
    }

    /// The port of loopback that it is at.
    pub fn port(&self) -> u16 {
        self.running.port
    }

    /// Kills workerd, and whatever it was about.
    pub fn kill(&mut self) {
        self.running.kill();
        // Node has ended; workerd has when nobody listens any more.
        while TcpStream::connect(("127.0.0.1", self.port())).is_ok() {
            std::thread::yield_now();
        }
    }

    /// Starts it anew at the same address, with what is in its bucket and its database.
    pub fn restart(&mut self) {
        self.kill();
        self.running = Running::start(&self.variables, &self.persist(), self.port());
    }

    /// Sets the clocks forward, as far as a collection counts: what has happened happened so many hours earlier.
    pub fn let_pass(&mut self, hours: u32) {
        self.running.stop();
        let earlier = format!("-{hours} * 3600000");
        let columns = [
            ("records", "forgotten"),
            ("objects", "idle"),
            ("holds", "touched"),
            ("saves", "begun"),
            ("served", "until"),
        ];
        let script: String = columns
            .map(|(table, column)| format!("UPDATE {table} SET \"{column}\" = \"{column}\" {earlier};"))
            .concat();
        finish(Command::new("sqlite3").arg("-bail").arg(self.database()).arg(script)).success();
        self.restart();
    }

    /// Fires the cron trigger, and gives what the Worker said of it in its log.
    pub fn collect(&self) -> Value {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port())).unwrap();
        stream.write_all(b"GET /cdn-cgi/handler/scheduled HTTP/1.1\r\nhost: localhost\r\n\r\n").unwrap();
        let said = self.said("\"collected\"");
        drop(stream);
        said
    }

    /// The next line of the log with `word`, as JSON.
    fn said(&self, word: &str) -> Value {
        loop {
            let line = self.running.log.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("nothing says {word}"));
            if line.contains(word) {
                return serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
            }
        }
    }

    /// Bytes of everything in the bucket.
    pub fn stored_bytes(&self) -> u64 {
        let files = files_below(&self.persist().join("r2"));
        files
            .iter()
            .filter(|(path, _)| path.components().any(|part| part.as_os_str() == "blobs"))
            .map(|file| file.1)
            .sum()
    }

    fn persist(&self) -> PathBuf {
        self.machine.dir().join("persist")
    }

    /// The file of the database, beside which miniflare has one of its own.
    fn database(&self) -> PathBuf {
        let files = files_below(&self.persist().join("d1"));
        let is_database = |path: &Path| {
            path.extension().is_some_and(|end| end == "sqlite")
                && path.file_stem().is_some_and(|name| name != "metadata")
        };
        files.into_iter().map(|file| file.0).find(|path| is_database(path)).expect("the Worker has no database")
    }
}

impl Backend for Worker {
    fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port())
    }

    fn key(&self) -> &str {
        &self.key
    }

    /// From another machine, with the administrator's token.
    fn administer(&self, args: &[&str]) -> Ran {
        finish(&mut command(&self.machine, &self.admin, &[&["--store", &self.url()], args].concat())).success()
    }
}

impl Running {
    fn start(variables: &Value, persist: &Path, port: u16) -> Self {
        let bundle = target().join("worker/bundle");
        assert!(bundle.exists(), "{} is missing: `cargo xtask worker` builds it", bundle.display());
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../worker/local/run.mjs");
        let mut command = Command::new("node");
        // Node and workerd are one group, to be killed together.
        command.arg(script).arg(target().join("tools/worker")).arg(bundle).process_group(0);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut input = child.stdin.take().unwrap();
        writeln!(input, "{}", json!({ "bindings": variables, "persist": persist, "port": port })).unwrap();
        let (said, log) = channel();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        // What nobody wants to know any more is read all the same, so that nobody waits to say it.
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(|line| drop(said.send(line))));
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let port = line.trim().parse().unwrap_or_else(|_| {
            let _ = child.wait();
            panic!("the Worker did not start:\n{}", log.iter().collect::<Vec<_>>().join("\n"))
        });
        Self { child, input: Some(input), port, log }
    }

    /// Lets it end.
    fn stop(&mut self) {
        self.input.take();
        let _ = self.child.wait();
    }

    /// As a power cut of its processes.
    fn kill(&mut self) {
        if self.child.try_wait().is_ok_and(|ended| ended.is_none()) {
            let group = format!("-{}", self.child.id());
            finish(Command::new("kill").args(["-KILL", "--", &group])).success();
        }
        self.stop();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The target directory that this test was built into, where `cargo xtask` puts the bundle and what runs it.
pub(crate) fn target() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    test.ancestors().nth(3).unwrap().to_path_buf()
}
