//! Steps that several commands share: loading the model, embedding, creating outputs, printing.

use std::{
    fmt::Display,
    io::Write,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context, Result, bail};
use indicatif::HumanCount;

use crate::{
    cancel::Canceled,
    cli::InferenceArgs,
    concepts::Lexicon,
    encoder::{Encoder, EncoderError, EncoderOptions, Runtime},
    files::{FileSum, StageError, StagedFile},
    index::{Index, IndexError, InputRecord, MANIFEST},
    job::Job,
};

/// Whether a command failed because it was canceled by a signal.
pub fn was_canceled(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| cause.is::<Canceled>())
}

/// Loads the model in `dir`.
pub(super) fn load_encoder(runtime: &Runtime, dir: &Path, args: &InferenceArgs) -> Result<Encoder> {
    let options = EncoderOptions { device: args.device, sessions: args.sessions, threads: args.threads };
    Encoder::load(runtime, dir, options).map_err(|error| {
        // Another model helps with neither of these.
        let is_of_model = !matches!(error, EncoderError::Device(_) | EncoderError::Runtime(_));
        let hint = if is_of_model { " (--model selects another directory)" } else { "" };
        anyhow::Error::from(error).context(format!("cannot load the model in {}{hint}", dir.display()))
    })
}

/// Opens the index in `dir`; an error has a remedy.
pub(super) fn open_index(dir: &Path) -> Result<Index> {
    Index::open(dir).map_err(|error| {
        let remedy = if !dir.join(MANIFEST).is_file() {
            format!("it has no {MANIFEST}, so it is no index; `saplink index build` makes one")
        } else if matches!(error, IndexError::File(_) | IndexError::Column(_) | IndexError::Manifest { .. }) {
            "build it again, or copy it again from where it is intact".to_owned()
        } else if matches!(error, IndexError::Calibration { .. }) {
            "its names and vectors are intact".to_owned()
        } else {
            "name another index".to_owned()
        };
        anyhow::Error::from(error).context(format!("cannot open the index {} ({remedy})", dir.display()))
    })
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
/// Commands call this before long work, so that a path that cannot be written fails at once. A file
/// that exists is replaced only with `force`.
pub(super) fn create_output(path: &Path, force: bool) -> Result<StagedFile> {
    match StagedFile::create(path, force) {
        // These errors name the path already.
        Err(e @ (StageError::Exists(_) | StageError::FileName(_))) => Err(e.into()),
        outcome => outcome.with_context(|| cannot_write(path)),
    }
}

/// Checks that no output is an input or another output, by any path to it. Each file has the name
/// of its option.
///
/// # Errors
/// The two options that name the same file.
pub(super) fn check_distinct(outputs: &[(&str, Option<&Path>)], inputs: &[(&str, &Path)]) -> Result<()> {
    let located = |path: &Path| {
        // "report" has an empty parent, "./report" has not.
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let in_parent = || Some(path.parent()?.canonicalize().ok()?.join(path.file_name()?));
        let found = path.canonicalize().ok().or_else(in_parent);
        found.unwrap_or(path)
    };
    let mut seen: Vec<(&str, PathBuf)> = inputs.iter().map(|(option, path)| (*option, located(path))).collect();
    for (option, path) in outputs.iter().filter_map(|(option, path)| Some((*option, (*path)?))) {
        let located = located(path);
        if let Some((other, _)) = seen.iter().find(|(_, other)| *other == located) {
            bail!("{}: {option} and {other} name the same file", path.display());
        }
        seen.push((option, located));
    }
    Ok(())
}

/// A number with its noun: `1 line`, `2,000 lines`.
pub(super) fn counted(count: u64, noun: &str) -> String {
    format!("{} {noun}{}", HumanCount(count), if count == 1 { "" } else { "s" })
}

/// How many parts of a kind, which is in the plural: `suppressed names: 1`.
pub(super) fn sum_of_kind((kind, count): (impl Display, u64)) -> String {
    format!("{kind}: {}", HumanCount(count))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_the_same_by_any_path() {
        let files = |first: &str, second: &str| {
            check_distinct(&[("--json", Some(Path::new(first))), ("--html", Some(Path::new(second)))], &[]).is_ok()
        };
        assert!(!files("no-such-report", "./no-such-report"));
        assert!(!files("no-such-report", "src/../no-such-report"));
        assert!(files("no-such-report", "no-such-page"));
    }
}
