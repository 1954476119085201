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
    /// By place of the source; absent when sources do not matter.
    sources: Option<Vec<bool>>,
    /// By row; absent when every row passes.
    rows: Option<Vec<bool>>,
    passing: usize,
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
        let sources = (!request.sources.is_empty()).then(|| {
            let mut wanted = vec![false; names.source_count()];
            request.sources.iter().filter_map(|s| names.source(s)).for_each(|place| wanted[usize::from(place)] = true);
            wanted
        });
        let rows = names.counts().rows as usize;
        let mut filter = Self { types, sources, rows: None, passing: rows };
        if filter.types.is_some() || filter.sources.is_some() {
            let passes = |row: usize| filter.concepts_of(names, row as u32).next().is_some();
            let passing: Vec<bool> = (0..rows).map(passes).collect();
            filter.passing = passing.iter().filter(|&&p| p).count();
            filter.rows = Some(passing);
        }
        filter
    }

    /// Whether a row gives any concept.
    pub fn passes(&self, row: u32) -> bool {
        self.rows.as_ref().is_none_or(|rows| rows[row as usize])
    }

    /// How many rows do.
    pub fn passing(&self) -> usize {
        self.passing
    }

    /// Whether an atom's source is asked for.
    pub fn takes_source_of(&self, names: &Names, atom: u32) -> bool {
        self.sources.as_ref().is_none_or(|wanted| wanted[usize::from(names.source_of(atom))])
    }

    /// The concepts that a row gives, in order, each with the first of its atoms that passes.
    pub fn concepts_of<'a>(&'a self, names: &'a Names, row: u32) -> impl Iterator<Item = (ConceptNumber, u32)> + 'a {
        let mut last = None;
        names.row_atoms(row).iter().filter_map(move |&atom| {
            let concept = names.concept_of(atom);
            let passes = last != Some(concept) && self.takes_source_of(names, atom) && self.concept(names, concept);
            passes.then(|| {
                last = Some(concept);
                (concept, atom)
            })
        })
    }

    fn concept(&self, names: &Names, concept: ConceptNumber) -> bool {
        self.types.as_ref().is_none_or(|wanted| names.types(concept).iter().any(|&t| wanted[usize::from(t)]))
    }
}
