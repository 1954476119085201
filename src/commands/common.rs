//! Steps that several commands share: loading the model, embedding, creating outputs, printing.

use std::{
    io::Write,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context, Result};

use crate::{
    cancel::Canceled,
    cli::InferenceArgs,
    concepts::Lexicon,
    encoder::{Encoder, EncoderError, EncoderOptions, Runtime},
    files::{FileSum, StagedFile},
    index::{Index, IndexError, InputRecord},
    job::Job,
};

/// Whether a command failed because it was canceled by a signal.
pub fn was_canceled(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| cause.is::<Canceled>())
}

/// Loads the model in `dir`.
pub(super) fn load_encoder(runtime: &Runtime, dir: &Path, args: &InferenceArgs) -> Result<Encoder> {
    let options = EncoderOptions { device: args.device, sessions: args.sessions, threads: args.threads };
    Encoder::load(runtime, dir, options)
        .with_context(|| format!("cannot load the model in {} (--model selects another directory)", dir.display()))
}

/// The directory of an index's model if `--model` is not given: `models/NAME`.
pub(super) fn default_model_dir(index: &Index) -> PathBuf {
    PathBuf::from("models").join(&index.manifest().model.name)
}

/// Reads the file of `--lexicon`, if there is one.
pub(super) fn read_lexicon(path: Option<&Path>) -> Result<Option<Arc<Lexicon>>> {
    let lexicon = path.map(Lexicon::read).transpose().context("cannot read the lexicon")?;
    Ok(lexicon.map(Arc::new))
}

/// The function by which the index module embeds texts.
pub(super) fn embed_with(encoder: &Encoder) -> impl Fn(&[&str], Job<'_>) -> Result<Vec<f32>, IndexError> + '_ {
    |texts, job| {
        encoder.embed_with(texts, job).map_err(|e| match e {
            EncoderError::Canceled(canceled) => canceled.into(),
            e => IndexError::Embed(e.to_string()),
        })
    }
}

/// Creates an output file under a temporary name; `commit` gives it its name.
///
/// Commands call this before long work, so that a path that cannot be written fails at once.
pub(super) fn create_output(path: &Path) -> Result<StagedFile> {
    StagedFile::create(path).with_context(|| cannot_write(path))
}

/// The context of an error in writing `path`.
pub(super) fn cannot_write(path: &Path) -> String {
    format!("cannot write {}", path.display())
}

/// The last component of a path: the name of what is written there.
pub(super) fn dir_name(path: &Path) -> Result<String> {
    let name = path.file_name().with_context(|| format!("{} does not end in a name", path.display()))?;
    Ok(name.to_string_lossy().into_owned())
}

/// The entry of an input file in a manifest: its name, size and checksum.
pub(super) fn manifest_input(path: &Path) -> Result<InputRecord> {
    Ok(InputRecord { name: dir_name(path)?, sum: FileSum::of(path)? })
}

/// Prints to standard output. A reader that closes the pipe early (`| head`) is not an error.
pub(super) fn print_stdout(text: &str) -> Result<()> {
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(e) if e.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        outcome => Ok(outcome?),
    }
}
