//! The format: what is encoded decodes to the same, and nothing else decodes.

mod forged;
mod limits;

use std::collections::HashMap;
use std::ops::Range;

use proptest::prelude::*;
use sci_hasher::Digest;
use sci_store_api::{Object, ObjectId, ObjectSource, TransferError};

use super::root::Root;
use super::{Block, Encoded, Manifest, PackRef, RecordedInput, encode, inputs, segment, write};
use crate::limits::BLOCK_MAX;
use crate::local::Receipt;
use crate::tree::{Extent, Kind, Mtime, NONE, Size, Tree};
use crate::{Result, SnapshotError};

struct Objects(HashMap<ObjectId, Vec<u8>>);

impl ObjectSource for Objects {
    fn read(&self, object: &ObjectId, range: Range<u64>) -> Result<Vec<u8>, TransferError> {
        let bytes = self.0.get(object).ok_or(TransferError::Missing { object: *object })?;
        Ok(bytes[range.start as usize..range.end as usize].to_vec())
    }
}

fn objects(objects: impl IntoIterator<Item = Object>) -> Objects {
    Objects(objects.into_iter().map(|object| (object.id(), object.into_bytes())).collect())
}

fn root() -> Tree {
    let mut tree = Tree::default();
    tree.push(NONE, b"", Kind::Dir, 0o755, Mtime::default(), 0);
    tree
}

fn file(tree: &mut Tree, parent: u32, name: &[u8], extent: Extent) -> u32 {
    let index = tree.push(parent, name, Kind::File, 0o644, Mtime { secs: 5, nanos: 6 }, extent.length.into());
    tree.set_content(index, Digest::of(name), &[extent], &[]);
    index
}

fn block(length: u32) -> Block {
    Block { digest: Digest::of(b"block"), pack: 0, offset: 0, stored: 100, length, reference: NONE }
}

fn manifest(tree: Tree, blocks: Vec<Block>) -> Manifest {
    let pack = PackRef { id: ObjectId::of(b"pack"), size: 1 << 20 };
    Manifest { tree, blocks, packs: vec![pack], ..Manifest::default() }
}

/// Encodes, and decodes with exactly the permissions its own record would give.
fn round_trip(manifest: Manifest) -> Result<(Manifest, Manifest)> {
    loaded(encode(manifest, None, 3)?)
}

fn loaded(Encoded { object, manifest }: Encoded) -> Result<(Manifest, Manifest)> {
    let permitted: Vec<PackRef> = manifest.objects().map(PackRef::from).collect();
    let id = object.id();
    let decoded = Manifest::load(&id, &permitted, &objects([object]))?;
    Ok((manifest, decoded))
}

/// Why the reader refuses it, should somebody have written it.
fn refusal(tree: Tree, blocks: Vec<Block>) -> String {
    let (encoded, _) = write::written(manifest(tree, blocks), None, 3).unwrap();
    match loaded(encoded) {
        Err(SnapshotError::Refused(reason)) => reason,
        other => panic!("not refused: {:?}", other.map(|_| ())),
    }
}

/// Why it is refused, by its reader and before that by its writer.
fn refusal_of_both(tree: &Tree, blocks: &[Block]) -> String {
    let Err(SnapshotError::Refused(reason)) = encode(manifest(tree.clone(), blocks.to_vec()), None, 3) else {
        panic!("it is written")
    };
    refusal(tree.clone(), blocks.to_vec()) + &reason
}

#[test]
fn names_that_leave_the_tree_are_refused() {
    let names: [&[u8]; 14] = [
        b"..",
        b".",
        b"",
        b"../x",
        b"/x",
        b"a/b",
        b"a\\..\\x",
        b"..\\x",
        b"\\x",
        b"C:x",
        b"c:",
        b"nul\0name",
        b".sci-stage.x",
        b"/",
    ];
    for name in names {
        let mut tree = root();
        file(&mut tree, 0, name, Extent { block: 0, offset: 0, length: 1 });
        let reason = refusal(tree, vec![block(10)]);
        assert!(reason.contains("is no name for an entry"), "{name:?}: {reason}");
    }
}

#[test]
fn names_out_of_order_or_twice_are_refused() {
    for (first, second) in [(b"b", b"a"), (b"a", b"a")] {
        let mut tree = root();
        for name in [first, second] {
            file(&mut tree, 0, name, Extent { block: 0, offset: 0, length: 1 });
        }
        assert!(refusal(tree, vec![block(10)]).contains("ascending order"));
    }
}

