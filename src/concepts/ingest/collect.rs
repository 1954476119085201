//! Collects the statements of terminologies, in any order and of any number, for an index.
//!
//! What a statement says becomes a record that begins with its concept, so that sorting brings together what belongs together.
//! Invariant: memory is that of the sorters, whatever the number of statements.

use std::{collections::HashMap, path::Path};

use crate::concepts::view::SUCCESSIONS;
use crate::{
    concepts::ConceptError,
    concepts::counts::SourceEntry,
    concepts::selection::Selection,
    domain::{AtomRef, Refusal, RelationKind, Statement, Succession, is_concept_id, semantic_type},
    files::sorter::{Sorted, Sorter},
    text::{self, quoted},
};

/// Names longer than this, in bytes, are no names.
const LONGEST_NAME: usize = 4096;
/// Bytes of a code, a source or another short value.
const LONGEST_VALUE: usize = 512;
/// Memory of the largest sorter, in bytes; the others take a part of it.
const SORT_MEMORY: usize = 256 << 20;
/// .. and what it is given at least.
const LEAST_SORT_MEMORY: usize = 8 << 20;

/// What became of the names that were read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub taken: u64,
    pub other_language: u64,
    pub other_source: u64,
    pub suppressed: u64,
    /// Of concepts without a type that was asked for.
    pub other_type: u64,
    /// Beyond the most names of a concept.
    pub surplus: u64,
    /// The same name of a concept from the same source, with the same code and term type.
    pub repeated: u64,
}

/// What a record says of the concept that it begins with; records of a concept sort in this order.
pub(crate) const TYPE: u8 = 0;
pub(crate) const ATOM: u8 = 1;
pub(crate) const CODE: u8 = 2;
pub(crate) const DEFINITION: u8 = 3;
pub(crate) const SUCCESSOR: u8 = 4;

/// Takes statements until they are assembled.
pub struct Collector {
    /// Bytes of a sorter.
    pub(crate) sort_memory: usize,
    pub(crate) selection: Selection,
    pub(crate) statements: Sorter,
    /// What is said of ids that are no CUIs, but for their successors: it may belong to CUIs.
    pub(crate) others: Sorter,
    pub(crate) relations: Sorter,
    pub(crate) sources: Interner,
    pub(crate) terms: Interner,
    pub(crate) languages: Interner,
    pub(crate) about: HashMap<u16, SourceEntry>,
    pub(crate) tally: Tally,
    /// Ids of other vocabularies that are the same as CUIs: some 100 bytes each.
    pub(crate) moved: HashMap<String, Vec<String>>,
    pub(crate) count: u32,
    record: Vec<u8>,
    /// Whether the record is one of `others`.
    moves: bool,
}

impl Collector {
    /// A collector that spills into `dir` what memory does not hold.
    pub fn new(dir: &Path, selection: Selection) -> Self {
        Self::with_memory(dir, selection, u64::MAX)
    }

    /// A collector that takes about a quarter of `memory` bytes for what it sorts, or what is of use.
    pub fn with_memory(dir: &Path, selection: Selection, memory: u64) -> Self {
        let sort_memory = memory.div_ceil(16).clamp(LEAST_SORT_MEMORY as u64, SORT_MEMORY as u64) as usize;
        Self {
            selection,
            sort_memory,
            statements: Sorter::new(dir, sort_memory),
            others: Sorter::new(dir, sort_memory / 4),
            relations: Sorter::new(dir, sort_memory / 4),
            sources: Interner::default(),
            terms: Interner::default(),
            languages: Interner::default(),
            about: HashMap::new(),
            tally: Tally::default(),
            moved: HashMap::new(),
            count: 0,
            record: vec![],
            moves: false,
        }
    }

