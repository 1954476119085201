//! What a terminology says, one statement at a time.
//!
//! Concepts are named by the ids of the terminology. In whatever order the statements come, a prefixed id that a
//! [`Statement::Successor`] says to be the same as a CUI stands for that CUI, and in relations every id for what replaced it. Invariant: a statement borrows from the row that it was read from.

/// One statement about a concept or a source vocabulary.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Statement<'a> {
    Atom(AtomRef<'a>),
    /// A concept is of a semantic type (TUI).
    Type {
        concept: &'a str,
        tui: &'a str,
    },
    /// A concept has a code in a source, beside those of its atoms, as another source says.
    Code {
        concept: &'a str,
        source: &'a str,
        code: &'a str,
        said_by: &'a str,
    },
    Definition {
        concept: &'a str,
        source: &'a str,
        text: &'a str,
    },
    /// `narrower` lies below `broader`.
    Relation {
        narrower: &'a str,
        broader: &'a str,
        kind: Hierarchy,
        source: &'a str,
    },
    /// An id that names no concept of its own any more, and the id that took its place; none: it was deleted.
    Successor {
        retired: &'a str,
        successor: Option<&'a str>,
        kind: Succession,
        source: &'a str,
    },
    /// What is known of a source vocabulary. Empty text and an absent level are unknown.
    Source {
        source: &'a str,
        name: &'a str,
        version: &'a str,
        restriction_level: Option<u8>,
    },
}

/// One name of a concept in one source: what UMLS calls an atom.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AtomRef<'a> {
    /// CUI or another concept id, see [`super::is_concept_id`].
    pub concept: &'a str,
    pub name: &'a str,
    /// Source vocabulary (SAB), such as `SNOMEDCT_US`.
    pub source: &'a str,
    /// The concept's code in the source; may be empty.
    pub code: &'a str,
    /// Term type (TTY), such as `PT` (preferred) or `SY` (synonym).
    pub term_type: &'a str,
    /// Language (LAT), such as `ENG`.
    pub language: &'a str,
    /// Whether its source has withdrawn it or the release advises against it.
    pub suppressed: bool,
    /// Of a concept's atoms the one with the highest preference gives its preferred name.
    pub preference: u32,
}

/// How one concept lies below another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Hierarchy {
    /// The other is its parent in a source's hierarchy (UMLS PAR and CHD, `is_a`).
    Parent,
    /// The other is broader (UMLS RB and RN, `part_of`).
    Broader,
}

/// How a retired id relates to its successor, from the nearest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Succession {
    /// The same concept under another id: merged, `replaced_by`, `alt_id`, UMLS SY.
    Same,
    /// The successor is broader (UMLS RB).
    Broader,
    /// The successor is narrower (UMLS RN).
    Narrower,
    /// The successor is something to consider (UMLS RO, `consider`).
    Other,
    /// There is none: the id was deleted.
    Deleted,
}

/// Why a statement was not taken.
#[derive(Debug)]
pub enum Refusal {
    /// The statement is at fault, and why.
    Statement(String),
    /// Nothing more can be taken.
    Failure(Box<dyn std::error::Error + Send + Sync>),
}
