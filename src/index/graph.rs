//! A hierarchical navigable small world graph (Malkov and Yashunin 2016) as flat arrays, and the search over it.
//!
//! Level 0 holds every row, each level above it a sample of the one below. Neighbours are row numbers in one array, with the
//! end of each row's list in another. Invariant: every row can be reached from the entry point on level 0.

use std::{
    cmp::{Ordering, Reverse},
    collections::BinaryHeap,
    path::Path,
};

use super::{
    IndexError,
    mapped::{self, Column, Sections, range_of},
    vectors::Vectors,
};

/// A row and its score; greater is better, and of equal scores the lower row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scored {
    pub score: f32,
    pub row: u32,
}

impl Eq for Scored {}

impl Ord for Scored {
    fn cmp(&self, other: &Self) -> Ordering {
        self.score.total_cmp(&other.score).then(other.row.cmp(&self.row))
    }
}

impl PartialOrd for Scored {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// One level in memory: who is on it, and each one's neighbours.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Level {
    /// Ascending rows.
    pub nodes: Vec<u32>,
    /// For each node, in the same order.
    pub neighbours: Vec<Vec<u32>>,
}

/// Writes `levels`, lowest first, with their `entry` point.
pub fn write(path: &Path, entry: u32, levels: &[Level]) -> Result<(), IndexError> {
    let mut columns = vec![("header".to_owned(), vec![entry, levels.len() as u32])];
    for (l, level) in levels.iter().enumerate() {
        let mut end = 0usize;
        let mut ends = Vec::with_capacity(level.nodes.len());
        for list in &level.neighbours {
            end += list.len();
            ends.push(u32::try_from(end).map_err(|_| IndexError::TooLarge("4 billion edges"))?);
        }
        columns.push((format!("{l}.ends"), ends));
        columns.push((format!("{l}.ids"), level.neighbours.concat()));
        if l > 0 {
            columns.push((format!("{l}.nodes"), level.nodes.clone()));
        }
    }
    let sections: Vec<(&str, &[u8])> = columns.iter().map(|(n, c)| (n.as_str(), mapped::bytes(c))).collect();
    Ok(mapped::write(path, &sections)?)
}

struct MappedLevel {
    /// Absent on level 0, which holds every row.
    nodes: Option<Column<u32>>,
    ends: Column<u32>,
    ids: Column<u32>,
}

impl MappedLevel {
    fn neighbours(&self, row: u32) -> &[u32] {
        let place = match &self.nodes {
            None => Some(row as usize),
            Some(nodes) => nodes.binary_search(&row).ok(),
        };
        place.map_or(&[], |i| &self.ids[range_of(&self.ends, i)])
    }
}

/// A graph, mapped.
pub struct Graph {
    entry: u32,
    levels: Vec<MappedLevel>,
}

/// Memory that a search needs and can be used again for the next.
#[derive(Default)]
pub struct Scratch {
    /// The number of the search that last saw a row.
    seen: Vec<u32>,
    search: u32,
}

impl Scratch {
    fn begin(&mut self, rows: usize) {
        if self.seen.len() != rows || self.search == u32::MAX {
            self.seen = vec![0; rows];
            self.search = 0;
        }
        self.search += 1;
    }

    /// Marks `row`; false if it was marked before.
    fn mark(&mut self, row: u32) -> bool {
        std::mem::replace(&mut self.seen[row as usize], self.search) != self.search
    }
}

impl Graph {
    /// Maps `path`, a graph over `rows` rows.
    ///
    /// # Errors
    /// [`IndexError::Damaged`] when an edge or a list does not fit the rows.
    pub fn open(path: &Path, rows: usize) -> Result<Self, IndexError> {
        let file = Sections::open(path)?;
        let header = file.column::<u32>("header")?;
        let [entry, count] = header[..] else { return Err(file.damaged("its header is impossible")) };
        if entry as usize >= rows || !(1..=64).contains(&count) {
            return Err(file.damaged("its header is impossible"));
        }
        let levels = (0..count).map(|l| {
            let ends = file.ends(&format!("{l}.ends"))?;
            let ids = file.bounded::<u32>(&format!("{l}.ids"), rows)?;
            let nodes = (l > 0).then(|| file.bounded::<u32>(&format!("{l}.nodes"), rows)).transpose()?;
            let expected = nodes.as_ref().map_or(rows, |n| n.len());
            let sorted = nodes.as_ref().is_none_or(|n| n.is_sorted_by(|a, b| a < b));
            if ends.len() != expected || ends.last().copied().unwrap_or(0) as usize != ids.len() || !sorted {
                return Err(file.damaged(format!("level {l} is inconsistent")));
            }
            Ok(MappedLevel { nodes, ends, ids })
        });
        Ok(Self { entry, levels: levels.collect::<Result<_, _>>()? })
    }

    /// The `ef` best rows that the search finds for `query`, best first; of them, only rows that `allowed` accepts are kept,
    /// the others are passed through.
    pub fn search(
        &self,
        vectors: &Vectors,
        query: &[f32],
        ef: usize,
        allowed: impl Fn(u32) -> bool,
        scratch: &mut Scratch,
    ) -> Vec<Scored> {
        let mut nearest = Scored { score: vectors.score(self.entry, query), row: self.entry };
        for level in self.levels[1..].iter().rev() {
            nearest = descend(level, vectors, query, nearest);
        }
        scratch.begin(vectors.len());
        scratch.mark(nearest.row);
        let mut frontier = BinaryHeap::from([nearest]);
        let mut best = BinaryHeap::with_capacity(ef + 1);
        if allowed(nearest.row) {
            best.push(Reverse(nearest));
        }
        while let Some(candidate) = frontier.pop() {
            if best.len() >= ef && best.peek().is_some_and(|Reverse(worst)| candidate < *worst) {
                break;
            }
            for &row in self.levels[0].neighbours(candidate.row) {
                if !scratch.mark(row) {
                    continue;
                }
                let scored = Scored { score: vectors.score(row, query), row };
                if best.len() >= ef && best.peek().is_some_and(|Reverse(worst)| scored < *worst) {
                    continue;
                }
                frontier.push(scored);
                if allowed(row) {
                    best.push(Reverse(scored));
                    if best.len() > ef {
                        best.pop();
                    }
                }
            }
        }
        best.into_sorted_vec().into_iter().map(|Reverse(s)| s).collect()
    }
}

/// Walks to the best neighbour until there is none better.
fn descend(level: &MappedLevel, vectors: &Vectors, query: &[f32], mut nearest: Scored) -> Scored {
    loop {
        let neighbours = level.neighbours(nearest.row).iter();
        let best = neighbours.map(|&row| Scored { score: vectors.score(row, query), row }).max();
        match best.filter(|b| *b > nearest) {
            Some(better) => nearest = better,
            None => return nearest,
        }
    }
}
