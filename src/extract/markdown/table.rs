//! Is a table one of data, and what are its cells?
//!
//! A table whose cells hold more than text (headings, code, other tables) is
//! there for the layout of the page: what it holds is then written block by
//! block, as if it were not there.

/// Tables within each other that are told apart; deeper ones count as layout.
const MAX_TABLES: usize = 16;
/// Cells of a row; later ones join the last.
const MAX_CELLS: usize = 200;

/// An open table.
struct Table {
    is_layout: bool,
    is_in_cell: bool,
    row: Vec<String>,
    /// Of the first row, once it is written.
    columns: Option<usize>,
}

/// The open tables, innermost last.
#[derive(Default)]
pub(super) struct Tables {
    open: Vec<Table>,
    /// Tables beyond those that are told apart.
    deeper: u32,
}

/// The cells of a row that has ended.
pub(super) struct Row {
    pub(super) cells: Vec<String>,
    /// Whether it is the first of its table.
    pub(super) is_first: bool,
}

impl Tables {
    /// Whether what comes is the text of a cell of a table of data.
    pub(super) fn is_in_cell(&self) -> bool {
        self.deeper == 0
            && self.open.last().is_some_and(|table| table.is_in_cell && !table.is_layout)
    }

    pub(super) fn is_open(&self) -> bool {
        !self.open.is_empty()
    }

    pub(super) fn start(&mut self, is_layout: bool) {
        if self.open.len() >= MAX_TABLES {
            self.deeper = self.deeper.saturating_add(1);
            return;
        }
        self.open.push(Table { is_layout, is_in_cell: false, row: Vec::new(), columns: None });
    }

    pub(super) fn end(&mut self) {
        if self.deeper > 0 {
            self.deeper -= 1;
        } else {
            self.open.pop();
        }
    }

    pub(super) fn start_cell(&mut self) {
        if let Some(table) = self.innermost() {
            table.is_in_cell = true;
        }
    }

    /// The open cell ends with this text.
    pub(super) fn end_cell(&mut self, text: String) {
        let Some(table) = self.innermost() else { return };
        table.is_in_cell = false;
        if table.row.len() < MAX_CELLS {
            table.row.push(text);
        } else if let Some(last) = table.row.last_mut() {
            last.push(' ');
            last.push_str(&text);
        }
    }

    /// The row so far, if there is one.
    pub(super) fn end_row(&mut self) -> Option<Row> {
        let table = self.innermost()?;
        let mut cells = std::mem::take(&mut table.row);
        if cells.iter().all(String::is_empty) {
            return None;
        }
        let is_first = table.columns.is_none();
        let columns = *table.columns.get_or_insert(cells.len());
        // One column is no table.
        table.is_layout |= columns == 1;
        cells.resize(cells.len().max(columns), String::new());
        Some(Row { cells, is_first })
    }

    /// All open tables are there for the layout; gives the cells that wait in the innermost.
    pub(super) fn demote(&mut self) -> Vec<String> {
        for table in &mut self.open {
            table.is_layout = true;
        }
        self.innermost().map(|table| std::mem::take(&mut table.row)).unwrap_or_default()
    }

    fn innermost(&mut self) -> Option<&mut Table> {
        if self.deeper > 0 { None } else { self.open.last_mut() }
    }
}
