//! A UMLS release in Rich Release Format (UMLS Reference Manual, chapter "Metathesaurus - Rich Release Format").
//!
//! Reading order: this file (the files of a release, one after the other), `release` (where they are), `rows` (what their
//! rows say).
//!
//! Invariant: a row says at most one thing. Of the files themselves nothing is remembered but sources, and, when MRHIER is
//! read, which concept an atom belongs to.

mod release;
mod rows;
#[cfg(test)]
mod tests;

pub use release::{Release, RrfFile};
pub use rows::UmlsReader;

use crate::job::Job;
use crate::terminology::{BadRows, Input, Reading, Summary, Taker, TerminologyError};

/// Reads a release. `keep` is asked, for a language (LAT) and a source (SAB), whether their atoms are wanted; it is asked
/// once for each pair, and a source without wanted atoms gives no definitions and no relations either.
///
/// # Errors
/// [`TerminologyError`] when a file cannot be read, has too many bad rows, or a required one has none at all.
pub fn read_umls(
    release: &Release,
    keep: &dyn Fn(&str, &str) -> bool,
    take: &mut Taker,
    job: Job<'_>,
    allowed: BadRows,
) -> Result<Vec<(Input, Summary)>, TerminologyError> {
    let mut reader = UmlsReader::new(keep, release.has(RrfFile::Mrhier));
    let mut summaries = vec![];
    for (file, input) in release.inputs() {
        let mut reading = Reading::new(&input.path, &mut *take, job, allowed);
        reader.read(*file, input.open(job)?, &mut reading)?;
        let summary = match reading.finish() {
            // A subset may leave nothing of a file.
            Err(TerminologyError::Empty(_)) if !file.is_required() => {
                Summary { notes: vec![format!("{file} has no rows: {}", file.cost())], ..Summary::default() }
            }
            other => other?,
        };
        summaries.push((input.clone(), summary));
    }
    Ok(summaries)
}
