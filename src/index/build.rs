//! `index build`: names, vectors and graph, written as one directory.
//!
//! Invariants: the directory appears when it is complete, has been opened and its recall measured, or not at all; a vector that is known
//! is not computed again.

use std::{path::Path, sync::Arc};

use crate::{
    ann::{
        beam::Ground,
        builder, graph,
        layout::GRAPH,
        parameters::GraphParameters,
        vectors::{Kept, VectorPrecision, Vectors, VectorsWriter},
    },
    concepts::{ingest::assemble::Assembled, selection::Selection, store::Concepts},
    index::{
        Index, IndexError, Recall, Wanted,
        manifest::{FORMAT, IndexManifest, Input, ModelReference, parts},
        reuse::{self, Known, PARTIAL},
    },
};
use crate::{
    files::{StagedDir, checksums, free_space},
    job::Job,
    text,
};

/// How an index is built.
#[derive(Clone, Debug)]
pub struct BuildOptions {
    pub name: String,
    pub model: ModelReference,
    pub vectors: VectorPrecision,
    pub graph: GraphParameters,
    /// What `ef_search` is chosen by.
    pub wanted: Wanted,
    pub nil_threshold: f32,
    /// What was taken of the terminologies.
    pub selection: Selection,
    /// The files that the names came from.
    pub inputs: Vec<Input>,
    /// Bytes that the graph may take while it is built.
    pub memory: u64,
}

/// A complete index.
#[derive(Clone, Debug)]
pub struct Built {
    pub manifest: IndexManifest,
    /// Rows whose vectors were known.
    pub known: u64,
}

