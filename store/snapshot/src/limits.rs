//! Hard limits of the formats. The writer stays well inside; the reader refuses what is outside before it allocates.

/// Files longer than this are split by content; shorter ones are one chunk. Bytes.
pub const WHOLE_FILE: u64 = 1 << 20;
/// Content-defined chunks: smallest, average and largest length in bytes.
pub const CHUNK: (usize, usize, usize) = (16 << 10, 64 << 10, 256 << 10);
/// A large file is cut anew at every multiple of this, so that its parts can be read in parallel. Bytes; a power of two,
/// because a part must be a whole BLAKE3 subtree.
pub const STRIDE: u64 = 8 << 20;
/// The writer closes a block before it grows past this. Bytes, uncompressed.
pub const BLOCK: usize = 4 << 20;
/// The reader refuses a block longer than this. Bytes, uncompressed.
pub const BLOCK_MAX: u32 = 16 << 20;
/// log2 of the window the writer uses, and of the largest that the reader accepts.
pub const WINDOW_LOG: u32 = 22;
/// See [`WINDOW_LOG`].
pub const WINDOW_LOG_MAX: u32 = 24;
/// A pack is closed by content after the first block that makes it this long, and at the latest by that. Bytes, compressed.
pub const PACK: (u64, u64) = (8 << 20, 32 << 20);
/// The reader refuses objects longer than this. Bytes.
pub const OBJECT_MAX: u64 = 1 << 30;
/// Entries of one tree.
pub const ENTRIES_MAX: u64 = 8_000_000;
/// Entries of one manifest segment; the uncompressed length of a segment or root in bytes.
pub const SEGMENT_ENTRIES_MAX: u64 = 1 << 20;
/// See [`SEGMENT_ENTRIES_MAX`].
pub const FRAME_MAX: u64 = 64 << 20;
/// The uncompressed length of all segments of one manifest, in bytes.
pub const TREE_MAX: u64 = 1 << 30;
/// The length of all paths of the recorded inputs together, in bytes: stored is only what tells each from the one before.
pub const INPUT_PATHS_MAX: u64 = 128 << 20;
/// Nesting of directories.
pub const DEPTH_MAX: usize = 4096;
/// Length of one name, in bytes.
pub const NAME_MAX: usize = 255;
/// Length of a link's target, in bytes.
pub const LINK_MAX: usize = 4095;
/// A tree may unpack to this many bytes whatever it is made from …
pub const EXPANSION_FREE: u64 = 1 << 30;
/// … and beyond that to this many times the bytes stored for it. Holes do not count.
pub const EXPANSION_FACTOR: u64 = 1_000;
