//! `index build`: names, vectors and graph, written as one directory.
//!
//! Invariant: the directory appears when it is complete and has been opened once, or not at all.

use std::{path::PathBuf, sync::Arc};

use super::{
    Index, IndexError, build_graph, graph,
    manifest::{
        FORMAT, GRAPH, GraphParameters, IndexManifest, Input, MANIFEST, ModelReference, NAMES, PARTS, VECTORS, WORDS,
    },
    mapped,
    names::{NamesBuilder, Written},
    vectors::Vectors,
    words,
};
use crate::{
    files::{StagedDir, sums, write_manifest},
    progress::Progress,
    text,
};

/// How an index is built.
#[derive(Clone, Debug)]
pub struct BuildOptions {
    /// The directory to write.
    pub out: PathBuf,
    /// Replace it if it is there.
    pub force: bool,
    pub name: String,
    pub model: ModelReference,
    pub graph: GraphParameters,
    pub nil_threshold: f32,
    /// The files that the names came from.
    pub inputs: Vec<Input>,
}

/// Gives vectors of norm 1 for texts, one after another.
pub type Embed<'a> = &'a dyn Fn(&[&str], &dyn Progress) -> Result<Vec<f32>, IndexError>;

/// Builds an index of `names`, whose vectors come from `embed`.
///
/// # Errors
/// [`IndexError`]; nothing is left behind then.
pub fn build(
    names: NamesBuilder,
    options: &BuildOptions,
    embed: Embed,
    progress: &dyn Progress,
) -> Result<IndexManifest, IndexError> {
    let staged = StagedDir::create(&options.out, MANIFEST, options.force)?;
    let part = |name: &str| staged.path().join(name);
    let Written { counts, sources, texts, keys } = names.write(&part(NAMES))?;
    words::write(&part(WORDS), keys.iter().map(String::as_str))?;
    drop(keys);
    let dimensions = options.model.dimensions;

    progress.stage("embedding the names", texts.len() as u64);
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let vectors = embed(&texts, progress)?;
    fs_err::write(part(VECTORS), mapped::bytes(&vectors))?;
    drop(vectors);

    let vectors = Arc::new(Vectors::open(&part(VECTORS), dimensions, texts.len())?);
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
