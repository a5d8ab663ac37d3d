//! Declared environment variables: values enter keys as digests, and are shown only where the declaration says so.

use sci_sys::ffi::OsStrExt;
use std::collections::BTreeMap;
use std::ffi::OsStr;

use globset::Candidate;
use sci_hasher::{Digest, Encoder, InputName};

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
/// variables that are set. Where several entries cover a variable, one that does not show it wins.
pub(crate) fn values(entries: &[EnvInput], host: &Host) -> BTreeMap<InputName, EnvValue> {
    let mut shown: BTreeMap<&[u8], bool> = BTreeMap::new();
    let mut cover = |name, show| *shown.entry(name).or_insert(true) &= show;
    for entry in entries {
        let name = &entry.name.value;
        if !name.contains(['*', '?', '[', '{']) {
            cover(name.as_bytes(), entry.show);
            continue;
        }
        // sci.toml's globs were checked when it was read.
        let Ok(glob) = glob::compile(&[name], Separator::Plain) else { continue };
        for variable in host.env.keys().map(|variable| variable.as_bytes()) {
            if glob.is_match_candidate(&Candidate::from_bytes(variable)) {
                cover(variable, entry.show);
            }
        }
    }
    shown.into_iter().map(|(name, show)| (InputName::new(name), value(host, name, show))).collect()
}

fn value(host: &Host, name: &[u8], show: bool) -> EnvValue {
    let value = host.env.get(OsStr::from_bytes(name));
    let mut encoder = Encoder::new("sci v1 env value");
    match value {
        None => encoder.integer(0),
        Some(value) => encoder.integer(1).bytes(value.as_bytes()),
    };
    let note = show.then(|| value.map_or(Note::Absent, |value| Note::Text(value.to_string_lossy().into_owned())));
    EnvValue { digest: encoder.finish(), note }
}
