//! The output of `saplink link`: a partial file beside it with a journal, or standard output.
//!
//! Invariants: one run at a time writes a partial file, which it has locked. A journal belongs to
//! the partial file beside it: a run that does not resume removes both before it writes.

use std::{
    fs::{File, OpenOptions},
    io::{self, BufReader, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, anyhow, bail, ensure};
use serde::{Deserialize, Serialize};

use crate::{
    commands::common::cannot_write,
    corpus::{CorpusFormat, PartialFormat, write_output},
    files::{FileSum, StagedFile, read_manifest, write_manifest},
};

/// Version of [`Journal`] and of the partial file that it describes.
const JOURNAL_FORMAT: u32 = 4;

/// Notes how much of an input is linked, and with what: a run is resumed only with the same input,
/// model, index, lexicon and options.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Journal {
    format: u32,
    input: Option<FileSum>,
    /// Fingerprints of model and index, the sum of the lexicon, and the options.
    with: String,
    /// Lines of the input that are linked.
    lines: u64,
    /// Bytes of the partial file that hold their results.
    bytes: u64,
}

impl Journal {
    /// The journal of a run that has linked nothing yet. Without the sum of an input it is not
    /// written: standard input cannot be read again.
    pub(super) fn new(input: Option<FileSum>, with: String) -> Self {
        Self { format: JOURNAL_FORMAT, input, with, lines: 0, bytes: 0 }
    }
}

/// Where results go.
pub(super) enum LinkOutput {
    /// A file, which appears when it is complete.
    File(Box<PartialFile>),
    /// Standard output.
    Standard {
        /// Lines of the input that are linked.
        lines: u64,
    },
}

impl LinkOutput {
    /// Lines of the input that are linked.
    pub(super) fn lines(&self) -> u64 {
        match self {
            Self::File(file) => file.journal.as_ref().map_or(0, |journal| journal.lines),
            Self::Standard { lines } => *lines,
        }
    }

    /// Appends the results of `count` more lines; false if the reader of standard output has left.
    pub(super) fn append(&mut self, count: usize, results: &[u8]) -> Result<bool> {
        match self {
            Self::File(file) => file.append(count, results).map(|()| true),
            Self::Standard { lines } => {
                *lines += count as u64;
                match io::stdout().write_all(results).and_then(|()| io::stdout().flush()) {
                    Err(e) if e.kind() == io::ErrorKind::BrokenPipe => Ok(false),
                    outcome => Ok(outcome.map(|()| true)?),
                }
            }
        }
    }
}

/// The results so far, in a file beside the output, and their journal.
pub(super) struct PartialFile {
    output: PathBuf,
    path: PathBuf,
    journal_path: PathBuf,
    /// Open and locked while this process writes it.
    file: File,
    /// Absent until [`PartialFile::begin`].
    journal: Option<Journal>,
}

impl PartialFile {
    /// Locks the partial file of `output`, which must not exist unless `force`.
    ///
    /// # Errors
    /// Another run writes it, or the output exists or cannot be written.
    pub(super) fn lock(output: &Path, force: bool) -> Result<Self> {
        let beside = |ending: &str| {
            let mut name = output.to_owned().into_os_string();
            name.push(ending);
            PathBuf::from(name)
        };
        StagedFile::check(output, force)?;
        let (path, journal_path) = (beside(".partial"), beside(".partial.json"));
        loop {
            let mut options = OpenOptions::new();
            let file = options.create(true).read(true).write(true).truncate(false).open(&path);
            let file = file.with_context(|| cannot_write(&path))?;
            if file.try_lock().is_err() {
                bail!("{}: another run writes this file; wait for its end, or name another --output", path.display());
            }
            // A run that ended between the two calls has removed the file.
            if is_same_file(&file, &path) {
                StagedFile::check(output, force)?;
                return Ok(Self { output: output.into(), path, journal_path, file, journal: None });
            }
        }
    }

