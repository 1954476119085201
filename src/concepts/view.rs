//! Reads concepts, atoms, codes, definitions, relations and retired ids from an open store.
//!
//! Invariant: no result contains names, codes, definitions, relations or successors of a hidden
//! source; a concept without a visible name does not exist for the caller.

use std::sync::Arc;

use roaring::{MultiOps, RoaringBitmap};

use crate::{
    columns::mapped::partition_point,
    concepts::{
        ConceptError,
        counts::{Counts, SourceEntry},
        schema::{NO_CODE, Relation, SuccessionStep},
        store::ConceptStore,
        succession::{Target, follow},
    },
    domain::{
        AtomId, CodeId, ConceptId, NameId, SemanticTypeId, SourceId, SourceSetId, Succession,
        curie::{concept_id_spellings, source_abbreviation},
    },
};

/// An atom: a name of a concept in one source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AtomView<'a> {
    /// The name as the source writes it.
    pub name: &'a str,
    /// Source vocabulary (SAB).
    pub source: &'a str,
    /// Code in that source; may be empty.
    pub code: &'a str,
    /// Term type (TTY).
    pub term_type: &'a str,
    /// Language (LAT).
    pub language: &'a str,
    /// Whether its source has withdrawn the name or the release advises against it.
    pub suppressed: bool,
}

/// A code of a concept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CodeRef<'a> {
    /// Source vocabulary (SAB).
    pub source: &'a str,
    /// The code in that source.
    pub code: &'a str,
}

/// A definition of a concept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DefinitionRef<'a> {
    /// Source vocabulary (SAB).
    pub source: &'a str,
    /// The definition.
    pub text: &'a str,
}

/// An id that is no concept any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retired<'a> {
    /// CUI or prefixed id.
    pub id: &'a str,
    /// Whether every visible source states that the id was deleted.
    pub deleted: bool,
    /// The nearest kind first, then by id. Empty if all successors are hidden or no chain ends at a
    /// concept or an id without steps.
    pub successors: Vec<Successor<'a>>,
}

/// The successor of a retired id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Successor<'a> {
    /// CUI or prefixed id.
    pub id: &'a str,
    /// How the retired id relates to it.
    pub kind: Succession,
    /// The concept, if the index has it.
    pub concept: Option<ConceptId>,
}

/// The store as a whole: counts, sources, and what is hidden.
impl ConceptStore {
    /// Hides `sources`, and sources with a restriction level above `max_restriction_level`. A
    /// source with an unknown level is above none.
    ///
    /// # Errors
    /// [`ConceptError::UnknownSource`] if the index lacks one of `sources`; otherwise the source
    /// that a misspelled name means would stay visible.
    pub fn hide(&mut self, sources: &[String], max_restriction_level: Option<u8>) -> Result<(), ConceptError> {
        for name in sources {
            let source = self.any_source(name).ok_or_else(|| ConceptError::UnknownSource(name.clone()))?;
            self.hidden[source.index()] = true;
        }
        for (hidden, source) in self.hidden.iter_mut().zip(&self.sources) {
            *hidden |= max_restriction_level.zip(source.restriction_level).is_some_and(|(max, level)| level > max);
        }
        let visible = SourceId::all(self.sources.len()).filter(|source| !self.hidden[source.index()]);
        let visible_names = visible.map(|source| self.names.with_source(source)).union();
        self.visible_names = self.hidden.contains(&true).then(|| Arc::new(visible_names));
        Ok(())
    }

    /// Numbers of concepts, atoms and distinct names, including hidden ones.
    pub fn counts(&self) -> Counts {
        Counts {
            concepts: self.concept_ids.len() as u64,
            atoms: self.atom_names.len() as u64,
            rows: self.names.len() as u64,
        }
    }

    /// The visible sources, ascending by abbreviation.
    pub fn sources(&self) -> impl Iterator<Item = &SourceEntry> {
        self.sources.iter().zip(&self.hidden).filter(|(_, hidden)| !**hidden).map(|(source, _)| source)
    }

