//! Merges sorted records to concepts, atoms, definitions and history.
//!
//! Records are sorted by concept. Within a concept they are sorted by tag (see `records`): types,
//! atoms by preference, codes, definitions, successors. The merger writes each value as it reads
//! it. Invariant: memory does not grow with the number of atoms.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    path::Path,
};

use crate::{
    columns::writer::{ColumnWriter, ColumnsWriter, StringsWriter},
    concepts::{
        ConceptError,
        counts::SourceEntry,
        ingest::{
            codes::CodeSorter,
            collect::NameTally,
            history::{History, IdTable},
            interner::IdTables,
            names::NameSorter,
            records::{ATOM, CODE, DEFINITION, RecordReader, SUCCESSOR, TYPE, damaged_record, for_each_distinct},
        },
        schema,
        selection::Selection,
    },
    domain::{
        AtomId, ConceptId, LanguageId, SemanticTypeId, SemanticTypeSetId, SourceId, TermTypeId,
        semantic_type::{self, SEMANTIC_TYPES},
    },
    files::sorter::Sorted,
    job::Job,
};

/// The result of merging: complete columns in `file`, and what later stages write.
pub(crate) struct Merged<'a> {
    pub file: ColumnsWriter<'a>,
    /// Ids of the concepts.
    pub concepts: IdTable,
    pub history: History,
    pub names: NameSorter,
    pub codes: CodeSorter,
    /// The distinct sets of semantic types, by id.
    pub type_sets: Vec<Vec<SemanticTypeId>>,
    pub sources: Vec<SourceEntry>,
    /// Concepts of each semantic type, by TUI.
    pub semantic_types: BTreeMap<String, u64>,
    pub tally: NameTally,
    /// Number of atoms.
    pub atoms: usize,
}

/// The concept whose records are being read.
#[derive(Default)]
struct CurrentConcept {
    /// CUI or prefixed id.
    id: String,
    types: Vec<SemanticTypeId>,
    /// Its id and its set of semantic types. Absent until a name is taken: an id without names is
    /// no concept.
    concept: Option<(ConceptId, SemanticTypeSetId)>,
    /// The fields by which its atoms differ.
    atoms: HashSet<Vec<u8>>,
    /// Source and text of its definitions.
    definitions: HashSet<String>,
}

/// Columns that are written while records are merged.
struct MergedColumns {
    concept_type_set: ColumnWriter<SemanticTypeSetId>,
    atom_ends: ColumnWriter<u32>,
    atom_names: StringsWriter,
    atom_source: ColumnWriter<SourceId>,
    atom_term_type: ColumnWriter<TermTypeId>,
    atom_language: ColumnWriter<LanguageId>,
    atom_suppressed: ColumnWriter<u8>,
    definition_text: StringsWriter,
    definition_source: ColumnWriter<SourceId>,
    definition_ends: ColumnWriter<u32>,
}

impl MergedColumns {
    fn new(file: &ColumnsWriter) -> Result<Self, ConceptError> {
        Ok(Self {
            concept_type_set: file.column(schema::CONCEPT_TYPE_SET)?,
            atom_ends: file.column(schema::CONCEPT_ATOMS.ends)?,
            atom_names: file.strings(schema::ATOM_NAMES)?,
            atom_source: file.column(schema::CONCEPT_ATOMS.values)?,
            atom_term_type: file.column(schema::ATOM_TERM_TYPE)?,
            atom_language: file.column(schema::ATOM_LANGUAGE)?,
            atom_suppressed: file.column(schema::ATOM_SUPPRESSED)?,
            definition_text: file.strings(schema::DEFINITION_TEXT)?,
            definition_source: file.column(schema::CONCEPT_DEFINITIONS.values)?,
            definition_ends: file.column(schema::CONCEPT_DEFINITIONS.ends)?,
        })
    }

    fn add_to(self, file: &mut ColumnsWriter) -> Result<(), ConceptError> {
        file.add_strings(self.atom_names)?;
        file.add_strings(self.definition_text)?;
        file.add(self.concept_type_set)?;
        file.add(self.atom_ends)?;
        file.add(self.atom_source)?;
        file.add(self.atom_term_type)?;
        file.add(self.atom_language)?;
        file.add(self.atom_suppressed)?;
        file.add(self.definition_source)?;
        Ok(file.add(self.definition_ends)?)
    }
}