#[test]
fn an_entry_below_a_link_or_file_is_refused() {
    let mut tree = root();
    let link = tree.push(0, b"d", Kind::Symlink, 0, Mtime::default(), 0);
    tree.set_target(link, b"/etc");
    file(&mut tree, link, b"passwd", Extent { block: 0, offset: 0, length: 1 });
    assert!(refusal(tree, vec![block(10)]).contains("no directory"));
}

#[test]
fn hard_links_reach_nothing_but_earlier_files_of_the_tree() {
    let mut tree = root();
    let link = tree.push(0, b"a", Kind::Symlink, 0, Mtime::default(), 0);
    tree.set_target(link, b"/etc/passwd");
    tree.push(0, b"b", Kind::File, 0, Mtime::default(), 0);
    tree.set_hardlink(2, link);
    assert!(refusal(tree, Vec::new()).contains("hard link to something else than a file"));
    let mut tree = root();
    tree.push(0, b"a", Kind::File, 0, Mtime::default(), 0);
    tree.set_hardlink(1, 1);
    assert!(refusal(tree, Vec::new()).contains("hard link to nothing"));
}

#[test]
fn link_targets_are_plausible() {
    for target in [&b""[..], b"a\0b", &[b'x'; 4096]] {
        let mut tree = root();
        let link = tree.push(0, b"l", Kind::Symlink, 0, Mtime::default(), 0);
        tree.set_target(link, target);
        assert!(round_trip(manifest(tree, Vec::new())).is_err());
    }
}

#[test]
fn extents_stay_inside_their_blocks_and_blocks_inside_their_packs() {
    for (offset, length) in [(0, 11), (10, 1), (u32::MAX - 1, 1), (5, 6)] {
        let mut tree = root();
        file(&mut tree, 0, b"f", Extent { block: 0, offset, length });
        assert!(round_trip(manifest(tree, vec![block(10)])).is_err(), "{offset}+{length}");
    }
    for bad in [
        Block { length: BLOCK_MAX + 1, ..block(10) },
        Block { offset: 1 << 20, ..block(10) },
        Block { offset: u64::MAX, ..block(10) },
    ] {
        let mut tree = root();
        file(&mut tree, 0, b"f", Extent { block: 0, offset: 0, length: 1 });
        assert!(round_trip(manifest(tree, vec![bad])).is_err(), "{bad:?}");
    }
}

#[test]
fn a_block_leans_on_one_other_that_stands_alone() {
    let packs = vec![PackRef { id: ObjectId::of(b"pack"), size: 1 << 20 }];
    let decoded = |references: &[u32]| {
        let blocks = references.iter().map(|reference| Block { reference: *reference, ..block(10) }).collect();
        Root::decode(&Root { packs: packs.clone(), blocks, ..Root::default() }.encode())
    };
    assert!(decoded(&[NONE, 0, 0]).is_ok());
    for bad in [&[0][..], &[NONE, 2], &[NONE, 0, 1], &[1, 0], &[NONE, NONE - 1]] {
        assert!(decoded(bad).is_err(), "{bad:?}");
    }
}

#[test]
fn what_is_leant_on_counts_as_unpacked() {
    // A thousand blocks of a byte each, for each of which another of 16 MiB must be unpacked.
    let mut tree = root();
    let mut blocks = vec![Block { digest: Digest::of(b"large"), ..block(BLOCK_MAX) }];
    for number in 0..1_000u32 {
        file(&mut tree, 0, format!("{number:05}").as_bytes(), Extent { block: number + 1, offset: 0, length: 1 });
        blocks.push(Block { digest: Digest::of(&number.to_le_bytes()), reference: 0, ..block(1) });
    }
    assert_eq!(refusal_of_both(&tree, &blocks).matches("would unpack to").count(), 2);
}

#[test]
fn bombs_are_refused_by_what_they_declare() {
    // Ten gigabytes out of one block of four megabytes, stored in a hundred bytes.
    let mut tree = root();
    for number in 0..2_500u32 {
        file(&mut tree, 0, format!("{number:05}").as_bytes(), Extent { block: 0, offset: 0, length: 4 << 20 });
    }
    assert_eq!(refusal_of_both(&tree, &[block(4 << 20)]).matches("would unpack to").count(), 2);
}

#[test]
fn only_objects_of_the_record_may_be_cited() {
    let mut tree = root();
    file(&mut tree, 0, b"f", Extent { block: 0, offset: 0, length: 1 });
    let Encoded { object, .. } = encode(manifest(tree, vec![block(10)]), None, 1).unwrap();
    let own = PackRef { id: object.id(), size: object.size() };
    let objects = objects([object]);
    let error = Manifest::load(&own.id, &[own], &objects).unwrap_err().to_string();
    assert!(error.contains("its record does not list object"), "{error}");
    let error = Manifest::load(&own.id, &[], &objects).unwrap_err().to_string();
    assert!(error.contains("its record does not list manifest"), "{error}");
}

