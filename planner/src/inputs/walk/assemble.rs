//! From the listings of directories to the order of paths.

use super::super::tree::{Files, Walk};
use super::listing::{Kind, Listing};

/// The files in byte order of their paths, and the directories in theirs; the first listing is the workspace's.
///
/// Siblings are in order already, so nothing is compared.
pub(super) fn in_order(listings: Vec<(usize, Listing)>) -> Walk {
    let items = listings.iter().map(|(_, listing)| listing.items.len()).sum();
    let bytes = listings.iter().map(|(_, listing)| listing.length()).sum();
    let (mut files, mut directories) = (Files::with_capacity(items, bytes), Vec::with_capacity(listings.len()));
    let mut by_number: Vec<Option<Listing>> = Vec::new();
    by_number.resize_with(listings.len(), || None);
    for (number, listing) in listings {
        // What could not be read has a number, too, and no listing.
        if by_number.len() <= number {
            by_number.resize_with(number + 1, || None);
        }
        by_number[number] = Some(listing);
    }
    let mut open: Vec<(&Listing, usize)> =
        by_number.first().and_then(Option::as_ref).map(|root| (root, 0)).into_iter().collect();
    directories.extend(open.first().map(|_| Vec::new()));
    while let Some((listing, next)) = open.last_mut() {
        let Some(item) = listing.items.get(*next) else {
            open.pop();
            continue;
        };
        let listing = *listing;
        *next += 1;
        match item.kind {
            Kind::File(seen) => files.push(&listing.path, listing.name(item), seen),
            Kind::Directory(number) => {
                directories.push(listing.path_of(item));
                open.extend(by_number.get(number).and_then(Option::as_ref).map(|below| (below, 0)));
            }
        }
    }
    // Between a directory and what is in it come its siblings whose names go on with a byte below the slash.
    directories.sort_unstable();
    let listings = by_number.into_iter().flatten();
    let mut memories: Vec<_> = listings.map(|listing| (listing.path, listing.memory)).collect();
    memories.sort_unstable_by(|(left, _), (right, _)| left.cmp(right));
    Walk { files, directories, memories }
}
