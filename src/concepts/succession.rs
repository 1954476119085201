//! Follows ids that were retired to what took their place, while an index is built and when it is read.
//!
//! The nearest come first: of the kinds of the steps on a way the furthest counts, and of several ways the nearest. Invariant: every
//! retired id is looked at once and at most [`MOST`] of them are, so that no history, however long or circular, costs more.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap, HashSet},
};

use crate::domain::Succession;

/// Retired ids on the ways from one, and ends of those ways.
const MOST: usize = 1000;

/// Where a step leads.
pub(crate) enum Next<T> {
    /// To something that is there, or that nothing more is known of.
    End(T),
    /// To the retired id at this place.
    Retired(usize),
}

/// The ends of all ways from the retired id at `place`, each with the kind of its nearest way, by kind and then in their order. `steps`
/// gives the steps from a place.
pub(crate) fn follow<T: Ord + Clone>(
    place: usize,
    steps: impl Fn(usize) -> Vec<(Succession, Next<T>)>,
) -> Vec<(Succession, T)> {
    let mut open = BinaryHeap::from([Reverse((Succession::Same, place))]);
    let (mut seen, mut ends) = (HashSet::new(), BTreeMap::<T, Succession>::new());
    while let Some(Reverse((so_far, place))) = open.pop() {
        if seen.len() >= MOST || ends.len() >= MOST {
            break;
        }
        if !seen.insert(place) {
            continue;
        }
        for (kind, next) in steps(place) {
            let kind = kind.max(so_far);
            match next {
                Next::End(end) => _ = ends.entry(end).and_modify(|known| *known = (*known).min(kind)).or_insert(kind),
                Next::Retired(next) => open.push(Reverse((kind, next))),
            }
        }
    }
    let mut found: Vec<(Succession, T)> = ends.into_iter().map(|(end, kind)| (kind, end)).collect();
    found.sort_unstable();
    found
}

#[cfg(test)]
mod tests {
    use super::{Succession::*, *};

    /// Ends of the ways from 0, numbers from 100 on being ends.
    fn ends(steps: &[(usize, Succession, usize)]) -> Vec<(Succession, usize)> {
        follow(0, |place| {
            let from = steps.iter().filter(|(from, ..)| *from == place);
            from.map(|&(_, kind, to)| (kind, if to < 100 { Next::Retired(to) } else { Next::End(to) })).collect()
        })
    }

    #[test]
    fn the_nearest_way_counts() {
        assert_eq!(ends(&[(0, Same, 100), (0, Broader, 101)]), [(Same, 100), (Broader, 101)]);
        assert_eq!(ends(&[(0, Same, 1), (1, Other, 2), (2, Same, 100)]), [(Other, 100)]);
        let two = [(0, Same, 1), (1, Other, 3), (0, Same, 2), (2, Same, 3), (3, Same, 100)];
        assert_eq!(ends(&two), [(Same, 100)], "by way of 2");
    }

    #[test]
    fn circles_and_endless_chains_end() {
        assert_eq!(ends(&[(0, Same, 1), (1, Same, 0)]), []);
        assert_eq!(ends(&[(0, Same, 1), (1, Same, 0), (1, Other, 100)]), [(Other, 100)]);
        let all: Vec<_> = (0..30).flat_map(|a| (0..30).map(move |b| (a, Same, b))).chain([(29, Same, 100)]).collect();
        assert_eq!(ends(&all), [(Same, 100)], "each stands for all");
        assert_eq!(follow(0, |place| vec![(Same, Next::<u8>::Retired(place + 1))]), []);
    }
}
