//! Selections: which names and concepts a build, or the sampling of training pairs, takes.
//!
//! `ingest::collect` applies a selection to statements, and the methods of [`ConceptStore`] below
//! apply it to an open store. Invariant: the selection that a store was built with takes every
//! visible name of that store.

use serde::{Deserialize, Serialize};

use crate::{
    concepts::{ConceptError, store::ConceptStore},
    domain::{ConceptId, semantic_type},
    text,
};

/// Which names and concepts are taken. Empty lists take everything.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Selection {
    /// Languages (LAT), the preferred ones first. [`Selection::ALL`] means all others.
    pub languages: Vec<String>,
    /// Source vocabularies (SAB).
    pub sources: Vec<String>,
    /// TUIs; a concept with any of them is taken.
    pub semantic_types: Vec<String>,
    /// Abbreviations of semantic groups; their types are added to `semantic_types`.
    pub semantic_groups: Vec<String>,
    /// Whether suppressed names are taken.
    pub include_suppressed: bool,
    /// Whether names of digits or punctuation alone, such as `1` or `0.9 %`, are taken: a number in
    /// a mention is hardly ever a mention of such a name.
    pub numeric_names: bool,
    /// Maximum number of names of a concept, the preferred ones first; `None` is no limit.
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
            numeric_names: false,
            max_names_per_concept: None,
        }
    }
}

impl Selection {
    /// The value of `languages` that means every language.
    pub const ALL: &str = "all";

    /// Whether names in this language and from this source are taken.
    pub fn takes(&self, language: &str, source: &str) -> bool {
        self.takes_language(language) && self.takes_source(source)
    }

    /// The position of a language in the order of preference; 0 is preferred.
    pub(crate) fn language_order(&self, language: &str) -> usize {
        let all = || self.languages.iter().position(|l| l == Self::ALL);
        self.languages.iter().position(|l| l == language).or_else(all).unwrap_or(0)
    }

    pub(crate) fn takes_language(&self, language: &str) -> bool {
        self.languages.is_empty() || self.languages.iter().any(|l| l == language || l == Self::ALL)
    }

    /// Whether a name is taken as far as its letters are concerned.
    pub(crate) fn takes_name(&self, name: &str) -> bool {
        // Fast path: of ASCII letters, normalization drops only an s (after an apostrophe).
        let has_letter = || name.bytes().any(|b| b.is_ascii_alphabetic() && !b.eq_ignore_ascii_case(&b's'));
        self.numeric_names || has_letter() || text::normalize(name).chars().any(char::is_alphabetic)
    }

    pub(crate) fn takes_source(&self, source: &str) -> bool {
        self.sources.is_empty() || self.sources.iter().any(|s| s.eq_ignore_ascii_case(source))
    }

    /// Checks that each selected source and language gave a name. Without the check, a user would
    /// notice a misspelled one after hours of work or never.
    ///
    /// # Errors
    /// [`ConceptError::UnusedSource`] or [`ConceptError::UnusedLanguage`].
    pub(crate) fn check_used(
        &self,
        has_source: impl Fn(&str) -> bool,
        has_language: impl Fn(&str) -> bool,
    ) -> Result<(), ConceptError> {
        if let Some(unused) = self.sources.iter().find(|source| !has_source(source)) {
            return Err(ConceptError::UnusedSource(unused.clone()));
        }
        let mut languages = self.languages.iter().filter(|language| *language != Self::ALL);
        if let Some(unused) = languages.find(|language| !has_language(language)) {
            return Err(ConceptError::UnusedLanguage(unused.clone()));
        }
        Ok(())
    }
}

impl ConceptStore {
    /// Checks that the store has names from every source and in every language of `selection`.
    ///
    /// # Errors
    /// [`ConceptError::UnusedSource`] or [`ConceptError::UnusedLanguage`].
    pub fn check_selection(&self, selection: &Selection) -> Result<(), ConceptError> {
        selection.check_used(
            |source| self.sources().any(|entry| entry.source.eq_ignore_ascii_case(source) && entry.atoms > 0),
            |language| (0..self.languages.len()).any(|i| self.languages.get(i) == language),
        )
    }

    /// The names of a concept that `selection` takes, the preferred one first.
    pub fn selected_names<'a>(
        &'a self,
        concept: ConceptId,
        selection: &'a Selection,
    ) -> impl Iterator<Item = &'a str> + 'a {
        let types = semantic_type::type_mask(&selection.semantic_types, &selection.semantic_groups);
        let is_selected =
            types.is_none_or(|types| self.semantic_types(concept).iter().any(|t| types.get(t.index()) == Some(&true)));
        let max_names = if is_selected { selection.max_names_per_concept.unwrap_or(usize::MAX) } else { 0 };
        let atoms = self.atoms(concept).map(move |atom| self.atom(atom));
        let taken = atoms.filter(move |atom| {
            selection.takes(atom.language, atom.source)
                && (selection.include_suppressed || !atom.suppressed)
                && selection.takes_name(atom.name)
        });
        taken.map(|atom| atom.name).take(max_names)
    }
}
