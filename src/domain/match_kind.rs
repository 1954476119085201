//! How a candidate was found.

/// How the name of a candidate was found, from the strongest evidence to the weakest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum MatchKind {
    /// The mention is the name, letter by letter.
    Exact,
    /// Mention and name are equal after normalization.
    Normalized,
    /// Misspelled words of the mention were repaired; then the mention is the name, or its
    /// embedding is near.
    Corrected,
    /// The embeddings of mention and name are near.
    Embedding,
}
