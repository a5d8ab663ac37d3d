//! The intent of a restore, which may have come with a checkout, behind its checksum.
#![no_main]

use sci_fuzz as _;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| sci_snapshot::fuzzing::intent(bytes));
