//! The files of the concept store, their columns and their records.
//!
//! A writer (`ingest`) and the reader (`store`, `names`) name each column by a constant of this
//! file. Invariant: a change of a name, an element type or an order here is a change of the index
//! format.
//!
//! The page docs/index-format.md describes the layout.

use bytemuck::{Pod, Zeroable};

use crate::{
    columns::spec::{ColumnSpec, ListSpec, StringsSpec},
    domain::{
        AtomId, CodeId, ConceptId, LanguageId, NameId, SemanticTypeId, SemanticTypeSetId, SourceId, SourceSetId,
        Succession, TermTypeId,
    },
};

/// Section file: concepts, atoms, codes, definitions, relations and retired ids.
pub(crate) const CONCEPTS_FILE: &str = "concepts.bin";
/// Section file: the atoms of each distinct name, the bitmaps of filters, and sets of sources.
pub(crate) const ROWS_FILE: &str = "rows.bin";
/// Section file: the names with each word, for searches by name. An index of an earlier version
/// lacks it.
pub(crate) const SEARCH_FILE: &str = "search.bin";
/// Automaton: from the key of a name (the name after normalization) to its `NameId`.
pub(crate) const KEYS_FILE: &str = "keys.fst";
/// Automaton: from a word of the keys to its `WordEntry`.
pub(crate) const WORDS_FILE: &str = "words.fst";

// Columns of `CONCEPTS_FILE`.

/// CUI or prefixed id of each concept, ascending.
pub(crate) const CONCEPT_IDS: StringsSpec = StringsSpec::new("id.text", "id.ends");
/// Semantic types of each concept, as a set.
pub(crate) const CONCEPT_TYPE_SET: ColumnSpec<SemanticTypeSetId> = ColumnSpec::new("concept.set");
/// The distinct sets of semantic types.
pub(crate) const TYPE_SETS: ListSpec<SemanticTypeId> = ListSpec::new("set.types", "set.ends");
/// Sources of the atoms of each concept; the position of a value is the `AtomId`.
pub(crate) const CONCEPT_ATOMS: ListSpec<SourceId> = ListSpec::new("atom.source", "concept.aends");
/// Name of each atom.
pub(crate) const ATOM_NAMES: StringsSpec = StringsSpec::new("name.text", "name.ends");
/// Term type of each atom.
pub(crate) const ATOM_TERM_TYPE: ColumnSpec<TermTypeId> = ColumnSpec::new("atom.term");
/// Language of each atom.
pub(crate) const ATOM_LANGUAGE: ColumnSpec<LanguageId> = ColumnSpec::new("atom.language");
/// 1 for each suppressed atom, 0 for the others.
pub(crate) const ATOM_SUPPRESSED: ColumnSpec<u8> = ColumnSpec::new("atom.suppressed");
/// Code of each atom, or [`NO_CODE`].
pub(crate) const ATOM_CODE: ColumnSpec<CodeId> = ColumnSpec::new("atom.code");
/// Text of each code.
pub(crate) const CODE_TEXT: StringsSpec = StringsSpec::new("code.text", "code.ends");
/// Source of each code.
pub(crate) const CODE_SOURCE: ColumnSpec<SourceId> = ColumnSpec::new("code.source");
/// Concept of each code.
pub(crate) const CODE_CONCEPT: ColumnSpec<ConceptId> = ColumnSpec::new("code.concept");
/// Sources that assert each code of its concept.
pub(crate) const CODE_ASSERTED_BY: ColumnSpec<SourceSetId> = ColumnSpec::new("code.said");
/// Codes of each concept.
pub(crate) const CONCEPT_CODES: ListSpec<CodeId> = ListSpec::new("concept.codes", "concept.cends");
/// Texts of definitions, in the order of `CONCEPT_DEFINITIONS`.
pub(crate) const DEFINITION_TEXT: StringsSpec = StringsSpec::new("def.text", "def.ends");
/// Sources of the definitions of each concept.
pub(crate) const CONCEPT_DEFINITIONS: ListSpec<SourceId> = ListSpec::new("def.source", "concept.dends");
/// Relations of each concept, ascending.
pub(crate) const CONCEPT_EDGES: ListSpec<Edge> = ListSpec::new("edge", "concept.eends");
/// Retired ids, ascending.
pub(crate) const RETIRED_IDS: StringsSpec = StringsSpec::new("old.text", "old.ends");
/// Steps from each retired id to its successors.
pub(crate) const RETIRED_STEPS: ListSpec<SuccessionStep> = ListSpec::new("old.steps", "old.sends");
/// Ids of successors; empty for a deleted id.
pub(crate) const SUCCESSOR_IDS: StringsSpec = StringsSpec::new("new.text", "new.ends");
/// Abbreviations of term types (TTY), ascending.
pub(crate) const TERM_TYPES: StringsSpec = StringsSpec::new("term.text", "term.ends");
/// Abbreviations of languages (LAT), ascending.
pub(crate) const LANGUAGES: StringsSpec = StringsSpec::new("language.text", "language.ends");