    /// Every source with its abbreviation, including hidden ones.
    pub(crate) fn all_sources(&self) -> impl Iterator<Item = (SourceId, &str)> {
        SourceId::all(self.sources.len()).zip(&self.sources).map(|(id, entry)| (id, entry.source.as_str()))
    }

    /// The visible source with this abbreviation, or one of its other names.
    pub fn source(&self, abbreviation: &str) -> Option<SourceId> {
        self.any_source(abbreviation).filter(|&source| self.is_source_visible(source))
    }

    /// The source with this abbreviation, hidden or not. If there is none, the source that has
    /// `name` as another name (`MESH` is MSH) or as its abbreviation in another case.
    fn any_source(&self, name: &str) -> Option<SourceId> {
        let find = |name: &str| self.sources.binary_search_by(|entry| entry.source.as_str().cmp(name)).ok();
        let in_any_case = || self.sources.iter().position(|entry| entry.source.eq_ignore_ascii_case(name));
        let position = find(name).or_else(|| find(source_abbreviation(name))).or_else(in_any_case);
        position.map(SourceId::from_index)
    }

    /// The abbreviation in this index of the visible source that `name` calls.
    pub fn source_abbreviation(&self, name: &str) -> Option<&str> {
        self.source(name).map(|source| self.source_name(source))
    }

    /// The abbreviations in this index of the visible sources that `names` call; other names stay.
    pub fn source_abbreviations(&self, names: &[String]) -> Vec<String> {
        names.iter().map(|name| self.source_abbreviation(name).unwrap_or(name).to_owned()).collect()
    }

    /// Whether a source is not hidden; false for an id that is no source.
    pub fn is_source_visible(&self, source: SourceId) -> bool {
        self.hidden.get(source.index()).is_some_and(|hidden| !hidden)
    }

    /// Whether a source of the set is not hidden.
    pub fn is_any_source_visible(&self, set: SourceSetId) -> bool {
        self.visible_names.is_none() || self.names.source_set(set).iter().any(|&source| self.is_source_visible(source))
    }

    /// The abbreviation of a source; empty for an id that is no source.
    pub(crate) fn source_name(&self, source: SourceId) -> &str {
        self.sources.get(source.index()).map_or("", |entry| &entry.source)
    }
}

/// Concepts and their atoms.
impl ConceptStore {
    /// The visible concept with this CUI or prefixed id.
    pub fn concept(&self, id: &str) -> Option<ConceptId> {
        self.any_concept(id).filter(|&concept| self.is_visible(concept))
    }

    /// The concept with this id, visible or not.
    fn any_concept(&self, id: &str) -> Option<ConceptId> {
        self.concept_ids.position(id).map(ConceptId::from_index)
    }

    /// Whether a concept has a visible atom.
    pub fn is_visible(&self, concept: ConceptId) -> bool {
        self.visible_names.is_none() || self.atoms(concept).next().is_some()
    }

    /// The CUI or prefixed id of a concept.
    pub fn id(&self, concept: ConceptId) -> &str {
        self.concept_ids.get(concept.index())
    }

    /// The preferred name of a concept: that of its first visible atom.
    pub fn preferred_name(&self, concept: ConceptId) -> &str {
        self.atoms(concept).next().map_or("", |atom| self.atom_names.get(atom.index()))
    }

    /// The semantic types of a concept, ascending.
    pub fn semantic_types(&self, concept: ConceptId) -> &[SemanticTypeId] {
        self.concept_type_set.get(concept.index()).map_or(&[], |set| self.type_sets.get(set.index()))
    }

