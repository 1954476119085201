//! External sort: sorts more records than memory holds.
//!
//! Runs are sorted in memory, written to unnamed temporary files, and merged. A record is a string
//! of bytes; records are compared byte by byte, so a caller that needs another order begins each
//! record with a sort key. Memory is bounded by the argument of [`Sorter::new`], plus one buffer
//! for each run.
//!
//! Invariant: the output has exactly the records that were pushed, in ascending order.

use std::{
    cmp::Reverse,
    collections::BinaryHeap,
    fs::File,
    io::{self, BufReader, BufWriter, Read, Seek, Write},
    path::{Path, PathBuf},
};

use rayon::slice::ParallelSliceMut;

/// Bytes of the read or write buffer of a run.
const BUFFER_BYTES: usize = 1 << 18;

/// Takes records in any order; [`Sorter::sort`] gives them back in order.
pub struct Sorter {
    dir: PathBuf,
    memory: usize,
    bytes: Vec<u8>,
    slots: Vec<RecordPosition>,
    runs: Vec<File>,
    records: u64,
}

/// The position of a record in the memory of a sorter.
#[derive(Clone, Copy)]
struct RecordPosition {
    /// The first eight bytes as a big-endian number, zeros after a shorter record. They decide most
    /// comparisons.
    head: u64,
    /// Offset of the first byte.
    start: u32,
    /// Bytes.
    len: u32,
}

impl Sorter {
    /// A sorter that uses up to `memory` bytes, at most 4 GiB, and writes the rest to temporary
    /// files in `dir`.
    pub fn new(dir: &Path, memory: usize) -> Self {
        Self {
            dir: dir.into(),
            memory: memory.min(u32::MAX as usize),
            bytes: vec![],
            slots: vec![],
            runs: vec![],
            records: 0,
        }
    }

    /// Number of records pushed.
    pub fn len(&self) -> u64 {
        self.records
    }

    /// Whether no record was pushed.
    pub fn is_empty(&self) -> bool {
        self.records == 0
    }

    /// Adds a record.
    ///
    /// # Errors
    /// A temporary file cannot be written.
    pub fn push(&mut self, record: &[u8]) -> io::Result<()> {
        let used = self.bytes.len() + self.slots.len() * size_of::<RecordPosition>();
        if !self.slots.is_empty() && used + record.len() + size_of::<RecordPosition>() > self.memory {
            self.spill()?;
        }
        let mut head = [0; 8];
        let n = record.len().min(8);
        head[..n].copy_from_slice(&record[..n]);
        let start = self.bytes.len() as u32;
        self.slots.push(RecordPosition { head: u64::from_be_bytes(head), start, len: record.len() as u32 });
        self.bytes.extend_from_slice(record);
        self.records += 1;
        Ok(())
    }

    fn sort_run(&mut self) {
        let bytes = &self.bytes;
        self.slots.par_sort_unstable_by(|a, b| a.head.cmp(&b.head).then_with(|| a.of(bytes).cmp(b.of(bytes))));
    }

    /// Writes the records in memory to a run on disk: for each, its length (`u32`, little-endian)
    /// and its bytes.
    fn spill(&mut self) -> io::Result<()> {
        self.sort_run();
        let mut run = BufWriter::with_capacity(BUFFER_BYTES, tempfile::tempfile_in(&self.dir)?);
        for slot in self.slots.drain(..) {
            run.write_all(&slot.len.to_le_bytes())?;
            run.write_all(slot.of(&self.bytes))?;
        }
        let mut run = run.into_inner().map_err(|e| e.into_error())?;
        run.rewind()?;
        self.runs.push(run);
        self.bytes.clear();
        Ok(())
    }

    /// Sorts all records.
    ///
    /// # Errors
    /// A temporary file cannot be written or read.
    pub fn sort(mut self) -> io::Result<Sorted> {
        self.sort_run();
        let mut sorted =
            Sorted { bytes: self.bytes, slots: self.slots.into_iter(), runs: vec![], heap: BinaryHeap::new() };
        for run in self.runs {
            sorted.runs.push(BufReader::with_capacity(BUFFER_BYTES, run));
        }
        if !sorted.runs.is_empty() {
            // The records that are still in memory are the last run.
            (0..=sorted.runs.len()).try_for_each(|run| sorted.refill(run, vec![]))?;
        }
        Ok(sorted)
    }
}

impl RecordPosition {
    fn of(self, bytes: &[u8]) -> &[u8] {
        &bytes[self.start as usize..][..self.len as usize]
    }
}

/// Records in ascending order.
pub struct Sorted {
    bytes: Vec<u8>,
    slots: std::vec::IntoIter<RecordPosition>,
    runs: Vec<BufReader<File>>,
    /// The next record of each run with the number of its run; the records in memory are the last
    /// run.
    heap: BinaryHeap<Reverse<(Vec<u8>, usize)>>,
}

impl Sorted {
    /// Puts the next record into `record`; false at the end.
    ///
    /// # Errors
    /// A temporary file cannot be read.
    pub fn next(&mut self, record: &mut Vec<u8>) -> io::Result<bool> {
        if self.runs.is_empty() {
            // All records are in memory: there is nothing to merge.
            let Some(slot) = self.slots.next() else { return Ok(false) };
            record.clear();
            record.extend_from_slice(slot.of(&self.bytes));
            return Ok(true);
        }
        let Some(Reverse((next, run))) = self.heap.pop() else { return Ok(false) };
        let reusable = std::mem::replace(record, next);
        self.refill(run, reusable)?;
        Ok(true)
    }

    /// Puts the next record of `run` into the heap, in the memory of `record`.
    fn refill(&mut self, run: usize, mut record: Vec<u8>) -> io::Result<()> {
        record.clear();
        if let Some(file) = self.runs.get_mut(run) {
            let mut len = [0; 4];
            match file.read_exact(&mut len) {
                Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => return Ok(()),
                read => read?,
            }
            record.resize(u32::from_le_bytes(len) as usize, 0);
            file.read_exact(&mut record)?;
        } else {
            let Some(slot) = self.slots.next() else { return Ok(()) };
            record.extend_from_slice(slot.of(&self.bytes));
        }
        self.heap.push(Reverse((record, run)));
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
        assert_eq!(fs_err::read_dir(dir.path()).unwrap().count(), 0, "runs are unnamed files");
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
