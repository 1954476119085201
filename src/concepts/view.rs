//! What is read of concepts.
//!
//! Invariant: of a hidden source no name, code, definition, relation or successor is given; a concept without other names is not there.

use std::sync::Arc;

use roaring::{MultiOps, RoaringBitmap};

use crate::concepts::{
    schema::{NO_CODE, Step},
    store::{ConceptNumber, Concepts},
    succession::{Next, follow},
};
use crate::{
    columns::mapped::partition,
    concepts::ConceptError,
    concepts::counts::{Counts, SourceEntry},
    domain::Succession,
};

/// An atom as the index holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AtomView<'a> {
    pub name: &'a str,
    /// Source vocabulary (SAB).
    pub source: &'a str,
    /// Code in that source; may be empty.
    pub code: &'a str,
    /// Term type (TTY).
    pub term_type: &'a str,
    /// Language (LAT).
    pub language: &'a str,
    /// Whether its source has withdrawn it or the release advises against it.
    pub suppressed: bool,
}

/// A code of a concept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CodeView<'a> {
    pub source: &'a str,
    pub code: &'a str,
}

/// A definition of a concept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DefinitionView<'a> {
    pub source: &'a str,
    pub text: &'a str,
}

/// What another concept is to a concept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Relation {
    Parent,
    Child,
    Broader,
    Narrower,
}

impl Relation {
    pub const ALL: [Self; 4] = [Self::Parent, Self::Child, Self::Broader, Self::Narrower];
}

/// Successions by their number on disk.
pub(crate) const SUCCESSIONS: [Succession; 5] =
    [Succession::Same, Succession::Broader, Succession::Narrower, Succession::Other, Succession::Deleted];

/// An id that names no concept any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retired<'a> {
    pub id: &'a str,
    /// Whether nothing ever took its place.
    pub deleted: bool,
    /// From the nearest, then by id; none where they are hidden or lead nowhere.
    pub successors: Vec<Successor<'a>>,
}

/// What took the place of a retired id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Successor<'a> {
    pub id: &'a str,
    pub kind: Succession,
    /// The concept, if the index has it.
    pub concept: Option<ConceptNumber>,
}

impl Concepts {
    /// Hides the sources named, and those with a higher restriction level than `ceiling`. A source whose level is unknown is not above it.
    ///
    /// # Errors
    /// [`ConceptError::UnknownSource`] when a source is none of this index: a misspelled one would otherwise be shown.
    pub fn hide(&mut self, sources: &[String], ceiling: Option<u8>) -> Result<(), ConceptError> {
        for name in sources {
            let place = self.place(name).ok_or_else(|| ConceptError::UnknownSource(name.clone()))?;
            self.hidden[usize::from(place)] = true;
        }
        for (place, source) in self.sources.iter().enumerate() {
            self.hidden[place] |= ceiling.zip(source.restriction_level).is_some_and(|(most, level)| level > most);
        }
        let shown = (0..self.sources.len()).filter(|&place| !self.hidden[place]);
        let visible = shown.map(|place| self.rows.of_source(place)).union();
        self.visible = self.hidden.contains(&true).then(|| Arc::new(visible));
        Ok(())
    }

    /// How many of each the index holds, hidden ones too.
    pub fn counts(&self) -> Counts {
        let count = |n: usize| n as u64;
        Counts { concepts: count(self.ids.len()), atoms: count(self.names.len()), rows: count(self.rows.len()) }
    }

    /// The concept with this id.
    pub fn concept(&self, id: &str) -> Option<ConceptNumber> {
        self.ids.position(id).map(|i| i as u32).filter(|&concept| self.is_visible(concept))
    }

    /// Whether a name of it may be shown.
    pub fn is_visible(&self, concept: ConceptNumber) -> bool {
        self.visible.is_none() || self.atoms(concept).next().is_some()
    }

    /// A concept's id.
    pub fn id(&self, concept: ConceptNumber) -> &str {
        self.ids.get(concept as usize)
    }

    /// A concept's preferred name: that of its first atom.
    pub fn preferred(&self, concept: ConceptNumber) -> &str {
        self.atoms(concept).next().map_or("", |atom| self.names.get(atom as usize))
    }

