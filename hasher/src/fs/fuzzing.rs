//! A door for the fuzz target of the stat cache, behind its checksum. Only there when built for fuzzing.

use super::cache_format::{self, Entries, Writer};
use crate::Digest;

/// Decodes a file that has this content and the checksum that belongs to it; what is read must survive being written.
pub fn stat_cache(content: &[u8]) {
    let bytes = [content, Digest::of(content).as_bytes().as_slice()].concat();
    let Some(content) = cache_format::decode(&bytes) else { return };
    let mut writer = Writer::new(content.boot);
    for directory in &content.directories {
        writer.directory(&bytes[directory.path.clone()], directory.listed.as_ref());
        Entries::of(&bytes[directory.entries.clone()]).for_each(|entry| writer.entry(&entry));
    }
    assert_eq!(writer.finish(), (bytes, content));
}
