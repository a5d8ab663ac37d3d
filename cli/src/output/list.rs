//! Bounded lists: a page of a long list, and how much more there is.

/// How many entries of a long list are shown unless all are asked for.
pub const PAGE: usize = 20;

/// The entries to show, and how many are left.
pub fn page<T>(items: &[T], all: bool) -> (&[T], usize) {
    // One more line would say "and 1 more": the entry itself is as short.
    if all || items.len() <= PAGE + 1 { (items, 0) } else { (&items[..PAGE], items.len() - PAGE) }
}

/// "… and 312 more (--all shows them)", or nothing.
pub fn more(left: usize) -> Option<String> {
    (left > 0).then(|| format!("… and {} more (--all shows them)", super::format::count(left as u64)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_never_hides_a_single_entry() {
        let items: Vec<usize> = (0..PAGE + 1).collect();
        assert_eq!(page(&items, false), (&items[..], 0));
        let items: Vec<usize> = (0..PAGE + 2).collect();
        assert_eq!(page(&items, false).1, 2);
        assert_eq!(page(&items, true).1, 0);
        assert_eq!(more(2).as_deref(), Some("… and 2 more (--all shows them)"));
        assert_eq!(more(0), None);
    }
}
