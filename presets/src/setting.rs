//! A setting in a tool's own file, as data, and what such a file says. Where the file is, others know.

use std::fmt;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::relaxed;

/// A text in a file of TOML or JSON, which its name tells apart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Setting {
    /// The file, relative to the workspace, as is what it says.
    pub file: String,
    /// The names on the way to the text, with dots between.
    pub key: String,
}

impl Setting {
    /// What the file says; `None` where it says nothing of it, or cannot be read.
    pub fn of(&self, bytes: &[u8]) -> Option<String> {
        let text = std::str::from_utf8(bytes).ok()?;
        let said = if Path::new(&self.file).extension().is_some_and(|end| end == "json" || end == "jsonc") {
            let found: serde_json::Value = serde_json::from_str(&relaxed::plain(text)).ok()?;
            found.pointer(&format!("/{}", self.key.replace('.', "/")))?.as_str()?.to_owned()
        } else {
            let found = toml::Value::Table(text.parse().ok()?);
            self.key.split('.').try_fold(&found, |value, name| value.get(name))?.as_str()?.to_owned()
        };
        Some(said).filter(|said| !said.is_empty())
    }
}

/// As a person says it: `build.target-dir in .cargo/config.toml`.
impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in {}", self.key, self.file)
    }
}
