//! The derivation: class → (name → digest), its ladder of rungs, and its key.

use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use bstr::{BStr, BString, ByteSlice};
use serde::{Deserialize, Serialize};

use crate::{Digest, Encoder};

/// A class of inputs. The order is the order of the ladder: what changes least comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum InputClass {
    /// OS, architecture, libc family, the path's own definition.
    System,
    /// Output of the declared tools' version commands.
    Tools,
    /// Declared environment variables.
    Env,
    /// Configuration files.
    Configs,
    /// Lockfiles.
    Lockfiles,
    /// Source files.
    Sources,
    /// The job and its matrix values.
    Variant,
}

impl InputClass {
    /// Every class, in ladder order.
    pub const ALL: [Self; 7] =
        [Self::System, Self::Tools, Self::Env, Self::Configs, Self::Lockfiles, Self::Sources, Self::Variant];

    /// The name used in sci.toml, JSON and messages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Tools => "tools",
            Self::Env => "env",
            Self::Configs => "configs",
            Self::Lockfiles => "lockfiles",
            Self::Sources => "sources",
            Self::Variant => "variant",
        }
    }

    /// Position in the ladder, 0 to 6.
    pub const fn rung(self) -> usize {
        self as usize
    }
}

impl fmt::Display for InputClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The text names no input class.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown input class {0:?}: expected system, tools, env, configs, lockfiles, sources or variant")]
pub struct UnknownClass(pub String);

impl FromStr for InputClass {
    type Err = UnknownClass;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|class| class.name() == text).ok_or_else(|| UnknownClass(text.to_owned()))
    }
}

/// The name of one input within its class: a path relative to the workspace, a variable, a command line, a field.
///
/// Names are bytes, because paths are. JSON shows them as text, with U+FFFD for what is not UTF-8; the binary form keeps
/// every byte.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InputName(BString);

impl InputName {
    /// Names an input.
    pub fn new(name: impl Into<Vec<u8>>) -> Self {
        Self(BString::new(name.into()))
    }

    /// The bytes of the name.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_slice()
    }
}

impl From<&str> for InputName {
    fn from(name: &str) -> Self {
        Self::new(name)
    }
}

impl Borrow<[u8]> for InputName {
    fn borrow(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl fmt::Display for InputName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(BStr::new(&self.0), f)
    }
}

impl fmt::Debug for InputName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(BStr::new(&self.0), f)
    }
}

impl Serialize for InputName {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.serialize_str(&self.0.to_str_lossy())
        } else {
            serializer.serialize_bytes(&self.0)
        }
    }
}

impl<'de> Deserialize<'de> for InputName {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            String::deserialize(deserializer).map(|name| Self(name.into()))
        } else {
            BString::deserialize(deserializer).map(Self)
        }
    }
}

/// The canonical record of what one path instance is derived from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Derivation {
    inputs: BTreeMap<InputClass, BTreeMap<InputName, Digest>>,
    upstreams: BTreeMap<String, Ladder>,
}

impl Derivation {
    /// Records an input; a second digest under the same class and name replaces the first.
    pub fn insert(&mut self, class: InputClass, name: InputName, digest: Digest) {
        self.inputs.entry(class).or_default().insert(name, digest);
    }

    /// Records many inputs of one class, as [`Derivation::insert`] does one; quickest in byte order of their names.
    pub fn insert_all(&mut self, class: InputClass, inputs: impl IntoIterator<Item = (InputName, Digest)>) {
        let mut inputs = inputs.into_iter().collect::<BTreeMap<_, _>>();
        match self.inputs.get_mut(&class) {
            Some(known) => known.append(&mut inputs),
            None if inputs.is_empty() => {}
            None => {
                self.inputs.insert(class, inputs);
            }
        }
    }

    /// Records the ladder of an upstream instance (`after`), whose rung *k* joins this derivation's rung *k*.
    pub fn insert_upstream(&mut self, instance: impl Into<String>, ladder: Ladder) {
        self.upstreams.insert(instance.into(), ladder);
    }

    /// The inputs of one class, in byte order of their names.
    pub fn class(&self, class: InputClass) -> impl Iterator<Item = (&InputName, &Digest)> {
        self.inputs.get(&class).into_iter().flatten()
    }

    /// Every input, in ladder order, then in byte order of the names.
    pub fn inputs(&self) -> impl Iterator<Item = (InputClass, &InputName, &Digest)> {
        self.inputs.iter().flat_map(|(class, names)| names.iter().map(move |(name, digest)| (*class, name, digest)))
    }

    /// One input's digest.
    pub fn get(&self, class: InputClass, name: &[u8]) -> Option<&Digest> {
        self.inputs.get(&class)?.get(name)
    }

    /// The upstream instances and their ladders.
    pub fn upstreams(&self) -> &BTreeMap<String, Ladder> {
        &self.upstreams
    }

    /// Computes the ladder: rung *k* covers classes 0..=*k*, each chained to the rung below.
    pub fn ladder(&self) -> Ladder {
        let mut below = Encoder::new("sci v1 derivation").finish();
        Ladder(InputClass::ALL.map(|class| {
            below = self.rung(class, &below);
            below
        }))
    }

    /// The derivation key: the top rung.
    pub fn key(&self) -> Digest {
        self.ladder().key()
    }

    fn rung(&self, class: InputClass, below: &Digest) -> Digest {
        let mut encoder = Encoder::new("sci v1 rung");
        encoder.raw_digest(below).text(class.name());
        encoder.integer(self.class(class).count() as u64);
        for (name, digest) in self.class(class) {
            encoder.bytes(name.as_bytes()).raw_digest(digest);
        }
        encoder.integer(self.upstreams.len() as u64);
        for (instance, ladder) in &self.upstreams {
            encoder.text(instance).raw_digest(&ladder.rung(class));
        }
        encoder.finish()
    }
}

/// The seven rungs of a derivation, lowest first. Two ladders that share rung *k* share every rung below it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Ladder([Digest; 7]);

impl Ladder {
    /// Takes rungs for what they are; [`Derivation::ladder`] computes them.
    pub const fn from_rungs(rungs: [Digest; 7]) -> Self {
        Self(rungs)
    }

    /// The rung of one class.
    pub const fn rung(&self, class: InputClass) -> Digest {
        self.0[class as usize]
    }

    /// All rungs, lowest first.
    pub const fn rungs(&self) -> &[Digest; 7] {
        &self.0
    }

    /// The derivation key: the top rung.
    pub const fn key(&self) -> Digest {
        self.0[6]
    }

    /// The highest class up to which both ladders agree; `None` when even `system` differs.
    ///
    /// Counted from below: a rung above one that differs does not count, whatever a made-up ladder says there.
    pub fn shared(&self, other: &Self) -> Option<InputClass> {
        InputClass::ALL.into_iter().take_while(|class| self.rung(*class) == other.rung(*class)).last()
    }
}
