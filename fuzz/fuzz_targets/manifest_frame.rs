//! The parts of a manifest, each by itself: its root, a segment, the recorded inputs, a name. The first byte says which.
#![no_main]

use sci_fuzz as _;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| sci_snapshot::fuzzing::frame(bytes));
