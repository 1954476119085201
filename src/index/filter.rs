//! Which concepts and names may be answered.
//!
//! A concept passes if one of its semantic types is asked for (or none is), and it is reached through a name whose source is
//! asked for (or none is). Invariant: nothing outside a filter is ever answered.

use super::names::{ConceptNumber, Names};
use crate::domain::semantic_type::{SEMANTIC_TYPES, position};

/// What a caller asked for; empty lists ask for everything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct FilterRequest {
    /// TUIs.
    pub semantic_types: Vec<String>,
    /// Abbreviations of groups; joined with the types.
    pub semantic_groups: Vec<String>,
    /// Source vocabularies.
    pub sources: Vec<String>,
}

/// A request resolved against an index.
pub struct Filter {
    /// By place of the type; absent when types do not matter.
    types: Option<Vec<bool>>,
    /// By place of the source.
    sources: Option<Vec<u16>>,
}

impl Filter {
    /// Resolves `request`. Types, groups and sources that the index does not know let nothing pass.
    pub fn new(request: &FilterRequest, names: &Names) -> Self {
        let by_type = !request.semantic_types.is_empty() || !request.semantic_groups.is_empty();
        let types = by_type.then(|| {
            let mut wanted: Vec<bool> =
                SEMANTIC_TYPES.iter().map(|t| request.semantic_groups.iter().any(|g| g == t.group)).collect();
            request.semantic_types.iter().filter_map(|t| position(t)).for_each(|place| wanted[place] = true);
            wanted
        });
        let by_source = !request.sources.is_empty();
        let sources = by_source.then(|| request.sources.iter().filter_map(|s| names.source(s)).collect());
        Self { types, sources }
    }

    /// Whether everything passes.
    pub fn is_open(&self) -> bool {
        self.types.is_none() && self.sources.is_none()
    }

    /// The concepts that a row gives, in order, each with the first of its atoms that passes.
    pub fn concepts_of<'a>(&'a self, names: &'a Names, row: u32) -> impl Iterator<Item = (ConceptNumber, u32)> + 'a {
        let mut last = None;
        names.row_atoms(row).iter().filter_map(move |&atom| {
            let concept = names.concept_of(atom);
            let passes = last != Some(concept) && self.atom(names, atom) && self.concept(names, concept);
            passes.then(|| {
                last = Some(concept);
                (concept, atom)
            })
        })
    }

    fn atom(&self, names: &Names, atom: u32) -> bool {
        self.sources.as_ref().is_none_or(|s| s.contains(&names.source_of(atom)))
    }

    fn concept(&self, names: &Names, concept: ConceptNumber) -> bool {
        self.types.as_ref().is_none_or(|wanted| names.types(concept).iter().any(|&t| wanted[usize::from(t)]))
    }
}
