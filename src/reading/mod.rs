//! Reads a mention as pipelines cut it from a document: which words are the term, and which words
//! qualify it ("h/o", "no", "500 mg po bid").
//!
//! Read in this order: `table` (words and phrases as data), `tokens` (splits a mention), `quantity`
//! (doses, values, frequencies and times), `parts` (what may be left out), `compose` (readings).
//!
//! Invariants: a reading only leaves words out; it never adds or replaces one. No reading leaves
//! out a sign ("HIV -"), "non-", a number of a name ("type 2"), or a word that would change the
//! term to its opposite: "low", "high", "positive", "early", "late", "acute", "chronic". A reading
//! leaves out "negative" only as a denial: before the term, or as an answer ("MRSA: negative").

mod compose;
mod parts;
mod quantity;
mod table;
#[cfg(test)]
mod tests;
mod tokens;

/// A mention without some of its words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// The rest of the mention.
    pub text: String,
    /// What was left out, in the order of the mention.
    pub left_out: Vec<LeftOut>,
}

/// A part of a mention that a reading leaves out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// The part as it was written.
    pub text: String,
    /// What the part says about the term.
    pub kind: LeftOutKind,
}

/// What a part of a mention that was left out says about the term.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LeftOutKind {
    /// The term is denied or absent: "no", "denies", "without evidence of".
    Negated,
    /// The term is about a relative or a contact: "family history of", "mother with".
    Family,
    /// The patient does not tolerate the term: "allergic to", "intolerance".
    Allergy,
    /// The term is uncertain, feared or looked for: "?", "r/o", "possible", "risk of".
    Possible,
    /// The term is about the past: "h/o", "s/p", "no longer", "stopped".
    Historical,
    /// The term is reported: "c/o", "presents with", "patient has", or has an article: "the".
    Reported,
    /// A dose, strength or form: "500 mg", "tablets".
    Dose,
    /// A route: "po", "intravenous".
    Route,
    /// A frequency or a count: "bid", "every 8 hours", "x 2".
    Frequency,
    /// A duration or time: "x 3 days", "since yesterday".
    Time,
    /// A measured value or size: "6.1" in "K+ 6.1", "3 cm".
    Value,
    /// A side: "left", "bilateral".
    Laterality,
    /// A degree or course: "severe", "worsening".
    Degree,
    /// An acute episode of a chronic disease: "acute on" before "chronic".
    Acute,
    /// A coder's remark that the term is not specified further: "NOS", "unspecified".
    Unspecified,
    /// A text in parentheses, or the abbreviation before its long form in parentheses.
    Parenthesis,
}

impl LeftOutKind {
    /// Every kind.
    pub const ALL: [Self; 16] = [
        Self::Negated,
        Self::Family,
        Self::Allergy,
        Self::Possible,
        Self::Historical,
        Self::Reported,
        Self::Dose,
        Self::Route,
        Self::Frequency,
        Self::Time,
        Self::Value,
        Self::Laterality,
        Self::Degree,
        Self::Acute,
        Self::Unspecified,
        Self::Parenthesis,
    ];

    /// The name in JSON and tables.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Negated => "negated",
            Self::Family => "family",
            Self::Allergy => "allergy",
            Self::Possible => "possible",
            Self::Historical => "historical",
            Self::Reported => "reported",
            Self::Dose => "dose",
            Self::Route => "route",
            Self::Frequency => "frequency",
            Self::Time => "time",
            Self::Value => "value",
            Self::Laterality => "laterality",
            Self::Degree => "degree",
            Self::Acute => "acute",
            Self::Unspecified => "unspecified",
            Self::Parenthesis => "parenthesis",
        }
    }

    /// Whether a document with this part does not say that the patient has or takes the term.
    pub const fn denies_term(self) -> bool {
        matches!(self, Self::Negated | Self::Family | Self::Allergy)
    }
}

/// The readings of a mention, the one that leaves out most first: at most three. The mention as
/// written is none of them.
///
/// The first reading leaves out all parts that qualify the term. The next ones keep the side ("left
/// ventricular failure"), then the side and the degree. "COPD (chronic obstructive pulmonary
/// disease)" also has a reading for its long form, which comes first. `mention` is a text that
/// [`crate::text::clean`] returned.
pub fn readings(mention: &str) -> Vec<Reading> {
    let tokens = tokens::Tokens::new(mention);
    if tokens.len() < 2 {
        return vec![];
    }
    let parts = parts::Finder::new(&tokens).parts();
    compose::compose(&tokens, &parts)
}
