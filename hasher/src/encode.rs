//! The canonical encoding that everything keyed goes through.

use std::cell::RefCell;

use blake3::hazmat::{ContextKey, HasherExt, hash_derive_key_context};

use crate::Digest;

/// A value with one canonical byte form.
///
/// # The rule (version 1)
/// - A hash starts from `blake3::derive_key` with a context string of its own, `sci v1 <what>`: a digest of one kind of
///   value never equals a digest of another kind.
/// - An integer is 8 bytes, little endian.
/// - Every variable part (bytes, text, list, map) is preceded by its length as an integer; a list and a map by their
///   number of elements.
/// - A map is written in ascending byte order of its keys, each key followed by its value.
/// - An option is the integer 0, or the integer 1 followed by the value.
/// - A digest is its 32 bytes.
/// - Nothing else is written: no padding, no field names, no defaults left out.
///
/// A change to the rule, or to what a type writes, needs a new version in its context string: keys are a format, and
/// `tests/golden.rs` pins them.
pub trait Canonical {
    /// Writes the canonical form of `self`.
    fn encode(&self, to: &mut Encoder);
}

/// Parts are small and BLAKE3 is fast on many bytes at once: so many are gathered before they are hashed.
const GATHERED: usize = 16 << 10;

/// What the parts of most values fit in.
const SMALL: usize = 256;

thread_local! {
    /// The keys of the contexts that this thread has used: each is a hash of its own, and values are many and small.
    static KEYS: RefCell<Vec<(&'static str, ContextKey)>> = const { RefCell::new(Vec::new()) };
}

/// Hashes canonical parts as they are written; holds no more than a few kilobytes of them.
#[derive(Debug, Clone)]
pub struct Encoder {
    key: ContextKey,
    /// Absent while all parts are still gathered.
    hasher: Option<blake3::Hasher>,
    gathered: Vec<u8>,
}

impl Encoder {
    /// Starts a hash in the domain `context`, which must be a literal of the form `sci v1 <what>`.
    pub fn new(context: &'static str) -> Self {
        Self { key: key_of(context), hasher: None, gathered: Vec::with_capacity(SMALL) }
    }

    fn write(&mut self, bytes: &[u8]) {
        if self.gathered.len() + bytes.len() <= GATHERED {
            self.gathered.extend_from_slice(bytes);
            return;
        }
        let hasher = self.hasher.get_or_insert_with(|| blake3::Hasher::new_from_context_key(&self.key));
        hasher.update(&self.gathered);
        self.gathered.clear();
        if bytes.len() > GATHERED {
            hasher.update(bytes);
        } else {
            self.gathered.extend_from_slice(bytes);
        }
    }

    /// Hashes one value in the domain `context`.
    pub fn digest<T: Canonical + ?Sized>(context: &'static str, value: &T) -> Digest {
        let mut encoder = Self::new(context);
        value.encode(&mut encoder);
        encoder.finish()
    }

    /// Writes an integer.
    pub fn integer(&mut self, value: u64) -> &mut Self {
        self.write(&value.to_le_bytes());
        self
    }

    /// Writes bytes, preceded by their length.
    pub fn bytes(&mut self, value: &[u8]) -> &mut Self {
        self.integer(value.len() as u64);
        self.write(value);
        self
    }

    /// Writes text as its UTF-8 bytes, preceded by their length.
    pub fn text(&mut self, value: &str) -> &mut Self {
        self.bytes(value.as_bytes())
    }

    /// Writes a digest's 32 bytes.
    pub fn raw_digest(&mut self, value: &Digest) -> &mut Self {
        self.write(value.as_bytes());
        self
    }

    /// Writes any canonical value.
    pub fn value<T: Canonical + ?Sized>(&mut self, value: &T) -> &mut Self {
        value.encode(self);
        self
    }

    /// Writes a list, preceded by its number of elements.
    pub fn list<T: Canonical>(&mut self, values: &[T]) -> &mut Self {
        self.integer(values.len() as u64);
        for value in values {
            value.encode(self);
        }
        self
    }

    /// Writes an option.
    pub fn option<T: Canonical>(&mut self, value: Option<&T>) -> &mut Self {
        match value {
            None => self.integer(0),
            Some(value) => self.integer(1).value(value),
        }
    }

    /// The digest of everything written.
    pub fn finish(&self) -> Digest {
        let mut hasher = match &self.hasher {
            Some(hasher) => hasher.clone(),
            None => blake3::Hasher::new_from_context_key(&self.key),
        };
        hasher.update(&self.gathered).finalize().into()
    }
}

fn key_of(context: &'static str) -> ContextKey {
    KEYS.with_borrow_mut(|keys| {
        if let Some((_, key)) = keys.iter().find(|(known, _)| std::ptr::eq(*known, context)) {
            return *key;
        }
        let key = hash_derive_key_context(context);
        // Literals are few; were one to have many addresses, it would be hashed each time.
        if keys.len() < SMALL {
            keys.push((context, key));
        }
        key
    })
}

impl Canonical for Digest {
    fn encode(&self, to: &mut Encoder) {
        to.raw_digest(self);
    }
}

impl Canonical for u64 {
    fn encode(&self, to: &mut Encoder) {
        to.integer(*self);
    }
}

impl Canonical for str {
    fn encode(&self, to: &mut Encoder) {
        to.text(self);
    }
}

impl Canonical for String {
    fn encode(&self, to: &mut Encoder) {
        to.text(self);
    }
}

impl Canonical for [u8] {
    fn encode(&self, to: &mut Encoder) {
        to.bytes(self);
    }
}
