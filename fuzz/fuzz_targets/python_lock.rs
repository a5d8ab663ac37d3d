//! The lockfiles of Python, one after the other: read into packages, or refused in one line.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    for name in ["uv.lock", "poetry.lock", "requirements.txt"] {
        sci_fuzz::lockfile(name, bytes);
    }
});
