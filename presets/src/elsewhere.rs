//! Where a tool keeps a path instead of there, as data: which variables and which settings move it, and where it is by
//! default on other systems. Whoever knows the machine reads them; this module does not.

use std::ffi::OsStr;

use serde::{Deserialize, Serialize};

use crate::Setting;

/// One rule. A list of them is read in order, and the first that holds decides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Elsewhere {
    /// The variable that names a directory. The rule holds where it is set and not empty; without it, and without a setting,
    /// everywhere, and the directory is the home directory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variable: Option<String>,
    /// The setting that names a directory, of a path in the workspace: where no variable does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub setting: Option<Setting>,
    /// Whether the variable names several directories, as `PATH` does, of which the first counts.
    #[serde(default, skip_serializing_if = "is_false")]
    pub list: bool,
    /// Values of the variable by which the tool means something else than a directory: the rule does not hold then.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unless: Vec<String>,
    /// Where the path is below that directory; empty when it is the directory itself.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub below: String,
    /// The operating systems that the rule holds on, as [`std::env::consts::OS`] names them; empty means all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub os: Vec<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
const fn is_false(value: &bool) -> bool {
    !*value
}

impl Elsewhere {
    /// Whether the variable's value names no directory.
    pub fn is_no_place(&self, value: &OsStr) -> bool {
        self.unless.iter().any(|word| value == OsStr::new(word))
    }

    /// Whether the rule holds on an operating system.
    pub fn is_for(&self, os: &str) -> bool {
        self.os.is_empty() || self.os.iter().any(|named| named == os)
    }
}

/// As a person says it: `$CARGO_HOME/registry`, or `~/Library/Caches/go-build on macos`.
impl std::fmt::Display for Elsewhere {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (&self.variable, &self.setting) {
            (Some(variable), _) => write!(f, "${variable}")?,
            (None, Some(setting)) => write!(f, "{setting}")?,
            (None, None) => f.write_str("~")?,
        }
        if !self.below.is_empty() {
            write!(f, "/{}", self.below)?;
        }
        if self.os.is_empty() { Ok(()) } else { write!(f, " on {}", self.os.join(" and ")) }
    }
}