fn names() -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec(
        prop_oneof![Just(b'a'), Just(b'\\'), Just(0xff), Just(b' '), Just(b'.'), any::<u8>()],
        1..12,
    )
    .prop_filter("a component", |name| segment::check_component(name).is_ok())
}

fn mtimes() -> impl Strategy<Value = Mtime> {
    (any::<i64>(), 0..1_000_000_000u32).prop_map(|(secs, nanos)| Mtime { secs, nanos })
}

#[derive(Debug, Clone)]
enum Node {
    Dir(Vec<(Vec<u8>, Node)>, u16, Mtime),
    File(Vec<(u32, u32)>, u16, Mtime, bool),
    Symlink(Vec<u8>, Mtime),
    Hardlink(u32),
}

fn nodes() -> impl Strategy<Value = Node> {
    let extents = proptest::collection::vec((0..4u32, 1..5_000u32), 0..5);
    let leaf = prop_oneof![
        (extents, 0..0o1000u16, mtimes(), any::<bool>())
            .prop_map(|(extents, mode, mtime, sparse)| Node::File(extents, mode, mtime, sparse)),
        (proptest::collection::vec(1..=255u8, 1..30), mtimes())
            .prop_map(|(target, mtime)| Node::Symlink(target, mtime)),
        any::<u32>().prop_map(Node::Hardlink),
    ];
    leaf.prop_recursive(5, 80, 10, |inner| {
        (proptest::collection::btree_map(names(), inner, 0..10), 0..0o1000u16, mtimes())
            .prop_map(|(children, mode, mtime)| Node::Dir(children.into_iter().collect(), mode, mtime))
    })
}

/// Blocks 0 and 1 exist; 2 and 3 stand for holes.
fn grow(tree: &mut Tree, parent: u32, name: &[u8], node: &Node) {
    match node {
        Node::Dir(children, mode, mtime) => {
            let index = tree.push(parent, name, Kind::Dir, *mode, *mtime, 0);
            children.iter().for_each(|(name, child)| grow(tree, index, name, child));
        }
        Node::File(extents, mode, mtime, sparse) => {
            let extents: Vec<Extent> = extents
                .iter()
                .map(|(block, length)| match block {
                    0 | 1 => Extent { block: *block, offset: length / 2, length: *length },
                    _ => Extent { block: NONE, offset: 0, length: *length },
                })
                .collect();
            let size = extents.iter().map(|extent| u64::from(extent.length)).sum();
            let sparse = *sparse || extents.iter().any(Extent::is_hole);
            let kind = if sparse { Kind::Sparse } else { Kind::File };
            let index = tree.push(parent, name, kind, *mode, *mtime, size);
            let chunks: Vec<Digest> = extents.iter().map(|extent| Digest::of(&extent.length.to_le_bytes())).collect();
            let digest = if size == 0 { Digest::of(b"") } else { Digest::of(name) };
            tree.set_content(index, digest, &extents, &chunks);
        }
        Node::Symlink(target, mtime) => {
            let index = tree.push(parent, name, Kind::Symlink, 0, *mtime, 0);
            tree.set_target(index, target);
        }
        Node::Hardlink(seed) => {
            let files: Vec<u32> = tree.entries().filter(|(_, entry)| entry.kind.is_file()).map(|(at, _)| at).collect();
            if let Some(first) = files.get(*seed as usize % files.len().max(1)) {
                let index = tree.push(parent, name, Kind::File, 0, Mtime::default(), 0);
                tree.set_hardlink(index, *first);
            }
        }
    }
}

fn trees() -> impl Strategy<Value = Tree> {
    let children = proptest::collection::btree_map(names(), nodes(), 0..10);
    children.prop_map(|children| {
        let mut tree = Tree::default();
        grow(&mut tree, NONE, b"", &Node::Dir(children.into_iter().collect(), 0o755, Mtime::default()));
        tree
    })
}

fn blocks() -> Vec<Block> {
    let other = Block { digest: Digest::of(b"other"), offset: 100, reference: 2, ..block(10_000) };
    // No extent is in it; the other leans on it.
    let leant_on = Block { digest: Digest::of(b"leant on"), offset: 200, ..block(10_000) };
    vec![block(10_000), other, leant_on]
}

