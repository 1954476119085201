//! Concepts, names, candidates and what ids mean: the plain values and knowledge that the rooms share.
//!
//! Invariant: no IO, no serde, no HTTP.

pub mod curie;
mod ids;
pub mod semantic_type;
mod statement;

pub use ids::{
    AtomId, CodeId, ConceptId, LanguageId, NameId, SemanticTypeId, SemanticTypeSetId, SourceId, SourceSetId, TermTypeId,
};
pub use statement::{AtomRef, Hierarchy, Refusal, Statement, Succession};

/// Whether `id` can name a concept: a UMLS CUI (`C` and seven digits), or another vocabulary's prefixed id (`HP:0001250`).
pub fn is_concept_id(id: &str) -> bool {
    let cui = || id.len() == 8 && id.starts_with('C') && id[1..].bytes().all(|b| b.is_ascii_digit());
    let prefixed = || {
        let letters =
            |s: &str, extra: &[u8]| !s.is_empty() && s.bytes().all(|b| b.is_ascii_alphanumeric() || extra.contains(&b));
        id.split_once(':').is_some_and(|(prefix, local)| letters(prefix, b"_.") && letters(local, b"_.-"))
    };
    id.len() <= 64 && id.is_ascii() && (cui() || prefixed())
}

/// How a candidate's name was found, from the strongest to the weakest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum MatchKind {
    /// The mention is the name, letter by letter.
    Exact,
    /// They are equal after normalization.
    Normalized,
    /// The mention was misspelled: with its unknown words repaired it is the name, or its embedding is near.
    Corrected,
    /// Their embeddings are near.
    Embedding,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn concept_ids() {
        for good in ["C0027051", "HP:0001250", "ORPHA:558", "MESH:D009203", "CHEBI:15365"] {
            assert!(is_concept_id(good), "{good}");
        }
        for bad in
            ["", "C002705", "C00270510", "c0027051", "HP:", ":1", "C0027O51", "HP:00 1", "é:1", "../x:1", "HP:1/2"]
        {
            assert!(!is_concept_id(bad), "{bad}");
        }
    }
}
