//! Trees that are edited a thousand times: many small files, or few files of which some are large.
//!
//! A seed decides every byte. Knows nothing of snapshots.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use fastrand::Rng;
use sci_benches::generate;

/// What a tree is like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Shape {
    /// Like `node_modules`: thousands of small files of source text, in packages.
    Modules,
    /// Like cargo's `target`: few files of object code, some of several MiB, which are cut by content.
    Target,
}

impl Shape {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Modules => "modules",
            Self::Target => "target",
        }
    }

    const fn packages(self) -> usize {
        match self {
            Self::Modules => 80,
            Self::Target => 8,
        }
    }

    fn files_of_a_package(self, random: &mut Rng) -> usize {
        match self {
            Self::Modules => random.usize(10..70),
            Self::Target => random.usize(10..20),
        }
    }

    /// Length of one more file in bytes.
    fn length(self, random: &mut Rng) -> usize {
        match (self, random.u8(..100)) {
            (Self::Modules, 0..90) => random.usize(200..10_000),
            (Self::Modules, _) => random.usize(10_000..60_000),
            (Self::Target, 0..70) => random.usize(1_000..100_000),
            (Self::Target, 70..95) => random.usize(100_000..900_000),
            (Self::Target, _) => random.usize(1_500_000..7_000_000),
        }
    }

    /// `length` bytes as such a file holds them.
    pub(crate) fn bytes(self, random: &mut Rng, length: usize) -> Vec<u8> {
        match self {
            Self::Modules => generate::text(random, length),
            Self::Target => code(random, length),
        }
    }
}

/// `length` bytes that compress like object code, to about a third.
fn code(random: &mut Rng, length: usize) -> Vec<u8> {
    let mut code = Vec::with_capacity(length + 24);
    while code.len() < length {
        if random.u8(..4) == 0 {
            code.extend(std::iter::repeat_with(|| random.u8(..)).take(12));
        } else {
            // One of a few thousand common sequences.
            let mut common = Rng::with_seed(random.u64(..4_000));
            code.extend(std::iter::repeat_with(|| common.u8(..)).take(24));
        }
    }
    code.truncate(length);
    code
}

/// A tree on disk, and what is in it.
#[derive(Debug)]
pub(crate) struct Workload {
    pub(crate) shape: Shape,
    pub(crate) root: PathBuf,
    /// Files by their paths below the root, each as `package/name`, in no particular order.
    pub(crate) files: Vec<String>,
    pub(crate) random: Rng,
    /// Numbers names that were not used before.
    named: usize,
}

impl Workload {
    /// Writes a tree at `root`, a part of the usual size: `scale` percent.
    pub(crate) fn create(shape: Shape, root: PathBuf, seed: u64, scale: usize) -> io::Result<Self> {
        let random = Rng::with_seed(seed);
        let mut workload = Self { shape, root, files: Vec::new(), random, named: 0 };
        for _ in 0..(shape.packages() * scale / 100).max(2) {
            workload.add_package()?;
        }
        Ok(workload)
    }

    fn next_name(&mut self, kind: &str) -> String {
        self.named += 1;
        // Scattered in path order, as names are.
        let scattered = (self.named as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 48;
        format!("{kind}-{scattered:04x}-{}", self.named)
    }

    pub(crate) fn add_package(&mut self) -> io::Result<()> {
        let package = self.next_name("package");
        for _ in 0..self.shape.files_of_a_package(&mut self.random) {
            self.add_file(&package)?;
        }
        Ok(())
    }

    /// Adds a file to a package.
    pub(crate) fn add_file(&mut self, package: &str) -> io::Result<()> {
        let path = format!("{package}/{}", self.next_name("file"));
        let length = self.shape.length(&mut self.random);
        let content = self.shape.bytes(&mut self.random, length);
        self.write(&path, &content)?;
        self.files.push(path);
        Ok(())
    }

    pub(crate) fn any_file(&mut self) -> usize {
        self.random.usize(..self.files.len())
    }

    pub(crate) fn any_package(&mut self) -> String {
        let file = self.any_file();
        package_of(&self.files[file]).to_owned()
    }

    pub(crate) fn remove_file(&mut self, index: usize) -> io::Result<()> {
        let path = self.files.swap_remove(index);
        fs::remove_file(self.root.join(path))
    }

    pub(crate) fn remove_package(&mut self, package: &str) -> io::Result<()> {
        self.files.retain(|path| package_of(path) != package);
        fs::remove_dir_all(self.root.join(package))
    }

    pub(crate) fn files_of(&self, package: &str) -> Vec<String> {
        self.files.iter().filter(|path| package_of(path) == package).cloned().collect()
    }

    pub(crate) fn read(&self, path: &str) -> io::Result<Vec<u8>> {
        fs::read(self.root.join(path))
    }

    pub(crate) fn write(&self, path: &str, content: &[u8]) -> io::Result<()> {
        let path = self.root.join(path);
        fs::create_dir_all(path.parent().unwrap_or(Path::new("")))?;
        fs::write(path, content)
    }
}

fn package_of(path: &str) -> &str {
    path.split_once('/').map_or(path, |(package, _)| package)
}
