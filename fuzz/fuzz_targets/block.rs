//! A block: the length that is claimed for it, then its compressed bytes.
#![no_main]

use sci_fuzz as _;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| sci_snapshot::fuzzing::block(bytes));
