//! A derivation and what follows from it.

use std::num::NonZeroUsize;
use std::sync::OnceLock;

use sci_hasher::{Derivation, Digest, InputClass, InputName, Ladder, Sketch};

use crate::InputRecord;
use crate::record::{Note, NotedPackage, Notes};

/// As many inputs as are worth the start of a thread.
const SHARE: usize = 2_000;

/// The derivation of one path instance and what follows from it.
#[derive(Debug, Clone)]
pub struct Keyed {
    /// The canonical record of the inputs.
    pub derivation: Derivation,
    /// Its ladder; the top rung is the key.
    pub ladder: Ladder,
    /// What explain may show of the inputs.
    pub notes: Notes,
    sketch: OnceLock<Sketch>,
}

impl PartialEq for Keyed {
    fn eq(&self, other: &Self) -> bool {
        self.derivation == other.derivation && self.notes == other.notes
    }
}

impl Eq for Keyed {}

impl Keyed {
    pub(crate) fn new(derivation: Derivation, notes: Notes) -> Self {
        Self { ladder: derivation.ladder(), derivation, notes, sketch: OnceLock::new() }
    }

    /// The derivation key.
    pub const fn key(&self) -> Digest {
        self.ladder.key()
    }

    /// The sketch, for the service's estimate of distance. It is made when it is first asked for: a plan alone needs none.
    pub fn sketch(&self) -> &Sketch {
        self.sketch.get_or_init(|| {
            let inputs: Vec<_> = self.derivation.inputs().collect();
            let threads = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
            let share = inputs.len().div_ceil(threads).max(SHARE);
            let mut sketch = Sketch::empty();
            std::thread::scope(|scope| {
                let (mine, others) = inputs.split_at(inputs.len().min(share));
                let others: Vec<_> = others.chunks(share).map(|share| scope.spawn(|| self.sketch_of(share))).collect();
                sketch.merge(&self.sketch_of(mine));
                for other in others {
                    sketch.merge(&other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
                }
            });
            sketch
        })
    }

    fn sketch_of(&self, inputs: &[(InputClass, &InputName, &Digest)]) -> Sketch {
        let packages = |class, name: &InputName| match self.notes.get(class, name.as_bytes()) {
            Some(Note::Packages(packages)) => packages.as_slice(),
            _ => &[],
        };
        Sketch::of(inputs.iter().flat_map(|(class, name, digest)| {
            let input = Sketch::element(class.name(), name.as_bytes(), digest.as_bytes());
            let packages = packages(*class, name).iter().map(|package| package_element(name, package));
            std::iter::once(input).chain(packages)
        }))
    }

    /// The record that is kept with every snapshot and every plan.
    pub fn record(&self) -> InputRecord {
        InputRecord { derivation: self.derivation.clone(), notes: self.notes.clone() }
    }
}

/// One (lockfile, package, version): a lockfile in which one package changed is almost the same set of elements.
fn package_element(lockfile: &InputName, package: &NotedPackage) -> Digest {
    let value = [package.name.as_bytes(), b"\0", package.version.as_bytes()].concat();
    Sketch::element("package", lockfile.as_bytes(), &value)
}