// Columns of `ROWS_FILE`.

/// Atoms of each distinct name, ascending.
pub(crate) const NAME_ATOMS: ListSpec<AtomId> = ListSpec::new("row.atoms", "row.aends");
/// Serialized bitmaps of the names that each semantic type, and then each source, has.
pub(crate) const BITMAPS: ListSpec<u8> = ListSpec::new("map.bytes", "map.ends");
/// The distinct sets of sources.
pub(crate) const SOURCE_SETS: ListSpec<SourceId> = ListSpec::new("sset.sources", "sset.ends");

// Columns of `SEARCH_FILE`.

/// The words of the keys, ascending.
pub(crate) const SEARCH_WORDS: StringsSpec = StringsSpec::new("word.text", "word.ends");
/// Ranks of the names with each word, ascending.
pub(crate) const SEARCH_RANKS: ListSpec<u32> = ListSpec::new("word.ranks", "word.rends");
/// The names by rank: names of common concepts come first.
pub(crate) const SEARCH_NAMES: ColumnSpec<NameId> = ColumnSpec::new("rank.names");

/// Stands for the code of an atom without one.
pub(crate) const NO_CODE: CodeId = CodeId::new(u32::MAX);

/// How another concept is related to a concept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Relation {
    /// It is above the concept in the hierarchy of a source.
    Parent,
    /// It is below the concept in the hierarchy of a source.
    Child,
    /// It is broader, outside a hierarchy.
    Broader,
    /// It is narrower, outside a hierarchy.
    Narrower,
}

impl Relation {
    /// The relations; the position of each is its number on disk.
    pub const ALL: [Self; 4] = [Self::Parent, Self::Child, Self::Broader, Self::Narrower];
}

/// A relation between two concepts, stored at the first one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub(crate) struct Edge {
    /// The second concept.
    pub(crate) to: ConceptId,
    relation: u16,
    /// The source that states the relation.
    pub(crate) source: SourceId,
}

impl Edge {
    /// The concept `to` is the `relation` of the concept at which the edge is stored.
    pub(crate) fn new(to: ConceptId, relation: Relation, source: SourceId) -> Self {
        Self { to, relation: relation as u16, source }
    }

    /// The relation; absent if the file is damaged.
    pub(crate) fn relation(self) -> Option<Relation> {
        Relation::ALL.get(usize::from(self.relation)).copied()
    }
}

/// The kinds of succession; the position of each is its number on disk.
const SUCCESSIONS: [Succession; 5] =
    [Succession::Same, Succession::Broader, Succession::Narrower, Succession::Other, Succession::Deleted];

/// The number of a kind of succession.
pub(crate) fn succession_number(kind: Succession) -> u8 {
    SUCCESSIONS.iter().position(|k| *k == kind).unwrap_or(0) as u8
}

/// A step from a retired id to a successor, stored at the retired id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub(crate) struct SuccessionStep {
    /// Position in `SUCCESSOR_IDS`.
    pub(crate) successor: u32,
    kind: u16,
    /// The source that states the step.
    pub(crate) source: SourceId,
}

impl SuccessionStep {
    /// A step to the id at `successor` of `SUCCESSOR_IDS`; `kind` is a [`succession_number`].
    pub(crate) fn new(successor: u32, kind: u8, source: SourceId) -> Self {
        Self { successor, kind: kind.into(), source }
    }

    /// The kind of succession; absent if the file is damaged.
    pub(crate) fn kind(self) -> Option<Succession> {
        SUCCESSIONS.get(usize::from(self.kind)).copied()
    }
}

/// The value of a word in `WORDS_FILE`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct WordEntry {
    /// Number of distinct names with the word.
    pub(crate) names: u32,
    /// The sources of those names.
    pub(crate) sources: SourceSetId,
}

impl WordEntry {
    /// The number that the automaton stores.
    pub(crate) fn encode(self) -> u64 {
        u64::from(self.names) << 32 | u64::from(self.sources.get())
    }

    /// The entry of a number that the automaton stores.
    pub(crate) fn decode(number: u64) -> Self {
        Self { names: (number >> 32) as u32, sources: SourceSetId::new(number as u32) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_decode_to_what_was_encoded() {
        for (number, relation) in Relation::ALL.into_iter().enumerate() {
            let edge = Edge::new(ConceptId::new(7), relation, SourceId::new(3));
            assert_eq!((edge.relation, edge.relation()), (number as u16, Some(relation)));
        }
        for kind in SUCCESSIONS {
            let step = SuccessionStep::new(7, succession_number(kind), SourceId::new(3));
            assert_eq!(step.kind(), Some(kind));
        }
        let entry = WordEntry { names: 5, sources: SourceSetId::new(9) };
        assert_eq!(WordEntry::decode(entry.encode()), entry);
    }
}