    /// Takes a statement, or leaves it because of the selection.
    ///
    /// # Errors
    /// [`Refusal`] says what is wrong with it, or with the disk.
    pub fn take(&mut self, statement: Statement) -> Result<(), Refusal> {
        match statement {
            Statement::Atom(atom) => self.atom(atom),
            Statement::Type { concept, tui } => {
                let place = semantic_type::position(tui)
                    .ok_or_else(|| wrong(format!("{} is no TUI of the UMLS Semantic Network", quoted(tui))))?;
                self.begin(concept, TYPE)?;
                self.record.push(place as u8);
                self.end()
            }
            Statement::Code { concept, source, code, asserted_by: said_by } => {
                let (source, said_by) = (self.source(source)?, self.source(said_by)?);
                short(code, "code")?;
                self.begin(concept, CODE)?;
                self.put(&source.to_be_bytes());
                self.put(&said_by.to_be_bytes());
                self.put(code.as_bytes());
                self.end()
            }
            Statement::Definition { concept, source, text } => {
                let text = text::clean(text);
                if !self.selection.takes_source(source) || text.is_empty() {
                    return Ok(());
                }
                self.source(source)?;
                self.begin(concept, DEFINITION)?;
                self.put_source(source);
                self.put(text.as_bytes());
                self.end()
            }
            Statement::Relation { narrower, broader, kind, source } => {
                if !self.selection.takes_source(source) {
                    return Ok(());
                }
                let source = self.source(source)?;
                concept_id(narrower)?;
                concept_id(broader)?;
                self.record.clear();
                self.put(narrower.as_bytes());
                self.put(&[0]);
                self.put(broader.as_bytes());
                self.put(&[0, u8::from(kind == RelationKind::Broader)]);
                self.put(&source.to_be_bytes());
                self.relations.push(&self.record).map_err(failed)
            }
            Statement::Successor { retired, successor, kind, source } => {
                self.source(source)?;
                let kind = if successor.is_none() { Succession::Deleted } else { kind };
                successor.map_or(Ok(()), concept_id)?;
                self.begin(retired, SUCCESSOR)?;
                if let Some(cui) = successor.filter(|id| kind == Succession::Same && is_cui(id) && !is_cui(retired)) {
                    let cuis = self.moved.entry(retired.to_owned()).or_default();
                    if !cuis.iter().any(|known| known == cui) {
                        cuis.push(cui.to_owned());
                    }
                }
                self.put(&[SUCCESSIONS.iter().position(|k| *k == kind).unwrap_or(0) as u8]);
                self.put_source(source);
                self.put(successor.unwrap_or_default().as_bytes());
                self.end()
            }
            Statement::Source { source, name, version, restriction_level } => {
                let place = self.source(source)?;
                let about = self.about.entry(place).or_default();
                let set = |field: &mut String, value: &str| {
                    if field.is_empty() {
                        *field = text::clean(value);
                    }
                };
                set(&mut about.name, name);
                set(&mut about.version, version);
                about.restriction_level = about.restriction_level.max(restriction_level);
                Ok(())
            }
        }
    }

    fn atom(&mut self, atom: AtomRef) -> Result<(), Refusal> {
        let left = if !self.selection.takes_language(atom.language) {
            &mut self.tally.other_language
        } else if !self.selection.takes_source(atom.source) {
            &mut self.tally.other_source
        } else if atom.suppressed && !self.selection.include_suppressed {
            &mut self.tally.suppressed
        } else {
            return self.taken(atom);
        };
        *left += 1;
        Ok(())
    }

