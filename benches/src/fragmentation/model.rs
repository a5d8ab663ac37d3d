//! What happens to a tree between two saves: ordinary edits, and those that are meant to hurt.

use std::io;

use sci_snapshot::Manifest;

use crate::workload::Workload;

/// A way to edit a tree again and again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Model {
    /// One file in 200 is edited, removed or added, wherever it lies.
    Random,
    /// A package is upgraded: two files in five are new. Every third time another is removed and one is added.
    Packages,
    /// Of every block that the snapshot leans on, one content in fifty and at least one is replaced.
    Everywhere,
    /// Of a tenth of the files, two in three go from one state to the other and back, every time another two.
    Alternating,
    /// A byte is inserted into one file.
    Drip,
    /// Files at random are added for 25 rounds, then files at random are removed for 25 rounds: 1.5 % each time.
    Breathing,
}

impl Model {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Random => "random",
            Self::Packages => "packages",
            Self::Everywhere => "everywhere",
            Self::Alternating => "alternating",
            Self::Drip => "drip",
            Self::Breathing => "breathing",
        }
    }

    /// Edits the tree for round `round`; `last` is the snapshot before.
    pub(crate) fn edit(self, workload: &mut Workload, round: u32, last: &Manifest) -> io::Result<()> {
        match self {
            Self::Random => random(workload),
            Self::Packages => packages(workload, round),
            Self::Everywhere => everywhere(workload, last),
            Self::Alternating => alternating(workload, round),
            Self::Drip => drip(workload),
            Self::Breathing => breathing(workload, round),
        }
    }
}

/// Files from this length on are edited in places; shorter ones are written anew. Bytes.
const LARGE: usize = 1 << 20;

fn random(workload: &mut Workload) -> io::Result<()> {
    for _ in 0..(workload.files.len() / 200).max(1) {
        match workload.random.u8(..10) {
            0 => {
                let file = workload.any_file();
                workload.remove_file(file)?;
            }
            1 => {
                let package = workload.any_package();
                workload.add_file(&package)?;
            }
            _ => {
                let file = workload.any_file();
                rebuild(workload, file)?;
            }
        }
    }
    Ok(())
}

/// A new version of a file: a small one has nothing left of the old one, a large one has most.
fn rebuild(workload: &mut Workload, file: usize) -> io::Result<()> {
    let path = workload.files[file].clone();
    let mut content = workload.read(&path)?;
    if content.len() < LARGE {
        let length = content.len() * workload.random.usize(90..112) / 100 + 1;
        content = workload.shape.bytes(&mut workload.random, length);
    } else {
        for _ in 0..workload.random.usize(1..6) {
            let at = workload.random.usize(..content.len());
            let end = (at + workload.random.usize(..100_000)).min(content.len());
            let length = workload.random.usize(..100_000);
            let fresh = workload.shape.bytes(&mut workload.random, length);
            content.splice(at..end, fresh);
        }
    }
    workload.write(&path, &content)
}

fn packages(workload: &mut Workload, round: u32) -> io::Result<()> {
    let package = workload.any_package();
    for path in workload.files_of(&package) {
        if workload.random.u8(..5) < 2
            && let Some(file) = workload.files.iter().position(|known| *known == path)
        {
            rebuild(workload, file)?;
        }
    }
    if round.is_multiple_of(3) {
        let package = workload.any_package();
        workload.remove_package(&package)?;
        workload.add_package()?;
    }
    Ok(())
}

fn everywhere(workload: &mut Workload, last: &Manifest) -> io::Result<()> {
    // The files and places that lean on each block.
    let mut places: Vec<Vec<(u32, u64, u32)>> = vec![Vec::new(); last.blocks.len()];
    for (index, _) in last.tree.entries() {
        let Some(content) = last.tree.content(index) else { continue };
        let mut at = 0;
        for extent in last.tree.extents(content) {
            places[extent.block as usize].push((index, at, extent.length));
            at += u64::from(extent.length);
        }
    }
    // What only other blocks lean on holds none of them.
    for block in places.into_iter().filter(|block| !block.is_empty()) {
        for _ in 0..(block.len() / 50).max(1) {
            let (index, at, length) = block[workload.random.usize(..block.len())];
            let path = String::from_utf8_lossy(&last.tree.path(index)).into_owned();
            let mut content = workload.read(&path)?;
            let at = at as usize;
            let end = (at + length as usize).min(content.len());
            let fresh = workload.shape.bytes(&mut workload.random, end - at);
            content[at..end].copy_from_slice(&fresh);
            workload.write(&path, &content)?;
        }
    }
    Ok(())
}

fn alternating(workload: &mut Workload, round: u32) -> io::Result<()> {
    let files = (0..workload.files.len()).step_by(10);
    for file in files.filter(|file| !(file / 10 + round as usize).is_multiple_of(3)) {
        let path = workload.files[file].clone();
        let mut content = workload.read(&path)?;
        let middle = if content.len() < LARGE { 0 } else { content.len() / 2 };
        let end = content.len().min(middle + 200_000);
        let state = |which: u64| {
            let mut random = fastrand::Rng::with_seed(which << 32 | file as u64);
            workload.shape.bytes(&mut random, end - middle)
        };
        let fresh = Some(state(0)).filter(|one| *one != content[middle..end]).unwrap_or_else(|| state(1));
        content[middle..end].copy_from_slice(&fresh);
        workload.write(&path, &content)?;
    }
    Ok(())
}

fn drip(workload: &mut Workload) -> io::Result<()> {
    let file = workload.any_file();
    let path = workload.files[file].clone();
    let mut content = workload.read(&path)?;
    let at = workload.random.usize(..=content.len());
    content.insert(at, workload.random.u8(..));
    workload.write(&path, &content)
}

fn breathing(workload: &mut Workload, round: u32) -> io::Result<()> {
    for _ in 0..(workload.files.len() * 3 / 200).max(1) {
        if (round / 25).is_multiple_of(2) {
            let package = workload.any_package();
            workload.add_file(&package)?;
        } else {
            let file = workload.any_file();
            workload.remove_file(file)?;
        }
    }
    Ok(())
}