    /// Places of a concept's types in [`crate::domain::semantic_type::SEMANTIC_TYPES`].
    pub fn types(&self, concept: ConceptNumber) -> &[u8] {
        self.set.get(concept as usize).map_or(&[], |&set| self.sets.get(set.into()))
    }

    /// A concept's atoms, the preferred one first.
    pub fn atoms(&self, concept: ConceptNumber) -> impl Iterator<Item = u32> + '_ {
        let range = self.atoms.range(concept as usize);
        (range.start as u32..range.end as u32).filter(|&atom| self.shows(self.source_of(atom)))
    }

    /// An atom.
    pub fn atom(&self, atom: u32) -> AtomView<'_> {
        let i = atom as usize;
        let code = self.atom_code.get(i).copied().filter(|&code| code != NO_CODE);
        AtomView {
            name: self.names.get(i),
            source: self.source_name(self.source_of(atom)),
            code: code.map_or("", |code| self.code_text.get(code as usize)),
            term_type: self.atom_term.get(i).map_or("", |&term| self.terms.get(term.into())),
            language: self.atom_language.get(i).map_or("", |&language| self.languages.get(language.into())),
            suppressed: self.atom_suppressed.get(i).is_some_and(|&s| s != 0),
        }
    }

    /// The concept that an atom belongs to.
    pub fn concept_of(&self, atom: u32) -> ConceptNumber {
        self.atoms.list_of(atom as usize) as u32
    }

    /// The place of an atom's source among the sources.
    pub fn source_of(&self, atom: u32) -> u16 {
        self.atoms.value(atom as usize).unwrap_or(u16::MAX)
    }

    /// The place of a source that may be shown.
    pub fn source(&self, source: &str) -> Option<u16> {
        self.place(source).filter(|&place| self.shows(place))
    }

    fn place(&self, source: &str) -> Option<u16> {
        Some(self.sources.binary_search_by(|s| s.source.as_str().cmp(source)).ok()? as u16)
    }

    /// The sources that may be shown.
    pub fn sources(&self) -> impl Iterator<Item = &SourceEntry> {
        self.sources.iter().zip(&self.hidden).filter(|(_, hidden)| !**hidden).map(|(source, _)| source)
    }

    /// Every source with its place, hidden ones too.
    pub(crate) fn all_sources(&self) -> impl Iterator<Item = (u16, &str)> {
        self.sources.iter().enumerate().map(|(place, source)| (place as u16, source.source.as_str()))
    }

    /// The rows that a source that is not hidden gives; absent when none is hidden.
    pub(crate) fn visible_rows(&self) -> Option<&Arc<RoaringBitmap>> {
        self.visible.as_ref()
    }

    /// The rows that have a name of a concept of the type at `place`.
    pub(crate) fn rows_of_type(&self, place: usize) -> &RoaringBitmap {
        self.rows.of_type(place)
    }

    /// The rows that have a name from the source at `place`.
    pub(crate) fn rows_of_source(&self, place: usize) -> &RoaringBitmap {
        self.rows.of_source(place)
    }

    /// Whether the source at `place` may be shown.
    pub fn shows(&self, place: u16) -> bool {
        self.hidden.get(usize::from(place)).is_some_and(|hidden| !hidden)
    }

    pub(crate) fn source_name(&self, place: u16) -> &str {
        self.sources.get(usize::from(place)).map_or("", |source| &source.source)
    }

    /// A concept's codes, by source and code.
    pub fn codes(&self, concept: ConceptNumber) -> impl Iterator<Item = CodeView<'_>> + '_ {
        let shown = self.codes.get(concept as usize).iter().map(|&code| code as usize).filter(|&i| self.shows_code(i));
        shown.filter_map(|i| {
            let source = self.source_name(*self.code_source.get(i)?);
            Some(CodeView { source, code: self.code_text.get(i) })
        })
    }

    /// Whether code `i` is of a source that may be shown, and said by one.
    fn shows_code(&self, i: usize) -> bool {
        let said = || self.code_said_by.get(i).is_some_and(|&set| self.shows_any(set));
        self.code_source.get(i).is_some_and(|&place| self.shows(place)) && (self.visible.is_none() || said())
    }

    /// Whether one of a set of sources may be shown.
    fn shows_any(&self, set: u32) -> bool {
        self.rows.source_set(set).iter().any(|&place| self.shows(place))
    }

    /// Whether a word of the index, which comes with a set of sources, is in a name that may be shown.
    pub fn shows_word(&self, set: u32) -> bool {
        self.visible.is_none() || self.shows_any(set)
    }

    /// The concepts that have this code, by id.
    pub fn by_code<'a>(&'a self, source: &str, code: &'a str) -> impl Iterator<Item = ConceptNumber> + 'a {
        let place = self.source(source);
        let key = |i: usize| (self.code_source[i], self.code_text.get(i));
        let first = place.map_or(usize::MAX, |place| partition(self.code_source.len(), |i| key(i) < (place, code)));
        let same =
            (first..self.code_source.len()).take_while(move |&i| Some(key(i)) == place.map(|place| (place, code)));
        let shown = same.filter(|&i| self.shows_code(i)).filter_map(|i| self.code_concept.get(i).copied());
        shown.filter(|&concept| self.is_visible(concept))
    }

    /// What the codes of a source have before a colon, judged by the first of them: `HP` where it is `HP:0000001`.
    pub fn code_prefix(&self, source: &str) -> Option<&str> {
        let place = self.source(source)?;
        let first = partition(self.code_source.len(), |i| self.code_source[i] < place);
        self.code_source.get(first).filter(|&&of| of == place)?;
        self.code_text.get(first).split_once(':').map(|(prefix, _)| prefix)
    }

    /// A concept's definitions, by source.
    pub fn definitions(&self, concept: ConceptNumber) -> impl Iterator<Item = DefinitionView<'_>> + '_ {
        let places = self.definition_source.range(concept as usize);
        places
            .zip(self.definition_source.get(concept as usize))
            .filter(|(_, source)| self.shows(**source))
            .map(|(i, &source)| DefinitionView { source: self.source_name(source), text: self.definition_text.get(i) })
    }

    /// The concepts that are a `relation` of this one, by id.
    pub fn related(&self, concept: ConceptNumber, relation: Relation) -> impl Iterator<Item = ConceptNumber> + '_ {
        let mut last = None;
        let edges = self.related.get(concept as usize).iter().filter(move |edge| edge.relation == relation as u16);
        edges.filter(|edge| self.shows(edge.source) && self.is_visible(edge.to)).filter_map(move |edge| {
            let repeated = last.replace(edge.to) == Some(edge.to);
            (!repeated && (edge.to as usize) < self.ids.len()).then_some(edge.to)
        })
    }

    /// What became of an id that names no concept any more; none for one that never was or still is.
    pub fn retired(&self, id: &str) -> Option<Retired<'_>> {
        if self.concept(id).is_some() {
            return None;
        }
        let place = self.retired.position(id)?;
        let shown = |place| self.successors.get(place).iter().filter(|step| self.shows(step.source));
        shown(place).next()?;
        let ends = follow(place, |place| {
            let known = shown(place).map(|step| (SUCCESSIONS.get(usize::from(step.kind)), step.id));
            let known = known.filter_map(|(kind, id)| Some((*kind?, self.successor_id.get(id as usize))));
            let steps = known.filter(|(kind, _)| *kind != Succession::Deleted).filter_map(|(kind, id)| {
                // A concept that only hidden sources name is not there for anybody who asks.
                let next = match self.ids.position(id) {
                    Some(concept) => self.is_visible(concept as u32).then_some(Next::End(id))?,
                    None => self.retired.position(id).map_or(Next::End(id), Next::Retired),
                };
                Some((kind, next))
            });
            steps.collect()
        });
        let successor = |(kind, id)| Successor { id, kind, concept: self.concept(id) };
        let deletes = |step: &Step| SUCCESSIONS.get(usize::from(step.kind)) == Some(&Succession::Deleted);
        let deleted = shown(place).all(deletes);
        Some(Retired { id: self.retired.get(place), deleted, successors: ends.into_iter().map(successor).collect() })
    }

    /// Names as they are compared.
    pub fn row(&self, key: &str) -> Option<u32> {
        self.rows.position(key)
    }

    /// The atoms that share a row, by concept; hidden ones too.
    pub fn row_atoms(&self, row: u32) -> &[u32] {
        self.rows.atoms(row)
    }

    /// The text that stands for a row: its first name.
    pub fn row_text(&self, row: u32) -> &str {
        self.row_atoms(row).first().map_or("", |&atom| self.names.get(atom as usize))
    }
}
