//! Names and headers of the files that hold vectors and their graph.
//!
//! Writers and readers use the same constants and the same [`GraphHeader`], so that they cannot
//! differ. The names are part of the index format: a change needs a new format version.

/// int8 codes of all rows.
pub(crate) const VECTORS_FILE: &str = "vectors.bin";
/// One float32 scale for each row: the factor from codes to values.
pub(crate) const SCALES_FILE: &str = "scales.bin";
/// int8 residuals of all rows: the rounding errors of the codes. Only with
/// [`VectorPrecision::Int16`](crate::ann::VectorPrecision::Int16).
pub(crate) const RESIDUALS_FILE: &str = "residuals.bin";
/// The graph over the rows: a section file with the sections below.
pub(crate) const GRAPH_FILE: &str = "graph.bin";

/// Section of `graph.bin`: a [`GraphHeader`].
pub(crate) const HEADER_SECTION: &str = "header";
/// Section of `graph.bin`: the neighbor lists of the base layer, all of one width.
pub(crate) const BASE_LAYER_SECTION: &str = "ground";

/// Names of the sections of one upper layer in `graph.bin`.
pub(crate) struct LayerSections {
    /// `u32` rows of the layer's nodes, ascending.
    pub nodes: String,
    /// `u32` rows of the nodes' neighbors, one list after another.
    pub neighbors: String,
    /// `u32` end of each node's list in `neighbors`.
    pub ends: String,
}

impl LayerSections {
    /// The sections of upper layer `layer`; 0 is the lowest.
    pub(crate) fn of(layer: usize) -> Self {
        Self { nodes: format!("{layer}.nodes"), neighbors: format!("{layer}.ids"), ends: format!("{layer}.ends") }
    }
}

/// Parameters of a stored graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct GraphHeader {
    /// The row at which searches begin; it is on the highest layer.
    pub entry: u32,
    /// Number of layers above the base layer.
    pub upper_layers: usize,
    /// Length of each neighbor list of the base layer.
    pub width: usize,
}

impl GraphHeader {
    const MAX_UPPER_LAYERS: u32 = 64;
    const MAX_WIDTH: u32 = 1024;

    /// The header as it is stored.
    pub(crate) fn encode(&self) -> [u32; 3] {
        [self.entry, self.upper_layers as u32, self.width as u32]
    }

    /// The header that `stored` encodes for a graph over `rows` rows; `None` if it is impossible.
    pub(crate) fn decode(stored: &[u32], rows: usize) -> Option<Self> {
        let &[entry, upper_layers, width] = stored else { return None };
        let possible =
            (entry as usize) < rows && upper_layers <= Self::MAX_UPPER_LAYERS && (1..=Self::MAX_WIDTH).contains(&width);
        possible.then_some(Self { entry, upper_layers: upper_layers as usize, width: width as usize })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_round_trips_and_impossible_headers_are_refused() {
        let header = GraphHeader { entry: 9, upper_layers: 2, width: 32 };
        assert_eq!(GraphHeader::decode(&header.encode(), 10), Some(header));
        assert_eq!(GraphHeader::decode(&header.encode(), 9), None, "entry outside the rows");
        for impossible in [&[0, 65, 32][..], &[0, 1, 0], &[0, 1, 1025], &[0, 1], &[0, 1, 32, 0]] {
            assert_eq!(GraphHeader::decode(impossible, 10), None, "{impossible:?}");
        }
    }
}
