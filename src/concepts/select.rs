//! What a selection takes of an index, whatever that was made with.
//!
//! Invariant: of an index that was made with the same selection it takes every name that may be shown.

use crate::concepts::{
    selection::Selection,
    store::{ConceptNumber, Concepts},
};
use crate::{concepts::ConceptError, domain::semantic_type};

impl Concepts {
    /// Whether there are names from every source and in every language that is asked for.
    ///
    /// # Errors
    /// [`ConceptError::UnusedSource`] and [`ConceptError::UnusedLanguage`], as when terminologies are read.
    pub fn check(&self, selection: &Selection) -> Result<(), ConceptError> {
        let has = |source: &String| self.sources().any(|known| known.source == *source && known.atoms > 0);
        let spoken = |language: &String| (0..self.languages.len()).any(|i| self.languages.get(i) == language);
        let speaks = |language: &String| language == Selection::ALL || spoken(language);
        if let Some(unused) = selection.sources.iter().find(|&source| !has(source)) {
            return Err(ConceptError::UnusedSource(unused.clone()));
        }
        if let Some(unused) = selection.languages.iter().find(|&language| !speaks(language)) {
            return Err(ConceptError::UnusedLanguage(unused.clone()));
        }
        Ok(())
    }

    /// The names of a concept that are taken, in the order of the index.
    pub fn names<'a>(&'a self, concept: ConceptNumber, selection: &'a Selection) -> impl Iterator<Item = &'a str> + 'a {
        let types = semantic_type::type_mask(&selection.semantic_types, &selection.semantic_groups);
        let wants = |wanted: Vec<bool>| self.types(concept).iter().any(|&t| wanted.get(usize::from(t)) == Some(&true));
        let most = if types.is_none_or(wants) { selection.max_names_per_concept.unwrap_or(usize::MAX) } else { 0 };
        let atoms = self.atoms(concept).map(move |atom| self.atom(atom));
        let taken = atoms.filter(move |atom| {
            selection.takes(atom.language, atom.source) && (selection.include_suppressed || !atom.suppressed)
        });
        taken.map(|atom| atom.name).take(most)
    }
}
