//! Collects the statements of terminologies, in any order and number.
//!
//! A statement about a concept becomes a record that begins with the id of the concept and a tag,
//! so that sorting brings together the statements about one concept, in the order in which `merge`
//! needs them. Invariant: the memory for statements is bounded by the sorters. Only the CUIs of
//! prefixed ids are kept in memory in addition (about 100 bytes per id).

use std::{collections::HashMap, path::Path};

use crate::{
    concepts::{
        ConceptError,
        counts::SourceEntry,
        ingest::{
            interner::Interner,
            records::{ATOM, CODE, DEFINITION, SUCCESSOR, TYPE},
            relations::RelationSorter,
        },
        schema::succession_number,
        selection::Selection,
    },
    domain::{AtomRef, Refusal, SemanticTypeId, Statement, Succession, is_concept_id, is_cui},
    files::sorter::Sorter,
    text::{self, quoted},
};

/// Maximum length of a name in bytes.
const MAX_NAME_BYTES: usize = 4096;
/// Maximum length of a code, source, term type or language in bytes.
const MAX_VALUE_BYTES: usize = 512;
/// Maximum memory of the largest sorter, in bytes; the others get a fraction of it.
const MAX_SORT_MEMORY: u64 = 256 << 20;
/// Minimum memory of the largest sorter, in bytes.
const MIN_SORT_MEMORY: u64 = 8 << 20;

/// Numbers of names taken, and left out by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NameTally {
    /// Names that were taken.
    pub taken: u64,
    /// Left out: in a language that is not selected.
    pub other_language: u64,
    /// Left out: from a source that is not selected.
    pub other_source: u64,
    /// Left out: suppressed.
    pub suppressed: u64,
    /// Left out: of digits or punctuation alone.
    pub numeric: u64,
    /// Left out: of a concept without a selected semantic type.
    pub other_type: u64,
    /// Left out: beyond the maximum of names of a concept.
    pub surplus: u64,
    /// Left out: equal to another name of the concept in text, source, code, term type and
    /// language.
    pub repeated: u64,
}

impl NameTally {
    /// The numbers of names left out, by reason.
    pub fn left_out(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let reasons = [
            ("names in other languages", self.other_language),
            ("names from other sources", self.other_source),
            ("suppressed names", self.suppressed),
            ("names of digits or punctuation alone", self.numeric),
            ("names of other semantic types", self.other_type),
            ("names beyond --max-names-per-concept", self.surplus),
            ("repeated names", self.repeated),
        ];
        reasons.into_iter().filter(|(_, count)| *count > 0)
    }
}

/// Takes statements, from which [`StatementCollector::assemble`] builds a store.
pub struct StatementCollector {
    /// Memory of the largest sorter, in bytes.
    pub(super) sort_memory: usize,
    pub(super) selection: Selection,
    /// Records about CUIs, and the successors of all ids.
    pub(super) statements: Sorter,
    /// Other records about prefixed ids. A later statement may state that such an id is the same as
    /// a CUI.
    pub(super) prefixed: Sorter,
    pub(super) relations: RelationSorter,
    pub(super) sources: Interner,
    pub(super) term_types: Interner,
    pub(super) languages: Interner,
    /// By interned source.
    pub(super) source_info: HashMap<u16, SourceEntry>,
    pub(super) tally: NameTally,
    /// The CUIs that a prefixed id is the same as; about 100 bytes for each id.
    pub(super) cuis_of_prefixed: HashMap<String, Vec<String>>,
    /// Number of atoms taken.
    atom_count: u32,
    /// The record that is being written.
    record: Vec<u8>,
    /// Whether `record` belongs to `prefixed`.
    is_record_prefixed: bool,
}

impl StatementCollector {
    /// A collector that writes to files in `dir` what exceeds its memory.
    pub fn new(dir: &Path, selection: Selection) -> Self {
        Self::with_memory(dir, selection, u64::MAX)
    }

