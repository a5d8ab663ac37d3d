//! Objects in memory, each with its id. Knows nothing of what they hold, or of where they go.

use sha2::{Digest as _, Sha256};

use crate::{ObjectId, ObjectKind, ObjectRef};

/// An object with its id, which was computed from these bytes: whoever is given one need not hash it again.
///
/// Its bytes lie in one or several pieces, one after the other, so that a pack can be made of blocks without copying them.
#[derive(Clone)]
pub struct Object {
    id: ObjectId,
    size: u64,
    pieces: Vec<Vec<u8>>,
}

impl Object {
    /// The object that holds `bytes`.
    pub fn of(bytes: Vec<u8>) -> Self {
        let mut pieces = Pieces::default();
        pieces.push(bytes);
        pieces.seal()
    }

    /// The SHA-256 of its bytes.
    pub const fn id(&self) -> ObjectId {
        self.id
    }

    /// How many bytes it has.
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// What a record says of it.
    pub const fn listed(&self, kind: ObjectKind) -> ObjectRef {
        ObjectRef { id: self.id, size: self.size, kind }
    }

    /// Its bytes.
    pub fn into_bytes(self) -> Vec<u8> {
        match <[Vec<u8>; 1]>::try_from(self.pieces) {
            Ok([only]) => only,
            Err(pieces) => pieces.concat(),
        }
    }

    /// Its bytes in pieces, in their order.
    pub fn into_pieces(self) -> Vec<Vec<u8>> {
        self.pieces
    }
}

impl std::fmt::Debug for Object {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Object({}, {} bytes)", self.id.short(), self.size)
    }
}

/// An object that grows piece by piece; each is hashed when it comes.
#[derive(Default)]
pub struct Pieces {
    hasher: Sha256,
    size: u64,
    pieces: Vec<Vec<u8>>,
}

impl Pieces {
    /// Appends a piece. One that is empty is none.
    pub fn push(&mut self, piece: Vec<u8>) {
        if piece.is_empty() {
            return;
        }
        self.hasher.update(&piece);
        self.size += piece.len() as u64;
        self.pieces.push(piece);
    }

    /// How many bytes there are so far.
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// The object that they are.
    pub fn seal(self) -> Object {
        Object { id: ObjectId::from_bytes(self.hasher.finalize().into()), size: self.size, pieces: self.pieces }
    }
}

impl std::fmt::Debug for Pieces {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Pieces({} bytes)", self.size)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_in_pieces_is_the_one_in_one_piece() {
        for parts in [&[][..], &[""], &["all of it"], &["all", " ", "", "of it"]] {
            let mut pieces = Pieces::default();
            parts.iter().for_each(|part| pieces.push(part.as_bytes().to_vec()));
            let (whole, size) = (parts.concat().into_bytes(), pieces.size());
            let object = pieces.seal();
            assert_eq!((object.id(), object.size()), (ObjectId::of(&whole), whole.len() as u64));
            assert_eq!((object.size(), object.clone().into_pieces().concat()), (size, whole.clone()));
            assert_eq!(object.into_bytes(), whole);
        }
    }
}
