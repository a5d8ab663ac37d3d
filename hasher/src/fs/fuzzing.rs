//! A door for the fuzz target of the stat cache, behind its checksum. Only there when built for fuzzing.

use super::cache_format;
use crate::Digest;

/// Decodes a file that has this content and the checksum that belongs to it; what is read must survive being written.
pub fn stat_cache(content: &[u8]) {
    let bytes = [content, Digest::of(content).as_bytes().as_slice()].concat();
    if let Some(entries) = cache_format::decode(&bytes) {
        let written = cache_format::encode(entries.iter().map(|(path, entry)| (&bytes[path.clone()], entry)));
        assert_eq!(written, bytes);
    }
}
