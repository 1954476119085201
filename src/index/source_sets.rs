//! Sets of source vocabularies by number: what a code is said by and a word occurs in are few sets of few sources.
//!
//! Invariant: equal sets have one number.

use std::collections::HashMap;

/// Sets of sources, while an index is built.
#[derive(Default)]
pub struct SourceSets {
    /// Places of sources, in order.
    sets: Vec<Vec<u16>>,
    numbers: HashMap<Vec<u16>, u32>,
    unions: HashMap<(u32, u32), u32>,
}

impl SourceSets {
    /// The number of a set, whose `sources` may come in any order and repeated.
    pub fn number(&mut self, mut sources: Vec<u16>) -> u32 {
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

    /// The number of the union of two sets.
    pub fn union(&mut self, a: u32, b: u32) -> u32 {
        if a == b {
            return a;
        }
        let pair = (a.min(b), a.max(b));
        if let Some(&number) = self.unions.get(&pair) {
            return number;
        }
        let all = [self.sets[a as usize].as_slice(), &self.sets[b as usize]].concat();
        let number = self.number(all);
        self.unions.insert(pair, number);
        number
    }

    /// Every set, one after another, and their ends.
    pub fn lists(&self) -> (Vec<u16>, Vec<u32>) {
        let mut end = 0;
        let ends = self.sets.iter().map(|set| {
            end += set.len() as u32;
            end
        });
        (self.sets.concat(), ends.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_sets_have_one_number() {
        let mut sets = SourceSets::default();
        let (a, b) = (sets.number(vec![2, 1]), sets.number(vec![3, 3]));
        assert_eq!((a, sets.number(vec![1, 2, 1])), (0, 0));
        let both = sets.union(b, a);
        assert_eq!([sets.union(a, b), sets.union(both, a), sets.number(vec![1, 2, 3])], [both; 3]);
        assert_eq!(sets.lists(), (vec![1, 2, 3, 1, 2, 3], vec![2, 3, 6]));
    }
}