    /// The visible atoms of a concept, the preferred one first.
    pub fn atoms(&self, concept: ConceptId) -> impl Iterator<Item = AtomId> + '_ {
        let range = self.concept_atoms.range(concept.index());
        range.map(AtomId::from_index).filter(|&atom| self.is_source_visible(self.source_of_atom(atom)))
    }

    /// The fields of an atom, hidden or not.
    pub fn atom(&self, atom: AtomId) -> AtomView<'_> {
        let i = atom.index();
        let code = self.atom_code.get(i).filter(|&&code| code != NO_CODE);
        AtomView {
            name: self.atom_names.get(i),
            source: self.source_name(self.source_of_atom(atom)),
            code: code.map_or("", |code| self.code_text.get(code.index())),
            term_type: self.atom_term_type.get(i).map_or("", |term_type| self.term_types.get(term_type.index())),
            language: self.atom_language.get(i).map_or("", |language| self.languages.get(language.index())),
            suppressed: self.atom_suppressed.get(i).is_some_and(|&s| s != 0),
        }
    }

    /// The concept of an atom.
    pub fn concept_of_atom(&self, atom: AtomId) -> ConceptId {
        ConceptId::from_index(self.concept_atoms.list_of(atom.index()))
    }

    /// The source of an atom.
    pub fn source_of_atom(&self, atom: AtomId) -> SourceId {
        self.concept_atoms.values().get(atom.index()).copied().unwrap_or(SourceId::new(u16::MAX))
    }

    /// The visible definitions of a concept, by source.
    pub fn definitions(&self, concept: ConceptId) -> impl Iterator<Item = DefinitionRef<'_>> + '_ {
        let positions = self.concept_definitions.range(concept.index());
        positions
            .zip(self.concept_definitions.get(concept.index()))
            .filter(|(_, source)| self.is_source_visible(**source))
            .map(|(i, &source)| DefinitionRef { source: self.source_name(source), text: self.definition_text.get(i) })
    }

    /// The visible concepts that are a `relation` of `concept`, ascending.
    pub fn related(&self, concept: ConceptId, relation: Relation) -> impl Iterator<Item = ConceptId> + '_ {
        let mut last = None;
        let edges = self.concept_edges.get(concept.index()).iter();
        let edges = edges.filter(move |edge| edge.relation() == Some(relation));
        edges.filter(|edge| self.is_source_visible(edge.source) && self.is_visible(edge.to)).filter_map(move |edge| {
            let repeated = last.replace(edge.to) == Some(edge.to);
            (!repeated && edge.to.index() < self.concept_ids.len()).then_some(edge.to)
        })
    }
}

/// Codes.
impl ConceptStore {
    /// The visible codes of a concept, by source and code.
    pub fn codes(&self, concept: ConceptId) -> impl Iterator<Item = CodeRef<'_>> + '_ {
        let codes = self.concept_codes.get(concept.index()).iter().copied();
        codes.filter(|&code| self.is_code_visible(code)).filter_map(|code| {
            let source = self.source_name(*self.code_source.get(code.index())?);
            Some(CodeRef { source, code: self.code_text.get(code.index()) })
        })
    }

    /// Whether the source of a code and a source that asserts it of its concept are visible.
    fn is_code_visible(&self, code: CodeId) -> bool {
        let is_asserted =
            || self.code_asserted_by.get(code.index()).is_some_and(|&set| self.is_any_source_visible(set));
        self.code_source.get(code.index()).is_some_and(|&source| self.is_source_visible(source))
            && (self.visible_names.is_none() || is_asserted())
    }

    /// The visible concepts with this code, ascending.
    pub fn concepts_with_code<'a>(&'a self, source: &str, code: &'a str) -> impl Iterator<Item = ConceptId> + 'a {
        let source = self.source(source);
        let key = |i: usize| (self.code_source[i], self.code_text.get(i));
        let first = source.map_or(usize::MAX, |s| partition_point(self.code_source.len(), |i| key(i) < (s, code)));
        let equal = (first..self.code_source.len()).take_while(move |&i| Some(key(i)) == source.map(|s| (s, code)));
        let visible = equal.filter(|&i| self.is_code_visible(CodeId::from_index(i)));
        let concepts = visible.filter_map(|i| self.code_concept.get(i).copied());
        concepts.filter(|&concept| self.is_visible(concept))
    }

