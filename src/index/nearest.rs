//! Nearest rows of an index without the step to concepts, for evaluation rules that count names.

use super::open::Index;
use crate::{
    ann::{name_graph::nearest_rows, scan, vectors::QueryVector},
    domain::NameId,
};

impl Index {
    /// The `k` rows nearest to `query`, best first, with their cosines; see
    /// [`NameGraph::nearest`](crate::ann::NameGraph::nearest).
    pub fn nearest_names(&self, query: &[f32], k: usize) -> Vec<(u32, f32)> {
        nearest_rows(&self.vectors, &self.graph, self.ef_search, query, k)
    }

    /// As [`Index::nearest_names`] for each of `queries`, by an exact scan.
    pub fn nearest_names_exact(&self, queries: &[&[f32]], k: usize) -> Vec<Vec<(u32, f32)>> {
        let queries: Vec<QueryVector> = queries.iter().map(|query| QueryVector::new(query)).collect();
        // Keeps 2 k rows, since codes alone can order rows of nearly equal scores wrongly.
        let found = scan::scan(self.vectors.rows(), &queries, 0..self.vectors.len() as u32, 2 * k);
        found
            .into_iter()
            .map(|best| best.iter().take(k).map(|scored| (scored.row(), scored.score())).collect())
            .collect()
    }

    /// Mean cosine of `name` and each of `others`, from codes alone; 0 without others.
    pub fn mean_cosine(&self, name: NameId, others: &[NameId]) -> f32 {
        if others.is_empty() {
            return 0.0;
        }
        let rows = self.vectors.rows();
        let mut query = QueryVector::default();
        rows.load(name.get(), &mut query);
        others.iter().map(|other| rows.score(other.get(), &query)).sum::<f32>() / others.len() as f32
    }

    /// The vector of a name; its norm is 1 but for the rounding.
    pub(super) fn vector(&self, name: NameId) -> Vec<f32> {
        self.vectors.rows().vector(name.get())
    }
}
