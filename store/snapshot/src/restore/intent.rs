//! The intent: what turns the old tree into the new one, as renames and settings that can be repeated from any point.

use sci_hasher::Digest;
use serde::{Deserialize, Serialize};

use super::expected::{Expected, Seen};
use crate::tree::Mtime;

const MAGIC: &[u8; 16] = b"sci intent   v2\n";
/// Of intents that do not say what they expect to find.
const MAGIC_1: &[u8; 16] = b"sci intent   v1\n";

/// One step. Paths are relative to the directory that holds the target, the target's own name included.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Op {
    /// Lets this user change a directory; its mode is set at the end.
    Unlock { path: Vec<u8>, mode: u16 },
    /// Moves an entry, `was`, to `trash/<number>`; done when that is there.
    Trash { path: Vec<u8>, number: u32, was: Seen },
    /// Moves `new/<number>` to where `was` is; done when that is no longer there.
    Install { number: u32, path: Vec<u8>, was: Expected },
    /// Sets mode (not of links) and mtime. `was` is what stayed there; none for what was installed.
    Adjust { path: Vec<u8>, mode: Option<u16>, mtime: Mtime, was: Option<Seen> },
}

/// Every step, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Intent {
    pub(crate) ops: Vec<Op>,
    /// Whether what is in the way of an install stays.
    pub(crate) merge: bool,
}

/// What the file of an intent says.
#[derive(Debug)]
pub(crate) enum Left {
    /// What is to be done.
    Intent(Intent),
    /// What an earlier version of sci was to do, which did not note what it expected to find.
    Outdated,
}

impl Op {
    pub(crate) fn path(&self) -> &[u8] {
        match self {
            Self::Unlock { path, .. }
            | Self::Trash { path, .. }
            | Self::Install { path, .. }
            | Self::Adjust { path, .. } => path,
        }
    }

    /// What it does, as an infinitive.
    pub(crate) fn action(&self) -> &'static str {
        match self {
            Self::Unlock { .. } => "unlock",
            Self::Trash { .. } => "remove",
            Self::Install { .. } => "install",
            Self::Adjust { .. } => "set mode and time of",
        }
    }
}

impl Intent {
    /// Whether it concerns nothing but the target `name` and what is below. An intent may have come with a checkout.
    pub(crate) fn is_confined_to(&self, name: &[u8]) -> bool {
        let below = |rest: &[u8]| rest.first().is_none_or(|byte| *byte == b'/');
        self.ops.iter().all(|op| op.path().strip_prefix(name).is_some_and(below))
    }

    /// Encodes the intent under a checksum.
    pub(crate) fn encode(&self) -> Vec<u8> {
        // Serialising to memory cannot fail for these types; an empty body would be refused by `decode`.
        let body = postcard::to_stdvec(self).unwrap_or_default();
        [MAGIC, Digest::of(&body).as_bytes().as_slice(), &body].concat()
    }

    /// Decodes an intent; `None` when it is not whole.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        postcard::from_bytes(body(bytes, MAGIC)?).ok()
    }

    /// Whether this is a whole intent of an earlier version.
    pub(crate) fn is_outdated(bytes: &[u8]) -> bool {
        body(bytes, MAGIC_1).is_some()
    }
}

/// What stands under the checksum, when that is right.
fn body<'a>(bytes: &'a [u8], magic: &[u8]) -> Option<&'a [u8]> {
    let (digest, body) = bytes.strip_prefix(magic)?.split_at_checked(Digest::LEN)?;
    (Digest::of(body).as_bytes() == digest).then_some(body)
}

#[cfg(fuzzing)]
pub(crate) mod fuzzing {
    //! A door for `crate::fuzzing`.

    use super::*;

    /// Decodes an intent that has this body and the checksum that belongs to it.
    pub(crate) fn decode_body(body: &[u8]) {
        let Some(intent) = Intent::decode(&[MAGIC, Digest::of(body).as_bytes().as_slice(), body].concat()) else {
            return;
        };
        assert_eq!(Intent::decode(&intent.encode()).as_ref(), Some(&intent));
        if intent.is_confined_to(b"target") {
            assert!(intent.ops.iter().all(|op| op.path() == b"target" || op.path().starts_with(b"target/")));
        }
    }
}
