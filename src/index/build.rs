//! `saplink index build`: embeds the names, builds the graph, measures recall, and puts the new
//! directory in place.
//!
//! Invariants: the target appears only when the index is complete, has been opened, and its recall
//! has been measured; a vector that can be used again is not computed again.

use std::{path::Path, sync::Arc};

use super::{
    calibration::Calibration,
    error::IndexError,
    layout::{BLOCK_ROWS, OPTIONAL, PARTIAL, parts},
    manifest::{FORMAT, IndexManifest, Recall, SCORE},
    open::Index,
    recall::SearchTarget,
    references::{InputRecord, ModelReference},
    reuse::{PartialManifest, ReusableVectors},
};
use crate::{
    ann::{
        builder, graph,
        layout::GRAPH_FILE,
        parameters::GraphParameters,
        vectors::{QuantizedVector, VectorPrecision, Vectors, VectorsWriter},
    },
    concepts::{ConceptStore, Counts, Selection, StoreSummary, write_word_search},
    domain::NameId,
    files::{StagedDir, checksums, free_space},
    job::Job,
    text,
};

/// Options of a build.
#[derive(Clone, Debug)]
pub struct BuildOptions {
    /// Name of the index.
    pub name: String,
    /// The model that embeds the names.
    pub model: ModelReference,
    /// Precision of the stored vectors.
    pub vectors: VectorPrecision,
    /// Parameters of the graph. The build replaces `repaired`, and sets `ef_search` from `target`.
    pub graph: GraphParameters,
    /// How `ef_search` is chosen.
    pub target: SearchTarget,
    /// Best scores below this are answered with NIL.
    pub nil_threshold: f32,
    /// The general calibration of the model, if it has one.
    pub calibration: Option<Calibration>,
    /// Which names and concepts the index takes; only noted in the manifest.
    pub selection: Selection,
    /// The terminology files; only noted in the manifest.
    pub inputs: Vec<InputRecord>,
    /// Bytes of memory that building the graph may take.
    pub memory: u64,
}

/// The result of a build.
#[derive(Clone, Debug)]
pub struct BuiltIndex {
    /// The manifest of the new index.
    pub manifest: IndexManifest,
    /// Rows whose vectors were used again.
    pub reused: u64,
}

