//! Sorts the codes of concepts and writes them.

use std::path::Path;

use crate::{
    columns::writer::ColumnsWriter,
    concepts::{
        ConceptError,
        counts::SourceEntry,
        ingest::{
            records::{RecordReader, for_each_distinct},
            source_sets::SourceSets,
        },
        schema::{ATOM_CODE, CODE_ASSERTED_BY, CODE_CONCEPT, CODE_SOURCE, CODE_TEXT, CONCEPT_CODES, NO_CODE},
    },
    domain::{AtomId, CodeId, ConceptId, SourceId},
    files::sorter::Sorter,
    job::Job,
};

/// Bytes at the end of a record that do not belong to the code: `asserted_by` and `atom`.
const ASSERTION_BYTES: usize = size_of::<SourceId>() + size_of::<AtomId>();
/// Stands for the atom of a code that no atom has.
const NO_ATOM: u32 = u32::MAX;

/// Takes codes of concepts. Records: source (u16), code, zero, concept (u32), asserting source
/// (u16), atom (u32).
pub(crate) struct CodeSorter {
    sorter: Sorter,
    record: Vec<u8>,
}

impl CodeSorter {
    /// A sorter that spills to files in `dir` what exceeds `memory` bytes.
    pub(crate) fn new(dir: &Path, memory: usize) -> Self {
        Self { sorter: Sorter::new(dir, memory), record: vec![] }
    }

    /// Adds a code of `source`, which `asserted_by` asserts of `concept`, and which `atom` has, if
    /// any.
    pub(crate) fn push(
        &mut self,
        source: SourceId,
        code: &str,
        concept: ConceptId,
        asserted_by: SourceId,
        atom: Option<AtomId>,
    ) -> Result<(), ConceptError> {
        self.record.clear();
        self.record.extend_from_slice(&source.get().to_be_bytes());
        self.record.extend_from_slice(code.as_bytes());
        self.record.push(0);
        self.record.extend_from_slice(&concept.get().to_be_bytes());
        self.record.extend_from_slice(&asserted_by.get().to_be_bytes());
        self.record.extend_from_slice(&atom.map_or(NO_ATOM, AtomId::get).to_be_bytes());
        Ok(self.sorter.push(&self.record)?)
    }

    /// Adds the codes to `file`, for a store of `atoms` atoms and `concepts` concepts, and counts
    /// them in `sources`.
    ///
    /// # Errors
    /// Reading a temporary file or writing failed; [`ConceptError::Canceled`].
    pub(crate) fn write(
        self,
        file: &mut ColumnsWriter,
        atoms: usize,
        concepts: usize,
        sources: &mut [SourceEntry],
        source_sets: &mut SourceSets,
        job: Job<'_>,
    ) -> Result<(), ConceptError> {
        job.progress.stage("writing codes", self.sorter.len());
        let mut text = file.strings(CODE_TEXT)?;
        let (mut code_source, mut code_asserted_by) = (file.column(CODE_SOURCE)?, file.column(CODE_ASSERTED_BY)?);
        let mut code_of_atom = vec![NO_CODE; atoms];
        let mut concept_of_code: Vec<ConceptId> = vec![];
        let (mut last, mut asserted_by) = (vec![], vec![]);
        for_each_distinct(self.sorter.sort()?, job, |record| {
            let (code, assertion) = record.split_at(record.len() - ASSERTION_BYTES);
            if concept_of_code.is_empty() || code != last {
                if !concept_of_code.is_empty() {
                    code_asserted_by.push(source_sets.id(std::mem::take(&mut asserted_by)))?;
                }
                let mut fields = RecordReader::new(code);
                let source = SourceId::new(fields.u16()?);
                text.push(fields.text()?)?;
                code_source.push(source)?;
                concept_of_code.push(ConceptId::new(fields.u32()?));
                sources[source.index()].codes += 1;
                last.clear();
                last.extend_from_slice(code);
            }
            let mut fields = RecordReader::new(assertion);
            asserted_by.push(SourceId::new(fields.u16()?));
            if let Some(code) = code_of_atom.get_mut(fields.u32()? as usize) {
                *code = CodeId::from_index(concept_of_code.len() - 1);
            }
            Ok(())
        })?;
        if !concept_of_code.is_empty() {
            code_asserted_by.push(source_sets.id(asserted_by))?;
        }
        file.add(code_asserted_by)?;
        file.add_strings(text)?;
        file.add(code_source)?;
        file.add_values(CODE_CONCEPT, &concept_of_code)?;
        file.add_values(ATOM_CODE, &code_of_atom)?;
        let (codes, ends) = codes_by_concept(&concept_of_code, concepts);
        file.add_values(CONCEPT_CODES.values, &codes)?;
        Ok(file.add_values(CONCEPT_CODES.ends, &ends)?)
    }
}

/// The codes of each of `concepts` concepts, ascending, and the ends of their lists: a counting
/// sort.
fn codes_by_concept(concept_of_code: &[ConceptId], concepts: usize) -> (Vec<CodeId>, Vec<u32>) {
    let mut next = vec![0u32; concepts];
    concept_of_code.iter().for_each(|concept| next[concept.index()] += 1);
    let mut end = 0;
    for start in &mut next {
        end += std::mem::replace(start, end);
    }
    let mut codes = vec![CodeId::new(0); concept_of_code.len()];
    for (code, concept) in CodeId::all(concept_of_code.len()).zip(concept_of_code) {
        codes[next[concept.index()] as usize] = code;
        next[concept.index()] += 1;
    }
    (codes, next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_by_concept_are_ascending_lists() {
        let concepts = [2, 0, 2, 3].map(ConceptId::new);
        let (codes, ends) = codes_by_concept(&concepts, 5);
        assert_eq!((codes, ends), ([1, 0, 2, 3].map(CodeId::new).to_vec(), vec![1, 1, 3, 4, 4]));
    }
}
