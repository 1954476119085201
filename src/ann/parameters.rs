//! Parameters of building and searching a graph.

use serde::{Deserialize, Serialize};

/// Parameters with which a graph was built and is searched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GraphParameters {
    /// Maximum number of neighbors of a row in an upper layer (M); twice as many in the base layer.
    pub m: usize,
    /// Candidates that the builder considers for each row.
    pub ef_construction: usize,
    /// Candidates that a search considers; more find more and take longer.
    pub ef_search: usize,
    /// Rows that no path reached after building; the builder connected them afterwards.
    pub repaired: u64,
}

/// Number of nearest neighbors that measurements of recall compare (recall@10).
pub(crate) const MEASURED_NEIGHBORS: usize = 10;

/// Minimum number of candidates of a search.
pub(crate) const MIN_CANDIDATES: usize = 2 * MEASURED_NEIGHBORS;
