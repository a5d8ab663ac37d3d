//! Writes that are wholly there or not at all.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use sci_faults::Step;
use sci_sys::fs::{self as calls, Mode, OFlags};
use sci_sys::io::Errno;
use sci_sys::lock;

use crate::error::{CliError, Result};

/// Replaces the file at `path` by one that holds `bytes`. A reader sees the old or the new file, never a part.
///
/// What a killed process left of its attempt, the next one writes over: the partial file has one name.
///
/// # Errors
/// [`Kind::Local`](crate::error::Kind::Local) when the directory cannot be written.
pub fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    replace(path, bytes, false).map_err(|error| CliError::file("write", path, &error))
}

/// The same for what carries a checksum and may be lost with the power: the file system is not made to write it now.
///
/// A renamed file whose blocks are not allocated yet is written at once by ext4, which takes milliseconds; a power cut may
/// leave a file with room allocated in advance full of zeros.
///
/// # Errors
/// [`Kind::State`](crate::error::Kind::State), as only state is written so.
pub fn write_checked(path: &Path, bytes: &[u8]) -> Result<()> {
    replace(path, bytes, true).map_err(|error| CliError::state("write", path, &error))
}

fn replace(path: &Path, bytes: &[u8], allocated: bool) -> io::Result<()> {
    let mut name = path.as_os_str().to_owned();
    name.push(".partial");
    let partial = PathBuf::from(name);
    let mut file = open_alone(&partial)?;
    let mut write = || {
        file.set_len(0)?;
        if allocated {
            allocate(&file, bytes.len() as u64);
        }
        file.write_all(bytes)?;
        sci_faults::at(Step::StatePartial);
        fs::rename(&partial, path)?;
        sci_faults::at(Step::StateWritten);
        Ok(())
    };
    let written = write();
    if written.is_err() {
        let _ = fs::remove_file(&partial);
    }
    written
}

/// Opens the partial file, which nobody else writes until it is closed.
fn open_alone(partial: &Path) -> io::Result<File> {
    loop {
        // No link: one could have come with a checkout, and lead anywhere.
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = File::from(calls::open(partial, flags, Mode::from_raw_mode(0o666))?);
        lock::exclusive(&file)?;
        // Who held the lock before has put the file in its place: then this is not the partial one any more.
        match calls::lstat(partial) {
            Ok(found) if found.st_ino == calls::fstat(&file)?.st_ino => return Ok(file),
            Err(error) if error != Errno::NOENT => return Err(error.into()),
            _ => {}
        }
    }
}

/// Reserves room. Where it cannot be done, writing takes its usual way.
#[cfg(unix)]
fn allocate(file: &File, length: u64) {
    let _ = calls::fallocate(file, calls::FallocateFlags::empty(), 0, length);
}

/// A renamed file is not written at once there.
#[cfg(windows)]
fn allocate(_: &File, _: u64) {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_killed_process_left_is_written_over() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("before");
        fs::write(directory.path().join("before.partial"), "longer than what is written").unwrap();
        write(&file, b"whole").unwrap();
        assert_eq!(fs::read(&file).unwrap(), b"whole");
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_in_the_way_is_not_followed() {
        let directory = tempfile::tempdir().unwrap();
        let (file, outside) = (directory.path().join("sci.toml"), directory.path().join("outside"));
        std::os::unix::fs::symlink(&outside, directory.path().join("sci.toml.partial")).unwrap();
        assert!(write(&file, b"x").is_err());
        assert!(!file.exists() && !outside.exists());
    }

    #[test]
    fn writers_at_once_each_write_a_whole_file() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("state");
        let contents: Vec<Vec<u8>> = (1..=8u8).map(|writer| vec![writer; usize::from(writer) * 1000]).collect();
        std::thread::scope(|scope| {
            for content in &contents {
                scope.spawn(|| (0..50).for_each(|_| write(&file, content).unwrap()));
            }
        });
        assert!(contents.contains(&fs::read(&file).unwrap()));
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }
}
