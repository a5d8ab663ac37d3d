//! The header `Range`, as far as clients of this protocol use it: one range of bytes.

use std::ops::Range;

/// The part of `size` bytes that is asked for: everything when there is no range or one of another form, which a server may
/// pass over. `None` when nothing of the range exists.
pub(super) fn part(header: Option<&str>, size: u64) -> Option<Range<u64>> {
    let Some((first, last)) = header.and_then(parse) else { return Some(0..size) };
    if first >= size {
        return None;
    }
    let end = last.map_or(size, |last| last.saturating_add(1).min(size));
    Some(first..end)
}

fn parse(header: &str) -> Option<(u64, Option<u64>)> {
    let (first, last) = header.strip_prefix("bytes=")?.split_once('-')?;
    let first = first.parse().ok()?;
    let last = if last.is_empty() { None } else { Some(last.parse().ok()?) };
    if last.is_some_and(|last| last < first) { None } else { Some((first, last)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_range_is_served_and_other_forms_are_the_whole() {
        assert_eq!(part(None, 10), Some(0..10));
        assert_eq!(part(Some("bytes=2-4"), 10), Some(2..5));
        assert_eq!(part(Some("bytes=2-"), 10), Some(2..10));
        assert_eq!(part(Some("bytes=2-99"), 10), Some(2..10));
        assert_eq!(part(Some("bytes=10-"), 10), None);
        assert_eq!(part(Some("bytes=18446744073709551615-"), 10), None);
        for other in ["bytes=-3", "bytes=4-2", "bytes=0-1,3-4", "lines=1-2", "bytes=a-b", ""] {
            assert_eq!(part(Some(other), 10), Some(0..10), "{other}");
        }
        assert_eq!(part(None, 0), Some(0..0));
    }
}
