//! Merges sorted records to concepts, atoms, definitions and history.
//!
//! Records come by concept, and of a concept its types, atoms by preference, codes, definitions and successors, in this order: each is
//! written as it comes. Invariant: what is in memory does not grow with the atoms.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    path::Path,
};

use crate::concepts::{
    ingest::{
        assemble::distinct,
        collect::{ATOM, CODE, DEFINITION, Fields, Names, SUCCESSOR, TYPE, Tally, spoilt},
    },
    schema::{NO_CODE, Step},
    selection::Selection,
    succession::{Next, follow},
    view::SUCCESSIONS,
};
use crate::{
    columns::{
        mapped::partition,
        writer::{ColumnWriter, ColumnsWriter, StringsWriter},
    },
    concepts::ConceptError,
    concepts::counts::SourceEntry,
    domain::{
        Succession,
        semantic_type::{self, SEMANTIC_TYPES},
    },
    files::sorter::{Sorted, Sorter},
    job::Job,
};

/// For the number that a value got when it was read, its place in order.
pub(crate) struct Tables {
    pub sources: Vec<u16>,
    pub terms: Vec<u16>,
    pub languages: Vec<u16>,
}

/// Ids in order, in memory: some 12 bytes each.
#[derive(Default)]
pub(crate) struct Ids {
    text: Vec<u8>,
    ends: Vec<u32>,
}

impl Ids {
    fn push(&mut self, id: &str) -> Result<(), ConceptError> {
        self.text.extend_from_slice(id.as_bytes());
        self.ends.push(u32::try_from(self.text.len()).map_err(|_| ConceptError::TooLarge("4 GiB of ids"))?);
        Ok(())
    }

    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    fn get(&self, i: usize) -> &[u8] {
        let start = if i == 0 { 0 } else { self.ends[i - 1] };
        &self.text[start as usize..self.ends[i] as usize]
    }

    fn position(&self, id: &[u8]) -> Option<usize> {
        let at = partition(self.len(), |i| self.get(i) < id);
        (at < self.len() && self.get(at) == id).then_some(at)
    }

    /// Writes them as the strings `name`.
    pub(crate) fn write(&self, file: &mut ColumnsWriter, name: &str) -> Result<(), ConceptError> {
        file.add_values(&format!("{name}.text"), &self.text)?;
        Ok(file.add_values(&format!("{name}.ends"), &self.ends)?)
    }
}

/// Ids that name no concept, with what took their place.
#[derive(Default)]
pub(crate) struct History {
    retired: Ids,
    ends: Vec<u32>,
    steps: Vec<Step>,
    successors: Ids,
}

impl History {
    fn push(&mut self, id: &str, kind: u8, source: u16, successor: &str) -> Result<(), ConceptError> {
        if self.retired.len() == 0 || self.retired.get(self.retired.len() - 1) != id.as_bytes() {
            self.retired.push(id)?;
            self.ends.push(self.steps.len() as u32);
        }
        let number = self.successors.len() as u32;
        self.successors.push(successor)?;
        self.steps.push(Step { id: number, kind: kind.into(), source });
        if let Some(end) = self.ends.last_mut() {
            *end += 1;
        }
        Ok(())
    }

    /// The concepts that `id` stands for: itself, or those that replaced it.
    pub(crate) fn resolve(&self, id: &str, ids: &Ids) -> Vec<u32> {
        if let Some(concept) = ids.position(id.as_bytes()) {
            return vec![concept as u32];
        }
        let Some(place) = self.retired.position(id.as_bytes()) else { return vec![] };
        let ends = follow(place, |place| {
            let start = if place == 0 { 0 } else { self.ends[place - 1] };
            let steps = self.steps[start as usize..self.ends[place] as usize].iter();
            let same = steps.filter(|s| SUCCESSIONS[usize::from(s.kind)] == Succession::Same);
            let next = same.filter_map(|s| {
                let id = self.successors.get(s.id as usize);
                let end = ids.position(id).map(|concept| Next::End(concept as u32));
                Some((Succession::Same, end.or_else(|| self.retired.position(id).map(Next::Retired))?))
            });
            next.collect()
        });
        ends.into_iter().map(|(_, concept)| concept).collect()
    }

    /// Writes it.
    pub(crate) fn write(&self, file: &mut ColumnsWriter) -> Result<(), ConceptError> {
        self.retired.write(file, "old")?;
        self.successors.write(file, "new")?;
        file.add_values("old.steps", &self.steps)?;
        Ok(file.add_values("old.sends", &self.ends)?)
    }
}

/// What merging leaves to be done.
pub(crate) struct Merged<'a> {
    pub file: ColumnsWriter<'a>,
    pub ids: Ids,
    pub history: History,
    pub names: Names,
    /// Source, code, zero, concept, the source that says so, atom.
    pub codes: Sorter,
    /// Distinct sets of semantic types, as places.
    pub sets: Vec<Vec<u8>>,
    pub sources: Vec<SourceEntry>,
    pub semantic_types: BTreeMap<String, u64>,
    pub tally: Tally,
    pub atoms: u32,
}

