//! The reader's limits: forged manifests stay below them, and so does what is written.

use sci_hasher::Digest;

use super::super::bytes::Writer;
use super::super::root::{Frame, Root};
use super::super::{Block, inputs};
use super::{block, file, manifest, refusal, root, round_trip};
use crate::limits::{DEPTH_MAX, FRAME_MAX, INPUT_PATHS_MAX};
use crate::tree::{Extent, Kind, Mtime, NONE};

#[test]
fn overlapping_blocks_do_not_make_a_bomb_small() {
    let mut tree = root();
    for number in 0..2_500u32 {
        file(&mut tree, 0, format!("{number:05}").as_bytes(), Extent { block: number, offset: 0, length: 4 << 20 });
    }
    // Each claims the whole of a pack of one megabyte.
    let digest = |number: u32| Digest::of(&number.to_le_bytes());
    let blocks = (0..2_500).map(|number| Block { digest: digest(number), stored: 1 << 20, ..block(4 << 20) }).collect();
    assert!(refusal(tree, blocks).contains("would unpack to"));
}

#[test]
fn segments_that_unpack_to_too_much_are_refused_before_they_are_read() {
    let length = FRAME_MAX as u32;
    let frame = |number: u64| Frame {
        object: 0,
        offset: number,
        stored: 6_000,
        length,
        digest: Digest::of(&number.to_le_bytes()),
    };
    let root = |count| Root { segments: (0..count).map(frame).collect(), ..Root::default() };
    assert!(Root::decode(&root(16).encode()).is_ok());
    assert!(Root::decode(&root(17).encode()).unwrap_err().contains("unpack to"));
}

#[test]
fn inputs_whose_paths_repeat_a_long_prefix_are_refused() {
    let count = 2 * INPUT_PATHS_MAX / 60_000;
    let mut forged = Writer::default();
    forged.integer(count);
    for number in 0..count {
        forged.integer(if number == 0 { 0 } else { 60_000 });
        forged.bytes(&if number == 0 { vec![b'x'; 60_000] } else { number.to_be_bytes().to_vec() });
        forged.signed(0);
        forged.integer(0);
    }
    forged.raw(&vec![0; count as usize * Digest::LEN]);
    assert!(inputs::decode(&forged.0).unwrap_err().contains("paths of inputs"));
}

#[test]
fn a_tree_of_very_large_files_is_written_so_that_it_can_be_read() {
    let mut tree = root();
    // Three files of 64 GiB in chunks of 64 KiB: 33 MB of digests each.
    let extents = vec![Extent { block: 0, offset: 0, length: 1 }; 1 << 20];
    let chunks = vec![Digest::of(b"chunk"); 1 << 20];
    for name in [b"a", b"b", b"c"] {
        let index = tree.push(0, name, Kind::File, 0o644, Mtime::default(), 1 << 20);
        tree.set_content(index, Digest::of(name), &extents, &chunks);
    }
    let (written, read) = round_trip(manifest(tree, vec![block(10)])).unwrap();
    assert_eq!(read.tree.digest(), written.tree.digest());
}

#[test]
fn a_tree_nested_too_deeply_is_not_saved() {
    let mut tree = root();
    for depth in 0..=DEPTH_MAX as u32 {
        tree.push(depth, b"d", Kind::Dir, 0o755, Mtime::default(), 0);
    }
    assert!(refusal(tree, Vec::new()).contains("nested"));
}

#[test]
fn a_hole_is_refused_in_a_file_that_is_not_sparse() {
    let mut tree = root();
    file(&mut tree, 0, b"f", Extent { block: NONE, offset: 0, length: 9 });
    assert!(refusal(tree, Vec::new()).contains("not sparse"));
}
