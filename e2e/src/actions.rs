//! GitHub's runner, as far as an action sees it: a job with its event, its identity, a fresh workspace and the files by which
//! steps speak to the runner.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::sync::OnceLock;
use std::time::Instant;

use serde_json::Value;

use crate::Machine;
use crate::event::{Event, Told};
use crate::machine::{finish, line, sci};
use crate::node;
use crate::ran::Ran;
use crate::stand_in::{self, StandIn, port};

/// The variable that names the file with the event's payload.
const PAYLOAD: &str = "GITHUB_EVENT_PATH";
/// The variable that says where a job's identity is asked for.
const ISSUER: &str = "ACTIONS_ID_TOKEN_REQUEST_URL";

/// The issuer of identities. It ends when dropped.
pub struct Issuer(StandIn);

impl Issuer {
    /// An issuer that has issued nothing yet.
    pub fn start() -> Self {
        Self(StandIn::start("github/identity.mjs", None))
    }

    /// Its address: the claim `iss` of its identities.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", port(&self.0.told))
    }

    /// Makes identities for this job from now on.
    fn issue_for(&self, claims: &Value) {
        stand_in::ask(port(&self.0.told), "PUT", "/claims", &claims.to_string());
    }
}

/// Releases of sci, with the program under test in them.
pub struct Releases {
    machine: Machine,
    listening: StandIn,
    /// Their version.
    pub version: String,
}

impl Releases {
    /// One release, for this machine.
    pub fn start() -> Self {
        let machine = Machine::new();
        let said = machine.run(&sci().display().to_string(), &["--version"]).success().stdout;
        let version = said.trim().rsplit(' ').next().unwrap().to_owned();
        let name = format!("sci-{version}-{}-unknown-linux-gnu", std::env::consts::ARCH);
        machine.write(&format!("{name}/bin/sci"), "");
        fs::copy(sci(), machine.path(&name).join("bin/sci")).unwrap();
        let files = machine.dir().join("files");
        fs::create_dir(&files).unwrap();
        let archive = files.join(format!("{name}.tar.gz"));
        machine.run("tar", &["-czf", archive.to_str().unwrap(), &name]).success();
        let listening = StandIn::start("github/releases.mjs", Some(files.as_os_str()));
        let releases = Self { machine, listening, version };
        releases.list();
        releases
    }

    /// Changes the archive after its sum was listed.
    pub fn tamper(&self) {
        let archive = self.archive();
        let mut content = fs::read(&archive).unwrap();
        content.push(0);
        fs::write(archive, content).unwrap();
    }

    fn archive(&self) -> PathBuf {
        let files = fs::read_dir(self.machine.dir().join("files")).unwrap().map(|entry| entry.unwrap().path());
        files.into_iter().find(|file| file.extension().is_some_and(|end| end == "gz")).unwrap()
    }

    fn list(&self) {
        let archive = self.archive();
        let mut command = self.machine.command("sha256sum");
        command.current_dir(archive.parent().unwrap()).arg(archive.file_name().unwrap());
        let sums = finish(&mut command).success().stdout;
        fs::write(archive.with_file_name("SHA256SUMS"), sums).unwrap();
    }
}

/// A job on a fresh machine, with one use of the action.
pub struct Job {
    machine: Machine,
    inputs: BTreeMap<String, String>,
    run: u64,
    /// The values of its matrix, as the context of that name has them.
    matrix: String,
    env: Vec<(String, String)>,
}

impl Job {
    /// A job that is about to begin: `run` is its number, by which the store knows it.
    pub fn begin(issuer: &Issuer, event: &Event, run: u64) -> Self {
        let machine = Machine::new();
        issuer.issue_for(&event.claims(run));
        let mut env = event.environment(run);
        let of_the_runner = [
            ("CI", "true"),
            ("GITHUB_ACTIONS", "true"),
            ("GITHUB_JOB", "build"),
            ("RUNNER_ENVIRONMENT", "github-hosted"),
            ("RUNNER_OS", "Linux"),
        ];
        env.extend(of_the_runner.map(|(name, value)| (name.to_owned(), value.to_owned())));
        for (name, below) in [("RUNNER_TEMP", "temp"), ("RUNNER_TOOL_CACHE", "tools"), ("GITHUB_WORKSPACE", "work")] {
            let directory = machine.dir().join(below);
            fs::create_dir_all(&directory).unwrap();
            env.push((name.to_owned(), directory.display().to_string()));
        }
        let payload = machine.dir().join("temp/_github_workflow/event.json");
        fs::create_dir(payload.parent().unwrap()).unwrap();
        fs::write(&payload, event.payload().to_string()).unwrap();
        env.push((PAYLOAD.to_owned(), payload.display().to_string()));
        if event.has_identity() {
            env.push((ISSUER.to_owned(), format!("{}/token?api-version=2.0", issuer.url())));
            env.push(("ACTIONS_ID_TOKEN_REQUEST_TOKEN".to_owned(), "of-the-job".to_owned()));
        }
        let inputs = BTreeMap::from([("program".to_owned(), sci().display().to_string())]);
        Self { machine, inputs, run, matrix: "null".to_owned(), env }
    }

