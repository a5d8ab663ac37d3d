//! The machine a plan is made for, as a value: what [`Host::detect`] does not ask for, nothing in this crate reads of ambient state.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io::Read;
use std::path::PathBuf;

use bstr::ByteSlice;

use crate::os_release;

/// The operating system, the environment and the home directory that keys depend on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Host {
    /// Operating system, as `std::env::consts::OS` names it.
    pub os: String,
    /// Architecture, as `std::env::consts::ARCH` names it.
    pub arch: String,
    /// Libc family of the machine's own programs: `gnu`, `musl`, `system` (not Linux) or `unknown`.
    pub libc: String,
    /// Release of the operating system, such as `ubuntu 24.04` (os-release(5)): `system` (not Linux) or `unknown` where nothing
    /// names it. It counts only for paths that ask for it.
    pub release: String,
    /// Environment variables; declared tools run with exactly these.
    pub env: BTreeMap<OsString, OsString>,
    /// The home directory, when there is one.
    pub home: Option<PathBuf>,
}

impl Host {
    /// Describes this machine and this process.
    ///
    /// The libc family is that of `/bin/sh`, not of this program: a static `sci` runs on both.
    pub fn detect() -> Self {
        Self {
            os: std::env::consts::OS.to_owned(),
            arch: std::env::consts::ARCH.to_owned(),
            libc: libc_family().to_owned(),
            release: os_release::detect(),
            env: std::env::vars_os().collect(),
            home: std::env::home_dir().filter(|home| home.is_absolute()),
        }
    }

    /// The value of one variable. On Windows `Path` and `PATH` are one.
    pub fn var(&self, name: &str) -> Option<&OsStr> {
        let exact = self.env.get(OsStr::new(name));
        let other = || {
            let mut others = self.env.iter().filter(|_| cfg!(windows));
            others.find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value)
        };
        exact.or_else(other).map(OsString::as_os_str)
    }

    /// The value of one variable that is set, not empty and text.
    pub fn text_var(&self, name: &str) -> Option<&str> {
        self.var(name).and_then(OsStr::to_str).filter(|value| !value.is_empty())
    }
}

/// Reads the family from the name of the loader that `/bin/sh` asks for, which stands in the first pages of its ELF file.
fn libc_family() -> &'static str {
    if !cfg!(target_os = "linux") {
        return "system";
    }
    let mut head = Vec::new();
    let read = std::fs::File::open("/bin/sh").and_then(|shell| shell.take(64 * 1024).read_to_end(&mut head));
    match read {
        Ok(_) if head.contains_str("/ld-musl-") => "musl",
        Ok(_) if head.contains_str("/ld-linux") || head.contains_str("/ld64.so") => "gnu",
        _ => "unknown",
    }
}
