//! What Maven and Gradle read, one after the other: read into packages, or refused in one line.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    for name in ["pom.xml", "gradle.lockfile", "verification-metadata.xml", "libs.versions.toml"] {
        sci_fuzz::lockfile(name, bytes);
    }
});