    /// Gives the action an input.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.inputs.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Makes it one of several that only these values tell apart: a JSON object.
    #[must_use]
    pub fn leg(mut self, matrix: &str) -> Self {
        matrix.clone_into(&mut self.matrix);
        self
    }

    /// Changes the runner's environment.
    #[must_use]
    pub fn environment(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Lets the action get sci from these releases.
    #[must_use]
    pub fn installing(mut self, releases: &Releases) -> Self {
        self.inputs.remove("program");
        self.with("github-token", "of-the-job")
            .environment("GITHUB_SERVER_URL", &format!("http://127.0.0.1:{}", port(&releases.listening.told)))
            .environment("GITHUB_ACTION_REPOSITORY", "o/sci")
    }

    /// What it is told of the event that it runs for.
    pub fn told(&self) -> Told {
        let environment: BTreeMap<String, String> = self.env.iter().cloned().collect();
        let payload = fs::read_to_string(&environment[PAYLOAD]).unwrap();
        let claims = environment.get(ISSUER).map(|url| {
            let port = url.trim_start_matches("http://127.0.0.1:").split_once('/').unwrap().0;
            stand_in::ask(port.parse().unwrap(), "GET", "/claims", "")
        });
        Told { environment, payload: serde_json::from_str(&payload).unwrap(), claims }
    }

    /// Writes a file that an earlier job left on the machine: the payload's directory, which the runner makes first, is newer.
    pub fn finds(&self, name: &str, content: &str) {
        self.machine.write(name, content);
        let modified = |path: &Path| path.metadata().unwrap().modified().unwrap();
        let before = modified(&self.machine.path(name));
        let payload = self.payload();
        let (directory, text) = (payload.parent().unwrap(), fs::read(payload).unwrap());
        // Times are not finer than the clock of the file system.
        while modified(directory) <= before || payload.metadata().unwrap().created().is_ok_and(|made| made <= before) {
            fs::remove_dir_all(directory).unwrap();
            fs::create_dir(directory).unwrap();
            fs::write(payload, &text).unwrap();
        }
    }

    fn payload(&self) -> &Path {
        Path::new(self.env.iter().find(|(name, _)| name == PAYLOAD).map(|(_, file)| file).unwrap())
    }

    /// The machine that it runs on.
    pub fn machine(&self) -> &Machine {
        &self.machine
    }

    /// The step itself.
    pub fn main(&self) -> Step {
        self.phase("main", "success", None)
    }

    /// The step itself, until it ends or is ended. Its log is read as it comes.
    pub fn start(&self) -> Running {
        let (mut command, files) = self.prepared("main", "success", None);
        let line = line(&command);
        let mut process = command.stdout(Stdio::piped()).spawn().unwrap();
        let log = BufReader::new(process.stdout.take().unwrap());
        Running { process, log, read: String::new(), line, began: Instant::now(), files: Some(files) }
    }

    /// The end of a job that stands so, after the step.
    pub fn post(&self, main: &Step, status: &str) -> Step {
        self.phase("post", status, Some(main))
    }

    /// The action's inputs as the runner takes them from `action.yml`.
    fn defaults(&self, status: &str) -> BTreeMap<String, String> {
        let mut inputs = BTreeMap::new();
        let text = definition();
        let mut name = "";
        for line in text.lines().skip_while(|line| *line != "inputs:").take_while(|line| *line != "outputs:") {
            match line.strip_prefix("    default: ") {
                Some(default) => {
                    let value = match default.trim_matches('"') {
                        "${{ github.token }}" => "",
                        "${{ job.status }}" => status,
                        "${{ toJSON(matrix) }}" => &self.matrix,
                        value => value,
                    };
                    assert!(!value.contains("${{"), "{name}: {value}");
                    inputs.insert(name.to_owned(), value.to_owned());
                }
                None => name = line.strip_prefix("  ").and_then(|line| line.strip_suffix(':')).unwrap_or(name),
            }
        }
        inputs
    }

    fn phase(&self, phase: &str, status: &str, before: Option<&Step>) -> Step {
        let (mut command, files) = self.prepared(phase, status, before);
        let ran = finish(&mut command);
        files.read(ran)
    }

    /// The process of a phase, and the files by which it speaks to the runner.
    fn prepared(&self, phase: &str, status: &str, before: Option<&Step>) -> (Command, Files) {
        // The runner does so before every step.
        fs::write(self.payload(), fs::read(self.payload()).unwrap()).unwrap();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../action/dist").join(phase).with_extension("mjs");
        let mut command = self.machine.command(node());
        command.arg(script).env_remove("SCI_STORE").envs(self.env.iter().map(|(name, value)| (name, value)));
        for (name, value) in self.defaults(status).into_iter().chain(self.inputs.clone()) {
            command.env(format!("INPUT_{}", name.to_uppercase()), value);
        }
        if let Some(before) = before {
            command.envs(&before.env).envs(before.state.iter().map(|(name, value)| (format!("STATE_{name}"), value)));
        }
        let files = FILES.map(|name| {
            let file = self.machine.dir().join(format!("{phase}-{name}-{}", self.run));
            fs::write(&file, "").unwrap();
            file
        });
        command.envs(FILES.iter().zip(&files).map(|(name, file)| (format!("GITHUB_{name}"), file)));
        (command, Files(files))
    }
}

/// The files by which a step speaks to the runner, by the ends of the variables that name them.
const FILES: [&str; 5] = ["OUTPUT", "STATE", "ENV", "PATH", "STEP_SUMMARY"];

struct Files([PathBuf; FILES.len()]);

impl Files {
    /// What a step did that ran like this.
    fn read(self, ran: Ran) -> Step {
        let [output, saved, env, path, summary] = self.0;
        let [summary, path] = [summary, path].map(|file| fs::read_to_string(file).unwrap());
        Step { ran, outputs: values(&output), state: values(&saved), env: values(&env), summary, path }
    }
}

/// A step that runs. It is killed when dropped.
pub struct Running {
    process: Child,
    log: BufReader<ChildStdout>,
    /// What was read of the log.
    read: String,
    line: String,
    began: Instant,
    files: Option<Files>,
}

impl Running {
    /// Waits for a line of the log.
    pub fn wait_for(&mut self, line: &str) {
        loop {
            let from = self.read.len();
            assert_ne!(self.log.read_line(&mut self.read).unwrap(), 0, "it ended without {line}: {}", self.read);
            if self.read[from..].trim_end() == line {
                return;
            }
        }
    }

