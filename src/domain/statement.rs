//! Statements: the facts that readers of terminologies emit and an index is built from.
//!
//! Statements name concepts by the ids of the terminology and may come in any order. When a
//! [`Statement::Successor`] states that a prefixed id is the same as a CUI, the index replaces the
//! id by that CUI in all statements. In relations it replaces every retired id by the successor
//! that is the same concept.
//!
//! Invariant: a statement borrows all of its text from the row that it was read from.

/// One fact about a concept or a source vocabulary.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Statement<'a> {
    /// A concept has a name.
    Atom(AtomRef<'a>),
    /// A concept has a semantic type.
    Type {
        /// Concept id.
        concept: &'a str,
        /// Semantic type (TUI), such as `T047`.
        tui: &'a str,
    },
    /// A concept has a code, beside the codes of its atoms: a cross-reference of another source.
    Code {
        /// Concept id.
        concept: &'a str,
        /// Source vocabulary (SAB) of the code.
        source: &'a str,
        /// The code in `source`.
        code: &'a str,
        /// Source vocabulary that states the cross-reference.
        asserted_by: &'a str,
    },
    /// A concept has a definition.
    Definition {
        /// Concept id.
        concept: &'a str,
        /// Source vocabulary of the definition.
        source: &'a str,
        /// The definition as the source writes it.
        text: &'a str,
    },
    /// The concept `narrower` is below the concept `broader`.
    Relation {
        /// Id of the lower concept.
        narrower: &'a str,
        /// Id of the higher concept.
        broader: &'a str,
        /// Parent of a hierarchy, or only broader.
        kind: RelationKind,
        /// Source vocabulary that states the relation.
        source: &'a str,
    },
    /// An id names no concept of its own any more.
    Successor {
        /// The id that was retired.
        retired: &'a str,
        /// Its successor; `None` when it was deleted.
        successor: Option<&'a str>,
        /// How the two relate.
        kind: Succession,
        /// Source vocabulary that states the succession.
        source: &'a str,
    },
    /// Facts about a source vocabulary; empty text and an absent level mean unknown.
    Source {
        /// Abbreviation (SAB), such as `SNOMEDCT_US`.
        source: &'a str,
        /// Full name.
        name: &'a str,
        /// Version, such as `2024_03_01`.
        version: &'a str,
        /// UMLS restriction level (SRL).
        restriction_level: Option<u8>,
    },
}

/// One name of a concept in one source vocabulary; UMLS calls it an atom.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AtomRef<'a> {
    /// CUI or prefixed id, see [`super::is_concept_id`].
    pub concept: &'a str,
    /// The name as the source writes it.
    pub name: &'a str,
    /// Source vocabulary (SAB), such as `SNOMEDCT_US`.
    pub source: &'a str,
    /// Code of the concept in the source; may be empty.
    pub code: &'a str,
    /// Term type (TTY), such as `PT` (preferred) or `SY` (synonym).
    pub term_type: &'a str,
    /// Language (LAT), such as `ENG`.
    pub language: &'a str,
    /// Whether its source has withdrawn it or the release advises against it.
    pub suppressed: bool,
    /// The atom with the highest preference gives its concept the preferred name.
    pub preference: u32,
}

/// How one concept is below another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RelationKind {
    /// The higher concept is a parent in the hierarchy of a source (UMLS PAR and CHD, `is_a`).
    Parent,
    /// The higher concept is broader (UMLS RB and RN, `part_of`).
    Broader,
}

/// How a retired id relates to its successor, from the nearest relation to the farthest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Succession {
    /// The same concept under another id: merged, `replaced_by`, `alt_id`, UMLS SY.
    Same,
    /// The successor is broader (UMLS RB).
    Broader,
    /// The successor is narrower (UMLS RN).
    Narrower,
    /// The successor is a concept to consider (UMLS RO, `consider`).
    Other,
    /// The id was deleted and has no successor.
    Deleted,
}

/// A sink of statements refused one.
#[derive(Debug)]
pub enum Refusal {
    /// The statement is invalid, for this reason; its row is bad, and reading goes on.
    InvalidStatement(String),
    /// The sink failed, for example because the disk is full; reading ends.
    SinkFailed(Box<dyn std::error::Error + Send + Sync>),
}