    /// A collector whose sorters use about a quarter of `memory` bytes, within fixed limits.
    pub fn with_memory(dir: &Path, selection: Selection, memory: u64) -> Self {
        let sort_memory = memory.div_ceil(16).clamp(MIN_SORT_MEMORY, MAX_SORT_MEMORY) as usize;
        Self {
            selection,
            sort_memory,
            statements: Sorter::new(dir, sort_memory),
            prefixed: Sorter::new(dir, sort_memory / 4),
            relations: RelationSorter::new(dir, sort_memory / 4),
            sources: Interner::default(),
            term_types: Interner::default(),
            languages: Interner::default(),
            source_info: HashMap::new(),
            tally: NameTally::default(),
            cuis_of_prefixed: HashMap::new(),
            atom_count: 0,
            record: vec![],
            is_record_prefixed: false,
        }
    }

    /// Takes a statement, or leaves it out because of the selection.
    ///
    /// # Errors
    /// [`Refusal::InvalidStatement`] if the statement is invalid; [`Refusal::SinkFailed`] if no
    /// more statements can be taken.
    pub fn collect(&mut self, statement: Statement) -> Result<(), Refusal> {
        match statement {
            Statement::Atom(atom) => self.atom(atom),
            Statement::Type { concept, tui } => {
                let semantic_type = SemanticTypeId::of_tui(tui)
                    .ok_or_else(|| invalid(format!("{} is no TUI of the UMLS Semantic Network", quoted(tui))))?;
                self.begin_record(concept, TYPE)?;
                self.put(&semantic_type.get().to_be_bytes());
                self.end_record()
            }
            Statement::Code { concept, source, code, asserted_by } => {
                let (source, asserted_by) = (self.source_number(source)?, self.source_number(asserted_by)?);
                check_value(code, "code")?;
                self.begin_record(concept, CODE)?;
                self.put(&source.to_be_bytes());
                self.put(&asserted_by.to_be_bytes());
                self.put(code.as_bytes());
                self.end_record()
            }
            Statement::Definition { concept, source, text } => {
                let text = text::clean(text);
                if !self.selection.takes_source(source) || text.is_empty() {
                    return Ok(());
                }
                self.source_number(source)?;
                self.begin_record(concept, DEFINITION)?;
                self.put_source(source);
                self.put(text.as_bytes());
                self.end_record()
            }
            Statement::Relation { narrower, broader, kind, source } => {
                if !self.selection.takes_source(source) {
                    return Ok(());
                }
                let source = self.source_number(source)?;
                check_concept_id(narrower)?;
                check_concept_id(broader)?;
                self.relations.push(narrower, broader, kind, source).map_err(failed)
            }
            Statement::Successor { retired, successor, kind, source } => {
                self.successor(retired, successor, kind, source)
            }
            Statement::Source { source, name, version, restriction_level } => {
                let number = self.source_number(source)?;
                let info = self.source_info.entry(number).or_default();
                let set_if_empty = |field: &mut String, value: &str| {
                    if field.is_empty() {
                        *field = text::clean(value);
                    }
                };
                set_if_empty(&mut info.name, name);
                set_if_empty(&mut info.version, version);
                info.restriction_level = info.restriction_level.max(restriction_level);
                Ok(())
            }
        }
    }

    fn atom(&mut self, atom: AtomRef) -> Result<(), Refusal> {
        let left_out = if !self.selection.takes_language(atom.language) {
            &mut self.tally.other_language
        } else if !self.selection.takes_source(atom.source) {
            &mut self.tally.other_source
        } else if atom.suppressed && !self.selection.include_suppressed {
            &mut self.tally.suppressed
        } else {
            return self.selected_atom(atom);
        };
        *left_out += 1;
        Ok(())
    }