    /// Sends a signal to the action's process, and to no other: so the runner does when a job is cancelled.
    pub fn signal(&self, name: &str) {
        let to = self.process.id().to_string();
        finish(Command::new("kill").args(["-s", name, &to])).success();
    }

    /// Waits for its end.
    pub fn end(mut self) -> Step {
        let mut said = std::mem::take(&mut self.read).into_bytes();
        self.log.read_to_end(&mut said).unwrap();
        let status = self.process.wait().unwrap();
        let output = Output { status, stdout: said, stderr: Vec::new() };
        let ran = Ran::new(std::mem::take(&mut self.line), &output, self.began.elapsed());
        self.files.take().unwrap().read(ran)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn definition() -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../action/action.yml")).unwrap()
}

/// The Node that the runner brings for the action. It is on nobody's `PATH`: what the job's commands call is the machine's.
fn node() -> &'static Path {
    static NODE: OnceLock<PathBuf> = OnceLock::new();
    NODE.get_or_init(|| {
        let node = node::bin().join("node");
        let version = finish(Command::new(&node).arg("--version")).success().stdout;
        let definition = definition();
        let using = definition.lines().find_map(|line| line.strip_prefix("  using: node")).unwrap();
        assert!(version.starts_with(&format!("v{using}.")), "action.yml says node{using}, and {version} is installed");
        node
    })
}

/// What a phase of the action did.
pub struct Step {
    /// Its process: the log is its standard output.
    pub ran: Ran,
    outputs: BTreeMap<String, String>,
    state: BTreeMap<String, String>,
    /// The variables of later steps.
    env: BTreeMap<String, String>,
    /// What it added to the job's summary.
    pub summary: String,
    /// The directories that it put on the `PATH` of later steps.
    pub path: String,
}

impl Step {
    /// This, after checking that the step succeeded.
    pub fn success(self) -> Self {
        assert_eq!(self.ran.code, Some(0), "{}", self.ran);
        self
    }

    /// This, after checking that the step failed.
    pub fn failure(self) -> Self {
        assert_eq!(self.ran.code, Some(1), "{}", self.ran);
        self
    }

    /// An output, which has to be set.
    pub fn output(&self, name: &str) -> &str {
        self.outputs.get(name).unwrap_or_else(|| panic!("no output {name}: {:?}\n{}", self.outputs, self.ran))
    }

    /// Whether an output is set.
    pub fn has_output(&self, name: &str) -> bool {
        self.outputs.contains_key(name)
    }

    /// This, after checking how all was restored.
    pub fn expect_hit(self, hit: &str) -> Self {
        assert_eq!(self.output("hit"), hit, "{}\n{}", self.summary, self.ran);
        self
    }
}

/// The values in a file of the runner: a name and a mark that ends the value, then the value in lines.
fn values(file: &PathBuf) -> BTreeMap<String, String> {
    let text = fs::read_to_string(file).unwrap();
    let mut lines = text.lines();
    let mut values = BTreeMap::new();
    while let Some(line) = lines.next() {
        let (name, mark) = line.split_once("<<").unwrap_or_else(|| panic!("{}: {line}", file.display()));
        let value: Vec<&str> = lines.by_ref().take_while(|line| *line != mark).collect();
        values.insert(name.to_owned(), value.join("\n"));
    }
    values
}
