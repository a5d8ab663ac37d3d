//! Columns of text.

use std::fmt;

/// Rows of cells. The first row is the head, the first two columns are names, and the others figures, aligned right.
#[derive(Debug, Default)]
pub(crate) struct Table {
    rows: Vec<Vec<String>>,
}

/// Columns that are aligned left.
const NAMES: usize = 2;

impl Table {
    pub(crate) fn row<const N: usize>(&mut self, cells: [impl Into<String>; N]) {
        self.rows.push(cells.into_iter().map(Into::into).collect());
    }

    fn width(&self, column: usize) -> usize {
        let cells = self.rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or_default()
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for row in &self.rows {
            let mut line = String::new();
            for (column, cell) in row.iter().enumerate() {
                let width = self.width(column);
                let gap = if column == 0 { "" } else { "  " };
                let cell = if column < NAMES { format!("{cell:<width$}") } else { format!("{cell:>width$}") };
                line.push_str(gap);
                line.push_str(&cell);
            }
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_aligned_left_and_figures_right() {
        let mut table = Table::default();
        table.row(["phase", "program", "seconds", "note"]);
        table.row(["save", "sci", "1.5", ""]);
        table.row(["restore", "tar – zstd", "10.25", "×"]);
        let expected = "\
phase    program     seconds  note
save     sci             1.5
restore  tar – zstd    10.25     ×
";
        assert_eq!(table.to_string(), expected);
    }
}
