//! `model import`: converts a checkpoint, or an ONNX graph of another exporter, to a model
//! directory.
//!
//! Invariant: the model has been loaded and run once before its directory appears.

use std::path::{Path, PathBuf};

use prost::Message;

use crate::{
    bert::{self, ExportOptions, Pooling, Precision},
    encoder::{
        device::Device,
        error::EncoderError,
        graph_files::{external_data, find_graph},
        manifest::{GRAPH_FILE, GraphOutput, MODEL_FORMAT, MODEL_MANIFEST, ModelManifest, TOKENIZER_FILE},
        runtime::Runtime,
        session::{EncoderSession, normalize},
        tokenizer::{self, BertTokenizer, LetterCase},
    },
    files::{StagedDir, checksums, refuse_lfs_pointer, write_sealed},
};

/// Options of an import.
pub struct ImportOptions {
    /// Directory of a checkpoint, or of a `model.onnx` (or `onnx/model.onnx`) with its tokenizer.
    pub from: PathBuf,
    /// The model directory to write.
    pub out: PathBuf,
    /// Name of the model in its manifest.
    pub name: String,
    /// How token vectors become one vector.
    pub pooling: Pooling,
    /// Number format of the exported graph; applies to checkpoints only.
    pub precision: Precision,
    /// Maximum tokens of a text, `[CLS]` and `[SEP]` included.
    pub max_tokens: usize,
    /// Whether the vocabulary of a `vocab.txt` has capital letters; if absent, its configuration
    /// states it.
    pub letter_case: Option<LetterCase>,
    /// Whether to replace the model in `out`.
    pub force: bool,
}

/// The graph of a staged model, and what the manifest states about it.
struct ImportedGraph {
    dimensions: usize,
    /// Rows of the word embedding table, if they are known.
    vocab: Option<usize>,
    output: GraphOutput,
    precision: Option<Precision>,
    /// Names of the files beside the graph that have its tensors.
    external: Vec<String>,
}

/// Imports `options.from` into `options.out`: a checkpoint with weights, else a `model.onnx` or
/// `onnx/model.onnx` with the output `last_hidden_state`.
///
/// # Errors
/// [`EncoderError`] names the file or tensor at fault; nothing is written then.
pub fn import(runtime: &Runtime, options: &ImportOptions) -> Result<ModelManifest, EncoderError> {
    let from = &options.from;
    if !from.is_dir() {
        return Err(EncoderError::Import(format!("{}: is not a directory", from.display())));
    }
    let staged = StagedDir::create(&options.out, MODEL_MANIFEST, options.force)?;
    let exported = if bert::checkpoint::weight_file(from).is_ok() { None } else { find_graph(from) };
    let mut sources = source_files(from, exported);
    sources.iter().try_for_each(|name| refuse_lfs_pointer(&from.join(name)))?;
    let graph = match exported {
        None => export_checkpoint(options, &staged.path().join(GRAPH_FILE))?,
        Some(graph) => copy_graph(runtime, options, &from.join(graph), staged.path())?,
    };
    let beside = Path::new(exported.unwrap_or_default());
    sources.extend(graph.external.iter().map(|name| beside.with_file_name(name).to_string_lossy().into_owned()));
    let tokenizer = tokenizer::import_tokenizer(from, graph.vocab, options.letter_case)?;
    fs_err::write(staged.path().join(TOKENIZER_FILE), tokenizer)?;
    let files: Vec<&str> =
        [GRAPH_FILE, TOKENIZER_FILE].into_iter().chain(graph.external.iter().map(String::as_str)).collect();
    let manifest = ModelManifest {
        format: MODEL_FORMAT,
        name: options.name.clone(),
        dimensions: graph.dimensions,
        pooling: options.pooling,
        output: graph.output,
        precision: graph.precision,
        max_tokens: options.max_tokens,
        files: checksums(staged.path(), &files)?,
        source: checksums(from, &sources.iter().map(String::as_str).collect::<Vec<_>>())?,
        saplink: env!("CARGO_PKG_VERSION").into(),
    };
    write_sealed(&staged.path().join(MODEL_MANIFEST), &manifest)?;

    test_run(runtime, staged.path(), &manifest)?;
    staged.commit()?;
    Ok(manifest)
}

