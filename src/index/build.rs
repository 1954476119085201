//! `index build`: names, vectors and graph, written as one directory.
//!
//! Invariant: the directory appears when it is complete and has been opened once, or not at all.

use std::{io::Write, sync::Arc};

use super::{
    Index, IndexError, build_graph,
    concepts::{Assembled, Concepts, Selection},
    graph,
    manifest::{FORMAT, GRAPH, GraphParameters, IndexManifest, Input, MANIFEST, ModelReference, PARTS, VECTORS},
    mapped,
    vectors::Vectors,
};
use crate::{
    files::{StagedDir, sums, write_manifest},
    progress::Progress,
    text,
};

/// How an index is built.
#[derive(Clone, Debug)]
pub struct BuildOptions {
    pub name: String,
    pub model: ModelReference,
    pub graph: GraphParameters,
    pub nil_threshold: f32,
    /// What was taken of the terminologies.
    pub selection: Selection,
    /// The files that the names came from.
    pub inputs: Vec<Input>,
}

/// Gives vectors of norm 1 for texts, one after another.
pub type Embed<'a> = &'a dyn Fn(&[&str], &dyn Progress) -> Result<Vec<f32>, IndexError>;

/// Texts that are embedded and written before the next are: enough to sort them by length, and little memory.
const BATCH: u32 = 1 << 16;

/// Completes the index whose concepts were assembled in `staged`, with vectors that come from `embed`.
///
/// # Errors
/// [`IndexError`]; nothing is left behind then.
pub fn build(
    staged: StagedDir,
    assembled: Assembled,
    options: &BuildOptions,
    embed: Embed,
    progress: &dyn Progress,
) -> Result<IndexManifest, IndexError> {
    let part = |name: &str| staged.path().join(name);
    let Assembled { counts, sources, semantic_types, .. } = assembled;
    let (rows, dimensions) = (counts.rows as u32, options.model.dimensions);
    let concepts = Concepts::open(staged.path(), &sources, counts)?;
    progress.stage("embedding the names", counts.rows);
    let mut file = fs_err::File::create(part(VECTORS))?;
    for start in (0..rows).step_by(BATCH as usize) {
        let texts: Vec<&str> = (start..rows.min(start + BATCH)).map(|row| concepts.row_text(row)).collect();
        file.write_all(mapped::bytes(&embed(&texts, progress)?))?;
    }
    drop((file, concepts));

    let vectors = Arc::new(Vectors::open(&part(VECTORS), dimensions, rows as usize)?);
    let built = build_graph::build(&vectors, &options.graph, progress)?;
    graph::write(&part(GRAPH), built.entry, &built.levels)?;

    let manifest = IndexManifest {
        format: FORMAT,
        normalisation: text::NORMALISATION,
        name: options.name.clone(),
        model: options.model.clone(),
        score: "cosine".into(),
        nil_threshold: options.nil_threshold,
        counts,
        sources,
        semantic_types,
        selection: options.selection.clone(),
        graph: GraphParameters { repaired: built.repaired, ..options.graph },
        inputs: options.inputs.clone(),
        files: sums(staged.path(), &PARTS)?,
        saplink: env!("CARGO_PKG_VERSION").into(),
    };
    write_manifest(&part(MANIFEST), &manifest)?;
    drop(Index::open(staged.path())?);
    if progress.interrupted() {
        return Err(IndexError::Interrupted);
    }
    staged.commit()?;
    Ok(manifest)
}
