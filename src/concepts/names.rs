//! Rows: the distinct names after normalization, each with its atoms, and which rows a semantic type or a source has.
//!
//! Keys are a finite state transducer (`fst`) from key to row; types and sources are compressed bitmaps (`roaring`). Invariant: rows
//! are numbered in the order of their keys, so that a range of keys is a range of rows.

use std::{path::Path, sync::OnceLock};

use fst::{IntoStreamer, Map, MapBuilder, Streamer};
use roaring::RoaringBitmap;

use crate::columns::ColumnError;
use crate::concepts::ingest::collect::SortedNames;
use crate::{
    columns::{
        automaton::open_fst,
        mapped::{Column, Lists, Sections},
        writer::ColumnsWriter,
    },
    concepts::ConceptError,
    concepts::{
        ingest::source_sets::SourceSets,
        schema::{KEYS, ROWS, WORDS},
        words::WordCounter,
    },
    domain::semantic_type::SEMANTIC_TYPES,
    job::{Job, StepCounter},
};

/// The rows of an index, mapped. A bitmap is read when it is first asked for and kept: all of them take some 5 MB a million rows.
pub(crate) struct Rows {
    atoms: Lists<u32>,
    keys: Map<Column<u8>>,
    /// By place of the type, then of the source.
    map_bytes: Lists<u8>,
    /// Sets of sources, each in order: places.
    source_sets: Lists<u16>,
    maps: Vec<OnceLock<RoaringBitmap>>,
}

impl Rows {
    /// Maps the rows in `dir`.
    ///
    /// # Errors
    /// [`ColumnError::Damaged`] when they are not what the manifest says.
    pub(crate) fn open(dir: &Path, sources: usize, rows: usize) -> Result<Self, ConceptError> {
        let file = Sections::open(&dir.join(ROWS))?;
        let atoms = file.lists("row.atoms", "row.aends")?;
        let map_bytes: Lists<u8> = file.lists("map.bytes", "map.ends")?;
        if atoms.len() != rows || map_bytes.len() != SEMANTIC_TYPES.len() + sources {
            return Err(file.damaged("its tables do not fit together").into());
        }
        let keys = open_fst(&dir.join(KEYS))?;
        if keys.len() != rows {
            let reason = "it does not hold as many names as the manifest says".into();
            return Err(ColumnError::Damaged { path: dir.join(KEYS), reason }.into());
        }
        let maps = (0..map_bytes.len()).map(|_| OnceLock::new()).collect();
        let source_sets = file.lists("sset.sources", "sset.ends")?;
        Ok(Self { atoms, keys, map_bytes, source_sets, maps })
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.atoms.len()
    }

    /// The row with this key.
    pub(crate) fn position(&self, key: &str) -> Option<u32> {
        self.keys.get(key).and_then(|row| self.checked(row))
    }

    /// A row that a damaged file might put outside.
    fn checked(&self, row: u64) -> Option<u32> {
        u32::try_from(row).ok().filter(|&row| (row as usize) < self.len())
    }

    /// The rows whose keys begin with `prefix`.
    pub(crate) fn beginning(&self, prefix: &str) -> std::ops::Range<u32> {
        let at = |key: &[u8]| {
            let next = self.keys.range().ge(key).into_stream().next().map(|(_, row)| row);
            next.map_or(self.len() as u32, |row| self.checked(row).unwrap_or(0))
        };
        let mut after = prefix.as_bytes().to_vec();
        // No byte of UTF-8 is 255, so that the last one can be raised.
        match after.last_mut() {
            Some(last) => *last += 1,
            None => return 0..self.len() as u32,
        }
        at(prefix.as_bytes())..at(&after)
    }

    /// The keys that `automaton` accepts, with their rows.
    pub(crate) fn search(&self, automaton: impl fst::Automaton, mut each: impl FnMut(&str, u32)) {
        let mut found = self.keys.search(automaton).into_stream();
        while let Some((key, row)) = found.next() {
            if let (Ok(key), Some(row)) = (std::str::from_utf8(key), self.checked(row)) {
                each(key, row);
            }
        }
    }

