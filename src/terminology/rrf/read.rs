//! Reads the files of a release one after the other.

use crate::{
    files::input::InputFile,
    job::Job,
    terminology::{
        BadRows, ReadSummary, Reading, StatementSink, TerminologyError,
        rrf::{RrfFile, UmlsReader, UmlsRelease},
    },
};

/// Reads a release and returns what was read of each file.
///
/// `selects` decides, for a language (LAT) and a source (SAB), whether their atoms are read; it is
/// called once for each pair. A source without selected atoms gives no definitions and no relations
/// either.
///
/// # Errors
/// [`TerminologyError`] when a file cannot be read or has too many bad rows, or a required file has
/// no row.
pub fn read_umls(
    release: &UmlsRelease,
    selects: &dyn Fn(&str, &str) -> bool,
    sink: &mut StatementSink,
    job: Job<'_>,
    allowed: BadRows,
) -> Result<Vec<(InputFile, ReadSummary)>, TerminologyError> {
    let mut reader = UmlsReader::new(selects, release.has(RrfFile::Mrhier));
    let mut summaries = vec![];
    for (file, input) in release.inputs() {
        let mut reading = Reading::new(&input.path, &mut *sink, job, allowed);
        reader.read(*file, input.open(job)?, &mut reading)?;
        let summary = match reading.finish() {
            // A subset of UMLS may leave no row of an optional file.
            Err(TerminologyError::Empty(_)) if !file.is_required() => {
                ReadSummary { notes: vec![format!("{file} has no rows: {}", file.consequence())], ..Default::default() }
            }
            other => other?,
        };
        summaries.push((input.clone(), summary));
    }
    Ok(summaries)
}
