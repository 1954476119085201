//! Counts the words of all names and writes them for [`crate::concepts::words::WordIndex`].

use std::{collections::HashMap, io::BufWriter, path::Path};

use crate::{
    concepts::{ConceptError, ingest::source_sets::SourceSets, schema::WordEntry, words::is_stored},
    domain::SourceId,
    files::sorter::Sorter,
};

/// Memory for words that are being counted, in bytes.
const COUNTING_MEMORY: usize = 64 << 20;
/// Memory of a word beside its letters and sources, in bytes.
const ENTRY_BYTES: usize = 56;

/// Counts words, and collects the sources of the names that have them.
pub(crate) struct WordCounter {
    /// Number of names with a word, and their sources, ascending.
    words: HashMap<Box<str>, (u32, Vec<SourceId>)>,
    bytes: usize,
    /// Records: word, zero, number of names (u32), sources (u16 each).
    sorter: Sorter,
}

impl WordCounter {
    /// Counts in memory, and in files of `dir` beyond [`COUNTING_MEMORY`].
    pub(crate) fn new(dir: &Path) -> Self {
        Self { words: HashMap::new(), bytes: 0, sorter: Sorter::new(dir, COUNTING_MEMORY) }
    }

    /// Counts the words of `key`, a name from `sources`; a word that occurs twice counts once.
    ///
    /// # Errors
    /// Writing to a temporary file failed.
    pub(crate) fn count(&mut self, key: &str, sources: &[SourceId]) -> std::io::Result<()> {
        let mut words: Vec<&str> = key.split(' ').filter(|word| is_stored(word)).collect();
        words.sort_unstable();
        words.dedup();
        for word in words {
            if !self.words.contains_key(word) {
                self.bytes += word.len() + ENTRY_BYTES;
                self.words.insert(word.into(), (0, vec![]));
            }
            let Some((names, known_sources)) = self.words.get_mut(word) else { continue };
            *names = names.saturating_add(1);
            for source in sources {
                if let Err(position) = known_sources.binary_search(source) {
                    known_sources.insert(position, *source);
                    self.bytes += size_of::<SourceId>();
                }
            }
        }
        if self.bytes > COUNTING_MEMORY { self.spill() } else { Ok(()) }
    }

    /// Moves the counted words to the sorter.
    pub(crate) fn spill(&mut self) -> std::io::Result<()> {
        let mut record = vec![];
        for (word, (names, sources)) in self.words.drain() {
            record.clear();
            record.extend_from_slice(word.as_bytes());
            record.push(0);
            record.extend_from_slice(&names.to_be_bytes());
            sources.iter().for_each(|source| record.extend_from_slice(&source.get().to_be_bytes()));
            self.sorter.push(&record)?;
        }
        self.bytes = 0;
        Ok(())
    }

    /// Writes the automaton of the words to `path` and adds their sets of sources to `sets`.
    ///
    /// # Errors
    /// Reading a temporary file or writing failed.
    pub(crate) fn write(mut self, path: &Path, sets: &mut SourceSets) -> Result<(), ConceptError> {
        self.spill()?;
        let failed = |e: fst::Error| std::io::Error::other(e);
        let mut map = fst::MapBuilder::new(BufWriter::new(fs_err::File::create(path)?)).map_err(failed)?;
        let mut sorted = self.sorter.sort()?;
        let (mut record, mut word) = (vec![], vec![]);
        let (mut names, mut sources) = (0u32, vec![]);
        loop {
            let more = sorted.next(&mut record)?;
            let end = memchr::memchr(0, &record).unwrap_or(record.len());
            if !word.is_empty() && (!more || record[..end] != word) {
                let entry = WordEntry { names, sources: sets.id(std::mem::take(&mut sources)) };
                map.insert(&word, entry.encode()).map_err(failed)?;
                names = 0;
            }
            if !more {
                break;
            }
            word.clear();
            word.extend_from_slice(&record[..end]);
            let Some((count, rest)) = record.get(end + 1..).and_then(|r| r.split_first_chunk()) else { continue };
            names = names.saturating_add(u32::from_be_bytes(*count));
            sources.extend(rest.as_chunks().0.iter().map(|source| SourceId::new(u16::from_be_bytes(*source))));
        }
        Ok(map.finish().map_err(failed)?)
    }
}
