//! The frame of recorded inputs.

use sci_hasher::Digest;

use super::RecordedInput;
use super::bytes::{Reader, Refusal, Writer};
use crate::limits::{ENTRIES_MAX, INPUT_PATHS_MAX};
use crate::tree::Mtime;

/// Longest path of an input, in bytes.
const PATH_MAX: usize = 64 << 10;

/// Encodes inputs, which must be sorted by path.
pub(crate) fn encode(inputs: &[RecordedInput]) -> Vec<u8> {
    let mut out = Writer::default();
    out.integer(inputs.len() as u64);
    let mut last: &[u8] = &[];
    for input in inputs {
        let shared = last.iter().zip(&input.path).take_while(|(a, b)| a == b).count();
        out.integer(shared as u64);
        out.bytes(&input.path[shared..]);
        out.signed(input.mtime.secs);
        out.integer(u64::from(input.mtime.nanos));
        last = &input.path;
    }
    for input in inputs {
        out.raw(input.digest.as_bytes());
    }
    out.0
}

/// Decodes what [`encode`] wrote.
///
/// # Errors
/// A sentence.
pub(crate) fn decode(raw: &[u8]) -> Result<Vec<RecordedInput>, Refusal> {
    let mut reader = Reader(raw);
    let count = reader.count(Digest::LEN, ENTRIES_MAX, "inputs")?;
    let mut inputs: Vec<RecordedInput> = Vec::with_capacity(count);
    let mut length = 0;
    for _ in 0..count {
        let last = inputs.last().map_or(&[][..], |input| &input.path);
        let shared = reader.bounded(last.len() as u64, "shared prefix")? as usize;
        let rest = reader.bytes(PATH_MAX, "path")?;
        let path = [&last[..shared], rest].concat();
        if path.len() > PATH_MAX || (!inputs.is_empty() && path.as_slice() <= last) {
            return Err("inputs are not in ascending order".into());
        }
        length += path.len() as u64;
        if length > INPUT_PATHS_MAX {
            return Err(format!("the paths of inputs are longer than {INPUT_PATHS_MAX} bytes in all"));
        }
        let secs = reader.signed()?;
        let nanos = reader.bounded(999_999_999, "nanoseconds")? as u32;
        inputs.push(RecordedInput { path, digest: Digest::from_bytes([0; 32]), mtime: Mtime { secs, nanos } });
    }
    for input in &mut inputs {
        input.digest = Digest::from_bytes(reader.array()?);
    }
    reader.end()?;
    if encode(&inputs) == raw { Ok(inputs) } else { Err("inputs are not in canonical form".into()) }
}
