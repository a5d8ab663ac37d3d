//! Blocks: the unit of compression. A block is one zstd frame; its digest is the BLAKE3 of the compressed bytes, because
//! that is what must be checked before anything is decompressed.
//!
//! A block may be compressed against another one, its reference, whose content the decompressor must then be given too.
//! Knows nothing of where references come from.

use sci_hasher::Digest;
use zstd::zstd_safe::{CCtx, CParameter, DCtx, DParameter, compress_bound, get_error_name};

use crate::limits::{BLOCK_MAX, WINDOW_LOG, WINDOW_LOG_MAX};

const LEVEL: i32 = 3;
/// How blocks are searched: the two hash tables of level 3, made to fit a core's cache together (320 KiB), and no matches
/// that save little. Costs three percent in size and gains a fifth of the time.
const BLOCK_HASH_LOG: u32 = 16;
/// See [`BLOCK_HASH_LOG`].
const BLOCK_CHAIN_LOG: u32 = 14;
/// Shortest match in a block, in bytes.
const BLOCK_MIN_MATCH: u32 = 6;

/// log2 of the entries of both hash tables when a block has a reference. With the small tables above most of a reference would be
/// forgotten again before the block comes; these take 8 MiB, and such blocks are few.
const REFERENCE_HASH_LOG: u32 = 20;
/// log2 of a window that holds a reference and the block behind it.
const REFERENCE_WINDOW_LOG: u32 = WINDOW_LOG + 1;

/// An uncompressed block.
#[derive(Debug)]
pub(crate) struct RawBlock {
    pub(crate) bytes: Vec<u8>,
    /// The block of the base that its content resembles; [`NONE`] where that is not known.
    pub(crate) resembles: u32,
}

/// A compressed block.
#[derive(Debug)]
pub(crate) struct StoredBlock {
    pub(crate) digest: Digest,
    pub(crate) length: u32,
    pub(crate) stored: Vec<u8>,
    /// The block of the base against which it is compressed; [`NONE`] if it stands alone.
    pub(crate) reference: u32,
}

