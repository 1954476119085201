//! Filters: which concepts and names an answer may have.
//!
//! A concept passes if it has a requested semantic type and a name from a requested, visible
//! source. An empty list of types or sources allows all of them. Bitmaps hold the names that may
//! pass, so that a search compares no other name. Invariant: an answer has only concepts and atoms
//! that pass.

use std::{ops::Range, sync::Arc};

use roaring::{MultiOps, RoaringBitmap};

use crate::{
    concepts::store::ConceptStore,
    domain::{AtomId, ConceptId, NameId, SemanticTypeId, SourceId, semantic_type},
};

/// The filter of a request; empty lists request everything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct FilterRequest {
    /// TUIs or names.
    pub semantic_types: Vec<String>,
    /// Abbreviations or names of semantic groups; their types are added to `semantic_types`.
    pub semantic_groups: Vec<String>,
    /// Source vocabularies, by any of their names.
    pub sources: Vec<String>,
}

/// A request resolved against an index.
pub struct Filter {
    /// By `SemanticTypeId`, whether the type passes; absent if all do.
    types: Option<Vec<bool>>,
    /// By `SourceId`, whether the source passes; absent if all do.
    sources: Option<Vec<bool>>,
    /// Names that may pass; absent if all may.
    names: Option<Arc<RoaringBitmap>>,
    /// Number of names that may pass.
    passing: usize,
}

impl Filter {
    /// Resolves `request`. Nothing passes for types, groups and sources that the index lacks.
    pub fn new(request: &FilterRequest, store: &ConceptStore) -> Self {
        let types = semantic_type::type_mask(&request.semantic_types, &request.semantic_groups);
        let visible = store.visible_names();
        let by_source = !request.sources.is_empty();
        let sources = (by_source || visible.is_some()).then(|| {
            let requested = store.source_abbreviations(&request.sources);
            let is_requested = |source: &str| !by_source || requested.iter().any(|s| s == source);
            let sources = store.all_sources();
            sources.map(|(id, source)| store.is_source_visible(id) && is_requested(source)).collect::<Vec<_>>()
        });
        let of_types = types.as_ref().map(|types| {
            let types = SemanticTypeId::all(types.len()).filter(|t| types[t.index()]);
            Arc::new(types.map(|t| store.names_with_semantic_type(t)).union())
        });
        let of_sources = match &sources {
            Some(sources) if by_source => {
                let sources = SourceId::all(sources.len()).filter(|source| sources[source.index()]);
                Some(Arc::new(sources.map(|source| store.names_from_source(source)).union()))
            }
            _ => visible.cloned(),
        };
        let names = match (of_types, of_sources) {
            (Some(a), Some(b)) => Some(Arc::new(&*a & &*b)),
            (a, b) => a.or(b),
        };
        let passing = names.as_ref().map_or(store.counts().rows, |names| names.len()) as usize;
        Self { types, sources, names, passing }
    }

    /// A filter that everything of an index with `names` names passes.
    #[cfg(test)]
    pub(crate) fn of_all(names: usize) -> Self {
        Self { types: None, sources: None, names: None, passing: names }
    }

    /// Whether a name has an atom that passes.
    pub fn passes(&self, store: &ConceptStore, name: NameId) -> bool {
        let Some(names) = &self.names else { return true };
        // A name may have the type by one atom and the source by another.
        let by_both = self.types.is_some() && self.sources.is_some();
        names.contains(name.get()) && (!by_both || self.concepts_of(store, name).next().is_some())
    }

    /// Number of names that may pass.
    pub fn passing_count(&self) -> usize {
        self.passing
    }

    /// The names of `range` that may pass, ascending.
    pub fn names_in(&self, range: Range<NameId>) -> Box<dyn Iterator<Item = NameId> + '_> {
        let range = range.start.get()..range.end.get();
        match &self.names {
            Some(names) => Box::new(names.range(range).map(NameId::new)),
            None => Box::new(range.map(NameId::new)),
        }
    }

    /// At most `count` names that may pass, at even distances; none if all names may pass.
    pub fn sample(&self, count: u32) -> impl Iterator<Item = NameId> + '_ {
        let all = self.passing as u64;
        let count = if self.names.is_some() { u64::from(count).min(all) } else { 0 };
        let rank = move |i| u32::try_from(i * all / count.max(1)).ok();
        let sampled = (0..count).filter_map(move |i| self.names.as_ref().zip(rank(i)));
        sampled.filter_map(|(names, rank)| names.select(rank).map(NameId::new))
    }

    /// The atoms of a name that pass, each with its concept, ascending by concept.
    pub fn atoms_of<'a>(
        &'a self,
        store: &'a ConceptStore,
        name: NameId,
    ) -> impl Iterator<Item = (ConceptId, AtomId)> + 'a {
        let atoms = store.atoms_of_name(name).iter().filter(|&&atom| self.passes_source_of(store, atom));
        let owned = atoms.map(|&atom| (store.concept_of_atom(atom), atom));
        owned.filter(|(concept, _)| self.passes_type_of(store, *concept))
    }

    /// The concepts of a name that pass, ascending, each with the first of its atoms that passes.
    pub fn concepts_of<'a>(
        &'a self,
        store: &'a ConceptStore,
        name: NameId,
    ) -> impl Iterator<Item = (ConceptId, AtomId)> + 'a {
        let mut last = None;
        self.atoms_of(store, name).filter(move |(concept, _)| last.replace(*concept) != Some(*concept))
    }

    fn passes_source_of(&self, store: &ConceptStore, atom: AtomId) -> bool {
        let source = store.source_of_atom(atom);
        self.sources.as_ref().is_none_or(|sources| sources.get(source.index()).copied().unwrap_or(false))
    }

    fn passes_type_of(&self, store: &ConceptStore, concept: ConceptId) -> bool {
        self.types.as_ref().is_none_or(|types| {
            store.semantic_types(concept).iter().any(|t| types.get(t.index()).copied().unwrap_or(false))
        })
    }
}
