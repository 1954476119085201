//! Follows retired ids to their successors, while an index is built and when it is read.
//!
//! The kind of a chain is the most distant kind among its steps. If several chains lead to one id,
//! the nearest kind counts. Invariant: the search visits each retired id once, and at most
//! [`MAX_VISITED`] of them, so that a long or circular history costs no more.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap, HashSet},
};

use crate::domain::Succession;

/// Maximum number of retired ids that a search visits, and of ends that it finds.
const MAX_VISITED: usize = 1000;

/// The target of a step.
pub(crate) enum Target<T> {
    /// A concept, or an id without further steps.
    End(T),
    /// The retired id at this position.
    Retired(usize),
}

/// The ends of all chains from the retired id at position `start`, each with the kind of its
/// nearest chain, sorted by kind and then by end. `steps` gives the steps from a position.
pub(crate) fn follow<T: Ord + Clone>(
    start: usize,
    steps: impl Fn(usize) -> Vec<(Succession, Target<T>)>,
) -> Vec<(Succession, T)> {
    let mut open = BinaryHeap::from([Reverse((Succession::Same, start))]);
    let (mut visited, mut ends) = (HashSet::new(), BTreeMap::<T, Succession>::new());
    while let Some(Reverse((kind_of_chain, position))) = open.pop() {
        if visited.len() >= MAX_VISITED || ends.len() >= MAX_VISITED {
            break;
        }
        if !visited.insert(position) {
            continue;
        }
        for (kind, target) in steps(position) {
            let kind = kind.max(kind_of_chain);
            match target {
                Target::End(end) => {
                    _ = ends.entry(end).and_modify(|nearest| *nearest = (*nearest).min(kind)).or_insert(kind);
                }
                Target::Retired(next) => open.push(Reverse((kind, next))),
            }
        }
    }
    let mut ends: Vec<(Succession, T)> = ends.into_iter().map(|(end, kind)| (kind, end)).collect();
    ends.sort_unstable();
    ends
}

#[cfg(test)]
mod tests {
    use super::{Succession::*, *};

    /// Ends of the chains from 0; numbers from 100 on are ends.
    fn ends(steps: &[(usize, Succession, usize)]) -> Vec<(Succession, usize)> {
        follow(0, |position| {
            let from = steps.iter().filter(|(from, ..)| *from == position);
            from.map(|&(_, kind, to)| (kind, if to < 100 { Target::Retired(to) } else { Target::End(to) })).collect()
        })
    }

    #[test]
    fn nearest_chain_counts() {
        assert_eq!(ends(&[(0, Same, 100), (0, Broader, 101)]), [(Same, 100), (Broader, 101)]);
        assert_eq!(ends(&[(0, Same, 1), (1, Other, 2), (2, Same, 100)]), [(Other, 100)]);
        let two = [(0, Same, 1), (1, Other, 3), (0, Same, 2), (2, Same, 3), (3, Same, 100)];
        assert_eq!(ends(&two), [(Same, 100)], "the chain over 2 is nearer");
    }

    #[test]
    fn circles_and_endless_chains_end() {
        assert_eq!(ends(&[(0, Same, 1), (1, Same, 0)]), []);
        assert_eq!(ends(&[(0, Same, 1), (1, Same, 0), (1, Other, 100)]), [(Other, 100)]);
        let all: Vec<_> = (0..30).flat_map(|a| (0..30).map(move |b| (a, Same, b))).chain([(29, Same, 100)]).collect();
        assert_eq!(ends(&all), [(Same, 100)], "steps between all of 30 ids");
        assert_eq!(follow(0, |position| vec![(Same, Target::<u8>::Retired(position + 1))]), []);
    }
}
