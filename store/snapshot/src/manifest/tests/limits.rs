//! The reader's limits: forged manifests stay below them, and so does what is written.

use sci_hasher::Digest;

use super::super::bytes::Writer;
use super::super::root::{Frame, Root};
use super::super::{Block, inputs, segment};
use super::forged::{self, Columns};
use super::{block, file, manifest, refusal, refusal_of_both, root, round_trip};
use crate::limits::{DEPTH_MAX, ENTRIES_MAX, FRAME_MAX, INPUT_PATHS_MAX, SEGMENT_ENTRIES_MAX};
use crate::tree::{Extent, Kind, Mtime, NONE, Size};

#[test]
fn overlapping_blocks_do_not_make_a_bomb_small() {
    let mut tree = root();
    for number in 0..2_500u32 {
        file(&mut tree, 0, format!("{number:05}").as_bytes(), Extent { block: number, offset: 0, length: 4 << 20 });
    }
    // Each claims the whole of a pack of one megabyte.
    let digest = |number: u32| Digest::of(&number.to_le_bytes());
    let blocks = (0..2_500).map(|number| Block { digest: digest(number), stored: 1 << 20, ..block(4 << 20) });
    assert_eq!(refusal_of_both(&tree, &blocks.collect::<Vec<_>>()).matches("would unpack to").count(), 2);
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
fn a_tree_nested_too_deeply_is_neither_saved_nor_read() {
    let mut tree = root();
    for depth in 0..=DEPTH_MAX as u32 {
        tree.push(depth, b"d", Kind::Dir, 0o755, Mtime::default(), 0);
    }
    assert_eq!(refusal_of_both(&tree, &[]).matches("nested").count(), 2);
}

#[test]
fn a_hole_is_refused_in_a_file_that_is_not_sparse() {
    let mut tree = root();
    file(&mut tree, 0, b"f", Extent { block: NONE, offset: 0, length: 9 });
    assert!(refusal(tree, Vec::new()).contains("not sparse"));
}

/// Directories in each other: the most that few bytes can say, for all of them look the same.
const CHAIN: u64 = DEPTH_MAX as u64;

/// A segment of `chains` chains of directories below the root, the first of which has this number; and before them the root.
fn chains(numbers: std::ops::Range<u32>) -> Vec<u8> {
    let (mut columns, ancestors): (_, &[&[u8]]) = match numbers.start {
        0 => (Columns::of_root(), &[]),
        _ => (Columns::default(), &[b""]),
    };
    let count = u64::from(numbers.start == 0) + numbers.len() as u64 * CHAIN;
    for number in numbers.clone() {
        // The root is the parent of the first; of what comes before it in a segment, only the root is left.
        let up = if number == numbers.start { 0 } else { CHAIN };
        columns.entry(up, format!("{number:05}").as_bytes(), 0);
        columns.mtime();
        for _ in 1..CHAIN {
            columns.entry(0, b"d", 0);
            columns.mtime();
        }
    }
    columns.segment(count, ancestors)
}

#[test]
fn more_entries_than_a_tree_may_have_are_refused_before_there_is_room_for_them() {
    // 255 chains are as many entries as a segment may have, but for one chain's.
    let each = (SEGMENT_ENTRIES_MAX / CHAIN - 1) as u32;
    let in_each = u64::from(each) * CHAIN;
    let (segments, fitting) = (10_000_000u64.div_ceil(in_each) as u32, (ENTRIES_MAX / in_each) as u32);
    let mut segments: Vec<Vec<u8>> = (0..segments).map(|at| chains(at * each..(at + 1) * each)).collect();
    // Of the segment that passes the limit only the count is there, and as many bytes as it could have: the reader that
    // looks at more than the count finds nothing.
    let mut hollow = Writer::default();
    hollow.integer(in_each);
    hollow.raw(&vec![0; in_each as usize * 3]);
    segments[fitting as usize] = hollow.0;
    let object = forged::object(&segments);
    assert!(object.size() < 20_000, "{} bytes are stored", object.size());
    let error = forged::load(object).unwrap_err().to_string();
    let before = u64::from(fitting) * in_each + 1;
    assert!(error.contains(&format!("{in_each} entries after {before} are outside the limits")), "{error}");
}

#[test]
fn what_is_forged_in_chains_is_sound() {
    let manifest = forged::load(forged::object(&[chains(0..2), chains(2..3)])).unwrap();
    assert_eq!(u64::from(manifest.tree.len()), 3 * CHAIN + 1);
}

/// The numbers that somebody may claim: above a limit, below it but more than bytes have come for, and what no machine has room for.
const CLAIMS: [u64; 4] = [10_000_000, 1_000_000, 1 << 40, u64::MAX];

#[test]
fn a_segment_is_refused_by_the_count_that_it_claims() {
    let refused = |claimed: u64, bytes: usize| {
        let mut forged = Writer::default();
        forged.integer(claimed);
        forged.raw(&vec![0; bytes]);
        segment::Decoder::new(&[], Size::default()).append(&forged.0).unwrap_err()
    };
    for claimed in CLAIMS {
        let refused = refused(claimed, 300);
        assert!(refused.starts_with(&format!("entries of a segment: {claimed} is above the limit of 10")), "{refused}");
    }
    // There are bytes for each of them.
    let wanted = format!("entries of a segment: 10000000 is above the limit of {SEGMENT_ENTRIES_MAX}");
    assert_eq!(refused(10_000_000, 30_000_000), wanted);
}

#[test]
fn a_root_and_inputs_are_refused_by_the_counts_that_they_claim() {
    let forged = |before: &[u64], claimed: u64| {
        let mut forged = Writer::default();
        before.iter().for_each(|number| forged.integer(*number));
        forged.integer(claimed);
        forged.0
    };
    for claimed in CLAIMS {
        for (what, before) in [("objects", &[][..]), ("segments", &[0]), ("objects", &[0, 0, 0]), ("blocks", &[0; 4])] {
            let refused = Root::decode(&forged(before, claimed)).unwrap_err();
            assert_eq!(refused, format!("{what}: {claimed} is above the limit of 0"));
        }
        let refused = inputs::decode(&forged(&[], claimed)).unwrap_err();
        assert_eq!(refused, format!("inputs: {claimed} is above the limit of 0"));
    }
}

#[test]
fn no_more_room_is_made_than_for_a_small_tree_whatever_size_is_claimed() {
    let Size { entries, names, contents } = segment::believed([u64::MAX; 3]);
    for (number, each) in [(entries, 32), (names, 1), (contents, 64)] {
        assert!(u64::from(number) * each <= 64 << 20, "{number} of {each} bytes");
    }
}
