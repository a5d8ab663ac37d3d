//! The record of inputs, an object of the store. The bytes are what stands in its compressed part.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sci_fuzz as _;
use sci_planner::{InputRecord, diff};

fuzz_target!(|plain: &[u8]| {
    let _whole = InputRecord::decode(plain);
    let mut stored = b"sci-inp\x01".to_vec();
    stored.extend((plain.len() as u64).to_le_bytes());
    stored.extend(zstd::bulk::compress(plain, 1).expect("memory"));
    let Ok(record) = InputRecord::decode(&stored) else { return };
    let written = record.encode().expect("what was read can be written");
    let again = InputRecord::decode(&written).expect("and read again");
    assert_eq!(again, record);
    assert_eq!(again.derivation.key(), record.derivation.key());
    let _differences = diff(&record, &InputRecord::default());
});
