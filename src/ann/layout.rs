//! The files that hold vectors and their graph.

/// Codes of all vectors.
pub(crate) const VECTORS: &str = "vectors.bin";
/// The factor of each vector's codes.
pub(crate) const SCALES: &str = "scales.bin";
/// What rounding to codes left of each vector.
pub(crate) const RESIDUALS: &str = "residuals.bin";
/// The graph over the vectors.
pub(crate) const GRAPH: &str = "graph.bin";
