//! How many of the smallest of several things are merged into the newest one, when there are too many of them.
//!
//! Every save adds one, and merging copies them. Freeing twice as many places puts the next merge off twice as long and
//! leaves fewer things to be merged then, so it may cost four times as much. By that rule sizes come to lie far apart,
//! and a byte is copied a few times in a thousand saves, not with each of them.

/// How many of things with these `costs`, the smallest first, are merged when at least `needed` have to be, as far as
/// those that are listed go. A cost is what copying the thing takes.
pub(crate) fn merged(costs: impl IntoIterator<Item = u64>, needed: u64) -> u64 {
    let sums = costs.into_iter().scan(0, |sum: &mut u64, cost| {
        *sum = sum.saturating_add(cost);
        Some(*sum)
    });
    let price = |&(sum, freed): &(u64, u64)| {
        (needed.saturating_sub(freed), u128::from(sum) * 1_000 / u128::from(freed * freed))
    };
    sums.zip(1..).min_by_key(price).map_or(0, |(_, freed)| freed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equals_are_merged_together_and_a_giant_is_left_alone() {
        assert_eq!(merged([1, 1, 1, 1, 100], 1), 4);
        assert_eq!(merged([1, 10, 100, 1_000], 1), 1);
        assert_eq!(merged([1, 10, 100, 1_000], 3), 3);
        assert_eq!(merged([5], 3), 1);
        assert_eq!(merged([], 3), 0);
    }

    #[test]
    fn a_thousand_additions_copy_each_thing_a_few_times() {
        let (mut sizes, mut copied): (Vec<u64>, u64) = (Vec::new(), 0);
        for _ in 0..1_000 {
            sizes.sort_unstable();
            let gone = if sizes.len() > 8 { merged(sizes.iter().copied(), 1) as usize } else { 0 };
            let moved: u64 = sizes.drain(..gone).sum();
            copied += moved;
            sizes.push(moved + 1);
        }
        assert!(sizes.len() <= 9 && copied < 5_000, "{} left, {copied} copied", sizes.len());
    }
}
