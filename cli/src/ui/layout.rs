//! Where things are on the screen, by its size alone.

use ratatui::layout::{Constraint, Layout, Rect};

/// The narrowest screen that anything is shown on.
pub const MIN_WIDTH: u16 = 44;
/// The lowest.
pub const MIN_HEIGHT: u16 = 14;
/// From this width on both panes are side by side.
const SIDE_BY_SIDE: u16 = 72;

/// The parts of every screen.
#[derive(Debug, Clone, Copy)]
pub struct Frame {
    /// What is looked at, and what goes on.
    pub header: Rect,
    /// Everything else.
    pub body: Rect,
    /// The keys.
    pub footer: Rect,
}

/// Lists above, details below.
#[derive(Debug, Clone, Copy)]
pub struct Body {
    /// The left list.
    pub left: Rect,
    /// The right one; none where there is one list only, or room for one only.
    pub right: Option<Rect>,
    /// What is said of the chosen entry.
    pub details: Rect,
}

/// Whether anything can be shown.
pub const fn is_enough(width: u16, height: u16) -> bool {
    width >= MIN_WIDTH && height >= MIN_HEIGHT
}

/// Divides the screen.
pub fn frame(area: Rect) -> Frame {
    let rows = Layout::vertical([Constraint::Length(2), Constraint::Min(0), Constraint::Length(1)]);
    let [header, body, footer] = rows.areas(area);
    Frame { header, body, footer }
}

/// Rows of a list beside its entries: a border above and below, and headings.
const AROUND: u16 = 3;

/// Divides the body for one list or, where there is room, for two, the longest of so many entries.
pub fn body(area: Rect, lists: usize, entries: usize) -> Body {
    let most = if area.height >= 24 { area.height * 2 / 5 } else { (area.height / 2).min(9) };
    let wanted = u16::try_from(entries).unwrap_or(u16::MAX).saturating_add(AROUND);
    let list = wanted.clamp(AROUND + 2, most.max(AROUND + 2));
    let [above, details] = Layout::vertical([Constraint::Length(list), Constraint::Min(0)]).areas(area);
    if lists < 2 || area.width < SIDE_BY_SIDE {
        return Body { left: above, right: None, details };
    }
    let [left, right] = Layout::horizontal([Constraint::Percentage(50), Constraint::Percentage(50)]).areas(above);
    Body { left, right: Some(right), details }
}

/// What is inside of a border.
pub const fn inside(area: Rect) -> Rect {
    Rect {
        x: area.x.saturating_add(1),
        y: area.y.saturating_add(1),
        width: area.width.saturating_sub(2),
        height: area.height.saturating_sub(2),
    }
}

/// The first entry of a list that is shown, so that the chosen one is in the middle where that is possible.
pub const fn first_shown(chosen: usize, height: usize, length: usize) -> usize {
    let middle = chosen.saturating_sub(height / 2);
    let last = length.saturating_sub(height);
    if middle < last { middle } else { last }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chosen_entry_is_always_shown() {
        for length in 1..30 {
            for height in 1..12 {
                for chosen in 0..length {
                    let first = first_shown(chosen, height, length);
                    assert!(first <= chosen && chosen < first + height, "{chosen} of {length} in {height}");
                    assert!(first + height <= length || first == 0, "room is wasted");
                }
            }
        }
    }

    #[test]
    fn a_list_takes_what_it_needs_and_leaves_the_details_most() {
        let heights = |entries| {
            let body = body(Rect::new(0, 0, 80, 40), 2, entries);
            (body.left.height, body.details.height)
        };
        assert_eq!((heights(0), heights(4), heights(usize::MAX)), ((5, 35), (7, 33), (16, 24)));
    }

    #[test]
    fn both_lists_are_side_by_side_where_there_is_room() {
        let wide = body(Rect::new(0, 0, 80, 21), 2, 9);
        assert_eq!((wide.left.width, wide.right.map(|right| right.width)), (40, Some(40)));
        assert!(body(Rect::new(0, 0, 60, 21), 2, 9).right.is_none());
        assert!(body(Rect::new(0, 0, 200, 21), 1, 9).right.is_none());
    }
}
