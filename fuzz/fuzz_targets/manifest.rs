//! A whole manifest with right digests: refused, or a tree that keeps every limit and survives being written.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sci_fuzz as _;
use sci_snapshot::limits::{DEPTH_MAX, EXPANSION_FREE, NAME_MAX};
use sci_snapshot::{Manifest, fuzzing};

fuzz_target!(|bytes: &[u8]| {
    let Some(manifest) = fuzzing::manifest(bytes) else { return };
    check(&manifest);
    if let Some(again) = fuzzing::round_trip(&manifest) {
        assert_eq!(again.tree.digest(), manifest.tree.digest());
        assert_eq!(again.inputs, manifest.inputs);
    }
});

fn check(manifest: &Manifest) {
    let mut written = 0;
    for (index, _) in manifest.tree.entries() {
        let path = manifest.tree.path(index);
        let components = path.split(|byte| *byte == b'/').filter(|name| !path.is_empty() || !name.is_empty());
        let mut depth = 0;
        for name in components {
            depth += 1;
            assert!((1..=NAME_MAX).contains(&name.len()) && name != b"." && name != b"..", "{path:?}");
        }
        assert!(depth <= DEPTH_MAX);
        let Some(content) = manifest.tree.content(index) else { continue };
        for extent in manifest.tree.extents(content).iter().filter(|extent| !extent.is_hole()) {
            let block = &manifest.blocks[extent.block as usize];
            assert!(extent.offset + extent.length <= block.length);
            let pack = &manifest.packs[block.pack as usize];
            assert!(block.offset + u64::from(block.stored) <= pack.size);
            written += u64::from(extent.length);
        }
    }
    let stored: u64 = manifest.packs.iter().map(|pack| pack.size).sum();
    assert!(written <= EXPANSION_FREE + stored.saturating_mul(1000), "{stored} bytes would become {written}");
}