/// Exports the checkpoint in `options.from` to the file `graph`.
fn export_checkpoint(options: &ImportOptions, graph: &Path) -> Result<ImportedGraph, EncoderError> {
    let (config, weights) = bert::load(&options.from)?;
    check_max_tokens(options.max_tokens, Some(config.positions))?;
    let export = ExportOptions { pooling: options.pooling, precision: options.precision };
    let model = bert::export::export(&config, &weights, export);
    // The graph has its own copy of the weights: free these before it is serialized.
    drop(weights);
    fs_err::write(graph, model.encode_to_vec())?;
    Ok(ImportedGraph {
        dimensions: config.hidden,
        vocab: Some(config.vocab),
        output: GraphOutput::Pooled,
        precision: Some(options.precision),
        external: vec![],
    })
}

/// Copies the graph at `path`, which another program exported, and the files with its tensors to
/// `dir`.
fn copy_graph(
    runtime: &Runtime,
    options: &ImportOptions,
    path: &Path,
    dir: &Path,
) -> Result<ImportedGraph, EncoderError> {
    check_max_tokens(options.max_tokens, None)?;
    if options.precision != Precision::Fp32 {
        let reason = "--precision applies to checkpoints only; an existing ONNX graph is imported unchanged";
        return Err(EncoderError::Import(format!("{}: {reason}", path.display())));
    }
    let external = external_data(path)?;
    for name in external.iter().map(String::as_str) {
        refuse_lfs_pointer(&path.with_file_name(name))?;
        fs_err::copy(path.with_file_name(name), dir.join(name))?;
    }
    fs_err::copy(path, dir.join(GRAPH_FILE))?;
    let dimensions = EncoderSession::declared_dimensions(runtime, path)?.ok_or_else(|| {
        let reason = "it has no output `last_hidden_state` [batch, tokens, dimensions] of known dimensions".into();
        EncoderError::Graph { path: path.into(), reason }
    })?;
    Ok(ImportedGraph { dimensions, vocab: None, output: GraphOutput::Tokens, precision: None, external })
}

/// Runs a text of maximum length with the largest token id, so that no later text exceeds a limit
/// of the graph.
fn test_run(runtime: &Runtime, dir: &Path, manifest: &ModelManifest) -> Result<(), EncoderError> {
    let max_id = BertTokenizer::read(&dir.join(TOKENIZER_FILE), manifest.max_tokens)?.max_id();
    let (mut session, _) = EncoderSession::load(runtime, dir, manifest, Device::Cpu, 1)?;
    let texts = [vec![max_id; manifest.max_tokens], vec![0; 3]];
    let vectors = session.run(&texts.each_ref().map(Vec::as_slice));
    let normalize_all = |mut vectors: Vec<f32>| vectors.chunks_exact_mut(manifest.dimensions).try_for_each(normalize);
    vectors.and_then(normalize_all).map_err(|e| {
        let reason = format!("it cannot read {} tokens of ids up to {max_id} ({e})", manifest.max_tokens);
        EncoderError::Graph { path: dir.join(GRAPH_FILE), reason }
    })?;
    Ok(())
}

/// Refuses a `max_tokens` that leaves no token for the text or exceeds the position embeddings.
fn check_max_tokens(max_tokens: usize, positions: Option<usize>) -> Result<(), EncoderError> {
    if max_tokens < 3 {
        return Err(EncoderError::Import(format!(
            "--max-tokens {max_tokens} is too small: [CLS], [SEP] and one token of the text need 3"
        )));
    }
    match positions.filter(|&positions| max_tokens > positions) {
        Some(positions) => Err(EncoderError::Import(format!(
            "--max-tokens {max_tokens} is more than the {positions} positions of the model"
        ))),
        None => Ok(()),
    }
}

/// Names of the files in `from` that the model is imported from; `exported` is the graph of another
/// exporter, if that is imported.
fn source_files(from: &Path, exported: Option<&str>) -> Vec<String> {
    let exists = |name: &&str| from.join(name).is_file();
    let model = exported.or_else(|| ["model.safetensors", "pytorch_model.bin"].into_iter().find(exists));
    let tokenizer = [TOKENIZER_FILE, "vocab.txt"].into_iter().find(exists);
    let config = ["config.json", "tokenizer_config.json"].into_iter().filter(exists);
    model.into_iter().chain(tokenizer).chain(config).map(str::to_owned).collect()
}
