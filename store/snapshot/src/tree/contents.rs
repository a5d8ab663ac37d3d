//! The contents of a tree's files: what they are, and where their bytes lie. Knows no names.

use sci_hasher::Digest;

use super::NONE;

/// Part of a content, and where it lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extent {
    /// Index into the manifest's table of blocks; [`NONE`] for a hole.
    pub block: u32,
    /// Where it begins in the uncompressed block, in bytes.
    pub offset: u32,
    /// Its length in bytes.
    pub length: u32,
}

impl Extent {
    /// Whether the part is a hole: zeros that take no room.
    pub const fn is_hole(&self) -> bool {
        self.block == NONE
    }
}

/// A file's content: its digest and extents. A content of one extent is one chunk, whose digest is the file's own.
#[derive(Debug, Clone, Copy)]
pub struct Content {
    /// BLAKE3 of the whole content.
    pub digest: Digest,
    /// The only extent, of length 0 if there is none. Where `block` is [`SEVERAL`], `offset` is the index of the first of them and
    /// `length` their number.
    place: Extent,
}

/// Stands in [`Content::place`] for a block: there are never so many.
const SEVERAL: u32 = NONE - 1;

impl Content {
    /// Where several extents lie among those of all contents.
    const fn several(&self) -> Option<std::ops::Range<usize>> {
        let Extent { block, offset, length } = self.place;
        if block == SEVERAL { Some(offset as usize..offset as usize + length as usize) } else { None }
    }

    const fn is_empty(&self) -> bool {
        self.place.length == 0
    }
}

/// Contents in the order in which they became known.
#[derive(Debug, Clone, Default)]
pub(crate) struct Contents {
    all: Vec<Content>,
    /// Extents of contents that have several.
    extents: Vec<Extent>,
    /// The digest of each of `extents`.
    chunks: Vec<Digest>,
}

/// Where a chunk is: a content of one extent, or one of several extents. Takes four bytes, since there may be millions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ChunkAt(u32);

impl ChunkAt {
    const OF_SEVERAL: u32 = 1 << 31;
}

impl Contents {
    /// None, with room for so many.
    pub(super) fn with_capacity(contents: usize) -> Self {
        Self { all: Vec::with_capacity(contents), ..Self::default() }
    }

    pub(super) fn get(&self, index: u32) -> Option<&Content> {
        self.all.get(index as usize)
    }

    pub(super) fn extents<'a>(&'a self, content: &'a Content) -> &'a [Extent] {
        match content.several() {
            Some(several) => &self.extents[several],
            None if content.is_empty() => &[],
            None => std::slice::from_ref(&content.place),
        }
    }

    pub(super) fn extents_mut(&mut self, index: u32) -> &mut [Extent] {
        let Some(content) = self.all.get_mut(index as usize) else { return &mut [] };
        match content.several() {
            Some(several) => &mut self.extents[several],
            None if content.is_empty() => &mut [],
            None => std::slice::from_mut(&mut content.place),
        }
    }

    pub(super) fn chunk_digests<'a>(&'a self, content: &'a Content) -> &'a [Digest] {
        match content.several() {
            Some(several) => &self.chunks[several],
            None if content.is_empty() => &[],
            None => std::slice::from_ref(&content.digest),
        }
    }

    /// Adds a content; `chunks` are the extents' digests, needed when there are several.
    pub(crate) fn push(&mut self, digest: Digest, extents: &[Extent], chunks: &[Digest]) -> u32 {
        match *extents {
            [] => self.push_whole(digest, None),
            [only] => self.push_whole(digest, Some(only)),
            _ => {
                let first = self.extents.len();
                self.extents.extend_from_slice(extents);
                self.chunks.extend_from_slice(chunks);
                self.push_parts(digest, first)
            }
        }
    }

    /// Adds a content that lies in one place, or is empty.
    pub(crate) fn push_whole(&mut self, digest: Digest, place: Option<Extent>) -> u32 {
        let nowhere = Extent { block: NONE, offset: 0, length: 0 };
        self.all.push(Content { digest, place: place.unwrap_or(nowhere) });
        self.all.len() as u32 - 1
    }

    /// Adds a part of a content to be; see [`Contents::push_parts`].
    pub(crate) fn push_part(&mut self, digest: Digest, extent: Extent) -> ChunkAt {
        self.extents.push(extent);
        self.chunks.push(digest);
        ChunkAt(ChunkAt::OF_SEVERAL | (self.extents.len() as u32 - 1))
    }

    /// Adds a content that is made of all parts from number `first` on.
    pub(crate) fn push_parts(&mut self, digest: Digest, first: usize) -> u32 {
        match self.extents.len() - first {
            1 => self.push_whole(digest, Some(self.extents[first])),
            many => {
                let place = Extent { block: SEVERAL, offset: first as u32, length: many as u32 };
                self.all.push(Content { digest, place });
                self.all.len() as u32 - 1
            }
        }
    }

    /// Number of contents so far: the index of the next.
    pub(crate) fn len(&self) -> u32 {
        self.all.len() as u32
    }

    /// Number of parts so far: where the next content of several would begin.
    pub(crate) fn parts(&self) -> usize {
        self.extents.len()
    }

    /// Every chunk of content `index`.
    pub(crate) fn chunks_of(&self, index: u32) -> impl Iterator<Item = ChunkAt> + use<> {
        let (first, count) = match self.get(index).map(|content| (content, content.several())) {
            Some((_, Some(several))) => (several.start as u32 | ChunkAt::OF_SEVERAL, several.len() as u32),
            Some((content, None)) => (index, u32::from(!content.is_empty())),
            None => (0, 0),
        };
        (first..first + count).map(ChunkAt)
    }

    /// The digest of a chunk, and where it lies.
    pub(crate) fn chunk(&self, at: ChunkAt) -> (&Digest, Extent) {
        if at.0 & ChunkAt::OF_SEVERAL == 0 {
            let content = &self.all[at.0 as usize];
            (&content.digest, content.place)
        } else {
            let part = (at.0 ^ ChunkAt::OF_SEVERAL) as usize;
            (&self.chunks[part], self.extents[part])
        }
    }
}
