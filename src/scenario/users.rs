//! Users' data: a table of texts that a million clients can share.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::protocol::scope::Row;

/// Rows of texts under named columns. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Users {
    columns: Arc<[String]>,
    cells: Arc<Cells>,
}

/// One text of all cells: a `String` each would take more room than what most of them hold.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Cells {
    text: String,
    /// Where each cell ends, row by row. Files are bounded far below 4 GiB.
    ends: Vec<u32>,
}

impl Users {
    /// Collects rows. Each has a cell for each column.
    pub(super) fn builder(columns: Vec<String>) -> Builder {
        Builder { columns, cells: Cells::default() }
    }

    /// The names of the columns.
    #[must_use]
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// The number of rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.cells.ends.len() / self.columns.len().max(1)
    }

    /// Whether there are no rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The row of that number, from 0.
    #[must_use]
    pub fn row(&self, number: usize) -> Option<Row> {
        let width = self.columns.len();
        let first = number.checked_mul(width)?;
        let ends = self.cells.ends.get(first..first.checked_add(width)?)?;
        let mut start = match first {
            0 => 0,
            _ => *self.cells.ends.get(first - 1)?,
        };
        let mut values = Vec::with_capacity(width);
        for end in ends {
            values.push(self.cells.text.get(start as usize..*end as usize)?.to_owned());
            start = *end;
        }
        Some(Row { columns: Arc::clone(&self.columns), values })
    }
}

/// Collects rows.
#[derive(Debug)]
pub(super) struct Builder {
    columns: Vec<String>,
    cells: Cells,
}

impl Builder {
    pub(super) fn columns(&self) -> &[String] {
        &self.columns
    }

    pub(super) fn rows(&self) -> usize {
        self.cells.ends.len() / self.columns.len().max(1)
    }

    /// Appends a row's next cell.
    pub(super) fn cell(&mut self, text: &str) {
        self.cells.text.push_str(text);
        self.cells.ends.push(u32::try_from(self.cells.text.len()).unwrap_or(u32::MAX));
    }

    pub(super) fn finish(mut self) -> Users {
        self.cells.text.shrink_to_fit();
        self.cells.ends.shrink_to_fit();
        Users { columns: self.columns.into(), cells: Arc::new(self.cells) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_what_was_put_in_and_none_follows_the_last() {
        let mut users = Users::builder(vec!["name".to_owned(), "token".to_owned()]);
        for cell in ["ann", "", "bö", "t2"] {
            users.cell(cell);
        }
        let users = users.finish();
        assert_eq!(users.len(), 2);
        assert_eq!(users.row(0).map(|row| row.values), Some(vec!["ann".to_owned(), String::new()]));
        let second = users.row(1).unwrap();
        assert_eq!((second.get("name"), second.get("token")), (Some("bö"), Some("t2")));
        assert_eq!(users.row(2), None);
        assert_eq!(users.row(usize::MAX), None);
    }
}