/// The concept whose records are being read.
#[derive(Default)]
struct Current {
    id: String,
    types: Vec<u8>,
    /// Its number, once a name of it was taken.
    number: Option<u32>,
    set: u16,
    /// What tells its atoms apart.
    atoms: HashSet<Vec<u8>>,
    definitions: HashSet<String>,
}

/// Merges records.
pub(crate) struct Merger<'a> {
    selection: &'a Selection,
    tables: &'a Tables,
    languages: &'a [String],
    /// By place; absent when every type is taken.
    wanted: Option<Vec<bool>>,
    current: Current,
    merged: Merged<'a>,
    set_numbers: HashMap<Vec<u8>, u16>,
    /// By type, how many concepts are of it.
    of_type: Vec<u64>,
    /// By source: the last concept counted, and the languages seen.
    counted: Vec<Option<u32>>,
    spoken: Vec<BTreeSet<u8>>,
    record: Vec<u8>,
    set: ColumnWriter,
    atom_ends: ColumnWriter,
    names: StringsWriter,
    atom_source: ColumnWriter,
    atom_term: ColumnWriter,
    atom_language: ColumnWriter,
    atom_suppressed: ColumnWriter,
    definitions: StringsWriter,
    definition_source: ColumnWriter,
    definition_ends: ColumnWriter,
    definition_count: u32,
}

impl<'a> Merger<'a> {
    /// Merges into columns that are kept in `dir`.
    pub(crate) fn new(
        dir: &'a Path,
        sort_memory: usize,
        selection: &'a Selection,
        tables: &'a Tables,
        languages: &'a [String],
        sources: Vec<SourceEntry>,
        tally: Tally,
    ) -> Result<Self, ConceptError> {
        let file = ColumnsWriter::new(dir);
        let wanted = semantic_type::type_mask(&selection.semantic_types, &selection.semantic_groups);
        Ok(Self {
            selection,
            tables,
            languages,
            wanted,
            current: Current::default(),
            set_numbers: HashMap::new(),
            of_type: vec![0; SEMANTIC_TYPES.len()],
            counted: vec![None; sources.len()],
            spoken: vec![BTreeSet::new(); sources.len()],
            record: vec![],
            set: file.column()?,
            atom_ends: file.column()?,
            names: file.strings()?,
            atom_source: file.column()?,
            atom_term: file.column()?,
            atom_language: file.column()?,
            atom_suppressed: file.column()?,
            definitions: file.strings()?,
            definition_source: file.column()?,
            definition_ends: file.column()?,
            definition_count: 0,
            merged: Merged {
                file,
                ids: Ids::default(),
                history: History::default(),
                names: Names::new(dir, sort_memory),
                codes: Sorter::new(dir, sort_memory / 2),
                sets: vec![],
                sources,
                semantic_types: BTreeMap::new(),
                tally: Tally { taken: 0, ..tally },
                atoms: 0,
            },
        })
    }

    /// Merges every record that differs from the one before it: inputs that overlap say the same again.
    ///
    /// # Errors
    /// What the disk says; [`ConceptError::Canceled`].
    pub(crate) fn all(&mut self, records: Sorted, job: Job<'_>) -> Result<(), ConceptError> {
        distinct(records, job, |record| self.one(record))?;
        self.end_concept()
    }

    fn one(&mut self, record: &[u8]) -> Result<(), ConceptError> {
        let mut fields = Fields::of(record);
        let id = fields.text()?;
        if id != self.current.id {
            self.end_concept()?;
            id.clone_into(&mut self.current.id);
        }
        match fields.u8()? {
            TYPE => {
                self.current.types.push(fields.u8()?);
                Ok(())
            }
            ATOM => self.atom(fields),
            CODE => self.code(fields),
            DEFINITION => self.definition(fields),
            SUCCESSOR => self.successor(fields),
            _ => Ok(()),
        }
    }

    fn atom(&mut self, mut fields: Fields) -> Result<(), ConceptError> {
        let (_, suppressed, _, _) = (fields.u8()?, fields.u8()?, fields.u32()?, fields.u32()?);
        let tally = &mut self.merged.tally;
        if self.wanted.as_ref().is_some_and(|wanted| !self.current.types.iter().any(|&t| wanted[usize::from(t)])) {
            tally.other_type += 1;
            return Ok(());
        }
        if self.selection.max_names_per_concept.is_some_and(|most| self.current.atoms.len() >= most) {
            tally.surplus += 1;
            return Ok(());
        }
        if !self.current.atoms.insert(fields.rest().to_vec()) {
            tally.repeated += 1;
            return Ok(());
        }
        tally.taken += 1;
        let source = self.tables.sources[usize::from(fields.u16()?)];
        let term = self.tables.terms[usize::from(fields.u16()?)];
        let language = self.tables.languages[usize::from(fields.u8()?)] as u8;
        let (code, name) = (fields.text()?, fields.text()?);
        let concept = match self.current.number {
            Some(number) => number,
            None => self.begin_concept()?,
        };
        let atom = self.merged.atoms;
        self.merged.atoms += 1;
        self.names.push(name)?;
        self.atom_source.push(source)?;
        self.atom_term.push(term)?;
        self.atom_language.push(language)?;
        self.atom_suppressed.push(suppressed)?;
        self.merged.names.push(name, atom, self.current.set, source)?;
        if !code.is_empty() {
            self.push_code(source, code, concept, source, atom)?;
        }
        let place = usize::from(source);
        self.merged.sources[place].atoms += 1;
        self.spoken[place].insert(language);
        if self.counted[place].replace(concept) != Some(concept) {
            self.merged.sources[place].concepts += 1;
        }
        Ok(())
    }

