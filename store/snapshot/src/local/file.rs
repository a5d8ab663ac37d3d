//! A file of frames under one checksum, written and read a frame at a time. Does not know what the frames say.
//!
//! ```text
//! file := "sci base     v4\n" | (length, u32 LE | frame)… | 0xffffffff | BLAKE3 of everything before
//! ```

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read as _, Write as _};
use std::path::Path;

use sci_hasher::Digest;

use crate::manifest::Refusal;

const MAGIC: &[u8; 16] = b"sci base     v4\n";
/// Stands where the length of the next frame would.
const END: u32 = u32::MAX;
/// Bytes that are read or written at once.
const BUFFER: usize = 1 << 20;

/// Writes the frames that `body` puts.
pub(super) fn write(
    path: &Path,
    body: impl FnOnce(&mut dyn FnMut(&[u8]) -> io::Result<()>) -> io::Result<()>,
) -> io::Result<()> {
    let mut out = BufWriter::with_capacity(BUFFER, File::create(path)?);
    let mut hasher = blake3::Hasher::new();
    let mut append = |bytes: &[u8]| {
        hasher.update(bytes);
        out.write_all(bytes)
    };
    append(MAGIC)?;
    body(&mut |frame| {
        let length = u32::try_from(frame.len()).ok().filter(|length| *length != END);
        append(&length.ok_or(io::ErrorKind::FileTooLarge)?.to_le_bytes())?;
        append(frame)
    })?;
    append(&END.to_le_bytes())?;
    out.write_all(hasher.finalize().as_bytes())?;
    out.flush()
}

/// Reads a file of frames; `None` when it is not whole, or not what `body` takes. What `body` makes is believed only when the
/// checksum at the end is right: until then it is given bytes of any kind.
pub(super) fn read<T>(
    path: &Path,
    body: impl FnOnce(&mut dyn FnMut() -> Result<Vec<u8>, Refusal>) -> Result<T, Refusal>,
) -> Option<T> {
    let file = File::open(path).ok()?;
    let left = file.metadata().ok()?.len();
    let mut frames = Frames { input: BufReader::with_capacity(BUFFER, file), hasher: blake3::Hasher::new(), left };
    if frames.take(MAGIC.len()).ok()? != MAGIC {
        return None;
    }
    let value = body(&mut || frames.next()).ok()?;
    frames.end().then_some(value)
}

struct Frames {
    input: BufReader<File>,
    hasher: blake3::Hasher,
    /// Bytes that the file still has. Nothing is allocated beyond them.
    left: u64,
}

impl Frames {
    fn take(&mut self, length: usize) -> Result<Vec<u8>, Refusal> {
        self.left = self.left.checked_sub(length as u64).ok_or("cut off")?;
        let mut bytes = vec![0; length];
        self.input.read_exact(&mut bytes).map_err(|error| error.to_string())?;
        self.hasher.update(&bytes);
        Ok(bytes)
    }

    fn length(&mut self) -> Result<u32, Refusal> {
        let bytes = self.take(4)?;
        Ok(u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
    }

    fn next(&mut self) -> Result<Vec<u8>, Refusal> {
        let length = self.length()?;
        self.take(length as usize)
    }

    /// Whether the file ends here, with the checksum of all that was read.
    fn end(&mut self) -> bool {
        let ended = self.length() == Ok(END);
        let checksum = self.hasher.finalize();
        ended && self.take(Digest::LEN).is_ok_and(|bytes| bytes == checksum.as_bytes()) && self.left == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_come_back_and_any_flipped_bit_or_cut_is_found() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("base");
        let wanted: Vec<Vec<u8>> = vec![b"one".to_vec(), Vec::new(), vec![7; 300]];
        write(&path, |put| wanted.iter().try_for_each(|frame| put(frame))).unwrap();
        let three = |next: &mut dyn FnMut() -> Result<Vec<u8>, Refusal>| (0..3).map(|_| next()).collect();
        assert_eq!(read(&path, three), Some(wanted));
        let whole = std::fs::read(&path).unwrap();
        for at in 0..whole.len() {
            let mut flipped = whole.clone();
            flipped[at] ^= 1 << (at % 8);
            std::fs::write(&path, flipped).unwrap();
            assert_eq!(read::<Vec<Vec<u8>>>(&path, three), None, "byte {at}");
            std::fs::write(&path, &whole[..at]).unwrap();
            assert_eq!(read::<Vec<Vec<u8>>>(&path, three), None, "cut at {at}");
        }
    }
}