    fn taken(&mut self, atom: AtomRef) -> Result<(), Refusal> {
        let AtomRef { concept, name, source, code, term_type, language, suppressed, preference } = atom;
        let name = text::clean(name);
        if text::is_blank(&name) {
            return Err(wrong("its name has no letter or digit"));
        }
        if name.len() > LONGEST_NAME {
            return Err(wrong(format!("its name is longer than {LONGEST_NAME} bytes")));
        }
        short(code, "code")?;
        short(term_type, "term type")?;
        short(language, "language")?;
        let order = self.selection.order_of(language) as u8;
        let (source, term) = (self.source(source)?, self.terms.number(term_type).map_err(wrong)?);
        let language = u8::try_from(self.languages.number(language).map_err(wrong)?)
            .map_err(|_| wrong("more than 256 languages cannot be told apart"))?;
        self.begin(concept, ATOM)?;
        let number = self.count;
        self.count = number.checked_add(1).ok_or_else(|| failed(ConceptError::TooLarge("4 billion names")))?;
        // Of names preferred alike the first that was read leads.
        self.put(&[order, u8::from(suppressed)]);
        self.put(&(!preference).to_be_bytes());
        self.put(&number.to_be_bytes());
        self.put(&source.to_be_bytes());
        self.put(&term.to_be_bytes());
        self.put(&[language]);
        self.put(code.as_bytes());
        self.put(&[0]);
        self.put(name.as_bytes());
        self.tally.taken += 1;
        self.end()
    }

    fn source(&mut self, source: &str) -> Result<u16, Refusal> {
        if source.is_empty() {
            return Err(wrong("it names no source"));
        }
        short(source, "source")?;
        self.sources.number(source).map_err(wrong)
    }

    fn begin(&mut self, concept: &str, tag: u8) -> Result<(), Refusal> {
        concept_id(concept)?;
        self.moves = tag != SUCCESSOR && !is_cui(concept);
        self.record.clear();
        self.put(concept.as_bytes());
        self.put(&[0, tag]);
        Ok(())
    }

    fn put(&mut self, bytes: &[u8]) {
        self.record.extend_from_slice(bytes);
    }

    /// Puts a source's name where what is written stays in the order of the records: its number would let the order of the inputs decide.
    fn put_source(&mut self, source: &str) {
        self.put(source.as_bytes());
        self.put(&[0]);
    }

    fn end(&mut self) -> Result<(), Refusal> {
        let sorter = if self.moves { &mut self.others } else { &mut self.statements };
        sorter.push(&self.record).map_err(failed)
    }
}

fn wrong(reason: impl Into<String>) -> Refusal {
    Refusal::InvalidStatement(reason.into())
}

fn failed(e: impl Into<ConceptError>) -> Refusal {
    Refusal::SinkFailed(Box::new(e.into()))
}

fn concept_id(id: &str) -> Result<(), Refusal> {
    if is_concept_id(id) {
        return Ok(());
    }
    Err(wrong(format!("{} is neither a CUI (C and seven digits) nor a prefixed id such as WARD:17", quoted(id))))
}

/// Of what is a concept id, whether it is a CUI.
pub(crate) fn is_cui(id: &str) -> bool {
    !id.contains(':')
}

fn short(value: &str, what: &str) -> Result<(), Refusal> {
    if value.len() > LONGEST_VALUE || value.chars().any(char::is_control) {
        return Err(wrong(format!("its {what} is longer than {LONGEST_VALUE} bytes or has control characters")));
    }
    Ok(())
}

/// Numbers for the few values that a column has.
#[derive(Default)]
pub(crate) struct Interner {
    numbers: HashMap<String, u16>,
    /// What was asked for last: rows of one source mostly follow each other.
    last: Option<(String, u16)>,
}

impl Interner {
    /// The number of a value, a new one if it has none.
    pub(crate) fn number(&mut self, value: &str) -> Result<u16, &'static str> {
        if let Some((last, number)) = &self.last
            && last == value
        {
            return Ok(*number);
        }
        let number = match self.numbers.get(value) {
            Some(&number) => number,
            None => {
                let number = u16::try_from(self.numbers.len()).ok().filter(|n| *n < u16::MAX);
                let number = number.ok_or("more than 65,535 sources or term types cannot be told apart")?;
                self.numbers.insert(value.to_owned(), number);
                number
            }
        };
        self.last = Some((value.to_owned(), number));
        Ok(number)
    }

    /// The values in order, and for each number its place among them.
    pub(crate) fn sorted(self) -> (Vec<String>, Vec<u16>) {
        let mut values: Vec<(String, u16)> = self.numbers.into_iter().collect();
        values.sort_unstable();
        let mut places = vec![0; values.len()];
        for (place, (_, number)) in values.iter().enumerate() {
            places[usize::from(*number)] = place as u16;
        }
        (values.into_iter().map(|(value, _)| value).collect(), places)
    }
}

