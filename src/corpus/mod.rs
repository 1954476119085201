//! Corpora of mentions in files, and the tables that come of them: lines of JSON, CSV, TSV, Parquet.
//!
//! Whatever the format, a mention becomes a line of JSON as `POST /link` takes it with `application/x-ndjson`, and an answer is a line as it
//! gives it: `read` and `write` are the ways there and back. Invariant: an error names the file and the place, and quotes nothing.

mod read;
mod write;

use std::path::{Path, PathBuf};

pub use read::{Columns, records};
pub use write::write;

/// How a corpus is written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// A JSON value a line.
    Ndjson,
    Csv,
    Tsv,
    Parquet,
}

impl Format {
    /// The format that the name of a file says, which may end in `.gz` unless it is Parquet.
    ///
    /// # Errors
    /// [`CorpusError::Format`] when it says none that is known.
    pub fn of(path: &Path) -> Result<Self, CorpusError> {
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        let ends = |endings: &[&str]| endings.iter().any(|end| name.ends_with(end));
        match () {
            () if ends(&[".ndjson", ".jsonl", ".ndjson.gz", ".jsonl.gz"]) => Ok(Self::Ndjson),
            () if ends(&[".csv", ".csv.gz"]) => Ok(Self::Csv),
            () if ends(&[".tsv", ".tsv.gz"]) => Ok(Self::Tsv),
            () if ends(&[".parquet"]) => Ok(Self::Parquet),
            () => Err(CorpusError::Format(path.into())),
        }
    }
}

/// Why a corpus could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum CorpusError {
    #[error("{}: its name ends in none of .ndjson, .jsonl, .csv, .tsv (each with .gz or not), .parquet", .0.display())]
    Format(PathBuf),
    #[error(transparent)]
    Io(#[from] std::io::Error),
    #[error("{}: it has no column {wanted} (--column and --id-column name others)", path.display())]
    Column { path: PathBuf, wanted: String },
    #[error("{}: {reason}", path.display())]
    Broken { path: PathBuf, reason: String },
}
