//! The formats of files of mentions and results.

use std::path::Path;

use crate::corpus::CorpusError;

/// The format of a file of mentions or results.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CorpusFormat {
    /// One JSON value a line.
    Ndjson,
    /// A table with commas and quotes, as RFC 4180 has it.
    Csv,
    /// A table with tabs.
    Tsv,
    /// A table in columns.
    Parquet,
}

impl CorpusFormat {
    /// The format that the ending of a file name gives. Names of text formats may also end in
    /// `.gz`.
    ///
    /// # Errors
    /// [`CorpusError::Format`].
    pub fn of(path: &Path) -> Result<Self, CorpusError> {
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        let has_ending = |endings: &[&str]| endings.iter().any(|ending| name.ends_with(ending));
        match () {
            () if has_ending(&[".ndjson", ".jsonl", ".ndjson.gz", ".jsonl.gz"]) => Ok(Self::Ndjson),
            () if has_ending(&[".csv", ".csv.gz"]) => Ok(Self::Csv),
            () if has_ending(&[".tsv", ".tsv.gz"]) => Ok(Self::Tsv),
            () if has_ending(&[".parquet"]) => Ok(Self::Parquet),
            () => Err(CorpusError::Format(path.into())),
        }
    }
}
