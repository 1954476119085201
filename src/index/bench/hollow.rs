//! Writes an index with zeros as vectors, to measure the cost of opening an index of a given size.
//! Opening reads neither the vectors nor the base layer, so their values do not matter.

use std::path::Path;

use crate::{
    ann::{
        VectorPrecision,
        beam::{BaseLayer, NO_ROW},
        builder,
        graph::{self, UpperLayer},
        layout::{GRAPH_FILE, SCALES_FILE, VECTORS_FILE},
        parameters::GraphParameters,
    },
    concepts::{ConceptStore, Selection, StoreSummary, write_word_search},
    index::{
        build::{BuildOptions, manifest_of},
        error::IndexError,
        recall::SearchTarget,
        references::ModelReference,
    },
};

/// Neighbors of each node of the upper layer.
const UPPER_NEIGHBORS: usize = 24;

/// Completes the index whose concepts were assembled in `dir`, with vectors of zeros and a graph
/// without edges on the base layer. The files are as large as real ones.
///
/// # Errors
/// [`IndexError::Io`].
pub fn write_hollow_index(
    dir: &Path,
    assembled: StoreSummary,
    selection: Selection,
    dimensions: usize,
) -> Result<(), IndexError> {
    let rows = assembled.counts.rows as usize;
    write_word_search(dir, &ConceptStore::open(dir, &assembled.sources, assembled.counts)?)?;
    fs_err::File::create(dir.join(VECTORS_FILE))?.set_len((rows * dimensions) as u64)?;
    fs_err::write(dir.join(SCALES_FILE), vec![0; rows * size_of::<f32>()])?;
    let nodes: Vec<u32> = (0..rows as u32).step_by(builder::SAMPLE).collect();
    let neighbors = vec![nodes[..nodes.len().min(UPPER_NEIGHBORS)].to_vec(); nodes.len()];
    let parameters = GraphParameters { m: 16, ef_construction: 200, ef_search: 64, repaired: 0 };
    let width = 2 * parameters.m;
    let lists = vec![NO_ROW; rows * width];
    graph::write(&dir.join(GRAPH_FILE), BaseLayer { lists: &lists, width }, &[UpperLayer { nodes, neighbors }], 0)?;
    let options = BuildOptions {
        name: "hollow".into(),
        model: ModelReference { name: "none".into(), fingerprint: "0".into(), dimensions },
        vectors: VectorPrecision::Int8,
        graph: parameters,
        target: SearchTarget::EfSearch(parameters.ef_search),
        nil_threshold: 0.75,
        calibration: None,
        selection,
        inputs: vec![],
        memory: u64::MAX,
    };
    manifest_of(dir, assembled, &options, 0)?.write(dir)
}