fn described(manifest: &Manifest) -> Vec<String> {
    let tree = &manifest.tree;
    let line = |(index, entry): (u32, crate::tree::Entry)| {
        let content = tree.content(index).map(|content| {
            let place = |extent: &Extent| match extent.is_hole() {
                true => format!("hole {}", extent.length),
                false => {
                    let block = &manifest.blocks[extent.block as usize];
                    let leant_on = manifest.blocks.get(block.reference as usize).map(|block| block.digest);
                    format!("{:?} {extent:?} {leant_on:?}", block.digest)
                }
            };
            let extents: Vec<String> = tree.extents(content).iter().map(place).collect();
            format!("{:?} {extents:?} {:?}", content.digest, tree.chunk_digests(content))
        });
        let link = match entry.kind {
            Kind::Symlink => tree.target(index).to_vec(),
            Kind::Hardlink => entry.content.to_string().into_bytes(),
            _ => Vec::new(),
        };
        let path = tree.path(index);
        format!("{path:?} {:?} {:o} {:?} {} {content:?} {link:?}", entry.kind, entry.mode, entry.mtime, entry.size)
    };
    tree.entries().map(line).collect()
}

proptest! {
    #[test]
    fn what_is_encoded_decodes_to_the_same(tree in trees(), paths in proptest::collection::btree_set(proptest::collection::vec(any::<u8>(), 1..20), 0..20)) {
        let mut manifest = manifest(tree, blocks());
        manifest.inputs = paths
            .into_iter()
            .map(|path| RecordedInput { digest: Digest::of(&path), path, mtime: Mtime { secs: -7, nanos: 1 } })
            .collect();
        let (encoded, decoded) = round_trip(manifest).unwrap();
        prop_assert_eq!(described(&encoded), described(&decoded));
        prop_assert_eq!(&encoded.inputs, &decoded.inputs);
        prop_assert_eq!(encoded.tree.digest(), decoded.tree.digest());
        let receipts: Vec<_> = (0..decoded.tree.len()).map(|at| Receipt { inode: at.into(), ctime: -5 }).collect();
        let mut frames = Vec::new();
        let mut put = |frame: &[u8]| {
            frames.push(frame.to_vec());
            Ok(())
        };
        decoded.to_local(&receipts, &mut put).unwrap();
        let mut frames = frames.into_iter();
        let (local, kept) = Manifest::from_local(&mut || frames.next().ok_or_else(|| "no more".into())).unwrap();
        prop_assert_eq!(kept, receipts);
        prop_assert_eq!(described(&local), described(&decoded));
        prop_assert_eq!(encode(local, None, 1).unwrap().object.id(), encode(decoded, None, 2).unwrap().object.id());
    }

    #[test]
    fn damaged_segments_never_panic_and_never_pass_for_another_form(tree in trees(), at in any::<usize>(), byte in any::<u8>(), cut in any::<bool>()) {
        let blocks = blocks();
        let mut raw = segment::encode(&tree, &blocks, 0..tree.len());
        let at = at % raw.len();
        if cut { raw.truncate(at) } else { raw[at] = byte }
        let mut decoder = segment::Decoder::new(&blocks, Size::default());
        if decoder.append(&raw).is_ok() {
            let tree = decoder.finish();
            prop_assert_eq!(segment::encode(&tree, &blocks, 0..tree.len()), raw);
        }
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = segment::Decoder::new(&blocks(), Size::default()).append(&bytes);
        let _ = Root::decode(&bytes);
        let _ = inputs::decode(&bytes);
        let mut frames = bytes.chunks(97).map(<[u8]>::to_vec);
        let _ = Manifest::from_local(&mut || frames.next().ok_or_else(|| "no more".into()));
        let id = ObjectId::of(&bytes);
        let own = PackRef { id, size: bytes.len() as u64 };
        let _ = Manifest::load(&id, &[own], &Objects(HashMap::from([(id, bytes)])));
    }
}

#[test]
fn a_small_change_writes_few_segments() {
    let mut tree = root();
    for number in 0..40_000u32 {
        file(&mut tree, 0, format!("{number:06}").as_bytes(), Extent { block: 0, offset: number % 900, length: 50 });
    }
    let first = encode(manifest(tree.clone(), vec![block(1_000)]), None, 1).unwrap();
    let mut changed = manifest(tree.clone(), vec![block(1_000)]);
    changed.tree.set_stat(20_000, 0o644, 50, Mtime { secs: 9, nanos: 9 });
    let second = encode(changed, Some(&first.manifest), 3).unwrap();
    assert!(second.object.size() * 4 < first.object.size(), "{:?} of {:?}", second.object, first.object);
    let id = second.object.id();
    let objects = objects([first.object, second.object]);
    let permitted: Vec<PackRef> = second.manifest.objects().map(PackRef::from).collect();
    let decoded = Manifest::load(&id, &permitted, &objects).unwrap();
    assert_eq!(described(&decoded), described(&second.manifest));
}
