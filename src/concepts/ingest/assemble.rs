//! The stages that turn collected statements into the files of a concept store.
//!
//! Invariant: an id becomes a concept only if the selection takes at least one of its names.
//! Statements about other ids are dropped.

use std::{
    collections::{BTreeMap, HashMap},
    path::Path,
};

use crate::{
    concepts::{
        ConceptError,
        counts::{Counts, SourceEntry},
        ingest::{
            collect::{NameTally, StatementCollector},
            interner::{IdTables, InternedValues},
            merge::{Merged, Merger},
            names,
            records::RecordReader,
            source_sets::SourceSets,
        },
        schema::{CONCEPT_IDS, CONCEPTS_FILE, LANGUAGES, TERM_TYPES},
        selection::Selection,
    },
    files::sorter::{Sorted, Sorter},
    job::{Job, StepCounter},
};

/// What a store has, as the manifest of an index states it.
#[derive(Clone, Debug)]
pub struct StoreSummary {
    /// Numbers of concepts, atoms and distinct names.
    pub counts: Counts,
    /// The sources, ascending by abbreviation.
    pub sources: Vec<SourceEntry>,
    /// Number of concepts of each semantic type, by TUI.
    pub semantic_types: BTreeMap<String, u64>,
    /// Numbers of names taken and left out.
    pub tally: NameTally,
    /// How much of the inputs was left out, by reason; names too.
    pub left_out: BTreeMap<String, u64>,
    /// Number of terms that were merged into a CUI, by the kind of statement that says so.
    pub merged: BTreeMap<String, u64>,
}

impl StatementCollector {
    /// Writes the files of the store to `dir`.
    ///
    /// # Errors
    /// [`ConceptError::Empty`] if no name was taken; [`ConceptError::UnusedSource`] and
    /// [`ConceptError::UnusedLanguage`] if no name is from a source or in a language of the
    /// selection; [`ConceptError::TooLarge`]; [`ConceptError::Canceled`]; [`ConceptError::Io`].
    pub fn assemble(self, dir: &Path, job: Job<'_>) -> Result<StoreSummary, ConceptError> {
        let Self { sort_memory, selection, mut statements, prefixed, relations, tally, .. } = self;
        let (tables, values) = IdTables::new(self.sources, self.term_types, self.languages);
        let sources = source_entries(&values, &tables, self.source_info);

        job.progress.stage("looking up CUIs of prefixed ids", prefixed.len());
        move_to_cuis(prefixed.sort()?, &self.cuis_of_prefixed, &mut statements, job)?;

        job.progress.stage("merging statements", statements.len());
        let mut merger = Merger::new(dir, sort_memory, &selection, &tables, &values.languages, sources, tally)?;
        merger.merge(statements.sort()?, job)?;
        let merged = merger.finish()?;
        check_names(&merged, &selection, &values.languages)?;

        let Merged { mut file, concepts, history, names, codes, type_sets, mut sources, .. } = merged;
        file.add_all_strings(TERM_TYPES, values.term_types.iter().map(String::as_str))?;
        file.add_all_strings(LANGUAGES, values.languages.iter().map(String::as_str))?;
        let mut source_sets = SourceSets::default();
        codes.write(&mut file, merged.atoms, concepts.len(), &mut sources, &mut source_sets, job)?;
        let lacking =
            relations.write(&mut file, &concepts, &history, &tables, Sorter::new(dir, sort_memory / 2), job)?;
        let concept_count = concepts.len() as u64;
        concepts.write(&mut file, CONCEPT_IDS)?;
        history.write(&mut file)?;
        drop((concepts, history));
        file.join(&dir.join(CONCEPTS_FILE))?;

        let rows = names::write(dir, names.sort()?, &type_sets, sources.len(), source_sets, job)?;
        let counts = Counts { concepts: concept_count, atoms: merged.atoms as u64, rows };
        let tally = merged.tally;
        let lacking = Some(("relations to ids that the index lacks", lacking)).filter(|(_, count)| *count > 0);
        let left_out = tally.left_out().chain(lacking).map(|(reason, count)| (reason.to_owned(), count)).collect();
        let semantic_types = merged.semantic_types;
        Ok(StoreSummary { counts, sources, semantic_types, tally, left_out, merged: BTreeMap::new() })
    }
}

/// The sources by id, without counts.
fn source_entries(values: &InternedValues, tables: &IdTables, mut info: HashMap<u16, SourceEntry>) -> Vec<SourceEntry> {
    let mut entries = vec![SourceEntry::default(); values.sources.len()];
    for (number, entry) in info.drain() {
        entries[tables.sources[usize::from(number)].index()] = entry;
    }
    for (entry, source) in entries.iter_mut().zip(&values.sources) {
        source.clone_into(&mut entry.source);
    }
    entries
}

/// Moves the records of each prefixed id that is the same as CUIs to those CUIs, and the other
/// records unchanged to `statements`.
fn move_to_cuis(
    mut prefixed: Sorted,
    cuis_of_prefixed: &HashMap<String, Vec<String>>,
    statements: &mut Sorter,
    job: Job<'_>,
) -> Result<(), ConceptError> {
    let (mut record, mut moved, mut counter) = (vec![], vec![], StepCounter::new(job));
    while prefixed.next(&mut record)? {
        let mut fields = RecordReader::new(&record);
        match cuis_of_prefixed.get(fields.text()?) {
            None => statements.push(&record)?,
            Some(cuis) => {
                for cui in cuis {
                    moved.clear();
                    moved.extend_from_slice(cui.as_bytes());
                    moved.push(0);
                    moved.extend_from_slice(fields.rest());
                    statements.push(&moved)?;
                }
            }
        }
        counter.step()?;
    }
    Ok(())
}

/// Checks that there are names, and names for each source and language of the selection.
fn check_names(merged: &Merged, selection: &Selection, languages: &[String]) -> Result<(), ConceptError> {
    let NameTally { suppressed, numeric, other_type, other_source, other_language, .. } = merged.tally;
    let empty = || Err(ConceptError::Empty { suppressed, numeric, other_type });
    // Then neither sources nor languages are the reason.
    if merged.atoms == 0 && other_source + other_language == 0 && suppressed + numeric + other_type > 0 {
        return empty();
    }
    selection.check_used(
        |source| merged.sources.iter().any(|entry| entry.source.eq_ignore_ascii_case(source) && entry.atoms > 0),
        |language| languages.iter().any(|l| l == language),
    )?;
    if merged.atoms == 0 { empty() } else { Ok(()) }
}
