//! Gemfile.lock: read into packages, or refused in one line.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| sci_fuzz::lockfile("Gemfile.lock", bytes));
