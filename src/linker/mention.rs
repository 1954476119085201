//! Mentions and their options as a caller sends them, and their validation.
//!
//! Invariant: an error names the field and the kind of fault, never the value.

use crate::{
    concepts::{ConceptStore, FilterRequest},
    domain::semantic_type,
    text,
};

/// Bytes of an id that a caller gives to a mention.
pub(super) const MAX_ID_BYTES: usize = 128;
/// Entries of each list of a filter.
const MAX_FILTER_ENTRIES: usize = 200;

/// Bounds on the mentions of one request.
#[derive(Clone, Copy, Debug)]
pub struct LinkLimits {
    /// Mentions of a request.
    pub mentions: usize,
    /// Bytes of a mention, in UTF-8.
    pub mention_bytes: usize,
    /// Candidates of a mention.
    pub top_k: usize,
    /// Candidates of a request: the maximum of the sum of `top_k` over its mentions.
    pub candidates: usize,
}

impl Default for LinkLimits {
    fn default() -> Self {
        Self { mentions: 1000, mention_bytes: 1000, top_k: 100, candidates: 20_000 }
    }
}

/// A mention as a caller sends it.
#[derive(Clone, Default)]
pub struct Mention {
    /// The id that the caller gave to it.
    pub id: Option<String>,
    /// The text of the mention as written in the document.
    pub text: String,
    /// Options that replace those of the request.
    pub options: MentionOptions,
}

impl Mention {
    /// The id, unless there is none or it is too long.
    pub fn valid_id(&self) -> Option<&str> {
        self.id.as_deref().filter(|id| check_id(Some(id)).is_ok())
    }
}

/// Options of a request or of one mention; absent options have the value of the request, or the
/// default.
#[derive(Clone, Default)]
pub struct MentionOptions {
    /// Number of candidates wanted.
    pub top_k: Option<usize>,
    /// Candidates with a lower score are left out.
    pub min_score: Option<f32>,
    /// TUIs of the semantic types that candidates may have.
    pub semantic_types: Option<Vec<String>>,
    /// Abbreviations of the semantic groups that candidates may have; one filter with the types.
    pub semantic_groups: Option<Vec<String>>,
    /// Abbreviations of the source vocabularies whose names may be found.
    pub sources: Option<Vec<String>>,
    /// [`LinkOptions::readings`].
    pub readings: Option<bool>,
    /// [`LinkOptions::spelling`].
    pub spelling: Option<bool>,
    /// [`LinkOptions::explain`].
    pub explain: Option<bool>,
}

/// What linking may do with a mention, and whether the answer is explained.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkOptions {
    /// Whether words that qualify the term may be left out of the mention.
    pub readings: bool,
    /// Whether misspelled words may be repaired.
    pub spelling: bool,
    /// Whether the answer explains its probabilities.
    pub explain: bool,
}

impl Default for LinkOptions {
    fn default() -> Self {
        Self { readings: true, spelling: true, explain: false }
    }
}

/// A field of a mention or of its options.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// [`Mention::text`].
    Text,
    /// [`Mention::id`].
    Id,
    /// [`MentionOptions::top_k`].
    TopK,
    /// [`MentionOptions::min_score`].
    MinScore,
    /// [`MentionOptions::semantic_types`].
    SemanticTypes,
    /// [`MentionOptions::semantic_groups`].
    SemanticGroups,
    /// [`MentionOptions::sources`].
    Sources,
}

impl Field {
    /// The name in JSON and on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Id => "id",
            Self::TopK => "top_k",
            Self::MinScore => "min_score",
            Self::SemanticTypes => "semantic_types",
            Self::SemanticGroups => "semantic_groups",
            Self::Sources => "sources",
        }
    }
}

/// What is wrong with the value of a field; displays the remedy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The text of the mention is too long.
    #[error("a mention has at most {max_bytes} bytes of UTF-8")]
    TextTooLong {
        /// [`LinkLimits::mention_bytes`].
        max_bytes: usize,
    },
    /// The text has a control character that is no white space.
    #[error("only tabs and line ends are allowed")]
    ControlCharacters,
    /// The text has no letter or digit after normalization.
    #[error("write at least one letter or digit")]
    Blank,
    /// The id is too long.
    #[error("an id has at most {MAX_ID_BYTES} bytes")]
    IdTooLong,
    /// `top_k` is 0 or too large.
    #[error("must be between 1 and {max}")]
    TopKOutOfRange {
        /// [`LinkLimits::top_k`].
        max: usize,
    },
    /// `min_score` is no cosine.
    #[error("must be between -1 and 1")]
    MinScoreOutOfRange,
    /// A list of a filter has too many entries.
    #[error("a filter has at most {MAX_FILTER_ENTRIES} entries")]
    FilterTooLong,
    /// An entry is no TUI and no name of a semantic type of the UMLS Semantic Network.
    #[error("not a semantic type of UMLS; write TUIs such as T047, or names")]
    UnknownSemanticType,
    /// An entry is no semantic group of the UMLS Semantic Network.
    #[error("not a semantic group of UMLS; write groups such as DISO, or names")]
    UnknownSemanticGroup,
    /// An entry is no source vocabulary that the index shows.
    #[error("the index has no such source; `saplink index info` lists its sources")]
    UnknownSource,
}

/// A field whose value cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FieldError {
    /// The field.
    pub field: Field,
    /// Position of the entry at fault, in a list.
    pub entry: Option<usize>,
    /// What is wrong with it.
    pub fault: Fault,
}

impl FieldError {
    fn new(field: Field, fault: Fault) -> Self {
        Self { field, entry: None, fault }
    }

