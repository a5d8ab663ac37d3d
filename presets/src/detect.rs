//! Which presets suit a directory.

use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use sci_sys::places::with_slashes;

use crate::{Beside, Preset, Sign};

/// How far below the top a project is looked for: `apps/team/web` is found, its members are not.
const MAX_DEPTH: usize = 3;

/// Directories that hold other people's projects, or samples and trials of one's own.
const SKIPPED: [&str; 11] = [
    "dist",
    "examples",
    "fixtures",
    "fuzz",
    "node_modules",
    "target",
    "test",
    "testdata",
    "tests",
    "third_party",
    "vendor",
];

/// How much of a file is read to see whose it is, in bytes.
const HEAD: u64 = 64 << 10;

/// A preset that suits a directory, and the file that says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Detected {
    /// The preset.
    pub preset: &'static Preset,
    /// The detection file, relative to the directory that was searched.
    pub because: PathBuf,
    /// The project's directory, relative to the directory that was searched; empty when it is that one.
    pub directory: PathBuf,
}

/// Finds the presets that suit `directory`, by their detection files and by what their paths belong beside.
///
/// A preset that is not found at the top is looked for in the directories below, at most three deep (hidden ones,
/// `node_modules`, `examples` and the like left out), and reported for each topmost project; below that, and below the top, where
/// the preset's [`Preset::root_file`] says that another one begins. The result is in the order of [`Preset::all`], then of the
/// paths.
///
/// # Errors
/// When `directory` cannot be read; directories below it that cannot be read are passed over.
pub fn detect(directory: &Path) -> io::Result<Vec<Detected>> {
    let mut found = vec![];
    let sought: Vec<_> = Preset::all().iter().map(|preset| Sought { preset, within: false }).collect();
    search(directory, Path::new(""), MAX_DEPTH, &sought, &mut found)?;
    found.sort_by(|left, right| order(left).cmp(&order(right)));
    Ok(found)
}

fn order(detected: &Detected) -> (usize, &Path) {
    let position = Preset::all().iter().position(|preset| preset.name == detected.preset.name);
    (position.unwrap_or(usize::MAX), &detected.because)
}

/// The file below `directory` that the sign means, when it is there and says what it must.
fn speaks(directory: &Path, sign: &Sign) -> Option<PathBuf> {
    candidates(directory, &sign.file).into_iter().find(|file| says(&directory.join(file), sign))
}

/// The files that the sign's name stands for, relative to `directory`, in order.
fn candidates(directory: &Path, name: &str) -> Vec<PathBuf> {
    let (above, last) = name.rsplit_once('/').unwrap_or(("", name));
    let Some((start, end)) = last.split_once('*') else { return vec![PathBuf::from(name)] };
    let matches = |name: &str| name.len() >= start.len() + end.len() && name.starts_with(start) && name.ends_with(end);
    let entries = std::fs::read_dir(directory.join(above)).into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> = entries
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| matches(name))
        .map(|name| Path::new(above).join(name))
        .collect();
    found.sort();
    found
}

fn says(path: &Path, sign: &Sign) -> bool {
    if !path.is_file() {
        return false;
    }
    if sign.contains.is_none() && sign.mentions.is_none() {
        return true;
    }
    let mut head = Vec::new();
    if std::fs::File::open(path).and_then(|file| file.take(HEAD).read_to_end(&mut head)).is_err() {
        return false;
    }
    let head = String::from_utf8_lossy(&head);
    let begins = |wanted: &String| head.lines().any(|line| line.starts_with(wanted.as_str()));
    sign.contains.as_ref().is_none_or(begins) && sign.mentions.as_ref().is_none_or(|wanted| mentions(&head, wanted))
}

/// Whether the words are there, and not inside of others: `sccache` does not mention `ccache`.
fn mentions(text: &str, words: &str) -> bool {
    text.match_indices(words).any(|(at, _)| {
        let (before, after) = (text[..at].chars().next_back(), text[at + words.len()..].chars().next());
        ![before, after].into_iter().flatten().any(char::is_alphanumeric)
    })
}

/// Whether the directory has what the preset's paths belong beside: a lockfile alone is no project.
fn belongs(directory: &Path, preset: &Preset) -> bool {
    let mut beside = preset.paths.values().filter_map(|path| path.beside.as_ref());
    beside.all(|Beside(files)| files.iter().any(|file| directory.join(file).is_file()))
}

/// A preset that is looked for.
#[derive(Clone, Copy)]
struct Sought {
    preset: &'static Preset,
    /// A directory above is a project of it.
    within: bool,
}

impl Sought {
    /// The file that makes `directory` a project.
    fn sign(self, directory: &Path) -> Option<PathBuf> {
        let Self { preset, within } = self;
        let begins = |file: &String| directory.join(file).is_file();
        if within && !preset.root_file.as_ref().is_some_and(begins) {
            return None;
        }
        let sign = preset.detect.iter().find_map(|sign| speaks(directory, sign));
        sign.filter(|_| belongs(directory, preset))
    }
}

/// Searches `top`/`below`, and the directories below for what may be there yet.
fn search(top: &Path, below: &Path, depth: usize, sought: &[Sought], found: &mut Vec<Detected>) -> io::Result<()> {
    let directory = top.join(below);
    let mut deeper = vec![];
    for one in sought {
        let sign = one.sign(&directory);
        let within = one.within || sign.is_some();
        if !within || one.preset.root_file.is_some() {
            deeper.push(Sought { within, ..*one });
        }
        if let Some(file) = sign {
            let (because, directory) = (with_slashes(below.join(file)), with_slashes(below.to_owned()));
            found.push(Detected { preset: one.preset, because, directory });
        }
    }
    let entries = std::fs::read_dir(&directory)?;
    if depth == 0 || deeper.is_empty() {
        return Ok(());
    }
    for entry in entries.flatten() {
        let name = entry.file_name();
        let skipped = name.to_str().is_some_and(|name| name.starts_with('.') || SKIPPED.contains(&name));
        // `file_type` does not follow links: a link is no member, and may lead in circles.
        if !skipped && entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            let _unreadable = search(top, &below.join(name), depth - 1, &deeper, found);
        }
    }
    Ok(())
}