    /// Continues the file of an earlier run with the same `journal` if `resume`, else starts again
    /// with `header`.
    pub(super) fn begin(&mut self, mut journal: Journal, resume: bool, input: &Path, header: &[u8]) -> Result<()> {
        if resume && self.journal_path.exists() {
            let earlier: Journal = read_manifest(&self.journal_path, JOURNAL_FORMAT).map_err(|reason| {
                anyhow!("{}: {reason}; leave out --resume to start again", self.journal_path.display())
            })?;
            ensure!(
                earlier.input == journal.input,
                "{}: differs from the input of the earlier run {}; leave out --resume to start again",
                input.display(),
                self.path.display()
            );
            ensure!(
                earlier.with == journal.with,
                "{}: belongs to a run with another model, index or other options; repeat them, or leave out --resume to start again",
                self.path.display()
            );
            journal = earlier;
        } else {
            if resume {
                eprintln!("  nothing to resume beside {}: the run begins with the first line", self.output.display());
            }
            remove_if_exists(&self.journal_path)?;
        }
        if self.file.metadata()?.len() < journal.bytes {
            bail!("{}: is shorter than its journal notes; begin again without --resume", self.path.display());
        }
        // Results behind the length that the journal states are discarded and written again.
        self.file
            .set_len(journal.bytes)
            .and_then(|()| self.file.seek(SeekFrom::End(0)))
            .with_context(|| cannot_write(&self.path))?;
        if journal.bytes == 0 {
            self.file.write_all(header).with_context(|| cannot_write(&self.path))?;
            journal.bytes = header.len() as u64;
        }
        self.journal = Some(journal);
        Ok(())
    }

    /// Appends the results of `lines` more lines and notes them in the journal.
    fn append(&mut self, lines: usize, results: &[u8]) -> Result<()> {
        let Some(journal) = &mut self.journal else { bail!("{}: is not begun", self.path.display()) };
        self.file.write_all(results).and_then(|()| self.file.sync_data()).with_context(|| cannot_write(&self.path))?;
        journal.lines += lines as u64;
        journal.bytes += results.len() as u64;
        if journal.input.is_none() {
            return Ok(());
        }
        let next = self.journal_path.with_extension("json.next");
        write_manifest(&next, &*journal)
            .and_then(|()| std::fs::rename(&next, &self.journal_path))
            .with_context(|| cannot_write(&self.journal_path))
    }

    /// Writes the output, and removes the partial file and the journal.
    pub(super) fn finish(self, format: CorpusFormat, force: bool) -> Result<()> {
        let output = &self.output;
        let gzip = output.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("gz"));
        let mut file = StagedFile::create(output, force).with_context(|| cannot_write(output))?;
        let partial = BufReader::new(fs_err::File::open(&self.path)?);
        write_output(partial, format, gzip, &mut file)
            .and_then(|()| file.commit())
            .with_context(|| cannot_write(output))?;
        // The output is complete: files that stay beside it do no harm.
        let _ = std::fs::remove_file(&self.journal_path);
        let _ = std::fs::remove_file(&self.path);
        Ok(())
    }
}

impl Drop for PartialFile {
    /// Removes a partial file that this run has locked and that no journal describes.
    fn drop(&mut self) {
        if !self.journal_path.exists() && is_same_file(&self.file, &self.path) {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// Writes `header` to standard output, for results that go there.
pub(super) fn standard_output(header: &[u8]) -> Result<LinkOutput> {
    let mut output = LinkOutput::Standard { lines: 0 };
    output.append(0, header)?;
    Ok(output)
}

/// The partial format of an output in `format`, and its header.
pub(super) fn partial_format(format: CorpusFormat, other_columns: &[String]) -> Result<(PartialFormat, Vec<u8>)> {
    let partial = PartialFormat::of(format);
    Ok((partial, partial.header(other_columns)?))
}

fn remove_if_exists(path: &Path) -> Result<()> {
    match std::fs::remove_file(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e).with_context(|| cannot_write(path)),
        _ => Ok(()),
    }
}

/// Whether `file` is still the file at `path`.
fn is_same_file(file: &File, path: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let id = |metadata: std::fs::Metadata| (metadata.dev(), metadata.ino());
        file.metadata().map(id).ok() == std::fs::metadata(path).map(id).ok()
    }
    #[cfg(not(unix))]
    {
        file.metadata().is_ok() && path.exists()
    }
}
