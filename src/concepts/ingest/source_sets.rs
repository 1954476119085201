//! Sets of source vocabularies by number: what a code is said by and a word occurs in are few sets of few sources.
//!
//! Invariant: equal sets have one number.

use std::collections::HashMap;

/// Sets of sources, while an index is built.
#[derive(Default)]
pub(crate) struct SourceSets {
    /// Places of sources, in order.
    sets: Vec<Vec<u16>>,
    numbers: HashMap<Vec<u16>, u32>,
}

impl SourceSets {
    /// The number of a set, whose `sources` may come in any order and repeated.
    pub(crate) fn number(&mut self, mut sources: Vec<u16>) -> u32 {
        sources.sort_unstable();
        sources.dedup();
        if let Some(&number) = self.numbers.get(&sources) {
            return number;
        }
        let number = self.sets.len() as u32;
        self.numbers.insert(sources.clone(), number);
        self.sets.push(sources);
        number
    }

    /// Every set, by number.
    pub(crate) fn all(&self) -> &[Vec<u16>] {
        &self.sets
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_sets_have_one_number() {
        let mut sets = SourceSets::default();
        assert_eq!([vec![2, 1], vec![3, 3], vec![1, 2, 1]].map(|set| sets.number(set)), [0, 1, 0]);
        assert_eq!(sets.all(), [vec![1, 2], vec![3]]);
    }
}
