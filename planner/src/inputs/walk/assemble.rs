//! From the listings of directories to the order of paths.

use super::super::tree::Entry;
use super::{Item, Listing};

/// The entries in byte order of their paths, and the directories in theirs; the first listing is the workspace's.
///
/// Siblings are in order already, so nothing is compared.
pub(super) fn in_order(listings: Vec<(usize, Listing)>) -> (Vec<Entry>, Vec<Vec<u8>>) {
    let files = listings.iter().map(|(_, listing)| listing.items.len()).sum();
    let (mut entries, mut directories) = (Vec::with_capacity(files), Vec::new());
    let mut by_number: Vec<Option<Listing>> = Vec::new();
    for (number, listing) in listings {
        if by_number.len() <= number {
            by_number.resize_with(number + 1, || None);
        }
        by_number[number] = Some(listing);
    }
    let mut take = |number: usize| Some(by_number.get_mut(number)?.take()?.items.into_iter());
    let mut open = Vec::new();
    if let Some(root) = take(0) {
        directories.push(Vec::new());
        open.push(root);
    }
    while let Some(items) = open.last_mut() {
        match items.next() {
            None => {
                open.pop();
            }
            Some(Item::Entry(entry)) => entries.push(entry),
            Some(Item::Directory { path, number }) => {
                directories.push(path);
                open.extend(take(number));
            }
        }
    }
    // Between a directory and what is in it come its siblings whose names go on with a byte below the slash.
    directories.sort_unstable();
    (entries, directories)
}