/// Merges records.
pub(crate) struct Merger<'a> {
    selection: &'a Selection,
    tables: &'a IdTables,
    /// Abbreviations of languages, by id.
    languages: &'a [String],
    /// By `SemanticTypeId`, whether the type is selected; absent if every type is.
    selected_types: Option<Vec<bool>>,
    current: CurrentConcept,
    merged: Merged<'a>,
    columns: MergedColumns,
    type_set_ids: HashMap<Vec<SemanticTypeId>, SemanticTypeSetId>,
    /// By `SemanticTypeId`, the number of concepts.
    concepts_of_type: Vec<u64>,
    /// By `SourceId`, the last concept that was counted.
    last_counted: Vec<Option<ConceptId>>,
    /// By `SourceId`, the languages of its atoms.
    languages_of_source: Vec<BTreeSet<LanguageId>>,
    definition_count: u32,
}

impl<'a> Merger<'a> {
    /// A merger with temporary files in `dir`. `tally` is that of collecting, and `sources` has the
    /// sources by id, without counts.
    pub(crate) fn new(
        dir: &'a Path,
        sort_memory: usize,
        selection: &'a Selection,
        tables: &'a IdTables,
        languages: &'a [String],
        sources: Vec<SourceEntry>,
        tally: NameTally,
    ) -> Result<Self, ConceptError> {
        let file = ColumnsWriter::new(dir);
        Ok(Self {
            selection,
            tables,
            languages,
            selected_types: semantic_type::type_mask(&selection.semantic_types, &selection.semantic_groups),
            current: CurrentConcept::default(),
            columns: MergedColumns::new(&file)?,
            type_set_ids: HashMap::new(),
            concepts_of_type: vec![0; SEMANTIC_TYPES.len()],
            last_counted: vec![None; sources.len()],
            languages_of_source: vec![BTreeSet::new(); sources.len()],
            definition_count: 0,
            merged: Merged {
                file,
                concepts: IdTable::default(),
                history: History::default(),
                names: NameSorter::new(dir, sort_memory),
                codes: CodeSorter::new(dir, sort_memory / 2),
                type_sets: vec![],
                sources,
                semantic_types: BTreeMap::new(),
                tally: NameTally { taken: 0, ..tally },
                atoms: 0,
            },
        })
    }

    /// Merges sorted records. Overlapping inputs repeat statements; equal records count once.
    ///
    /// # Errors
    /// Reading a temporary file or writing failed; [`ConceptError::TooLarge`];
    /// [`ConceptError::Canceled`].
    pub(crate) fn merge(&mut self, records: Sorted, job: Job<'_>) -> Result<(), ConceptError> {
        for_each_distinct(records, job, |record| self.merge_record(record))?;
        self.end_concept()
    }

    fn merge_record(&mut self, record: &[u8]) -> Result<(), ConceptError> {
        let mut fields = RecordReader::new(record);
        let id = fields.text()?;
        if id != self.current.id {
            self.end_concept()?;
            id.clone_into(&mut self.current.id);
        }
        match fields.u8()? {
            TYPE => {
                self.current.types.push(SemanticTypeId::new(fields.u8()?));
                Ok(())
            }
            ATOM => self.atom(fields),
            CODE => self.code(fields),
            DEFINITION => self.definition(fields),
            SUCCESSOR => self.successor(fields),
            _ => Ok(()),
        }
    }

    fn atom(&mut self, mut fields: RecordReader) -> Result<(), ConceptError> {
        let (_order, suppressed, _preference, _number) = (fields.u8()?, fields.u8()?, fields.u32()?, fields.u32()?);
        let tally = &mut self.merged.tally;
        if self.selected_types.as_ref().is_some_and(|types| !self.current.types.iter().any(|t| types[t.index()])) {
            tally.other_type += 1;
            return Ok(());
        }
        if self.selection.max_names_per_concept.is_some_and(|max| self.current.atoms.len() >= max) {
            tally.surplus += 1;
            return Ok(());
        }
        if !self.current.atoms.insert(fields.rest().to_vec()) {
            tally.repeated += 1;
            return Ok(());
        }
        tally.taken += 1;
        let source = self.tables.sources[usize::from(fields.u16()?)];
        let term_type = self.tables.term_types[usize::from(fields.u16()?)];
        let language = self.tables.languages[usize::from(fields.u8()?)];
        let (code, name) = (fields.text()?, fields.text()?);
        let (concept, type_set) = match self.current.concept {
            Some(begun) => begun,
            None => self.begin_concept()?,
        };
        let atom = AtomId::from_index(self.merged.atoms);
        self.merged.atoms += 1;
        self.columns.atom_names.push(name)?;
        self.columns.atom_source.push(source)?;
        self.columns.atom_term_type.push(term_type)?;
        self.columns.atom_language.push(language)?;
        self.columns.atom_suppressed.push(suppressed)?;
        self.merged.names.push(name, atom, type_set, source)?;
        if !code.is_empty() {
            self.merged.codes.push(source, code, concept, source, Some(atom))?;
        }
        let entry = &mut self.merged.sources[source.index()];
        entry.atoms += 1;
        self.languages_of_source[source.index()].insert(language);
        if self.last_counted[source.index()].replace(concept) != Some(concept) {
            entry.concepts += 1;
        }
        Ok(())
    }

