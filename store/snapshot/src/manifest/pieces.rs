//! The bytes of a manifest object in pieces, each of which goes when nothing of it is needed any more: of a large tree, the object
//! and what it decodes to are not held together.

use std::borrow::Cow;
use std::ops::Range;

/// The bytes of an object.
pub(super) struct Pieces {
    /// All of the same length but the last one; empty when given up.
    pieces: Vec<Vec<u8>>,
    /// How much is still to be taken of each.
    left: Vec<usize>,
    /// Of a piece, in bytes.
    length: usize,
}

impl Pieces {
    /// Pieces of `length` bytes, but for the last one. Nothing is given up before [`Pieces::needed`].
    pub(super) fn new(pieces: Vec<Vec<u8>>, length: usize) -> Self {
        let left = vec![usize::MAX; pieces.len()];
        Self { pieces, left, length }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        self.pieces.iter().map(Vec::as_slice)
    }

    /// Says what will be taken, each of these once; what no piece is needed for goes now.
    pub(super) fn needed(&mut self, ranges: impl Iterator<Item = Range<usize>>) {
        self.left.fill(0);
        for range in ranges {
            self.places(&range).for_each(|place| self.left[place] = self.left[place].saturating_add(1));
        }
        self.give_up(0..self.pieces.len());
    }

    /// These bytes; `None` when there are none such.
    pub(super) fn get(&self, range: &Range<usize>) -> Option<Cow<'_, [u8]>> {
        let places = self.places(range);
        if places.is_empty() && !range.is_empty() {
            return None;
        }
        let mut parts = places.map(|place| {
            let begin = place * self.length;
            let end = (range.end - begin).min(self.length);
            self.pieces.get(place)?.get(range.start.saturating_sub(begin)..end)
        });
        let first = parts.next().unwrap_or(Some(&[]))?;
        let rest: Vec<&[u8]> = parts.collect::<Option<_>>()?;
        Some(if rest.is_empty() { first.into() } else { [&[first], rest.as_slice()].concat().concat().into() })
    }

    /// Says that these bytes were taken.
    pub(super) fn taken(&mut self, range: &Range<usize>) {
        let places = self.places(range);
        places.clone().for_each(|place| self.left[place] = self.left[place].saturating_sub(1));
        self.give_up(places);
    }

    fn give_up(&mut self, places: Range<usize>) {
        places.filter(|place| self.left[*place] == 0).for_each(|place| self.pieces[place] = Vec::new());
    }

    /// The pieces in which these bytes lie.
    fn places(&self, range: &Range<usize>) -> Range<usize> {
        let places = range.start / self.length..range.end.div_ceil(self.length);
        if range.is_empty() { 0..0 } else { places.start..places.end.min(self.pieces.len()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces() -> Pieces {
        Pieces::new(vec![b"abcd".to_vec(), b"efgh".to_vec(), b"ij".to_vec()], 4)
    }

    #[test]
    fn what_lies_across_pieces_is_put_together() {
        let pieces = pieces();
        for (range, wanted) in
            [(0..4, "abcd"), (1..3, "bc"), (3..5, "de"), (2..10, "cdefghij"), (8..10, "ij"), (5..5, "")]
        {
            assert_eq!(pieces.get(&range).as_deref(), Some(wanted.as_bytes()));
        }
        assert_eq!(pieces.get(&(8..11)), None);
        assert_eq!(pieces.get(&(11..12)), None);
        assert_eq!(pieces.get(&(100..101)), None);
    }

    #[test]
    fn a_piece_goes_when_all_of_it_was_taken() {
        let mut pieces = pieces();
        let ranges = [0..2, 2..5, 5..8];
        pieces.needed(ranges.iter().cloned());
        let held = |pieces: &Pieces| pieces.iter().map(<[u8]>::len).collect::<Vec<_>>();
        assert_eq!(held(&pieces), [4, 4, 0]);
        // In any order.
        pieces.taken(&ranges[1]);
        assert_eq!(held(&pieces), [4, 4, 0]);
        assert_eq!(pieces.get(&ranges[0]).as_deref(), Some(b"ab".as_slice()));
        pieces.taken(&ranges[0]);
        assert_eq!(held(&pieces), [0, 4, 0]);
        pieces.taken(&ranges[2]);
        assert_eq!(held(&pieces), [0, 0, 0]);
        assert_eq!(pieces.get(&ranges[0]), None);
    }
}
