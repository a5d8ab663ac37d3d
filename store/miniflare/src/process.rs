//! One workerd with one bundle.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use serde_json::{Value, json};

/// Which bundle is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bundle {
    /// The one that is deployed.
    Shipped,
    /// The one with doors for a suite of tests.
    Testing,
}

/// A workerd on loopback. It ends when this is dropped, and with its process, however that ends.
#[derive(Debug)]
pub struct Miniflare {
    child: Child,
    input: Option<ChildStdin>,
    /// The one's own, then those of the Workers beside it.
    ports: Vec<u16>,
    log: Arc<Mutex<Vec<u8>>>,
    reader: Option<JoinHandle<()>>,
}

impl Miniflare {
    /// Starts one. `tmp` is the `CARGO_TARGET_TMPDIR` of the test, beside which bundles and tools are; `options` are what
    /// `worker/local/run.mjs` takes.
    pub fn start(tmp: &str, bundle: Bundle, options: &Value) -> Self {
        let target = Path::new(tmp).parent().unwrap();
        let (tools, bundle) = (target.join("tools/worker"), built(target, bundle));
        let mut command = Command::new("node");
        command.arg(script()).arg(tools).arg(bundle);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut input = child.stdin.take().unwrap();
        writeln!(input, "{options}").unwrap();
        let log = Arc::new(Mutex::new(Vec::new()));
        let reader = collect(child.stderr.take().unwrap(), Arc::clone(&log));
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let ports: Vec<u16> = line.split_whitespace().map_while(|port| port.parse().ok()).collect();
        if ports.is_empty() {
            let _ = child.wait();
            panic!("the Worker did not start:\n{}", String::from_utf8_lossy(&log.lock().unwrap()))
        }
        Self { child, input: Some(input), ports, log, reader: Some(reader) }
    }

    /// Starts the bundle for suites, and beside it a Worker of the deployed bundle for each of these bindings, in one process.
    /// Bucket and database of each are those of the world of its number, at which the doors of the former look.
    pub fn start_beside(tmp: &str, bindings: &[Value]) -> Self {
        let bundle = built(Path::new(tmp).parent().unwrap(), Bundle::Shipped);
        let beside = json!({ "bundle": bundle, "bindings": bindings });
        Self::start(tmp, Bundle::Testing, &json!({ "worlds": bindings.len(), "beside": beside }))
    }

    /// Where it is.
    pub fn url(&self) -> String {
        self.url_of(0)
    }

    /// Where the Worker of that number beside it is.
    pub fn url_beside(&self, number: usize) -> String {
        self.url_of(1 + number)
    }

    fn url_of(&self, position: usize) -> String {
        format!("http://127.0.0.1:{}", self.ports[position])
    }

    /// What was logged so far.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&self.log.lock().unwrap()).into_owned()
    }

    /// Stops it, and gives everything that it logged.
    pub fn stop(mut self) -> String {
        self.end();
        self.log()
    }

    fn end(&mut self) {
        // It ends with its input.
        self.input.take();
        let _ = self.child.wait();
        if let Some(reader) = self.reader.take() {
            let _ = reader.join();
        }
    }
}

impl Drop for Miniflare {
    fn drop(&mut self) {
        self.end();
    }
}

/// The directory of a bundle.
fn built(target: &Path, bundle: Bundle) -> PathBuf {
    let name = match bundle {
        Bundle::Shipped => "bundle",
        Bundle::Testing => "bundle-testing",
    };
    let directory = target.join("worker").join(name);
    let entry = directory.join("entry.mjs");
    assert!(entry.exists(), "{} is missing: `cargo xtask worker` builds it", entry.display());
    directory
}

fn script() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../worker/local/run.mjs")
}

/// Keeps what a process says, so that it never waits for somebody to read it.
fn collect(mut output: impl std::io::Read + Send + 'static, log: Arc<Mutex<Vec<u8>>>) -> JoinHandle<()> {
    std::thread::spawn(move || {
        let mut part = [0; 4096];
        while let Ok(count @ 1..) = output.read(&mut part) {
            log.lock().unwrap().extend_from_slice(&part[..count]);
        }
    })
}
