//! Terminology files to a stream of atoms.
//!
//! Invariant: a reader knows its format and nothing of vectors or of the index; a bad row is an error with file and line.

mod tsv;

use std::{
    io::{BufReader, Read},
    path::{Path, PathBuf},
};

pub use tsv::{TsvSummary, read_tsv};

/// Why a terminology could not be read.
#[derive(Debug, thiserror::Error)]
pub enum TerminologyError {
    #[error("{}: {reason}", path.display())]
    Read { path: PathBuf, reason: std::io::Error },
    #[error("{}:{line}: {reason}", path.display())]
    Row { path: PathBuf, line: u64, reason: String },
    #[error("{}: {reason}", path.display())]
    Header { path: PathBuf, reason: String },
    #[error("{}: it has no rows", .0.display())]
    Empty(PathBuf),
}

/// Opens `path`, decompressing what ends in `.gz`.
fn open(path: &Path) -> Result<Box<dyn Read>, TerminologyError> {
    let file = std::fs::File::open(path).map_err(|reason| TerminologyError::Read { path: path.into(), reason })?;
    let file = BufReader::with_capacity(1 << 20, file);
    Ok(match path.extension() {
        Some(e) if e == "gz" => Box::new(flate2::bufread::MultiGzDecoder::new(file)),
        _ => Box::new(file),
    })
}