    fn begin_concept(&mut self) -> Result<(ConceptId, SemanticTypeSetId), ConceptError> {
        let concept = ConceptId::from_index(self.merged.concepts.len());
        self.merged.concepts.push(&self.current.id)?;
        self.current.types.iter().for_each(|t| self.concepts_of_type[t.index()] += 1);
        let next = self.type_set_ids.len();
        let type_set = match self.type_set_ids.get(&self.current.types) {
            Some(&set) => set,
            None => {
                let next = u16::try_from(next).map_err(|_| ConceptError::TooLarge("65,536 sets of semantic types"))?;
                let set = SemanticTypeSetId::new(next);
                self.type_set_ids.insert(self.current.types.clone(), set);
                self.merged.type_sets.push(self.current.types.clone());
                set
            }
        };
        self.current.concept = Some((concept, type_set));
        Ok((concept, type_set))
    }

    fn end_concept(&mut self) -> Result<(), ConceptError> {
        if let Some((_, type_set)) = self.current.concept {
            self.columns.concept_type_set.push(type_set)?;
            self.columns.atom_ends.push(self.merged.atoms as u32)?;
            self.columns.definition_ends.push(self.definition_count)?;
        }
        self.current.concept = None;
        self.current.types.clear();
        self.current.atoms.clear();
        self.current.definitions.clear();
        Ok(())
    }

    fn code(&mut self, mut fields: RecordReader) -> Result<(), ConceptError> {
        let Some((concept, _)) = self.current.concept else { return Ok(()) };
        let source = self.tables.sources[usize::from(fields.u16()?)];
        let asserted_by = self.tables.sources[usize::from(fields.u16()?)];
        self.merged.codes.push(source, fields.text()?, concept, asserted_by, None)
    }

    fn definition(&mut self, mut fields: RecordReader) -> Result<(), ConceptError> {
        let source = self.source(fields.text()?)?;
        let text = fields.text()?;
        if self.current.concept.is_none() || !self.current.definitions.insert(format!("{} {text}", source.get())) {
            return Ok(());
        }
        self.columns.definition_text.push(text)?;
        self.columns.definition_source.push(source)?;
        self.definition_count += 1;
        Ok(())
    }

    fn successor(&mut self, mut fields: RecordReader) -> Result<(), ConceptError> {
        if self.current.concept.is_some() {
            return Ok(());
        }
        let (kind, source) = (fields.u8()?, self.source(fields.text()?)?);
        self.merged.history.push(&self.current.id, kind, source, fields.text()?)
    }

    /// The source that a record names.
    fn source(&self, abbreviation: &str) -> Result<SourceId, ConceptError> {
        let position = self.merged.sources.binary_search_by(|entry| entry.source.as_str().cmp(abbreviation));
        position.map(SourceId::from_index).map_err(|_| damaged_record())
    }

    /// Completes the columns and the counts of sources and semantic types.
    pub(crate) fn finish(self) -> Result<Merged<'a>, ConceptError> {
        let mut merged = self.merged;
        for (entry, languages) in merged.sources.iter_mut().zip(self.languages_of_source) {
            entry.languages = languages.into_iter().map(|language| self.languages[language.index()].clone()).collect();
        }
        let counts = SEMANTIC_TYPES.iter().zip(self.concepts_of_type).filter(|(_, count)| *count > 0);
        merged.semantic_types = counts.map(|(t, count)| (t.tui.to_owned(), count)).collect();
        merged.file.add_lists(schema::TYPE_SETS, &merged.type_sets)?;
        self.columns.add_to(&mut merged.file)?;
        Ok(merged)
    }
}
