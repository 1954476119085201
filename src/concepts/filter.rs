//! Which concepts and names may be answered.
//!
//! A concept passes if one of its semantic types is asked for (or none is), and it is reached through a name whose source is
//! asked for (or none is) and not hidden. Rows are found by bitmaps, and only those that pass are looked at. Invariant: nothing
//! outside a filter is ever answered.

use std::sync::Arc;

use roaring::{MultiOps, RoaringBitmap};

use crate::concepts::store::{ConceptNumber, Concepts};
use crate::domain::semantic_type;

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

/// The places that are wanted.
fn chosen(wanted: &[bool]) -> impl Iterator<Item = usize> + '_ {
    wanted.iter().enumerate().filter(|(_, wanted)| **wanted).map(|(place, _)| place)
}

/// A request resolved against an index.
pub struct Filter {
    /// By place of the type; absent when types do not matter.
    types: Option<Vec<bool>>,
    /// By place of the source; absent when sources do not matter.
    sources: Option<Vec<bool>>,
    /// Rows that may pass; absent when every row does.
    rows: Option<Arc<RoaringBitmap>>,
    /// How many rows may pass.
    passing: usize,
}

impl Filter {
    /// Resolves `request`. Types, groups and sources that the index does not know let nothing pass.
    pub fn new(request: &FilterRequest, concepts: &Concepts) -> Self {
        let types = semantic_type::type_mask(&request.semantic_types, &request.semantic_groups);
        let shown = concepts.visible_rows();
        let by_source = !request.sources.is_empty();
        let sources = (by_source || shown.is_some()).then(|| {
            let asked = |source: &str| !by_source || request.sources.iter().any(|s| s == source);
            concepts.all_sources().map(|(place, source)| concepts.shows(place) && asked(source)).collect::<Vec<_>>()
        });
        let of_types =
            types.as_ref().map(|wanted| chosen(wanted).map(|place| concepts.rows_of_type(place)).union()).map(Arc::new);
        let of_sources = match &sources {
            Some(wanted) if by_source => {
                Some(Arc::new(chosen(wanted).map(|place| concepts.rows_of_source(place)).union()))
            }
            _ => shown.cloned(),
        };
        let rows = match (of_types, of_sources) {
            (Some(a), Some(b)) => Some(Arc::new(&*a & &*b)),
            (a, b) => a.or(b),
        };
        let passing = rows.as_ref().map_or(concepts.counts().rows, |rows| rows.len()) as usize;
        Self { types, sources, rows, passing }
    }

    /// Whether a row gives any concept.
    pub fn passes(&self, concepts: &Concepts, row: u32) -> bool {
        let Some(rows) = &self.rows else { return true };
        // A row may have one name of the right type and another from the right source.
        let both = self.types.is_some() && self.sources.is_some();
        rows.contains(row) && (!both || self.concepts_of(concepts, row).next().is_some())
    }

    /// How many rows may give a concept.
    pub fn passing(&self) -> usize {
        self.passing
    }

    /// Those of `among` that may give a concept, in order.
    pub fn rows(&self, among: std::ops::Range<u32>) -> Box<dyn Iterator<Item = u32> + '_> {
        match &self.rows {
            Some(rows) => Box::new(rows.range(among)),
            None => Box::new(among),
        }
    }

    /// Up to `count` rows that may give a concept, from all over; none if every row may.
    pub fn spread(&self, count: u32) -> impl Iterator<Item = u32> + '_ {
        let all = self.passing as u64;
        let count = if self.rows.is_some() { u64::from(count).min(all) } else { 0 };
        let place = move |i| u32::try_from(i * all / count.max(1)).ok();
        (0..count).filter_map(move |i| self.rows.as_ref().zip(place(i)).and_then(|(rows, place)| rows.select(place)))
    }

    /// Whether an atom's source is asked for.
    fn takes_source_of(&self, concepts: &Concepts, atom: u32) -> bool {
        let place = usize::from(concepts.source_of(atom));
        self.sources.as_ref().is_none_or(|wanted| wanted.get(place).copied().unwrap_or(false))
    }

    /// The atoms of a row that pass, each with its concept, in the order of concepts.
    pub fn atoms_of<'a>(&'a self, concepts: &'a Concepts, row: u32) -> impl Iterator<Item = (ConceptNumber, u32)> + 'a {
        let passing = concepts.row_atoms(row).iter().filter(|&&atom| self.takes_source_of(concepts, atom));
        let owned = passing.map(|&atom| (concepts.concept_of(atom), atom));
        owned.filter(|(concept, _)| self.takes_type_of(concepts, *concept))
    }

    /// The concepts that a row gives, in order, each with the first of its atoms that passes.
    pub fn concepts_of<'a>(
        &'a self,
        concepts: &'a Concepts,
        row: u32,
    ) -> impl Iterator<Item = (ConceptNumber, u32)> + 'a {
        let mut last = None;
        self.atoms_of(concepts, row).filter(move |(concept, _)| last.replace(*concept) != Some(*concept))
    }

    fn takes_type_of(&self, concepts: &Concepts, concept: ConceptNumber) -> bool {
        let wants = |wanted: &[bool], place: u8| wanted.get(usize::from(place)).copied().unwrap_or(false);
        self.types.as_ref().is_none_or(|wanted| concepts.types(concept).iter().any(|&place| wants(wanted, place)))
    }
}