/// A compressor whose tables are used again for every block.
pub(crate) struct Compressor(zstd::bulk::Compressor<'static>);

impl Compressor {
    /// For blocks. Long-distance matching would save another percent for a quarter more time.
    pub(crate) fn for_blocks() -> std::io::Result<Self> {
        let mut compressor = Self::for_manifests()?;
        compressor.0.set_parameter(CParameter::HashLog(BLOCK_HASH_LOG))?;
        compressor.0.set_parameter(CParameter::ChainLog(BLOCK_CHAIN_LOG))?;
        compressor.0.set_parameter(CParameter::MinMatch(BLOCK_MIN_MATCH))?;
        Ok(compressor)
    }

    /// For the frames of manifests, which are few.
    pub(crate) fn for_manifests() -> std::io::Result<Self> {
        let mut inner = zstd::bulk::Compressor::new(LEVEL)?;
        inner.set_parameter(CParameter::WindowLog(WINDOW_LOG))?;
        // Everything is under a BLAKE3 digest already.
        inner.set_parameter(CParameter::ChecksumFlag(false))?;
        Ok(Self(inner))
    }

    /// Compresses one block or manifest frame.
    pub(crate) fn compress(&mut self, raw: &[u8]) -> std::io::Result<Vec<u8>> {
        let mut stored = self.0.compress(raw)?;
        // There was room for what does not compress.
        stored.shrink_to_fit();
        Ok(stored)
    }
}

/// Compresses a block against the content of another one.
///
/// # Errors
/// What the library says, for want of memory.
pub(crate) fn compress_against(reference: &[u8], raw: &[u8]) -> std::io::Result<Vec<u8>> {
    let failed = |code| std::io::Error::other(get_error_name(code));
    // A context keeps hold of its reference, so it is no longer used than that.
    let mut context = CCtx::create();
    for parameter in [
        CParameter::CompressionLevel(LEVEL),
        CParameter::HashLog(REFERENCE_HASH_LOG),
        CParameter::ChainLog(REFERENCE_HASH_LOG),
        CParameter::WindowLog(REFERENCE_WINDOW_LOG),
        CParameter::ChecksumFlag(false),
    ] {
        context.set_parameter(parameter).map_err(failed)?;
    }
    context.ref_prefix(reference).map_err(failed)?;
    let mut stored = Vec::with_capacity(compress_bound(raw.len()));
    context.compress2(&mut stored, raw).map_err(failed)?;
    stored.shrink_to_fit();
    Ok(stored)
}

/// A decompressor that refuses windows above the limit.
pub(crate) struct Decompressor(DCtx<'static>);

impl Decompressor {
    /// Sets up the window limit.
    pub(crate) fn new() -> Self {
        let mut context = DCtx::create();
        // The parameter is within the library's bounds, so this cannot fail; decoding would then only use its default of 27.
        let _ = context.set_parameter(DParameter::WindowLogMax(WINDOW_LOG_MAX));
        Self(context)
    }

    /// Decompresses `stored` into `into`, which is set to exactly `length` bytes.
    ///
    /// # Errors
    /// A sentence, when the frame is damaged or does not unpack to exactly `length` bytes. Nothing beyond `length` bytes
    /// is ever allocated.
    pub(crate) fn decompress(&mut self, stored: &[u8], length: usize, into: &mut Vec<u8>) -> Result<(), String> {
        unpack(&mut self.0, stored, length, into)
    }
}

/// Checks a block's digest, then unpacks it into `into`; `reference` is the content of the block that it leans on.
///
/// # Errors
/// A sentence that says what does not fit.
pub(crate) fn open(
    context: &mut Decompressor,
    stored: &[u8],
    (digest, length): (&Digest, u32),
    reference: Option<&[u8]>,
    into: &mut Vec<u8>,
) -> Result<(), String> {
    if Digest::of(stored) != *digest {
        return Err(format!("block {} does not have its digest", digest.short()));
    }
    if length > BLOCK_MAX {
        return Err(format!("block {} claims {length} bytes, above the limit of {BLOCK_MAX}", digest.short()));
    }
    let length = length as usize;
    let opened = match reference {
        None => context.decompress(stored, length, into),
        Some(reference) => decompress_against(reference, stored, length, into),
    };
    opened.map_err(|reason| format!("block {}: {reason}", digest.short()))
}

fn decompress_against(reference: &[u8], stored: &[u8], length: usize, into: &mut Vec<u8>) -> Result<(), String> {
    let mut context = DCtx::create();
    context.ref_prefix(reference).map_err(|code| get_error_name(code).to_owned())?;
    unpack(&mut context, stored, length, into)
}

/// Unpacks a frame into `into`, which is set to exactly `length` bytes.
fn unpack(context: &mut DCtx<'_>, stored: &[u8], length: usize, into: &mut Vec<u8>) -> Result<(), String> {
    into.clear();
    into.reserve_exact(length);
    let written = context.decompress(into, stored).map_err(|code| get_error_name(code).to_owned())?;
    if written == length { Ok(()) } else { Err(format!("unpacks to {written} bytes instead of {length}")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bomb_is_refused_before_it_unpacks() {
        let bomb = Compressor::for_blocks().unwrap().compress(&vec![0; 64 << 20]).unwrap();
        let mut into = Vec::new();
        let error = Decompressor::new().decompress(&bomb, 4096, &mut into).unwrap_err();
        assert!(!error.is_empty());
        assert!(into.capacity() <= 8192, "allocated {}", into.capacity());
        assert!(open(&mut Decompressor::new(), &bomb, (&Digest::of(&bomb), 64 << 20), None, &mut into).is_err());
    }

    #[test]
    fn a_window_above_the_limit_is_refused() {
        let mut wide = zstd::bulk::Compressor::new(3).unwrap();
        wide.set_parameter(CParameter::WindowLog(27)).unwrap();
        wide.set_parameter(CParameter::ContentSizeFlag(false)).unwrap();
        let mut encoder = zstd::stream::Encoder::new(Vec::new(), 3).unwrap();
        encoder.set_parameter(CParameter::WindowLog(27)).unwrap();
        std::io::Write::write_all(&mut encoder, b"small").unwrap();
        let frame = encoder.finish().unwrap();
        // A one-shot decode ignores the window; what matters is that no buffer of its size is allocated.
        let mut into = Vec::new();
        let _ = Decompressor::new().decompress(&frame, 5, &mut into);
        assert!(into.capacity() < 4096);
    }

    #[test]
    fn against_what_it_resembles_a_block_takes_next_to_nothing() {
        let reference: Vec<u8> =
            (0..3_000_000u32).flat_map(|at| at.wrapping_mul(0x9e37_79b9).to_le_bytes()[..1].to_vec()).collect();
        let mut raw = reference.clone();
        raw.splice(1_000_000..1_000_000, *b"something new");
        let stored = compress_against(&reference, &raw).unwrap();
        assert!(stored.len() < 2_000, "{}", stored.len());
        let (digest, length) = (Digest::of(&stored), raw.len() as u32);
        let mut into = Vec::new();
        open(&mut Decompressor::new(), &stored, (&digest, length), Some(&reference), &mut into).unwrap();
        assert!(into == raw);
        for wrong in [None, Some(&reference[..100_000]), Some(&raw[..100])] {
            let opened = open(&mut Decompressor::new(), &stored, (&digest, length), wrong, &mut into);
            assert!(opened.is_err() || into != raw);
        }
    }

    #[test]
    fn a_flipped_bit_is_found_before_unpacking() {
        let mut stored = Compressor::for_blocks().unwrap().compress(b"some content, some content").unwrap();
        let digest = Digest::of(&stored);
        stored[7] ^= 1;
        let error = open(&mut Decompressor::new(), &stored, (&digest, 26), None, &mut Vec::new()).unwrap_err();
        assert!(error.contains("does not have its digest"), "{error}");
    }
}
