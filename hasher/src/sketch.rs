//! The input sketch: a MinHash by which the service estimates how many inputs two derivations share.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{Digest, Encoder};

/// Number of slots. The standard error of the estimate is at most 1 / (2 √256), about 3 %.
pub const SLOTS: usize = 256;

/// A MinHash over elements (one per input, and one per package of each lockfile).
///
/// Two sketches are comparable whatever the number of elements behind each. Text form: 2,048 hexadecimal digits.
#[derive(Clone, PartialEq, Eq)]
pub struct Sketch(Box<[u32; SLOTS]>);

impl Sketch {
    /// The sketch of no element at all.
    pub fn empty() -> Self {
        Self(Box::new([u32::MAX; SLOTS]))
    }

    /// Sketches the elements; their order and repetitions do not matter.
    pub fn of<I: IntoIterator<Item = Digest>>(elements: I) -> Self {
        let mut sketch = Self::empty();
        for element in elements {
            sketch.insert(&element);
        }
        sketch
    }

    /// Adds the elements of another sketch.
    pub fn merge(&mut self, other: &Self) {
        for (slot, theirs) in self.0.iter_mut().zip(other.0.iter()) {
            *slot = (*slot).min(*theirs);
        }
    }

    /// The element that stands for one (kind, name, value) triple, for [`Sketch::of`].
    pub fn element(kind: &str, name: &[u8], value: &[u8]) -> Digest {
        let mut encoder = Encoder::new("sci v1 sketch element");
        encoder.text(kind).bytes(name).bytes(value);
        encoder.finish()
    }

    fn insert(&mut self, element: &Digest) {
        let [a, b] = seeds(element);
        // Double hashing: slot i sees the high half of a + i·b, an independent enough permutation per slot.
        let mut state = a;
        for slot in self.0.iter_mut() {
            state = state.wrapping_add(b);
            *slot = (*slot).min((mix(state) >> 32) as u32);
        }
    }

    /// Estimates the shared part of both sets, between 0 (nothing) and 1 (the same), in steps of 1/256.
    pub fn similarity(&self, other: &Self) -> f64 {
        let equal = self.0.iter().zip(other.0.iter()).filter(|(left, right)| left == right).count();
        equal as f64 / SLOTS as f64
    }
}

fn seeds(element: &Digest) -> [u64; 2] {
    let bytes = element.as_bytes();
    let word = |at: usize| {
        let mut word = [0; 8];
        word.copy_from_slice(&bytes[at..at + 8]);
        u64::from_le_bytes(word)
    };
    [word(0), word(8) | 1]
}

/// The finalizer of SplitMix64: spreads every input bit over the output.
fn mix(mut word: u64) -> u64 {
    word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

impl std::fmt::Debug for Sketch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Sketch({:08x}…)", self.0[0])
    }
}

impl Sketch {
    /// The 1,024 bytes: each slot little endian.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.0.iter().flat_map(|slot| slot.to_le_bytes()).collect()
    }

    /// The inverse of [`Sketch::to_bytes`]; `None` when there are not exactly 1,024 bytes.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        if bytes.len() != SLOTS * 4 {
            return None;
        }
        let mut slots = Box::new([0; SLOTS]);
        for (slot, chunk) in slots.iter_mut().zip(bytes.chunks_exact(4)) {
            *slot = u32::from_le_bytes(chunk.try_into().ok()?);
        }
        Some(Self(slots))
    }
}

impl Serialize for Sketch {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.serialize_str(&data_encoding::HEXLOWER.encode(&self.to_bytes()))
        } else {
            serializer.serialize_bytes(&self.to_bytes())
        }
    }
}

impl<'de> Deserialize<'de> for Sketch {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes = if deserializer.is_human_readable() {
            let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
            data_encoding::HEXLOWER.decode(text.as_bytes()).map_err(serde::de::Error::custom)?
        } else {
            bstr::BString::deserialize(deserializer)?.into()
        };
        Self::from_bytes(&bytes).ok_or_else(|| serde::de::Error::custom("a sketch has exactly 1024 bytes"))
    }
}
