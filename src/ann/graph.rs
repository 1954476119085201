//! A hierarchical navigable small world graph (Malkov and Yashunin 2016) as flat arrays, mapped.
//!
//! The ground level holds every row, with lists of one width; the levels above hold a sample each of the one below, and serve to
//! find where to begin. Invariants: the levels above are checked when they are opened, the ground level edge by edge when it is searched, so
//! that opening does not read it; every row can be reached on it.

use std::path::Path;

use crate::{
    ann::AnnError,
    ann::{
        beam::{Ground, Scored, Scratch, beam},
        vectors::{QueryVector, Rows},
    },
    columns::mapped::{self, Column, Sections, range_of},
};

/// One level above the ground in memory: who is on it, and each one's neighbors.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Level {
    /// Ascending rows.
    pub nodes: Vec<u32>,
    /// For each node, in the same order.
    pub neighbors: Vec<Vec<u32>>,
}

impl Level {
    /// The neighbors of `row`; none if it is not on this level.
    pub(crate) fn of(&self, row: u32) -> &[u32] {
        self.nodes.binary_search(&row).map_or(&[], |i| &self.neighbors[i])
    }
}

/// Bytes of a row on disk, about, with `m` neighbors.
pub(crate) fn row_bytes(m: usize) -> usize {
    2 * m * size_of::<u32>() + 4
}

/// Writes a graph: the lists of its ground level, the levels above it from the lowest, and the row on the highest where searches begin.
pub(crate) fn write(path: &Path, ground: Ground, levels: &[Level], entry: u32) -> Result<(), AnnError> {
    let header = [entry, levels.len() as u32, ground.width as u32];
    let mut columns = vec![];
    for (l, level) in levels.iter().enumerate() {
        let mut end = 0;
        let ends = level.neighbors.iter().map(|list| {
            end += list.len() as u32;
            end
        });
        columns.push((format!("{l}.ends"), ends.collect()));
        columns.push((format!("{l}.ids"), level.neighbors.concat()));
        columns.push((format!("{l}.nodes"), level.nodes.clone()));
    }
    let mut sections = vec![("header", mapped::bytes(&header)), ("ground", mapped::bytes(ground.lists))];
    sections.extend(columns.iter().map(|(name, column): &(String, Vec<u32>)| (name.as_str(), mapped::bytes(column))));
    Ok(mapped::write(path, &sections)?)
}

struct MappedLevel {
    nodes: Column<u32>,
    ends: Column<u32>,
    ids: Column<u32>,
}

impl MappedLevel {
    fn neighbors(&self, row: u32) -> &[u32] {
        self.nodes.binary_search(&row).map_or(&[], |i| &self.ids[range_of(&self.ends, i)])
    }
}

/// A graph, mapped.
pub(crate) struct Graph {
    ground: Column<u32>,
    width: usize,
    levels: Vec<MappedLevel>,
    entry: u32,
}

impl Graph {
    /// Maps `path`, a graph over `rows` rows.
    ///
    /// # Errors
    /// [`ColumnError::Damaged`] when its levels do not fit the rows.
    pub(crate) fn open(path: &Path, rows: usize) -> Result<Self, AnnError> {
        let file = Sections::open(path)?;
        let header = file.column::<u32>("header")?;
        let [entry, count, width] = header[..] else { return Err(file.damaged("its header is impossible").into()) };
        let width = width as usize;
        if entry as usize >= rows || count > 64 || !(1..=1024).contains(&width) {
            return Err(file.damaged("its header is impossible").into());
        }
        let ground = file.counted("ground", rows * width)?;
        let levels = (0..count).map(|l| {
            let ends = file.ends(&format!("{l}.ends"))?;
            let ids = file.bounded::<u32>(&format!("{l}.ids"), rows)?;
            let nodes = file.bounded::<u32>(&format!("{l}.nodes"), rows)?;
            let fits = ends.len() == nodes.len() && ends.last().copied().unwrap_or(0) as usize == ids.len();
            if !fits || !nodes.is_sorted_by(|a, b| a < b) {
                return Err(file.damaged(format!("level {l} is inconsistent")));
            }
            Ok(MappedLevel { nodes, ends, ids })
        });
        let levels = levels.collect::<Result<_, _>>()?;
        Ok(Self { ground, width, levels, entry })
    }

    /// The ground level.
    pub(crate) fn ground(&self) -> Ground<'_> {
        Ground { lists: &self.ground, width: self.width }
    }

    /// The `ef` best rows that the search finds for `query` from its entry and from `starts`, best first; of them, only rows that
    /// `allowed` accepts.
    pub(crate) fn search<'s>(
        &self,
        vectors: Rows,
        query: &QueryVector,
        starts: &[u32],
        ef: usize,
        allowed: impl Fn(u32) -> bool,
        scratch: &'s mut Scratch,
    ) -> &'s mut [Scored] {
        let mut nearest = Scored::new(vectors.score(self.entry, query), self.entry);
        for level in self.levels.iter().rev() {
            nearest = descend(|row| level.neighbors(row), vectors, query, nearest);
        }
        let starts = [nearest.row(), self.entry].into_iter().chain(starts.iter().copied());
        beam(self.ground(), vectors, query, starts, ef, allowed, scratch)
    }
}

/// Walks to the best neighbor until there is none better.
pub(crate) fn descend<'a>(
    neighbors: impl Fn(u32) -> &'a [u32],
    vectors: Rows,
    query: &QueryVector,
    mut nearest: Scored,
) -> Scored {
    loop {
        let neighbors = neighbors(nearest.row());
        neighbors.iter().for_each(|&row| vectors.prefetch(row));
        let scored = neighbors.iter().map(|&row| Scored::new(vectors.score(row, query), row));
        match scored.max().filter(|best| *best > nearest) {
            Some(better) => nearest = better,
            None => return nearest,
        }
    }
}
