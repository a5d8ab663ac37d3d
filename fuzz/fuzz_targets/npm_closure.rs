//! package-lock.json: narrowed to each of its members, or refused in one line.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| sci_fuzz::closures("package-lock.json", bytes));
