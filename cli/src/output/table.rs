//! Columns that line up.

use super::Text;
use super::style::Paint;

/// A table being filled. Cells are plain text; a column may have a style.
#[derive(Debug)]
pub struct Table {
    columns: Vec<(&'static str, Align, Paint)>,
    rows: Vec<Vec<String>>,
}

/// On which side a column's text stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Align {
    /// Words.
    Left,
    /// Numbers.
    Right,
}

impl Table {
    /// An empty table without columns.
    pub fn new() -> Self {
        Self { columns: Vec::new(), rows: Vec::new() }
    }

    /// An empty table with columns of words, without style.
    pub fn of_words<const N: usize>(headings: [&'static str; N]) -> Self {
        let word = |table: Self, heading| table.column(heading, Align::Left, Paint::default());
        headings.into_iter().fold(Self::new(), word)
    }

    /// Adds a column.
    #[must_use]
    pub fn column(mut self, heading: &'static str, align: Align, paint: Paint) -> Self {
        self.columns.push((heading, align, paint));
        self
    }

    /// Adds a row: one cell per column.
    pub fn row<const N: usize>(&mut self, cells: [String; N]) {
        self.rows.push(cells.to_vec());
    }

    /// Writes headings and rows; nothing when there is no row.
    pub fn render(&self, text: &mut Text) {
        if self.rows.is_empty() {
            return;
        }
        let widths: Vec<usize> = (0..self.columns.len()).map(|index| self.width(index)).collect();
        let headings: Vec<String> = self.columns.iter().map(|(heading, ..)| (*heading).to_owned()).collect();
        let dim = text.style.dim;
        text.line(self.compose(&headings, &widths, |_| dim));
        for row in &self.rows {
            text.line(self.compose(row, &widths, |index| self.columns[index].2));
        }
    }

    fn width(&self, index: usize) -> usize {
        let cells = self.rows.iter().filter_map(|row| row.get(index)).map(|cell| cell.chars().count());
        cells.chain([self.columns[index].0.chars().count()]).max().unwrap_or(0)
    }

    fn compose(&self, cells: &[String], widths: &[usize], paint: impl Fn(usize) -> Paint) -> String {
        let mut line = String::new();
        for (index, cell) in cells.iter().enumerate() {
            let padding = " ".repeat(widths[index].saturating_sub(cell.chars().count()));
            let painted = paint(index).paint(cell);
            let cell = match self.columns[index].1 {
                Align::Right => format!("{padding}{painted}"),
                Align::Left if index + 1 == cells.len() => painted.to_string(),
                Align::Left => format!("{painted}{padding}"),
            };
            line.push_str(if index == 0 { "" } else { "  " });
            line.push_str(&cell);
        }
        line.truncate(line.trim_end().len());
        line
    }
}

impl Default for Table {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_without_trailing_space() {
        let mut table = Table::new().column("NAME", Align::Left, Paint::default());
        table = table.column("SIZE", Align::Right, Paint::default()).column("NOTE", Align::Left, Paint::default());
        table.row(["é".into(), "1".into(), String::new()]);
        table.row(["longer".into(), "12345".into(), "x".into()]);
        let mut text = Text::default();
        table.render(&mut text);
        assert_eq!(text.as_str(), "NAME     SIZE  NOTE\né           1\nlonger  12345  x\n");
    }
}
