//! Which names and concepts of the terminologies an index takes.

use serde::{Deserialize, Serialize};

/// What is taken of the terminologies. Empty lists take everything.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Selection {
    /// Languages (LAT); of several, names in the first are preferred. [`Selection::ALL`] stands for all others.
    pub languages: Vec<String>,
    /// Source vocabularies (SAB).
    pub sources: Vec<String>,
    /// TUIs; a concept of any is taken.
    pub semantic_types: Vec<String>,
    /// Groups; joined with the types.
    pub semantic_groups: Vec<String>,
    pub include_suppressed: bool,
    /// The first names by preference; absent: all.
    pub max_names_per_concept: Option<usize>,
}

impl Default for Selection {
    fn default() -> Self {
        Self {
            languages: vec!["ENG".into()],
            sources: vec![],
            semantic_types: vec![],
            semantic_groups: vec![],
            include_suppressed: false,
            max_names_per_concept: None,
        }
    }
}

impl Selection {
    /// What takes every language.
    pub const ALL: &str = "all";

    /// Whether names in this language and from this source are taken.
    pub fn takes(&self, language: &str, source: &str) -> bool {
        self.takes_language(language) && self.takes_source(source)
    }

    /// Where a language's names stand in order.
    pub(crate) fn order_of(&self, language: &str) -> usize {
        let all = || self.languages.iter().position(|l| l == Self::ALL);
        self.languages.iter().position(|l| l == language).or_else(all).unwrap_or(0)
    }

    pub(crate) fn takes_language(&self, language: &str) -> bool {
        self.languages.is_empty() || self.languages.iter().any(|l| l == language || l == Self::ALL)
    }

    pub(crate) fn takes_source(&self, source: &str) -> bool {
        self.sources.is_empty() || self.sources.iter().any(|s| s == source)
    }
}