    fn begin_concept(&mut self) -> Result<u32, ConceptError> {
        let number = self.merged.ids.len() as u32;
        self.merged.ids.push(&self.current.id)?;
        self.current.types.iter().for_each(|&place| self.of_type[usize::from(place)] += 1);
        let next = self.set_numbers.len();
        self.current.set = match self.set_numbers.get(&self.current.types) {
            Some(&set) => set,
            None => {
                let set = u16::try_from(next).map_err(|_| ConceptError::TooLarge("65,536 sets of semantic types"))?;
                self.set_numbers.insert(self.current.types.clone(), set);
                self.merged.sets.push(self.current.types.clone());
                set
            }
        };
        self.current.number = Some(number);
        Ok(number)
    }

    fn end_concept(&mut self) -> Result<(), ConceptError> {
        if self.current.number.is_some() {
            self.set.push(self.current.set)?;
            self.atom_ends.push(self.merged.atoms)?;
            self.definition_ends.push(self.definition_count)?;
        }
        self.current.number = None;
        self.current.types.clear();
        self.current.atoms.clear();
        self.current.definitions.clear();
        Ok(())
    }

    fn code(&mut self, mut fields: Fields) -> Result<(), ConceptError> {
        let Some(concept) = self.current.number else { return Ok(()) };
        let source = self.tables.sources[usize::from(fields.u16()?)];
        let said_by = self.tables.sources[usize::from(fields.u16()?)];
        self.push_code(source, fields.text()?, concept, said_by, NO_CODE)
    }

    fn push_code(
        &mut self,
        source: u16,
        code: &str,
        concept: u32,
        said_by: u16,
        atom: u32,
    ) -> Result<(), ConceptError> {
        self.record.clear();
        self.record.extend_from_slice(&source.to_be_bytes());
        self.record.extend_from_slice(code.as_bytes());
        self.record.push(0);
        self.record.extend_from_slice(&concept.to_be_bytes());
        self.record.extend_from_slice(&said_by.to_be_bytes());
        self.record.extend_from_slice(&atom.to_be_bytes());
        Ok(self.merged.codes.push(&self.record)?)
    }

    fn definition(&mut self, mut fields: Fields) -> Result<(), ConceptError> {
        let source = self.place(fields.text()?)?;
        let text = fields.text()?;
        if self.current.number.is_none() || !self.current.definitions.insert(format!("{source} {text}")) {
            return Ok(());
        }
        self.definitions.push(text)?;
        self.definition_source.push(source)?;
        self.definition_count += 1;
        Ok(())
    }

    fn successor(&mut self, mut fields: Fields) -> Result<(), ConceptError> {
        if self.current.number.is_some() {
            return Ok(());
        }
        let (kind, source) = (fields.u8()?, self.place(fields.text()?)?);
        self.merged.history.push(&self.current.id, kind, source, fields.text()?)
    }

    /// The place of a source that a record names.
    fn place(&self, source: &str) -> Result<u16, ConceptError> {
        let place = self.merged.sources.binary_search_by(|entry| entry.source.as_str().cmp(source));
        place.map(|place| place as u16).map_err(|_| spoilt())
    }

    /// Completes the columns.
    pub(crate) fn finish(self) -> Result<Merged<'a>, ConceptError> {
        let mut merged = self.merged;
        for (entry, spoken) in merged.sources.iter_mut().zip(self.spoken) {
            entry.languages = spoken.into_iter().map(|place| self.languages[usize::from(place)].clone()).collect();
        }
        let counts = SEMANTIC_TYPES.iter().zip(self.of_type).filter(|(_, count)| *count > 0);
        merged.semantic_types = counts.map(|(t, count)| (t.tui.to_owned(), count)).collect();
        let file = &mut merged.file;
        file.add_lists("set.types", "set.ends", &merged.sets)?;
        file.add_strings("name", self.names)?;
        file.add_strings("def", self.definitions)?;
        for (name, column) in [
            ("concept.set", self.set),
            ("concept.aends", self.atom_ends),
            ("atom.source", self.atom_source),
            ("atom.term", self.atom_term),
            ("atom.language", self.atom_language),
            ("atom.suppressed", self.atom_suppressed),
            ("def.source", self.definition_source),
            ("concept.dends", self.definition_ends),
        ] {
            file.add(name, column)?;
        }
        Ok(merged)
    }
}