/// Atoms with their keys, to be sorted by key.
pub(crate) struct Names {
    sorter: Sorter,
    record: Vec<u8>,
}

impl Names {
    pub(crate) fn new(dir: &Path, memory: usize) -> Self {
        Self { sorter: Sorter::new(dir, memory), record: vec![] }
    }

    /// Adds the atom of this number, whose concept has the set of types `set`.
    pub(crate) fn push(&mut self, name: &str, atom: u32, set: u16, source: u16) -> Result<(), ConceptError> {
        self.record.clear();
        self.record.extend_from_slice(text::normalize(name).as_bytes());
        self.record.push(0);
        self.record.extend_from_slice(&atom.to_be_bytes());
        self.record.extend_from_slice(&set.to_be_bytes());
        self.record.extend_from_slice(&source.to_be_bytes());
        Ok(self.sorter.push(&self.record)?)
    }

    pub(crate) fn sort(self) -> Result<SortedNames, ConceptError> {
        let count = self.sorter.len();
        Ok(SortedNames { sorted: self.sorter.sort()?, count, record: self.record })
    }
}

/// Atoms in the order of their keys, and of those of one key in the order of their numbers.
pub(crate) struct SortedNames {
    sorted: Sorted,
    count: u64,
    record: Vec<u8>,
}

/// One of [`SortedNames`].
pub(crate) struct KeyedName<'a> {
    pub key: &'a str,
    pub atom: u32,
    pub set: u16,
    pub source: u16,
}

impl SortedNames {
    pub(crate) fn len(&self) -> u64 {
        self.count
    }

    pub(crate) fn next(&mut self) -> Result<Option<KeyedName<'_>>, ConceptError> {
        if !self.sorted.next(&mut self.record)? {
            return Ok(None);
        }
        let mut fields = Fields::of(&self.record);
        let key = fields.text()?;
        Ok(Some(KeyedName { key, atom: fields.u32()?, set: fields.u16()?, source: fields.u16()? }))
    }
}

/// Reads a record that was written here.
pub(crate) struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    pub(crate) fn of(record: &'a [u8]) -> Self {
        Self(record)
    }

    /// What was not read yet.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.0
    }

    /// Text up to the next zero, which no text has, or to the end.
    pub(crate) fn text(&mut self) -> Result<&'a str, ConceptError> {
        let end = memchr::memchr(0, self.0).unwrap_or(self.0.len());
        let (text, rest) = self.0.split_at(end);
        self.0 = rest.get(1..).unwrap_or_default();
        std::str::from_utf8(text).map_err(|_| spoilt())
    }

    pub(crate) fn u8(&mut self) -> Result<u8, ConceptError> {
        self.take().map(u8::from_be_bytes)
    }

    pub(crate) fn u16(&mut self) -> Result<u16, ConceptError> {
        self.take().map(u16::from_be_bytes)
    }

    pub(crate) fn u32(&mut self) -> Result<u32, ConceptError> {
        self.take().map(u32::from_be_bytes)
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], ConceptError> {
        let (bytes, rest) = self.0.split_first_chunk().ok_or_else(spoilt)?;
        self.0 = rest;
        Ok(*bytes)
    }
}

/// What a temporary file gave back is not what was written to it.
pub(crate) fn spoilt() -> ConceptError {
    std::io::Error::other("a temporary file was damaged").into()
}
