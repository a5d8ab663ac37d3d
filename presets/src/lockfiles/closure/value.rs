//! Values of JSON, YAML and TOML: their digest, and access that refuses what it does not expect.

use sci_hasher::{Canonical, Digest, Encoder};
use serde_json::{Map, Value};

use super::NarrowError;

/// A table of a lockfile.
pub(super) type Table = Map<String, Value>;

/// The digest of a value, however it is written.
pub(super) fn digest(value: &Value) -> Digest {
    Encoder::digest("sci v1 lockfile value", &Written(value))
}

/// The digest of a table.
pub(super) fn digest_of(table: &Table) -> Digest {
    Encoder::digest("sci v1 lockfile value", &Fields(table))
}

struct Fields<'v>(&'v Table);

impl Canonical for Fields<'_> {
    fn encode(&self, to: &mut Encoder) {
        let mut entries: Vec<_> = self.0.iter().collect();
        entries.sort_unstable_by_key(|(key, _)| key.as_str());
        to.text("table").integer(entries.len() as u64);
        for (key, value) in entries {
            to.text(key).value(&Written(value));
        }
    }
}

struct Written<'v>(&'v Value);

impl Canonical for Written<'_> {
    // The parsers bound the depth.
    fn encode(&self, to: &mut Encoder) {
        match self.0 {
            Value::Null => to.text("null"),
            Value::Bool(value) => to.text("bool").integer(u64::from(*value)),
            Value::Number(value) => to.text("number").text(&value.to_string()),
            Value::String(value) => to.text("string").text(value),
            Value::Array(values) => {
                to.text("list").integer(values.len() as u64);
                values.iter().fold(to, |to, value| to.value(&Self(value)))
            }
            Value::Object(table) => to.value(&Fields(table)),
        };
    }
}

/// Refuses keys that are not among `known`; `owner` says whose they are.
pub(super) fn known_keys(table: &Table, known: &[&str], owner: &str) -> Result<(), NarrowError> {
    match table.keys().find(|key| !known.contains(&key.as_str())) {
        Some(key) => Err(NarrowError::unknown(format!("{owner} has `{key}`, which this sci does not know"))),
        None => Ok(()),
    }
}

/// The table under `key`; `None` when there is none.
pub(super) fn table<'t>(of: &'t Table, key: &str, owner: &str) -> Result<Option<&'t Table>, NarrowError> {
    match of.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Object(table)) => Ok(Some(table)),
        Some(_) => Err(NarrowError::unknown(format!("`{key}` of {owner} is no table"))),
    }
}

/// The text under `key`; `None` when there is none.
pub(super) fn text<'t>(of: &'t Table, key: &str, owner: &str) -> Result<Option<&'t str>, NarrowError> {
    match of.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(NarrowError::unknown(format!("`{key}` of {owner} is no text"))),
    }
}

/// A value that must be a table.
pub(super) fn as_table<'t>(value: &'t Value, owner: &str) -> Result<&'t Table, NarrowError> {
    value.as_object().ok_or_else(|| NarrowError::unknown(format!("{owner} is no table")))
}
