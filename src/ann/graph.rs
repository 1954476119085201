//! A hierarchical navigable small world graph (Malkov and Yashunin 2016) as flat, mapped arrays.
//!
//! The base layer has every row, with neighbor lists of equal length. Each layer above has a sample
//! of the layer below it and serves only to find a start for the search. Invariants: opening checks
//! the upper layers; a search checks the base layer edge by edge, so that opening does not read it;
//! every row can be reached on the base layer.

use std::path::Path;

use crate::{
    ann::AnnError,
    ann::{
        beam::{BaseLayer, Scored, Scratch, beam_search},
        layout::{BASE_LAYER_SECTION, GraphHeader, HEADER_SECTION, LayerSections},
        vectors::{QueryVector, VectorRows},
    },
    columns::mapped::{self, Column, Sections, range_of},
};

/// One layer above the base layer, in memory.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct UpperLayer {
    /// Rows of its nodes, ascending.
    pub nodes: Vec<u32>,
    /// Rows of the neighbors of each node, in the order of `nodes`.
    pub neighbors: Vec<Vec<u32>>,
}

impl UpperLayer {
    /// The neighbors of `row`; none if the row is not on this layer.
    pub(crate) fn neighbors_of(&self, row: u32) -> &[u32] {
        self.nodes.binary_search(&row).map_or(&[], |i| &self.neighbors[i])
    }
}

/// Approximate bytes on disk for each row of a graph with `m` neighbors.
pub(crate) fn row_bytes(m: usize) -> usize {
    2 * m * size_of::<u32>() + 4
}

/// Writes a graph: its base layer, its upper layers from the lowest, and the entry row, which is on
/// the highest layer.
///
/// # Errors
/// [`AnnError::Io`].
pub(crate) fn write(path: &Path, base: BaseLayer, upper_layers: &[UpperLayer], entry: u32) -> Result<(), AnnError> {
    let header = GraphHeader { entry, upper_layers: upper_layers.len(), width: base.width }.encode();
    let mut columns: Vec<(String, Vec<u32>)> = vec![];
    for (l, layer) in upper_layers.iter().enumerate() {
        let names = LayerSections::of(l);
        let mut end = 0;
        let ends = layer.neighbors.iter().map(|list| {
            end += list.len() as u32;
            end
        });
        columns.push((names.ends, ends.collect()));
        columns.push((names.neighbors, layer.neighbors.concat()));
        columns.push((names.nodes, layer.nodes.clone()));
    }
    let mut sections = vec![(HEADER_SECTION, mapped::bytes(&header)), (BASE_LAYER_SECTION, mapped::bytes(base.lists))];
    sections.extend(columns.iter().map(|(name, column)| (name.as_str(), mapped::bytes(column))));
    Ok(mapped::write(path, &sections)?)
}

/// One layer above the base layer, mapped.
struct MappedLayer {
    nodes: Column<u32>,
    ends: Column<u32>,
    neighbors: Column<u32>,
}

impl MappedLayer {
    fn neighbors_of(&self, row: u32) -> &[u32] {
        self.nodes.binary_search(&row).map_or(&[], |i| &self.neighbors[range_of(&self.ends, i)])
    }
}

/// A mapped graph.
pub(crate) struct Graph {
    base_lists: Column<u32>,
    width: usize,
    upper_layers: Vec<MappedLayer>,
    entry: u32,
}

impl Graph {
    /// Maps `path`, a graph over `rows` rows.
    ///
    /// # Errors
    /// [`AnnError::Column`] when the file is missing, or its layers do not fit the rows.
    pub(crate) fn open(path: &Path, rows: usize) -> Result<Self, AnnError> {
        let file = Sections::open(path)?;
        let header = GraphHeader::decode(&file.column::<u32>(HEADER_SECTION)?, rows);
        let GraphHeader { entry, upper_layers, width } =
            header.ok_or_else(|| file.damaged("its header is impossible"))?;
        let base_lists = file.counted(BASE_LAYER_SECTION, rows * width)?;
        let upper_layers = (0..upper_layers).map(|l| {
            let names = LayerSections::of(l);
            let ends = file.ends(&names.ends)?;
            let neighbors = file.bounded::<u32>(&names.neighbors, rows)?;
            let nodes = file.bounded::<u32>(&names.nodes, rows)?;
            let fits = ends.len() == nodes.len() && ends.last().copied().unwrap_or(0) as usize == neighbors.len();
            if !fits || !nodes.is_sorted_by(|a, b| a < b) {
                return Err(file.damaged(format!("layer {l} is inconsistent")));
            }
            Ok(MappedLayer { nodes, ends, neighbors })
        });
        let upper_layers = upper_layers.collect::<Result<_, _>>()?;
        Ok(Self { base_lists, width, upper_layers, entry })
    }

    /// The base layer.
    pub(crate) fn base_layer(&self) -> BaseLayer<'_> {
        BaseLayer { lists: &self.base_lists, width: self.width }
    }

    /// The `ef` best rows that a search from the entry row and from `start_rows` finds for `query`,
    /// best first. Only rows that `passes` accepts are results.
    pub(crate) fn search<'s>(
        &self,
        vectors: VectorRows,
        query: &QueryVector,
        start_rows: &[u32],
        ef: usize,
        passes: impl Fn(u32) -> bool,
        scratch: &'s mut Scratch,
    ) -> &'s mut [Scored] {
        let mut nearest = Scored::new(vectors.score(self.entry, query), self.entry);
        for layer in self.upper_layers.iter().rev() {
            nearest = descend(|row| layer.neighbors_of(row), vectors, query, nearest);
        }
        let start_rows = [nearest.row(), self.entry].into_iter().chain(start_rows.iter().copied());
        beam_search(self.base_layer(), vectors, query, start_rows, ef, passes, scratch)
    }
}

/// Greedy search of one layer: moves to the best neighbor until no neighbor is better.
pub(crate) fn descend<'a>(
    neighbors_of: impl Fn(u32) -> &'a [u32],
    vectors: VectorRows,
    query: &QueryVector,
    mut nearest: Scored,
) -> Scored {
    loop {
        let neighbors = neighbors_of(nearest.row());
        neighbors.iter().for_each(|&row| vectors.prefetch(row));
        let scored = neighbors.iter().map(|&row| Scored::new(vectors.score(row, query), row));
        match scored.max().filter(|best| *best > nearest) {
            Some(better) => nearest = better,
            None => return nearest,
        }
    }
}
