//! Sorting more records than memory holds: runs are sorted in memory, spilled to unnamed files and merged.
//!
//! A record is any string of bytes and sorts as such; who needs another order writes it into the record's beginning. Memory is
//! bounded by what [`Sorter::new`] is given, plus a buffer for each run. Invariant: what comes out is what went in, in order.

use std::{
    cmp::Reverse,
    collections::BinaryHeap,
    fs::File,
    io::{self, BufReader, BufWriter, Read, Seek, Write},
    path::{Path, PathBuf},
};

use rayon::slice::ParallelSliceMut;

/// Bytes of a run's buffer.
const BUFFER: usize = 1 << 18;

/// Takes records in any order.
pub struct Sorter {
    dir: PathBuf,
    memory: usize,
    bytes: Vec<u8>,
    places: Vec<Place>,
    runs: Vec<File>,
    records: u64,
}

/// Where a record is, and its first eight bytes, which mostly decide a comparison.
#[derive(Clone, Copy)]
struct Place {
    head: u64,
    start: u32,
    len: u32,
}

impl Sorter {
    /// A sorter that spills to files in `dir` what exceeds `memory` bytes, at most 4 GiB.
    pub fn new(dir: &Path, memory: usize) -> Self {
        Self {
            dir: dir.into(),
            memory: memory.min(u32::MAX as usize),
            bytes: vec![],
            places: vec![],
            runs: vec![],
            records: 0,
        }
    }

    /// How many records it has taken.
    pub fn len(&self) -> u64 {
        self.records
    }

    /// Whether it has taken none.
    pub fn is_empty(&self) -> bool {
        self.records == 0
    }

    /// Adds a record.
    ///
    /// # Errors
    /// What the disk says.
    pub fn push(&mut self, record: &[u8]) -> io::Result<()> {
        let used = self.bytes.len() + self.places.len() * size_of::<Place>();
        if !self.places.is_empty() && used + record.len() + size_of::<Place>() > self.memory {
            self.spill()?;
        }
        let mut head = [0; 8];
        let n = record.len().min(8);
        head[..n].copy_from_slice(&record[..n]);
        let start = self.bytes.len() as u32;
        self.places.push(Place { head: u64::from_be_bytes(head), start, len: record.len() as u32 });
        self.bytes.extend_from_slice(record);
        self.records += 1;
        Ok(())
    }

    fn sort_run(&mut self) {
        let bytes = &self.bytes;
        self.places.par_sort_unstable_by(|a, b| a.head.cmp(&b.head).then_with(|| a.of(bytes).cmp(b.of(bytes))));
    }

    fn spill(&mut self) -> io::Result<()> {
        self.sort_run();
        let mut run = BufWriter::with_capacity(BUFFER, tempfile::tempfile_in(&self.dir)?);
        for place in self.places.drain(..) {
            run.write_all(&place.len.to_le_bytes())?;
            run.write_all(place.of(&self.bytes))?;
        }
        let mut run = run.into_inner().map_err(|e| e.into_error())?;
        run.rewind()?;
        self.runs.push(run);
        self.bytes.clear();
        Ok(())
    }

    /// Ends the adding.
    ///
    /// # Errors
    /// What the disk says.
    pub fn sort(mut self) -> io::Result<Sorted> {
        self.sort_run();
        let mut sorted =
            Sorted { bytes: self.bytes, places: self.places.into_iter(), runs: vec![], heap: BinaryHeap::new() };
        for run in self.runs {
            sorted.runs.push(BufReader::with_capacity(BUFFER, run));
        }
        if !sorted.runs.is_empty() {
            (0..=sorted.runs.len()).try_for_each(|source| sorted.refill(source, vec![]))?;
        }
        Ok(sorted)
    }
}

impl Place {
    fn of(self, bytes: &[u8]) -> &[u8] {
        &bytes[self.start as usize..][..self.len as usize]
    }
}

/// Gives records in order.
pub struct Sorted {
    bytes: Vec<u8>,
    places: std::vec::IntoIter<Place>,
    runs: Vec<BufReader<File>>,
    /// The next record of each run, and of what is still in memory as the last.
    heap: BinaryHeap<Reverse<(Vec<u8>, usize)>>,
}

impl Sorted {
    /// Puts the next record into `record`; false when there is none.
    ///
    /// # Errors
    /// What the disk says.
    pub fn next(&mut self, record: &mut Vec<u8>) -> io::Result<bool> {
        if self.runs.is_empty() {
            // Nothing was spilled: no need to merge.
            let Some(place) = self.places.next() else { return Ok(false) };
            record.clear();
            record.extend_from_slice(place.of(&self.bytes));
            return Ok(true);
        }
        let Some(Reverse((next, source))) = self.heap.pop() else { return Ok(false) };
        let spent = std::mem::replace(record, next);
        self.refill(source, spent)?;
        Ok(true)
    }

    fn refill(&mut self, source: usize, mut record: Vec<u8>) -> io::Result<()> {
        record.clear();
        if let Some(run) = self.runs.get_mut(source) {
            let mut len = [0; 4];
            match run.read_exact(&mut len) {
                Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => return Ok(()),
                read => read?,
            }
            record.resize(u32::from_le_bytes(len) as usize, 0);
            run.read_exact(&mut record)?;
        } else {
            let Some(place) = self.places.next() else { return Ok(()) };
            record.extend_from_slice(place.of(&self.bytes));
        }
        self.heap.push(Reverse((record, source)));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sorted(records: &[Vec<u8>], memory: usize) -> Vec<Vec<u8>> {
        let dir = tempfile::tempdir().unwrap();
        let mut sorter = Sorter::new(dir.path(), memory);
        records.iter().for_each(|r| sorter.push(r).unwrap());
        let mut sorted = sorter.sort().unwrap();
        let (mut all, mut record) = (vec![], vec![]);
        while sorted.next(&mut record).unwrap() {
            all.push(record.clone());
        }
        assert_eq!(fs_err::read_dir(dir.path()).unwrap().count(), 0, "runs have no names");
        all
    }

    proptest! {
        #[test]
        fn sorts_in_memory_and_through_runs(
            records in proptest::collection::vec(proptest::collection::vec(0u8..4, 0..20), 0..200),
        ) {
            let mut expected = records.clone();
            expected.sort();
            for memory in [1, 100, 1000, 1 << 20] {
                prop_assert_eq!(&sorted(&records, memory), &expected);
            }
        }
    }
}
