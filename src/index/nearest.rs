//! The nearest names of an index, whoever owns them.

use super::search::Index;
use crate::ann::{name_graph::nearest, scan, vectors::QueryVector};

impl Index {
    /// As [`NameGraph::nearest`], of the index's rows.
    pub fn nearest_names(&self, query: &[f32], k: usize) -> Vec<(u32, f32)> {
        nearest(&self.vectors, &self.graph, self.ef_search, query, k)
    }

    /// As [`Index::nearest_names`] for each of `queries`, comparing every row.
    pub fn nearest_names_exact(&self, queries: &[&[f32]], k: usize) -> Vec<Vec<(u32, f32)>> {
        let queries: Vec<QueryVector> = queries.iter().map(|query| QueryVector::new(query)).collect();
        // Codes alone may exchange rows that lie near each other.
        let found = scan::scan(self.vectors.rows(), &queries, 0..self.vectors.len() as u32, 2 * k);
        found
            .into_iter()
            .map(|best| best.iter().take(k).map(|scored| (scored.row(), scored.score())).collect())
            .collect()
    }

    /// The vector of a row, of norm 1 but for what rounding took.
    pub fn vector(&self, row: u32) -> Vec<f32> {
        self.vectors.rows().vector(row)
    }
}
