//! Distinct sets of sources. Many codes and words share few sets, so each refers to its set by
//! number.
//!
//! Invariant: equal sets have one id.

use std::collections::HashMap;

use crate::domain::{SourceId, SourceSetId};

/// Sets of sources, while a store is built.
#[derive(Default)]
pub(crate) struct SourceSets {
    /// By id; the sources of each set ascend.
    sets: Vec<Vec<SourceId>>,
    ids: HashMap<Vec<SourceId>, SourceSetId>,
}

impl SourceSets {
    /// The id of the set of `sources`, which may come in any order and repeat.
    pub(crate) fn id(&mut self, mut sources: Vec<SourceId>) -> SourceSetId {
        sources.sort_unstable();
        sources.dedup();
        if let Some(&id) = self.ids.get(&sources) {
            return id;
        }
        let id = SourceSetId::from_index(self.sets.len());
        self.ids.insert(sources.clone(), id);
        self.sets.push(sources);
        id
    }

    /// Every set, by id.
    pub(crate) fn all(&self) -> &[Vec<SourceId>] {
        &self.sets
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_sets_have_one_id() {
        let mut sets = SourceSets::default();
        let sources = |numbers: &[u16]| numbers.iter().copied().map(SourceId::new).collect::<Vec<_>>();
        let ids = [&[2, 1][..], &[3, 3], &[1, 2, 1]].map(|set| sets.id(sources(set)).get());
        assert_eq!(ids, [0, 1, 0]);
        assert_eq!(sets.all(), [sources(&[1, 2]), sources(&[3])]);
    }
}
