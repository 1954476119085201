//! Finds words of a mention that contradict a name: "late menopause" and "premature menopause".
//!
//! Reading order: `groups` and `table` (what excludes what, as data), `word` and `words` (one
//! text), `labels` (numbers and letters), `compare`.
//!
//! Invariant: names that agree, and words that only one side has, are no contradiction unless the
//! table says so ("non-diabetic" and "diabetic"). A text never contradicts itself.

mod compare;
mod groups;
mod labels;
mod table;
#[cfg(test)]
mod tests;
mod word;
mod words;

use words::Words;

/// Why a mention cannot mean a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contradiction {
    /// What the two differ in.
    pub kind: ContradictionKind,
    /// The words of the mention that contradict the name.
    pub mention: String,
    /// The words of the name that contradict the mention.
    pub name: String,
}

/// What a mention and a name differ in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContradictionKind {
    /// Presence or direction: non-, hyper-, hypo-, low, high, positive, negative, with, without.
    Polarity,
    /// Course or time: early, late, acute, chronic.
    Course,
    /// Side: left, right, unilateral, bilateral.
    Side,
    /// Level or position: upper, lower, anterior, posterior.
    Position,
    /// Numbers, numerals, single letters, codes of letters and digits.
    Number,
    /// Sex or age group.
    Person,
    /// Different members of one group of words: tests, procedures, kinds.
    Kind,
}

impl ContradictionKind {
    /// Every kind.
    pub const ALL: [Self; 7] =
        [Self::Polarity, Self::Course, Self::Side, Self::Position, Self::Number, Self::Person, Self::Kind];

    /// The name in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Polarity => "polarity",
            Self::Course => "course",
            Self::Side => "side",
            Self::Position => "position",
            Self::Number => "number",
            Self::Person => "person",
            Self::Kind => "kind",
        }
    }
}

/// A mention, analyzed once for the comparison with many names.
pub struct MentionWords<'a>(Words<'a>);

impl<'a> MentionWords<'a> {
    /// Analyzes a normalized mention.
    pub fn new(mention: &'a str) -> Self {
        Self(Words::new(mention))
    }

    /// The first contradiction with a normalized name.
    pub fn contradicts(&self, name: &str) -> Option<Contradiction> {
        compare::first(&self.0, &Words::new(name))
    }
}

/// The first contradiction between a normalized mention and a normalized name.
pub fn contradiction(mention: &str, name: &str) -> Option<Contradiction> {
    MentionWords::new(mention).contradicts(name)
}
