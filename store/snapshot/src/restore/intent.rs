//! The intent: what turns the old tree into the new one, as renames and settings that can be repeated from any point.

use sci_hasher::Digest;
use serde::{Deserialize, Serialize};

use crate::tree::Mtime;

const MAGIC: &[u8; 16] = b"sci intent   v1\n";

/// One step. Paths are relative to the directory that holds the target, the target's own name included.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Op {
    /// Lets this user change a directory; its mode is set at the end.
    Unlock { path: Vec<u8>, mode: u16 },
    /// Moves an entry to `trash/<number>`; done when that is there.
    Trash { path: Vec<u8>, number: u32 },
    /// Moves `new/<number>` into place; done when that is no longer there.
    Install { number: u32, path: Vec<u8> },
    /// Sets mode (not of links) and mtime.
    Adjust { path: Vec<u8>, mode: Option<u16>, mtime: Mtime },
}

/// Every step, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Intent {
    pub(crate) ops: Vec<Op>,
    /// Whether what is in the way of an install stays.
    pub(crate) merge: bool,
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
        let rest = bytes.strip_prefix(MAGIC)?;
        let (digest, body) = rest.split_at_checked(Digest::LEN)?;
        if Digest::of(body).as_bytes() != digest {
            return None;
        }
        postcard::from_bytes(body).ok()
    }
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
