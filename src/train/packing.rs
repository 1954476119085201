//! Packs tokenized names for the training graphs: the tokens of all names lie one after another,
//! without padding between them.
//!
//! Invariant: every token has one row and one cell, and the two index arrays invert each other.

/// The number of rows is rounded up to a multiple of this. Fewer distinct shapes let the allocator
/// reuse freed memory.
pub(super) const ROW_MULTIPLE: usize = 64;
/// The width of the cells is rounded up to a multiple of this, for the same reason.
pub(super) const WIDTH_MULTIPLE: usize = 4;

/// Names as inputs of the graphs in [`crate::bert::training`].
///
/// Feed-forward layers work on rows (one a token), attention on cells (`[names, width]`). The last
/// rows are padding when any cell is: they refer to a cell without a token, which has no gradient.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PackedNames {
    /// Number of names.
    pub names: usize,
    /// Cells of a name: the tokens of the longest name, rounded up.
    pub width: usize,
    /// Tokens of all names, without padding rows.
    pub token_count: usize,
    /// Token id of each row, `[rows]`.
    pub tokens: Vec<i64>,
    /// Position of each row's token in its name, `[rows]`.
    pub positions: Vec<i64>,
    /// Row of each cell, `[names, width]`; 0 where the cell is padding.
    pub cell_rows: Vec<i64>,
    /// Cell of each row, `[rows]`.
    pub row_cells: Vec<i64>,
    /// First row of each name, `[names]`: its `[CLS]`.
    pub first_rows: Vec<i64>,
    /// 1 where a cell has a token, 0 where it is padding, `[names, width]`.
    pub mask: Vec<f32>,
}

impl PackedNames {
    /// Packs the token ids of `names`, each with at least one token.
    pub fn new(names: &[&[i64]]) -> Self {
        let longest = names.iter().map(|name| name.len()).max().unwrap_or(0);
        let width = longest.next_multiple_of(WIDTH_MULTIPLE);
        let mut packed = Self { names: names.len(), width, ..Self::default() };
        let mut padding_cell = None;
        for (n, name) in names.iter().enumerate() {
            packed.first_rows.push(packed.tokens.len() as i64);
            for position in 0..width {
                let cell = (n * width + position) as i64;
                if let Some(&token) = name.get(position) {
                    packed.cell_rows.push(packed.tokens.len() as i64);
                    packed.row_cells.push(cell);
                    packed.tokens.push(token);
                    packed.positions.push(position as i64);
                    packed.mask.push(1.0);
                } else {
                    packed.cell_rows.push(0);
                    packed.mask.push(0.0);
                    padding_cell = Some(cell);
                }
            }
        }
        packed.token_count = packed.tokens.len();
        // Without a padding cell all names have the same length, and a padding row has no cell to
        // refer to.
        if let Some(cell) = padding_cell {
            let rows = packed.token_count.next_multiple_of(ROW_MULTIPLE);
            packed.tokens.resize(rows, 0);
            packed.positions.resize(rows, 0);
            packed.row_cells.resize(rows, cell);
        }
        packed
    }

    /// Rows that the graphs compute, padding included.
    pub fn rows(&self) -> usize {
        self.tokens.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_and_cells_refer_to_each_other() {
        let names: [&[i64]; 4] = [&[2, 7, 3], &[2, 7, 8, 9, 3], &[2, 3], &[2, 9, 9, 3]];
        let packed = PackedNames::new(&names);
        assert_eq!((packed.names, packed.width, packed.token_count, packed.rows()), (4, 8, 14, 64));
        for (row, &cell) in packed.row_cells.iter().enumerate().take(packed.token_count) {
            assert_eq!(packed.cell_rows[cell as usize], row as i64);
            assert_eq!(packed.mask[cell as usize], 1.0);
            let (name, position) = (cell as usize / packed.width, cell as usize % packed.width);
            assert_eq!((packed.tokens[row], packed.positions[row]), (names[name][position], position as i64));
        }
        for (name, &first) in packed.first_rows.iter().enumerate() {
            assert_eq!((packed.tokens[first as usize], packed.row_cells[first as usize]), (2, (name * 8) as i64));
        }
        assert!(packed.row_cells[packed.token_count..].iter().all(|&cell| packed.mask[cell as usize] == 0.0));
        assert_eq!(packed.mask.iter().sum::<f32>(), 14.0);
    }

    #[test]
    fn names_of_equal_length_get_no_padding() {
        let packed = PackedNames::new(&[&[2, 5, 6, 3], &[2, 7, 8, 3]]);
        assert_eq!((packed.width, packed.rows()), (4, 8));
    }
}
