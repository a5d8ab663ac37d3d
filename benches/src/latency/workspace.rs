//! The workspaces: one that saves, and a fresh one for each restore.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use sci_benches::generate;
use sci_benches::server::{Failure, REPOSITORY, Server, document, program};
use serde_json::Value;

use crate::proxy::{Proxy, Shape};
use crate::{Arguments, Took};

/// The workspace whose tree is saved again and again.
pub(crate) struct Writer {
    root: PathBuf,
    declaration: String,
    token: String,
    files: Vec<PathBuf>,
    mean: usize,
    saves: usize,
}

impl Writer {
    /// Makes the tree and saves it for the first time.
    pub(crate) fn new(server: &Server, proxy: &Proxy, root: &Path, arguments: &Arguments) -> Result<Self, Failure> {
        let declaration = format!(
            "[store]\nurl = \"http://{}\"\nrepository = \"{REPOSITORY}\"\ntrusted-public-keys = [\"{}\"]\n\
             [path.tree]\npath = \"tree\"\nlockfiles = [\"lock\"]\n",
            proxy.address,
            server.key()?
        );
        let token = server.token("branch:latency")?;
        prepare(root, &declaration, 0)?;
        let mut writer =
            Self { root: root.to_owned(), declaration, token, files: Vec::new(), mean: arguments.mean, saves: 0 };
        sci(&writer, root, "restore")?;
        writer.files = generate::tree(&root.join("tree"), arguments.files, arguments.mean)?;
        sci(&writer, root, "save")?;
        Ok(writer)
    }

    /// Changes a hundredth of the files and saves, until there were so many saves after the first.
    pub(crate) fn save_until(&mut self, saves: usize) -> Result<(), Failure> {
        while self.saves < saves {
            self.saves += 1;
            fs::write(self.root.join("lock"), format!("{}", self.saves))?;
            sci(self, &self.root, "restore")?;
            let mut random = fastrand::Rng::with_seed(self.saves as u64);
            for _ in 0..self.files.len() / 100 {
                let file = &self.files[random.usize(..self.files.len())];
                fs::write(self.root.join("tree").join(file), generate::text(&mut random, self.mean))?;
            }
            sci(self, &self.root, "save")?;
        }
        Ok(())
    }
}

/// What restores into fresh workspaces.
pub(crate) struct Reader<'a> {
    pub(crate) server: &'a Server,
    pub(crate) proxy: &'a Proxy,
    pub(crate) writer: &'a Writer,
    pub(crate) dir: &'a Path,
    pub(crate) count: usize,
}

impl Reader<'_> {
    /// The median of so many restores over this network.
    pub(crate) fn median(&mut self, shape: Shape, rounds: usize) -> Result<Took, Failure> {
        let mut all = (0..rounds.max(1)).map(|_| self.restore(shape)).collect::<Result<Vec<_>, _>>()?;
        all.sort_by(|a, b| a.seconds.total_cmp(&b.seconds));
        Ok(all[all.len() / 2])
    }

    fn restore(&mut self, shape: Shape) -> Result<Took, Failure> {
        self.count += 1;
        let root = self.dir.join(format!("reader-{}-{}", self.writer.saves, self.count));
        prepare(&root, &self.writer.declaration, self.writer.saves)?;
        let before = self.server.requests()?;
        self.proxy.received();
        self.proxy.shape(shape);
        let started = Instant::now();
        let restored = sci(self.writer, &root, "restore");
        let seconds = started.elapsed().as_secs_f64();
        self.proxy.shape(Shape::default());
        let path = &restored?["result"]["paths"][0];
        if path["verdict"] != "exact" || path["work"]["files"] != self.writer.files.len() {
            return Err(format!("not the restore that was meant: {path}").into());
        }
        let requests = self.server.requests()? - before;
        let took = Took { seconds, requests, bytes: self.proxy.received() };
        fs::remove_dir_all(&root)?;
        Ok(took)
    }
}

fn prepare(root: &Path, declaration: &str, version: usize) -> Result<(), Failure> {
    fs::create_dir_all(root)?;
    fs::write(root.join("sci.toml"), declaration)?;
    fs::write(root.join("lock"), format!("{version}"))?;
    fs::write(root.join(".gitignore"), "tree\nstate\n")?;
    Ok(())
}

/// Runs a command of `sci` in a workspace with a state of its own; whatever goes wrong stops the measurement.
fn sci(writer: &Writer, root: &Path, word: &str) -> Result<Value, Failure> {
    let mut command: Command = program(root);
    command.env("SCI_TOKEN", &writer.token).env("SCI_STATE", root.with_extension("state"));
    document(command.args(["--require", word]))
}
