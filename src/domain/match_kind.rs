//! How a candidate was found.

/// How the name of a candidate was found, from the strongest evidence to the weakest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum MatchKind {
    /// The mention is the name, letter by letter.
    Exact,
    /// Mention and name are equal after normalization.
    Normalized,
    /// Mention and name are equal but for inflection (seizure, seizures), British or American
    /// spelling, Roman or Arabic numerals, and how letters and digits are joined (IL6, IL 6).
    Variant,
    /// Misspelled words of the mention were repaired; then the mention is the name, or its
    /// embedding is near.
    Corrected,
    /// The embeddings of mention and name are near.
    Embedding,
}

impl MatchKind {
    /// Every kind, from the strongest evidence to the weakest.
    pub const ALL: [Self; 5] = [Self::Exact, Self::Normalized, Self::Variant, Self::Corrected, Self::Embedding];

    /// The name in JSON and tables.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Normalized => "normalized",
            Self::Variant => "variant",
            Self::Corrected => "corrected",
            Self::Embedding => "embedding",
        }
    }
}
