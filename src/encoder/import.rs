//! `model import`: a checkpoint, or a graph exported elsewhere, becomes a model directory.
//!
//! Invariant: what was written has been loaded and run once before it appears.

use std::path::{Path, PathBuf};

use prost::Message;

use crate::encoder::{
    Device, EncoderError, ModelManifest, Output, Runtime,
    manifest::{FORMAT, GRAPH, MANIFEST, TOKENIZER},
    session::{EncoderSession, normalize},
    tokens::{self, Tokens},
};
use crate::{
    bert::{self, ExportOptions, Pooling, Precision},
    files::{StagedDir, checksums, write_sealed},
};

/// What to import and how.
pub struct ImportOptions {
    /// A directory as downloaded.
    pub from: PathBuf,
    /// The model directory to write.
    pub out: PathBuf,
    /// The manifest's name for it.
    pub name: String,
    pub pooling: Pooling,
    pub precision: Precision,
    pub max_tokens: usize,
    /// Replace `out` if it is there.
    pub force: bool,
}

/// Imports `options.from` into `options.out`: a checkpoint with weights, or else a `model.onnx` whose output is
/// `last_hidden_state`.
///
/// # Errors
/// [`EncoderError`] names the file or tensor that is wrong; nothing is written then.
pub fn import(runtime: &Runtime, options: &ImportOptions) -> Result<ModelManifest, EncoderError> {
    let from = &options.from;
    if !from.is_dir() {
        return Err(EncoderError::Import(format!("{}: is not a directory", from.display())));
    }
    let staged = StagedDir::create(&options.out, MANIFEST, options.force)?;
    let graph = staged.path().join(GRAPH);
    let foreign = from.join(GRAPH);
    let is_checkpoint = bert::checkpoint::weight_file(from).is_ok();
    let (dimensions, vocab, output, precision) = if is_checkpoint || !foreign.is_file() {
        let (config, weights) = bert::load(from)?;
        check_length(options.max_tokens, Some(config.positions))?;
        let export = ExportOptions { pooling: options.pooling, precision: options.precision };
        let model = bert::export::export(&config, &weights, export);
        drop(weights);
        fs_err::write(&graph, model.encode_to_vec())?;
        (config.hidden, Some(config.vocab), Output::Pooled, Some(options.precision))
    } else {
        check_length(options.max_tokens, None)?;
        if options.precision != Precision::Fp32 {
            let reason = "a graph exported elsewhere is taken as it is: --precision applies to checkpoints";
            return Err(EncoderError::Import(format!("{}: {reason}", foreign.display())));
        }
        fs_err::copy(&foreign, &graph)?;
        let dimensions = EncoderSession::declared_dimensions(runtime, &foreign)?.ok_or_else(|| {
            let reason = "it has no output `last_hidden_state` [batch, tokens, dimensions] of known dimensions".into();
            EncoderError::Graph { path: foreign.clone(), reason }
        })?;
        (dimensions, None, Output::Tokens, None)
    };
    fs_err::write(staged.path().join(TOKENIZER), tokens::import(from, vocab)?)?;
    let manifest = ModelManifest {
        format: FORMAT,
        name: options.name.clone(),
        dimensions,
        pooling: options.pooling,
        output,
        precision,
        max_tokens: options.max_tokens,
        files: checksums(staged.path(), &[GRAPH, TOKENIZER])?,
        source: checksums(from, &sources(from, is_checkpoint))?,
        saplink: env!("CARGO_PKG_VERSION").into(),
    };
    write_sealed(&staged.path().join(MANIFEST), &manifest)?;

    try_out(runtime, staged.path(), &manifest)?;
    staged.commit()?;
    Ok(manifest)
}

/// Runs the longest text of the largest token ids, so that no text can meet a limit of the graph later.
fn try_out(runtime: &Runtime, dir: &Path, manifest: &ModelManifest) -> Result<(), EncoderError> {
    let largest = Tokens::read(&dir.join(TOKENIZER), manifest.max_tokens)?.largest_id();
    let (mut session, _) = EncoderSession::load(runtime, dir, manifest, Device::Cpu, 1)?;
    let texts = [vec![largest; manifest.max_tokens], vec![0; 3]];
    let vectors = session.run(&texts.each_ref().map(Vec::as_slice));
    let directed = |mut vectors: Vec<f32>| vectors.chunks_exact_mut(manifest.dimensions).try_for_each(normalize);
    vectors.and_then(directed).map_err(|e| {
        let reason = format!("it cannot read {} tokens of ids up to {largest} ({e})", manifest.max_tokens);
        EncoderError::Graph { path: dir.join(GRAPH), reason }
    })?;
    Ok(())
}

fn check_length(max_tokens: usize, positions: Option<usize>) -> Result<(), EncoderError> {
    if max_tokens < 3 {
        return Err(EncoderError::Import(format!("--max-tokens {max_tokens} leaves no room for a text")));
    }
    match positions.filter(|&most| max_tokens > most) {
        Some(most) => {
            Err(EncoderError::Import(format!("--max-tokens {max_tokens} is more than the model's {most} positions")))
        }
        None => Ok(()),
    }
}

fn sources(from: &Path, is_checkpoint: bool) -> Vec<&'static str> {
    let weights = ["model.safetensors", "pytorch_model.bin"].into_iter().find(|f| from.join(f).is_file());
    let model = if is_checkpoint { weights } else { Some(GRAPH) };
    let tokenizer = [TOKENIZER, "vocab.txt"].into_iter().find(|f| from.join(f).is_file());
    let config = ["config.json", "tokenizer_config.json"].into_iter().filter(|f| from.join(f).is_file());
    model.into_iter().chain(tokenizer).chain(config).collect()
}
