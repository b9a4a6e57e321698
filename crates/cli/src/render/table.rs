//! Tables as Go's tabwriter lays them out for docker: columns at least 10 wide, 3 apart.

use std::fmt;

const MIN_WIDTH: usize = 10;
const GAP: usize = 3;

/// Rows of cells under headers.
pub(crate) struct Table(Vec<Vec<String>>);

impl Table {
    pub(crate) fn new(headers: &[&str]) -> Self {
        Self(vec![headers.iter().map(|h| (*h).to_owned()).collect()])
    }

    /// A table without headers.
    pub(crate) fn bare() -> Self {
        Self(Vec::new())
    }

    pub(crate) fn row(&mut self, cells: Vec<String>) {
        self.0.push(cells);
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns = self.0.iter().map(Vec::len).max().unwrap_or_default();
        // The last cell of a row ends with the line, so it widens no column.
        let width = |n: usize| {
            let cells = self.0.iter().filter(|row| row.len() > n + 1).filter_map(|row| row.get(n));
            cells.map(|c| c.chars().count() + GAP).max().unwrap_or_default().max(MIN_WIDTH)
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        for row in &self.0 {
            for (n, cell) in row.iter().enumerate() {
                if n + 1 == row.len() {
                    writeln!(f, "{cell}")?;
                } else {
                    write!(f, "{cell:<width$}", width = widths.get(n).copied().unwrap_or_default())?;
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lays_out_like_tabwriter() {
        let mut table = Table::new(&["A", "B"]);
        table.row(vec!["a-long-cell".into(), "x".into()]);
        assert_eq!(table.to_string(), "A             B\na-long-cell   x\n");
        assert_eq!(Table::new(&["A", "B"]).to_string(), "A         B\n");
    }
}