    /// The part before the colon that the codes of a source have, judged by the first code: `HP`
    /// for `HP:0000001`.
    pub fn code_prefix(&self, source: &str) -> Option<&str> {
        let source = self.source(source)?;
        let first = partition_point(self.code_source.len(), |i| self.code_source[i] < source);
        self.code_source.get(first).filter(|&&of_code| of_code == source)?;
        self.code_text.get(first).split_once(':').map(|(prefix, _)| prefix)
    }
}

/// Retired ids.
impl ConceptStore {
    /// The concept that an id of another writer means: in any of its spellings, or retired because
    /// it is the same as the concept.
    pub fn find_concept(&self, id: &str) -> Option<ConceptId> {
        let same = |id: &str| {
            let successors = self.retired(id)?.successors;
            successors.into_iter().find(|successor| successor.kind == Succession::Same)?.concept
        };
        let spellings = concept_id_spellings(id);
        self.concept(id).or_else(|| spellings.iter().find_map(|id| self.concept(id).or_else(|| same(id))))
    }

    /// The history of an id that is no concept any more; absent for a concept and for an id without
    /// visible history.
    pub fn retired(&self, id: &str) -> Option<Retired<'_>> {
        if self.concept(id).is_some() {
            return None;
        }
        let position = self.retired_ids.position(id)?;
        self.visible_steps(position).next()?;
        let successors = follow(position, |position| self.targets(position)).into_iter();
        let successors = successors.map(|(kind, id)| Successor { id, kind, concept: self.concept(id) }).collect();
        let deleted = self.visible_steps(position).all(|step| step.kind() == Some(Succession::Deleted));
        Some(Retired { id: self.retired_ids.get(position), deleted, successors })
    }

    fn visible_steps(&self, position: usize) -> impl Iterator<Item = &SuccessionStep> {
        self.retired_steps.get(position).iter().filter(|step| self.is_source_visible(step.source))
    }

    /// The targets of the visible steps from the retired id at `position`.
    fn targets(&self, position: usize) -> Vec<(Succession, Target<&str>)> {
        let steps = self.visible_steps(position).filter_map(|step| {
            let kind = step.kind().filter(|kind| *kind != Succession::Deleted)?;
            let id = self.successor_ids.get(step.successor as usize);
            let target = match self.any_concept(id) {
                // A concept with names from hidden sources only does not exist for the caller.
                Some(concept) => self.is_visible(concept).then_some(Target::End(id))?,
                None => self.retired_ids.position(id).map_or(Target::End(id), Target::Retired),
            };
            Some((kind, target))
        });
        steps.collect()
    }
}

/// Distinct names.
impl ConceptStore {
    /// The name with a normalized `key`.
    pub fn name_id(&self, key: &str) -> Option<NameId> {
        self.names.find(key)
    }

    /// The names that mean the same as `key` with other forms of words, with the number of words
    /// that differ; the fewest first. Hidden names too.
    pub fn name_variants(&self, key: &str) -> Vec<(NameId, usize)> {
        self.names.find_variants(key)
    }

    /// The atoms that share a name, ascending; hidden ones too.
    pub fn atoms_of_name(&self, name: NameId) -> &[AtomId] {
        self.names.atoms(name)
    }

    /// The text that is embedded for a name: that of its first atom.
    pub fn name_text(&self, name: NameId) -> &str {
        self.atoms_of_name(name).first().map_or("", |&atom| self.atom_names.get(atom.index()))
    }

    /// The names with an atom from a visible source; absent if no source is hidden.
    pub(crate) fn visible_names(&self) -> Option<&Arc<RoaringBitmap>> {
        self.visible_names.as_ref()
    }

    /// The names with an atom whose concept has this semantic type.
    pub(crate) fn names_with_semantic_type(&self, semantic_type: SemanticTypeId) -> &RoaringBitmap {
        self.names.with_semantic_type(semantic_type)
    }

    /// The names with an atom from this source.
    pub(crate) fn names_from_source(&self, source: SourceId) -> &RoaringBitmap {
        self.names.with_source(source)
    }
}
