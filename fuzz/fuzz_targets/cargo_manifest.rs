//! Cargo.toml: read for the directories that it names, which are no more text than it has.
#![no_main]

use sci_presets::{CargoManifest, Dependencies};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let CargoManifest { built, own, root, workspace, .. } = CargoManifest::read(bytes);
    let names = |Dependencies { directories, inherited }: Dependencies| directories.into_iter().chain(inherited);
    let shared = workspace.into_iter().flatten().map(|(_, directory)| directory);
    let texts = names(built).chain(names(own)).chain(root).chain(shared);
    let length: usize = texts.map(|text| text.len()).sum();
    assert!(length <= bytes.len(), "{} bytes became {length}", bytes.len());
});
