//! Declared environment variables: values enter keys as digests, and are shown only where the declaration says so.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ffi::OsString;

use globset::Candidate;
use sci_hasher::{Digest, Encoder, InputName};
use sci_sys::ffi::OsStrExt;

use crate::Host;
use crate::config::EnvInput;
use crate::glob::{self, Separator};
use crate::record::Note;

/// One variable as an input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EnvValue {
    pub(crate) digest: Digest,
    pub(crate) note: Option<Note>,
}

/// Resolves the entries of `env` against the host.
///
/// A variable that is named is an input whether it is set or not, and unset differs from empty; a glob stands for the
/// variables that are set. Where several entries cover a variable, one that does not show it wins. On Windows `Path` and `PATH`
/// are one variable, and the upper case names it.
pub(crate) fn values(entries: &[EnvInput], host: &Host) -> BTreeMap<InputName, EnvValue> {
    let set: BTreeMap<_, _> = host.env.iter().map(|(name, value)| (one(name.as_bytes()), value)).collect();
    let mut shown: BTreeMap<Cow<'_, [u8]>, bool> = BTreeMap::new();
    let mut cover = |name, show| *shown.entry(name).or_insert(true) &= show;
    for entry in entries {
        let name = &entry.name.value;
        if !name.contains(['*', '?', '[', '{']) {
            cover(one(name.as_bytes()), entry.show);
            continue;
        }
        let name = if cfg!(windows) { name.to_ascii_uppercase() } else { name.clone() };
        // sci.toml's globs were checked when it was read.
        let Ok(glob) = glob::compile(&[&name], Separator::Plain) else { continue };
        for variable in set.keys() {
            if glob.is_match_candidate(&Candidate::from_bytes(variable)) {
                cover(variable.clone(), entry.show);
            }
        }
    }
    shown.into_iter().map(|(name, show)| (InputName::new(&*name), value(set.get(&name).copied(), show))).collect()
}

/// What the variables have in common whose names the system does not tell apart.
fn one(name: &[u8]) -> Cow<'_, [u8]> {
    if cfg!(windows) { Cow::Owned(name.to_ascii_uppercase()) } else { Cow::Borrowed(name) }
}

fn value(value: Option<&OsString>, show: bool) -> EnvValue {
    let mut encoder = Encoder::new("sci v1 env value");
    match value {
        None => encoder.integer(0),
        Some(value) => encoder.integer(1).bytes(value.as_bytes()),
    };
    let note = show.then(|| value.map_or(Note::Absent, |value| Note::Text(value.to_string_lossy().into_owned())));
    EnvValue { digest: encoder.finish(), note }
}
