//! Concepts, their atoms, and the rows that atoms share: as columns on disk.
//!
//! Concepts are sorted by id, atoms by concept with the preferred one first, rows by key. Names of one normalised key share
//! a row, whatever concepts they belong to. Invariant: every number that refers to another table has been checked to be inside it.

use std::{collections::BTreeMap, ops::Range, path::Path};

use super::{
    IndexError,
    manifest::{Counts, SourceCount},
    mapped::{self, Column, Sections, Strings, StringsBuilder, range_of},
};
use crate::{
    domain::{AtomRef, Statement, semantic_type},
    text,
};

#[derive(Clone, PartialEq)]
struct Atom {
    name: String,
    source: String,
    code: String,
    term_type: String,
}

/// What was written.
pub struct Written {
    pub counts: Counts,
    pub sources: Vec<SourceCount>,
    /// For each row the text that stands for it: its first name.
    pub texts: Vec<String>,
    /// For each row its key.
    pub keys: Vec<String>,
}

/// Names being collected for an index.
#[derive(Default)]
pub struct NamesBuilder {
    concepts: BTreeMap<String, ConceptDraft>,
}

#[derive(Default)]
struct ConceptDraft {
    types: Vec<u8>,
    atoms: Vec<Atom>,
}

impl NamesBuilder {
    /// Adds a statement.
    pub fn take(&mut self, statement: Statement) -> Result<(), String> {
        match statement {
            Statement::Atom(AtomRef { concept, name, source, code, term_type, .. }) => {
                let atom =
                    Atom { name: name.into(), source: source.into(), code: code.into(), term_type: term_type.into() };
                self.concepts.entry(concept.into()).or_default().atoms.push(atom);
            }
            Statement::Type { concept, tui } => {
                let place = semantic_type::position(tui).ok_or("no TUI")? as u8;
                self.concepts.entry(concept.into()).or_default().types.push(place);
            }
            _ => {}
        }
        Ok(())
    }

    /// Writes the columns to `path`.
    ///
    /// # Errors
    /// [`IndexError::TooLarge`], or what the disk says.
    pub fn write(mut self, path: &Path) -> Result<Written, IndexError> {
        let mut rows: BTreeMap<String, Vec<u32>> = BTreeMap::new();
        let mut sources: BTreeMap<String, u64> = BTreeMap::new();
        let mut term_types: BTreeMap<String, u64> = BTreeMap::new();
        let mut ids = StringsBuilder::default();
        let (mut types, mut type_ends, mut atom_ends) = (vec![], vec![], vec![]);
        let (mut names, mut codes) = (StringsBuilder::default(), StringsBuilder::default());
        let mut count = 0u32;
        for (id, draft) in &mut self.concepts {
            // Stable: of several preferred terms the first that was read leads.
            draft.atoms.sort_by_key(|a| a.term_type != "PT");
            draft.types.sort_unstable();
            for atom in &draft.atoms {
                rows.entry(text::key(&atom.name)).or_default().push(count);
                *sources.entry(atom.source.clone()).or_default() += 1;
                *term_types.entry(atom.term_type.clone()).or_default() += 1;
                names.push(&atom.name)?;
                codes.push(&atom.code)?;
                count = count.checked_add(1).ok_or(IndexError::TooLarge("4 billion names"))?;
            }
            ids.push(id)?;
            types.extend_from_slice(&draft.types);
            type_ends.push(types.len() as u32);
            atom_ends.push(count);
        }
        let atoms: Vec<&Atom> = self.concepts.values().flat_map(|d| &d.atoms).collect();
        let index_in = |table: &BTreeMap<String, u64>| -> BTreeMap<String, u16> {
            table.keys().enumerate().map(|(i, k)| (k.clone(), i as u16)).collect()
        };
        if sources.len() > usize::from(u16::MAX) || term_types.len() > usize::from(u16::MAX) {
            return Err(IndexError::TooLarge("65,535 sources or term types"));
        }
        let (source_index, term_index) = (index_in(&sources), index_in(&term_types));
        let atom_source: Vec<u16> = atoms.iter().map(|a| source_index[&a.source]).collect();
        let atom_term: Vec<u16> = atoms.iter().map(|a| term_index[&a.term_type]).collect();

        let mut keys = StringsBuilder::default();
        let (mut row_atoms, mut row_ends) = (Vec::with_capacity(atoms.len()), Vec::with_capacity(rows.len()));
        for (key, members) in &rows {
            keys.push(key)?;
            row_atoms.extend_from_slice(members);
            row_ends.push(row_atoms.len() as u32);
        }
        let texts = rows.values().map(|members| atoms[members[0] as usize].name.clone()).collect();
        let (mut source_names, mut term_names) = (StringsBuilder::default(), StringsBuilder::default());
        sources.keys().try_for_each(|s| source_names.push(s))?;
        term_types.keys().try_for_each(|t| term_names.push(t))?;

        let mut sections: Vec<(&str, &[u8])> = vec![
            ("concept.types", mapped::bytes(&types)),
            ("concept.tends", mapped::bytes(&type_ends)),
            ("concept.aends", mapped::bytes(&atom_ends)),
            ("atom.source", mapped::bytes(&atom_source)),
            ("atom.term", mapped::bytes(&atom_term)),
            ("row.atoms", mapped::bytes(&row_atoms)),
            ("row.aends", mapped::bytes(&row_ends)),
        ];
        for (names, list) in [
            (["id.text", "id.ends"], &ids),
            (["name.text", "name.ends"], &names),
            (["code.text", "code.ends"], &codes),
            (["key.text", "key.ends"], &keys),
            (["source.text", "source.ends"], &source_names),
            (["term.text", "term.ends"], &term_names),
        ] {
            sections.extend(names.into_iter().zip(list.sections()));
        }
        mapped::write(path, &sections)?;
        let counts = Counts { concepts: self.concepts.len() as u64, atoms: count.into(), rows: rows.len() as u64 };
        let sources = sources.into_iter().map(|(source, atoms)| SourceCount { source, atoms }).collect();
        Ok(Written { counts, sources, texts, keys: rows.into_keys().collect() })
    }
}