    /// The atoms of a row.
    pub(crate) fn atoms(&self, row: u32) -> &[u32] {
        self.atoms.get(row as usize)
    }

    /// The rows that have a name of a concept of the type at `place`.
    pub(crate) fn of_type(&self, place: usize) -> &RoaringBitmap {
        self.map(place)
    }

    /// The rows that have a name from the source at `place`.
    pub(crate) fn of_source(&self, place: usize) -> &RoaringBitmap {
        self.map(SEMANTIC_TYPES.len() + place)
    }

    /// The sources of a set, by their places.
    pub(crate) fn source_set(&self, set: u32) -> &[u16] {
        self.source_sets.get(set as usize)
    }

    /// Bitmap `i`; of one that a damaged file has spoilt what lies among the rows, or nothing.
    fn map(&self, i: usize) -> &RoaringBitmap {
        self.maps[i].get_or_init(|| {
            let mut map = RoaringBitmap::deserialize_from(self.map_bytes.get(i)).unwrap_or_default();
            map.remove_range(self.len() as u32..);
            map
        })
    }
}

/// Writes rows, keys and words from atoms sorted by key; gives how many rows there are.
///
/// # Errors
/// What the disk says, and [`ConceptError::Canceled`].
pub(crate) fn write(
    dir: &Path,
    mut names: SortedNames,
    sets: &[Vec<u8>],
    sources: usize,
    mut source_sets: SourceSets,
    job: Job<'_>,
) -> Result<u64, ConceptError> {
    job.progress.stage("writing names", names.len());
    let mut file = ColumnsWriter::new(dir);
    let (mut atoms, mut ends) = (file.column()?, file.column()?);
    let mut maps = vec![RoaringBitmap::new(); SEMANTIC_TYPES.len() + sources];
    let keys = std::io::BufWriter::with_capacity(1 << 20, fs_err::File::create(dir.join(KEYS))?);
    let mut keys = MapBuilder::new(keys).map_err(fst_error)?;
    let mut words = WordCounter::new(dir);
    let (mut last, mut count, mut rows) = (String::new(), 0u32, 0u32);
    let (mut from, mut pulse) = (vec![], StepCounter::new(job));
    while let Some(name) = names.next()? {
        if rows == 0 || name.key != last {
            if rows > 0 {
                ends.push(count)?;
                words.count(&last, &from)?;
                from.clear();
            }
            keys.insert(name.key, rows.into()).map_err(fst_error)?;
            last.clear();
            last.push_str(name.key);
            rows = rows.checked_add(1).ok_or(ConceptError::TooLarge("4 billion names"))?;
        }
        if from.last() != Some(&name.source) {
            from.push(name.source);
        }
        let row = rows - 1;
        atoms.push(name.atom)?;
        count += 1;
        for &place in &sets[usize::from(name.set)] {
            maps[usize::from(place)].insert(row);
        }
        maps[SEMANTIC_TYPES.len() + usize::from(name.source)].insert(row);
        pulse.step()?;
    }
    if rows > 0 {
        ends.push(count)?;
        words.count(&last, &from)?;
    }
    keys.finish().map_err(fst_error)?;
    file.add("row.atoms", atoms)?;
    file.add("row.aends", ends)?;
    let (mut bytes, mut ends) = (vec![], vec![]);
    for map in &mut maps {
        map.optimize();
        map.serialize_into(&mut bytes)?;
        ends.push(u32::try_from(bytes.len()).map_err(|_| ConceptError::TooLarge("4 GiB of filters"))?);
    }
    file.add_values("map.bytes", &bytes)?;
    file.add_values("map.ends", &ends)?;
    words.write(&dir.join(WORDS), &mut source_sets)?;
    file.add_lists("sset.sources", "sset.ends", source_sets.all())?;
    file.join(&dir.join(ROWS))?;
    Ok(rows.into())
}

fn fst_error(e: fst::Error) -> ConceptError {
    match e {
        fst::Error::Io(e) => e.into(),
        e => std::io::Error::other(e).into(),
    }
}