    fn selected_atom(&mut self, atom: AtomRef) -> Result<(), Refusal> {
        let AtomRef { concept, name, source, code, term_type, language, suppressed, preference } = atom;
        let name = text::clean(name);
        if name.is_empty() {
            return Err(invalid("its name is empty"));
        }
        if name.len() > MAX_NAME_BYTES {
            return Err(invalid(format!("its name is longer than {MAX_NAME_BYTES} bytes")));
        }
        if !self.selection.takes_name(&name) {
            self.tally.numeric += 1;
            return Ok(());
        }
        check_value(code, "code")?;
        check_value(term_type, "term type")?;
        check_value(language, "language")?;
        let language_order = self.selection.language_order(language) as u8;
        let (source, term_type) = (self.source_number(source)?, self.term_types.intern(term_type).map_err(invalid)?);
        let language = u8::try_from(self.languages.intern(language).map_err(invalid)?)
            .map_err(|_| invalid("the limit of 256 different languages is exceeded"))?;
        self.begin_record(concept, ATOM)?;
        let number = self.atom_count;
        self.atom_count = number.checked_add(1).ok_or_else(|| failed(ConceptError::TooLarge("4 billion names")))?;
        // The number keeps names of equal preference in the order in which they were read.
        self.put(&[language_order, u8::from(suppressed)]);
        self.put(&(!preference).to_be_bytes());
        self.put(&number.to_be_bytes());
        self.put(&source.to_be_bytes());
        self.put(&term_type.to_be_bytes());
        self.put(&[language]);
        self.put(code.as_bytes());
        self.put(&[0]);
        self.put(name.as_bytes());
        self.tally.taken += 1;
        self.end_record()
    }

    fn successor(
        &mut self,
        retired: &str,
        successor: Option<&str>,
        kind: Succession,
        source: &str,
    ) -> Result<(), Refusal> {
        self.source_number(source)?;
        let kind = if successor.is_none() { Succession::Deleted } else { kind };
        successor.map_or(Ok(()), check_concept_id)?;
        self.begin_record(retired, SUCCESSOR)?;
        if let Some(cui) = successor.filter(|id| kind == Succession::Same && is_cui(id) && !is_cui(retired)) {
            let cuis = self.cuis_of_prefixed.entry(retired.to_owned()).or_default();
            if !cuis.iter().any(|other| other == cui) {
                cuis.push(cui.to_owned());
            }
        }
        self.put(&[succession_number(kind)]);
        self.put_source(source);
        self.put(successor.unwrap_or_default().as_bytes());
        self.end_record()
    }

    fn source_number(&mut self, source: &str) -> Result<u16, Refusal> {
        if source.is_empty() {
            return Err(invalid("its source is empty"));
        }
        check_value(source, "source")?;
        self.sources.intern(source).map_err(invalid)
    }

    fn begin_record(&mut self, concept: &str, tag: u8) -> Result<(), Refusal> {
        check_concept_id(concept)?;
        self.is_record_prefixed = tag != SUCCESSOR && !is_cui(concept);
        self.record.clear();
        self.put(concept.as_bytes());
        self.put(&[0, tag]);
        Ok(())
    }

    fn put(&mut self, bytes: &[u8]) {
        self.record.extend_from_slice(bytes);
    }

    /// Stores the name of a source, not its number, so that the output does not depend on the order
    /// of inputs.
    fn put_source(&mut self, source: &str) {
        self.put(source.as_bytes());
        self.put(&[0]);
    }

    fn end_record(&mut self) -> Result<(), Refusal> {
        let sorter = if self.is_record_prefixed { &mut self.prefixed } else { &mut self.statements };
        sorter.push(&self.record).map_err(failed)
    }
}

fn invalid(reason: impl Into<String>) -> Refusal {
    Refusal::InvalidStatement(reason.into())
}

fn failed(e: impl Into<ConceptError>) -> Refusal {
    Refusal::SinkFailed(Box::new(e.into()))
}

fn check_concept_id(id: &str) -> Result<(), Refusal> {
    if is_concept_id(id) {
        return Ok(());
    }
    Err(invalid(format!(
        "{} is neither a CUI (C and seven digits) nor a prefixed id such as WARD:17 (--id-prefix adds a prefix in tables)",
        quoted(id)
    )))
}

fn check_value(value: &str, field: &str) -> Result<(), Refusal> {
    if value.len() > MAX_VALUE_BYTES || value.chars().any(char::is_control) {
        return Err(invalid(format!("its {field} is longer than {MAX_VALUE_BYTES} bytes or has control characters")));
    }
    Ok(())
}
