//! Commands of `sci` over the Worker, and what each made the platform do.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use sci_benches::generate;
use sci_benches::server::{Failure, REPOSITORY, document, program};
use serde_json::Value;

use crate::local::{Counted, Local};

/// A command, and what it took.
pub(crate) struct Done {
    pub(crate) what: &'static str,
    pub(crate) seconds: f64,
    pub(crate) counted: Counted,
    /// Milliseconds of workerd's processor.
    pub(crate) processor: f64,
}

/// What the files of a tree hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Content {
    /// Text that compresses, so many bytes on average.
    Text(usize),
    /// Bytes that do not, exactly so many.
    Noise(usize),
}

/// A machine with a workspace of one path, `tree`.
pub(crate) struct Machine<'a> {
    local: &'a Local,
    root: PathBuf,
    token: String,
}

impl<'a> Machine<'a> {
    /// An empty workspace in `root`.
    pub(crate) fn new(local: &'a Local, root: PathBuf, scope: &str) -> Result<Self, Failure> {
        fs::create_dir_all(&root)?;
        let declaration = format!(
            "[store]\nurl = \"{}\"\nrepository = \"{REPOSITORY}\"\ntrusted-public-keys = [\"{}\"]\n\
             [path.tree]\npath = \"tree\"\nlockfiles = [\"lock\"]\n",
            local.url(),
            local.key
        );
        fs::write(root.join("sci.toml"), declaration)?;
        fs::write(root.join(".gitignore"), "tree\n")?;
        let machine = Self { local, root, token: local.token(scope)? };
        machine.lock(0)?;
        Ok(machine)
    }

    /// Changes the lockfile.
    pub(crate) fn lock(&self, version: usize) -> Result<(), Failure> {
        Ok(fs::write(self.root.join("lock"), format!("{version}"))?)
    }

    /// Makes the tree.
    pub(crate) fn fill(&self, files: usize, content: Content) -> Result<Vec<PathBuf>, Failure> {
        let tree = self.tree();
        match content {
            Content::Text(mean) => Ok(generate::tree(&tree, files, mean)?),
            Content::Noise(length) => {
                let paths = generate::tree(&tree, files, 2)?;
                let mut random = fastrand::Rng::with_seed(files as u64);
                let mut bytes = vec![0; length];
                for path in &paths {
                    random.fill(&mut bytes);
                    fs::write(tree.join(path), &bytes)?;
                }
                Ok(paths)
            }
        }
    }

    /// Writes new text of that length into some files.
    pub(crate) fn edit<'b>(&self, files: impl Iterator<Item = &'b PathBuf>, length: usize) -> Result<(), Failure> {
        let mut random = fastrand::Rng::with_seed(1);
        for file in files {
            fs::write(self.tree().join(file), generate::text(&mut random, length))?;
        }
        Ok(())
    }

    /// Takes everything away but the declaration and the lockfile.
    pub(crate) fn wipe(&self) -> Result<(), Failure> {
        for path in [self.tree(), self.state()] {
            if path.exists() {
                fs::remove_dir_all(path)?;
            }
        }
        Ok(())
    }

    /// Runs `sci WORD`, which has to come to `outcome`.
    pub(crate) fn run(&self, what: &'static str, word: &str, outcome: &str) -> Result<Done, Failure> {
        self.local.counted()?;
        let before = self.local.processor()?;
        let started = Instant::now();
        let mut command = program(&self.root);
        command.env("SCI_TOKEN", &self.token).env("SCI_STATE", self.state());
        let document = document(command.args(["--require", word]))?;
        let seconds = started.elapsed().as_secs_f64();
        let processor = self.local.processor()? - before;
        let path: &Value = &document["result"]["paths"][0];
        if path["verdict"] != outcome && path["outcome"] != outcome {
            return Err(format!("{what}: {path}").into());
        }
        Ok(Done { what, seconds, counted: self.local.counted()?, processor })
    }

    fn tree(&self) -> PathBuf {
        self.root.join("tree")
    }

    fn state(&self) -> PathBuf {
        self.root.with_extension("state")
    }
}

/// Bytes of what is in the bucket.
pub(crate) fn stored(directory: &Path) -> Result<u64, Failure> {
    let mut sum = 0;
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        let is_blob = directory.file_name().is_some_and(|name| name == "blobs");
        sum += if metadata.is_dir() {
            stored(&entry.path())?
        } else if is_blob {
            metadata.len()
        } else {
            0
        };
    }
    Ok(sum)
}
