//! How a graph is built and searched.

use serde::{Deserialize, Serialize};

/// How the graph was built and is searched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GraphParameters {
    /// Neighbors of a point (M); twice as many in the lowest level.
    pub m: usize,
    pub ef_construction: usize,
    pub ef_search: usize,
    /// Points that had no way to them and were given one.
    pub repaired: u64,
}

/// Nearest neighbors that recall is measured with.
pub(crate) const MEASURED_NEIGHBORS: usize = 10;
