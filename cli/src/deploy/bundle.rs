//! The Worker's built files, which come with `sci`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use sci_sys::places;

use crate::error::{CliError, Kind, Result};
use crate::output::format::safe;

/// The file that says which sci the files are of.
const VERSION: &str = "version";
/// Where the files are from the program: as a release is unpacked, and as a package installs it.
const PLACES: [&str; 2] = ["worker", "../share/sci/worker"];

/// The Worker's built files.
#[derive(Debug)]
pub struct Bundle {
    files: BTreeMap<PathBuf, Vec<u8>>,
}

impl Bundle {
    /// Reads the files in `given`, else those beside the program.
    ///
    /// # Errors
    /// [`Kind::NotFound`] when there are none, [`Kind::Usage`] when they are of another sci, [`Kind::Local`].
    pub fn find(given: Option<&Path>) -> Result<Self> {
        let beside = || {
            let program = std::env::current_exe().and_then(|program| places::canonical(&program)).ok()?;
            let directory = program.parent()?;
            PLACES.iter().map(|place| directory.join(place)).find(|place| place.join(VERSION).exists())
        };
        let directory = given.map(Path::to_owned).or_else(beside).ok_or_else(|| {
            CliError::new(Kind::NotFound, "the Worker's built files are not beside this sci")
                .hint("a release has them in `share/sci/worker`; name their directory with --worker DIR")
        })?;
        // Looked at first: a directory that was named by mistake may hold anything.
        let version = fs::read_to_string(directory.join(VERSION)).unwrap_or_default();
        if version.trim() != env!("CARGO_PKG_VERSION") {
            return Err(foreign(&directory, version.trim()));
        }
        let mut files = BTreeMap::new();
        read(&directory, Path::new(""), &mut files).map_err(|error| CliError::file("read", &directory, &error))?;
        files.remove(Path::new(VERSION));
        Ok(Self { files })
    }

    /// Puts the files into `directory`, and nothing else.
    ///
    /// # Errors
    /// [`Kind::Local`].
    pub fn install(&self, directory: &Path) -> Result<()> {
        let install = || {
            if directory.exists() {
                fs::remove_dir_all(directory)?;
            }
            for (name, content) in &self.files {
                let file = directory.join(name);
                fs::create_dir_all(file.parent().unwrap_or(directory))?;
                fs::write(file, content)?;
            }
            Ok(())
        };
        install().map_err(|error| CliError::file("write", directory, &error))
    }

    /// Names and contents, in the order of names.
    pub fn files(&self) -> impl Iterator<Item = (&Path, &[u8])> {
        self.files.iter().map(|(name, content)| (name.as_path(), content.as_slice()))
    }

    /// How many bytes the files have together.
    pub fn size(&self) -> u64 {
        self.files.values().map(|content| content.len() as u64).sum()
    }
}

fn foreign(directory: &Path, version: &str) -> CliError {
    let found =
        if version.is_empty() { "no Worker".to_owned() } else { format!("the Worker of sci {}", safe(version)) };
    let message = format!("{} has {found}; this is sci {}", directory.display(), env!("CARGO_PKG_VERSION"));
    CliError::new(Kind::Usage, message).hint("the two belong together: take them from one release")
}

fn read(root: &Path, below: &Path, files: &mut BTreeMap<PathBuf, Vec<u8>>) -> std::io::Result<()> {
    for entry in fs::read_dir(root.join(below))? {
        let entry = entry?;
        let name = below.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            read(root, &name, files)?;
        } else {
            files.insert(name, fs::read(entry.path())?);
        }
    }
    Ok(())
}
