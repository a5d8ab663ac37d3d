//! The file system that is measured on, and the one that must not be.

use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::Failure;

/// Where the measured files are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Place {
    /// Its type, as the kernel calls it; absent where the kernel does not tell.
    pub(crate) file_system: Option<String>,
    /// Whether ext4 keeps a journal there; absent for other file systems.
    pub(crate) journal: Option<bool>,
}

impl Place {
    /// Looks at the file system of `dir`, which is made.
    ///
    /// # Errors
    /// When the directory cannot be made or looked at.
    pub(crate) fn of(dir: &Path) -> Result<Self, Failure> {
        fs::create_dir_all(dir)?;
        let device = rustix::fs::stat(dir)?.st_dev;
        let number = format!("{}:{}", rustix::fs::major(device), rustix::fs::minor(device));
        let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
        let file_system = file_system(&mounts, &number);
        let journal = file_system.as_deref().is_some_and(|name| name == "ext4").then(|| has_journal(&number));
        Ok(Self { file_system, journal })
    }

    /// What makes figures from here worthless.
    pub(crate) fn warning(&self) -> Option<&'static str> {
        (self.journal == Some(false)).then_some(
            "this is ext4 without a journal, on which creating many files soon after deleting as many takes ten times \
             as long as usual. Restores measured here measure that: choose another file system with --dir",
        )
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.file_system.as_deref().unwrap_or("an unknown file system"))?;
        match self.journal {
            Some(true) => f.write_str(" with a journal"),
            Some(false) => f.write_str(" without a journal"),
            None => Ok(()),
        }
    }
}

/// The type of the file system on device `number`, from the text of `/proc/self/mountinfo`.
fn file_system(mounts: &str, number: &str) -> Option<String> {
    let mount = mounts.lines().find(|line| line.split(' ').nth(2) == Some(number))?;
    let (_, source) = mount.split_once(" - ")?;
    source.split(' ').next().map(str::to_owned)
}

/// Each ext4 journal has a directory called by its device and inode: `vda1-8`.
fn has_journal(number: &str) -> bool {
    let Ok(device) = fs::read_link(Path::new("/sys/dev/block").join(number)) else { return false };
    let Some(device) = device.file_name().and_then(|name| name.to_str()) else { return false };
    let journals = fs::read_dir("/proc/fs/jbd2").into_iter().flatten().flatten();
    journals.map(|journal| journal.file_name().to_string_lossy().into_owned()).any(|journal| {
        let inode = journal.strip_prefix(device).and_then(|rest| rest.strip_prefix('-'));
        inode.is_some_and(|inode| inode.bytes().all(|byte| byte.is_ascii_digit()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_system_is_found_by_its_device_whatever_the_optional_fields() {
        let mounts = "22 27 0:21 / /proc rw - proc proc rw\n\
                      27 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw,discard\n\
                      30 25 0:27 / /dev/shm rw,relatime - tmpfs tmpfs rw\n";
        assert_eq!(file_system(mounts, "254:0").as_deref(), Some("ext4"));
        assert_eq!(file_system(mounts, "0:27").as_deref(), Some("tmpfs"));
        assert_eq!(file_system(mounts, "8:1"), None);
    }

    #[test]
    fn only_a_missing_journal_is_warned_of() {
        let place = |journal| Place { file_system: Some("ext4".into()), journal };
        assert!(place(Some(false)).warning().is_some());
        assert_eq!(place(Some(true)).warning(), None);
        assert_eq!(place(Some(true)).to_string(), "ext4 with a journal");
        assert_eq!(Place { file_system: None, journal: None }.to_string(), "an unknown file system");
    }
}