    /// The field with the position in a list, such as `semantic_types[2]`.
    pub fn path(&self) -> String {
        let field = self.field.as_str();
        self.entry.map_or(field.to_owned(), |entry| format!("{field}[{entry}]"))
    }
}

impl std::error::Error for FieldError {}

impl std::fmt::Display for FieldError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.path(), self.fault)
    }
}

impl MentionOptions {
    /// Checks `top_k` and `min_score`.
    pub(super) fn check_numbers(&self, limits: &LinkLimits) -> Result<(), FieldError> {
        if self.top_k.is_some_and(|top_k| !(1..=limits.top_k).contains(&top_k)) {
            return Err(FieldError::new(Field::TopK, Fault::TopKOutOfRange { max: limits.top_k }));
        }
        if self.min_score.is_some_and(|score| !(-1.0..=1.0).contains(&score)) {
            return Err(FieldError::new(Field::MinScore, Fault::MinScoreOutOfRange));
        }
        Ok(())
    }

    /// The options of linking; absent ones are those of `defaults`.
    pub(super) fn link_options(&self, defaults: LinkOptions) -> LinkOptions {
        LinkOptions {
            readings: self.readings.unwrap_or(defaults.readings),
            spelling: self.spelling.unwrap_or(defaults.spelling),
            explain: self.explain.unwrap_or(defaults.explain),
        }
    }

    /// Whether any list of the filter of the request is replaced.
    pub(super) fn has_filter(&self) -> bool {
        self.semantic_types.is_some() || self.semantic_groups.is_some() || self.sources.is_some()
    }

    /// Takes the lists out and joins them with those of `defaults`. Types and groups are one
    /// filter: a mention that has either replaces both.
    pub(super) fn take_filter(&mut self, defaults: &FilterRequest) -> FilterRequest {
        let (types, groups) = (self.semantic_types.take(), self.semantic_groups.take());
        let (semantic_types, semantic_groups) = if types.is_some() || groups.is_some() {
            (types.unwrap_or_default(), groups.unwrap_or_default())
        } else {
            (defaults.semantic_types.clone(), defaults.semantic_groups.clone())
        };
        let sources = self.sources.take().unwrap_or_else(|| defaults.sources.clone());
        FilterRequest { semantic_types, semantic_groups, sources }
    }
}

/// Checks a text that is looked up among names.
pub(crate) fn check_text(mention: &str, limits: &LinkLimits) -> Result<(), FieldError> {
    let fault = if mention.len() > limits.mention_bytes {
        Fault::TextTooLong { max_bytes: limits.mention_bytes }
    } else if mention.chars().any(|c| c.is_control() && !c.is_whitespace()) {
        Fault::ControlCharacters
    } else if text::is_blank(mention) {
        Fault::Blank
    } else {
        return Ok(());
    };
    Err(FieldError::new(Field::Text, fault))
}

/// Checks the id of a mention.
pub(super) fn check_id(id: Option<&str>) -> Result<(), FieldError> {
    match id {
        Some(id) if id.len() > MAX_ID_BYTES => Err(FieldError::new(Field::Id, Fault::IdTooLong)),
        _ => Ok(()),
    }
}

/// Checks the lists of a filter, in the order of their fields.
pub(super) fn check_filter(filter: &FilterRequest, concepts: &ConceptStore) -> Result<(), FieldError> {
    check_semantic_types(&filter.semantic_types)?;
    check_semantic_groups(&filter.semantic_groups)?;
    check_sources(&filter.sources, concepts)
}

/// Checks the TUIs of a filter.
pub(crate) fn check_semantic_types(list: &[String]) -> Result<(), FieldError> {
    let is_known = |tui: &str| semantic_type::position(tui).is_some();
    check_entries(Field::SemanticTypes, list, is_known, Fault::UnknownSemanticType)
}

/// Checks the semantic groups of a filter.
pub(crate) fn check_semantic_groups(list: &[String]) -> Result<(), FieldError> {
    check_entries(Field::SemanticGroups, list, semantic_type::is_group, Fault::UnknownSemanticGroup)
}

/// Checks the sources of a filter, which the index must show.
pub(crate) fn check_sources(list: &[String], concepts: &ConceptStore) -> Result<(), FieldError> {
    check_entries(Field::Sources, list, |source| concepts.source(source).is_some(), Fault::UnknownSource)
}

/// Checks the number of entries of a list of a filter.
pub(crate) fn check_filter_length(list: &[String]) -> Result<(), Fault> {
    if list.len() > MAX_FILTER_ENTRIES { Err(Fault::FilterTooLong) } else { Ok(()) }
}

fn check_entries(
    field: Field,
    list: &[String],
    is_known: impl Fn(&str) -> bool,
    unknown: Fault,
) -> Result<(), FieldError> {
    check_filter_length(list).map_err(|fault| FieldError::new(field, fault))?;
    match list.iter().position(|entry| !is_known(entry)) {
        Some(entry) => Err(FieldError { field, entry: Some(entry), fault: unknown }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_of_a_mention_replace_those_of_the_request_one_by_one() {
        let request = MentionOptions { spelling: Some(false), explain: Some(true), ..MentionOptions::default() };
        let defaults = request.link_options(LinkOptions::default());
        assert_eq!(defaults, LinkOptions { readings: true, spelling: false, explain: true });
        let mention = MentionOptions { readings: Some(false), explain: Some(false), ..MentionOptions::default() };
        let expected = LinkOptions { readings: false, spelling: false, explain: false };
        assert_eq!(mention.link_options(defaults), expected);
        assert_eq!(MentionOptions::default().link_options(defaults), defaults);
    }
}