/// Embeds texts: the vectors, of norm 1, one after another in the order of the texts.
pub(super) type EmbedFn<'a> = &'a dyn Fn(&[&str], Job<'_>) -> Result<Vec<f32>, IndexError>;

/// Number of sampled mentions that a build measures recall with.
const RECALL_MENTIONS: usize = 1000;

/// Completes the index whose concepts were assembled in `staged`, and puts it in place. Vectors
/// come from `reusable`, otherwise from `embed`.
///
/// # Errors
/// [`IndexError`]. If at least one block was embedded, the staging directory stays for
/// [`ReusableVectors::open_partial`]; otherwise it is removed.
pub fn build(
    mut staged: StagedDir,
    assembled: StoreSummary,
    options: &BuildOptions,
    reusable: &[&ReusableVectors],
    embed: EmbedFn,
    job: Job<'_>,
) -> Result<BuiltIndex, IndexError> {
    let outcome = complete(staged.path(), assembled, options, reusable, embed, job);
    // Keeps the directory even if a later step fails, so that no embedded block is lost.
    if matches!(ReusableVectors::open_partial(staged.path(), &options.model), Ok(Some(_))) {
        staged.keep();
    }
    let built = outcome?;
    let target = staged.target().to_owned();
    staged.commit()?;
    fs_err::remove_file(target.join(PARTIAL))?;
    Ok(built)
}

/// Writes everything that `dir` lacks for an index, and opens and measures the index.
fn complete(
    dir: &Path,
    assembled: StoreSummary,
    options: &BuildOptions,
    reusable: &[&ReusableVectors],
    embed: EmbedFn,
    job: Job<'_>,
) -> Result<BuiltIndex, IndexError> {
    let (counts, dimensions) = (assembled.counts, options.model.dimensions);
    check_resources(dir, counts, options)?;

    let concepts = ConceptStore::open(dir, &assembled.sources, counts)?;
    job.progress.stage("indexing the words of names", 0);
    write_word_search(dir, &concepts)?;
    let writer = VectorsWriter::create(dir, dimensions, options.vectors)?;
    PartialManifest::new(&options.model, options.vectors, counts, &assembled.sources).write(dir)?;
    let reused = embed_rows(&concepts, writer, options, reusable, embed, job)?;
    drop(concepts);

    let vectors = Arc::new(Vectors::open(dir, dimensions, counts.rows as usize, options.vectors)?);
    let built = builder::build(&vectors, &options.graph, job)?;
    built.write(&dir.join(GRAPH_FILE))?;
    let repaired = built.repaired;
    drop((built, vectors));

    let mut manifest = manifest_of(dir, assembled, options, repaired)?;
    manifest.write(dir)?;
    let mut index = Index::open(dir)?;
    let mentions = index.sample_mentions(RECALL_MENTIONS);
    let recall = measure_recall(&mut index, &mentions, options.target, embed, job)?;
    manifest.set_recall(index.ef_search(), recall);
    manifest.write(dir)?;
    job.cancel.check()?;
    Ok(BuiltIndex { manifest, reused })
}

/// Checks memory and disk space before hours of work.
fn check_resources(dir: &Path, counts: Counts, options: &BuildOptions) -> Result<(), IndexError> {
    let memory = builder::memory_bytes(counts.rows, &options.graph);
    if memory > options.memory {
        return Err(IndexError::Memory { needed: memory, allowed: options.memory });
    }
    let vector_bytes = options.model.dimensions * options.vectors.bytes() + size_of::<f32>();
    let needed = counts.rows * (vector_bytes + graph::row_bytes(options.graph.m)) as u64;
    let free = free_space(dir)?;
    if needed > free {
        return Err(IndexError::Space { path: dir.into(), needed, free });
    }
    Ok(())
}

/// The manifest of the files in `dir`, whose graph has `repaired` rows that were connected
/// afterwards.
///
/// # Errors
/// [`IndexError`] when a file cannot be read.
pub(super) fn manifest_of(
    dir: &Path,
    assembled: StoreSummary,
    options: &BuildOptions,
    repaired: u64,
) -> Result<IndexManifest, IndexError> {
    let StoreSummary { counts, sources, semantic_types, left_out, merged, .. } = assembled;
    Ok(IndexManifest {
        format: FORMAT,
        normalization: text::NORMALIZATION_VERSION,
        name: options.name.clone(),
        model: options.model.clone(),
        vectors: options.vectors,
        score: SCORE.into(),
        nil_threshold: options.nil_threshold,
        calibration: options.calibration.clone(),
        counts,
        sources,
        semantic_types,
        selection: options.selection.clone(),
        left_out,
        merged,
        graph: GraphParameters { repaired, ..options.graph },
        recall: None,
        inputs: options.inputs.clone(),
        files: checksums(dir, &[&parts(options.vectors)[..], &[OPTIONAL]].concat())?,
        saplink: env!("CARGO_PKG_VERSION").into(),
    })
}

/// Measures the recall of `index` with `mentions`, and sets its `ef_search` from `target`.
///
/// # Errors
/// [`IndexError`].
pub fn measure_recall(
    index: &mut Index,
    mentions: &[String],
    target: SearchTarget,
    embed: EmbedFn,
    job: Job<'_>,
) -> Result<Recall, IndexError> {
    job.progress.stage("embedding mentions", mentions.len() as u64);
    let vectors = embed(&mentions.iter().map(String::as_str).collect::<Vec<_>>(), job)?;
    index.tune_ef_search(&vectors, target, job)
}

/// Writes the vectors of all rows, block by block. Returns the number of rows whose vectors were
/// used again.
fn embed_rows(
    concepts: &ConceptStore,
    mut writer: VectorsWriter,
    options: &BuildOptions,
    reusable: &[&ReusableVectors],
    embed: EmbedFn,
    job: Job<'_>,
) -> Result<u64, IndexError> {
    let rows = concepts.counts().rows as u32;
    let mut reused = 0;
    job.progress.stage("embedding the names", rows.into());
    for start in (0..rows).step_by(BLOCK_ROWS as usize) {
        let texts: Vec<&str> =
            (start..rows.min(start + BLOCK_ROWS)).map(|row| concepts.name_text(NameId::new(row))).collect();
        let mut block: Vec<Option<QuantizedVector>> = texts
            .iter()
            .map(|text| reusable.iter().find_map(|reusable| reusable.find(text, options.vectors)))
            .collect();
        let (positions, new_texts): (Vec<usize>, Vec<&str>) =
            texts.iter().enumerate().filter(|(i, _)| block[*i].is_none()).map(|(i, text)| (i, *text)).unzip();
        let reused_in_block = (texts.len() - new_texts.len()) as u64;
        reused += reused_in_block;
        job.progress.advance(reused_in_block);
        if !new_texts.is_empty() {
            let vectors = embed(&new_texts, job)?;
            let vectors = vectors.chunks_exact(options.model.dimensions);
            positions.iter().zip(vectors).for_each(|(&i, vector)| block[i] = Some(QuantizedVector::of(vector)));
        }
        writer.push(&block.into_iter().flatten().collect::<Vec<_>>())?;
        writer.sync()?;
        job.cancel.check()?;
    }
    Ok(reused)
}