/// Gives vectors of norm 1 for texts, one after another.
pub(super) type Embed<'a> = &'a dyn Fn(&[&str], Job<'_>) -> Result<Vec<f32>, IndexError>;

/// Texts that are embedded and written before the next are: enough to sort them by length, few enough to lose. A model may give a text
/// another vector in other company, so that blocks must be the same when a build goes on.
pub(super) const BLOCK: u32 = 1 << 13;
/// Texts like mentions that recall is measured with.
pub const MENTIONS: usize = 1000;

/// Completes the index whose concepts were assembled in `staged`, with vectors that are `known` or come from `embed`.
///
/// # Errors
/// [`IndexError`]; the directory is kept for [`Known::of_partial`] if a block was embedded, else nothing is left.
pub fn build(
    mut staged: StagedDir,
    assembled: Assembled,
    options: &BuildOptions,
    known: &[&Known],
    embed: Embed,
    job: Job<'_>,
) -> Result<Built, IndexError> {
    let outcome = complete(staged.path(), assembled, options, known, embed, job);
    // From here on nothing that fails costs what was embedded.
    if matches!(Known::of_partial(staged.path(), &options.model), Ok(Some(_))) {
        staged.keep();
    }
    let built = outcome?;
    let target = staged.target().to_owned();
    staged.commit()?;
    fs_err::remove_file(target.join(PARTIAL))?;
    Ok(built)
}

fn complete(
    dir: &Path,
    assembled: Assembled,
    options: &BuildOptions,
    known: &[&Known],
    embed: Embed,
    job: Job<'_>,
) -> Result<Built, IndexError> {
    let (counts, dimensions) = (assembled.counts, options.model.dimensions);
    let rows = counts.rows;
    let memory = builder::memory(rows, &options.graph);
    if memory > options.memory {
        return Err(IndexError::Memory { needed: memory, allowed: options.memory });
    }
    let vector = dimensions * options.vectors.bytes() + size_of::<f32>();
    let needed = rows * (vector + graph::row_bytes(options.graph.m)) as u64;
    let free = free_space(dir)?;
    if needed > free {
        return Err(IndexError::Space { path: dir.into(), needed, free });
    }

    let concepts = Concepts::open(dir, &assembled.sources, counts)?;
    let writer = VectorsWriter::create(dir, dimensions, options.vectors)?;
    reuse::begin(dir, options, counts, &assembled.sources)?;
    let known = embed_rows(&concepts, writer, options, known, embed, job)?;
    drop(concepts);
    let vectors = Arc::new(Vectors::open(dir, dimensions, rows as usize, options.vectors)?);
    let built = builder::build(&vectors, &options.graph, job)?;
    let ground = Ground { lists: &built.lists, width: built.width };
    graph::write(&dir.join(GRAPH), ground, &built.levels, built.entry)?;
    let repaired = built.repaired;
    drop((built, vectors));

    let mut manifest = manifest(dir, assembled, options, repaired)?;
    manifest.write(dir)?;
    let mut index = Index::open(dir)?;
    let mentions = index.sample_mentions(MENTIONS);
    let recall = measure(&mut index, &mentions, options.wanted, embed, job)?;
    manifest.tuned(index.ef_search(), recall);
    manifest.write(dir)?;
    job.cancel.check()?;
    Ok(Built { manifest, known })
}

/// The manifest of the parts in `dir`, whose graph has `repaired` points that had to be connected.
///
/// # Errors
/// What the disk says.
pub(super) fn manifest(
    dir: &Path,
    assembled: Assembled,
    options: &BuildOptions,
    repaired: u64,
) -> Result<IndexManifest, IndexError> {
    let Assembled { counts, sources, semantic_types, .. } = assembled;
    Ok(IndexManifest {
        format: FORMAT,
        normalization: text::NORMALIZATION_VERSION,
        name: options.name.clone(),
        model: options.model.clone(),
        vectors: options.vectors,
        score: "cosine".into(),
        nil_threshold: options.nil_threshold,
        calibration: None,
        counts,
        sources,
        semantic_types,
        selection: options.selection.clone(),
        graph: GraphParameters { repaired, ..options.graph },
        recall: None,
        inputs: options.inputs.clone(),
        files: checksums(dir, &parts(options.vectors))?,
        saplink: env!("CARGO_PKG_VERSION").into(),
    })
}

/// Measures the recall of `index` with `mentions` and has it search as is wanted.
///
/// # Errors
/// [`IndexError`].
pub fn measure(
    index: &mut Index,
    mentions: &[String],
    wanted: Wanted,
    embed: Embed,
    job: Job<'_>,
) -> Result<Recall, IndexError> {
    job.progress.stage("embedding mentions", mentions.len() as u64);
    let vectors = embed(&mentions.iter().map(String::as_str).collect::<Vec<_>>(), job)?;
    index.tune(&vectors, wanted, job)
}

/// Writes the vectors of all rows, block by block; how many were known.
fn embed_rows(
    concepts: &Concepts,
    mut writer: VectorsWriter,
    options: &BuildOptions,
    known: &[&Known],
    embed: Embed,
    job: Job<'_>,
) -> Result<u64, IndexError> {
    let rows = concepts.counts().rows as u32;
    let mut found = 0;
    job.progress.stage("embedding the names", rows.into());
    for start in (0..rows).step_by(BLOCK as usize) {
        let texts: Vec<&str> = (start..rows.min(start + BLOCK)).map(|row| concepts.row_text(row)).collect();
        let mut kept: Vec<Option<Kept>> =
            texts.iter().map(|text| known.iter().find_map(|known| known.find(text, options.vectors))).collect();
        let (places, new): (Vec<usize>, Vec<&str>) =
            texts.iter().enumerate().filter(|(i, _)| kept[*i].is_none()).map(|(i, text)| (i, *text)).unzip();
        found += (texts.len() - new.len()) as u64;
        job.progress.advance((texts.len() - new.len()) as u64);
        if !new.is_empty() {
            let vectors = embed(&new, job)?;
            places
                .iter()
                .zip(vectors.chunks_exact(options.model.dimensions))
                .for_each(|(&i, row)| kept[i] = Some(Kept::of(row)));
        }
        writer.push(&kept.into_iter().flatten().collect::<Vec<_>>())?;
        writer.sync()?;
        job.cancel.check()?;
    }
    Ok(found)
}