/// A concept's number in the index.
pub type ConceptNumber = u32;

/// An atom as the index holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AtomView<'a> {
    pub name: &'a str,
    pub source: &'a str,
    pub code: &'a str,
    pub term_type: &'a str,
}

/// The names of an index, mapped.
pub struct Names {
    ids: Strings,
    types: Column<u8>,
    type_ends: Column<u32>,
    atom_ends: Column<u32>,
    names: Strings,
    codes: Strings,
    atom_source: Column<u16>,
    atom_term: Column<u16>,
    keys: Strings,
    row_atoms: Column<u32>,
    row_ends: Column<u32>,
    sources: Strings,
    terms: Strings,
}

impl Names {
    /// Maps `path`.
    ///
    /// # Errors
    /// [`IndexError::Damaged`] when its tables do not fit together.
    pub fn open(path: &Path) -> Result<Self, IndexError> {
        let file = Sections::open(path)?;
        let (sources, terms, names) = (file.strings("source")?, file.strings("term")?, file.strings("name")?);
        let atoms = names.len();
        let store = Self {
            ids: file.strings("id")?,
            types: file.bounded::<u8>("concept.types", semantic_type::SEMANTIC_TYPES.len())?,
            type_ends: file.ends("concept.tends")?,
            atom_ends: file.ends("concept.aends")?,
            codes: file.strings("code")?,
            atom_source: file.bounded::<u16>("atom.source", sources.len())?,
            atom_term: file.bounded::<u16>("atom.term", terms.len())?,
            keys: file.strings("key")?,
            row_atoms: file.bounded::<u32>("row.atoms", atoms)?,
            row_ends: file.ends("row.aends")?,
            names,
            sources,
            terms,
        };
        let last = |ends: &[u32]| ends.last().copied().unwrap_or(0) as usize;
        let concepts = store.ids.len();
        let fits = [store.type_ends.len(), store.atom_ends.len()] == [concepts; 2]
            && [store.codes.len(), store.atom_source.len(), store.atom_term.len()] == [atoms; 3]
            && last(&store.type_ends) == store.types.len()
            && last(&store.atom_ends) == atoms
            && store.row_ends.len() == store.keys.len()
            && last(&store.row_ends) == store.row_atoms.len()
            && (0..concepts).all(|c| !range_of(&store.atom_ends, c).is_empty());
        if fits && concepts > 0 { Ok(store) } else { Err(file.damaged("its tables do not fit together")) }
    }

    /// How many of each it holds.
    pub fn counts(&self) -> Counts {
        let count = |strings: &Strings| strings.len() as u64;
        Counts { concepts: count(&self.ids), atoms: count(&self.names), rows: count(&self.keys) }
    }

    /// The concept with this id.
    pub fn concept(&self, id: &str) -> Option<ConceptNumber> {
        self.ids.position(id).map(|i| i as u32)
    }

    /// A concept's id.
    pub fn id(&self, concept: ConceptNumber) -> &str {
        self.ids.get(concept as usize)
    }

    /// Places of a concept's types in [`semantic_type::SEMANTIC_TYPES`].
    pub fn types(&self, concept: ConceptNumber) -> &[u8] {
        &self.types[range_of(&self.type_ends, concept as usize)]
    }

    /// A concept's atoms, the preferred one first.
    pub fn atoms(&self, concept: ConceptNumber) -> Range<u32> {
        let range = range_of(&self.atom_ends, concept as usize);
        range.start as u32..range.end as u32
    }

    /// An atom.
    pub fn atom(&self, atom: u32) -> AtomView<'_> {
        let i = atom as usize;
        AtomView {
            name: self.names.get(i),
            source: self.sources.get(self.atom_source[i].into()),
            code: self.codes.get(i),
            term_type: self.terms.get(self.atom_term[i].into()),
        }
    }

    /// The concept that an atom belongs to.
    pub fn concept_of(&self, atom: u32) -> ConceptNumber {
        self.atom_ends.partition_point(|&end| end <= atom) as u32
    }

    /// The place of an atom's source in the table of sources.
    pub fn source_of(&self, atom: u32) -> u16 {
        self.atom_source[atom as usize]
    }

    /// The place of a source.
    pub fn source(&self, source: &str) -> Option<u16> {
        self.sources.position(source).map(|i| i as u16)
    }

    /// How many sources there are.
    pub fn source_count(&self) -> usize {
        self.sources.len()
    }

    /// The row whose key this is.
    pub fn row(&self, key: &str) -> Option<u32> {
        self.keys.position(key).map(|i| i as u32)
    }

    /// The atoms that share a row, by concept.
    pub fn row_atoms(&self, row: u32) -> &[u32] {
        &self.row_atoms[range_of(&self.row_ends, row as usize)]
    }
}
