//! Distinct names after normalization: their keys, their atoms, and the names of each semantic type
//! and source.
//!
//! A finite-state transducer (`fst`) maps each key to its `NameId`; types and sources have
//! compressed bitmaps (`roaring`). Invariant: names are numbered in the order of their keys, so
//! that a range of keys is a range of names.

use std::{ops::Range, path::Path, sync::OnceLock};

use fst::{IntoStreamer, Map, Streamer};
use roaring::RoaringBitmap;

use crate::{
    columns::{
        ColumnError,
        automaton::open_fst,
        mapped::{Column, Lists, Sections},
    },
    concepts::{
        ConceptError,
        schema::{self, KEYS_FILE, ROWS_FILE},
    },
    domain::{AtomId, NameId, SemanticTypeId, SourceId, SourceSetId, semantic_type::SEMANTIC_TYPES},
};

/// The distinct names of an index, mapped. A bitmap is decoded at its first use and then stays in
/// memory; all of them take about 5 MB for each million names.
pub(crate) struct NameTable {
    atoms: Lists<AtomId>,
    keys: Map<Column<u8>>,
    /// Serialized bitmaps of the semantic types, then of the sources.
    bitmap_bytes: Lists<u8>,
    bitmaps: Vec<OnceLock<RoaringBitmap>>,
    source_sets: Lists<SourceId>,
}

impl NameTable {
    /// Maps the names in `dir`, an index of `sources` sources and `names` names.
    ///
    /// # Errors
    /// [`ColumnError::Damaged`] if a file contradicts itself or these numbers.
    pub(crate) fn open(dir: &Path, sources: usize, names: usize) -> Result<Self, ConceptError> {
        let file = Sections::open(&dir.join(ROWS_FILE))?;
        let atoms = schema::NAME_ATOMS.open(&file)?;
        let bitmap_bytes = schema::BITMAPS.open(&file)?;
        if atoms.len() != names || bitmap_bytes.len() != SEMANTIC_TYPES.len() + sources {
            return Err(file.damaged("its tables do not fit together").into());
        }
        let keys = open_fst(&dir.join(KEYS_FILE))?;
        if keys.len() != names {
            let reason = "its number of names differs from the manifest".into();
            return Err(ColumnError::Damaged { path: dir.join(KEYS_FILE), reason }.into());
        }
        let bitmaps = (0..bitmap_bytes.len()).map(|_| OnceLock::new()).collect();
        let source_sets = schema::SOURCE_SETS.open(&file)?;
        Ok(Self { atoms, keys, bitmap_bytes, bitmaps, source_sets })
    }

    /// Number of names.
    pub(crate) fn len(&self) -> usize {
        self.atoms.len()
    }

    /// The name with this key.
    pub(crate) fn find(&self, key: &str) -> Option<NameId> {
        self.keys.get(key).and_then(|number| self.checked(number))
    }

    /// The name with a number of the automaton; absent if the file is damaged.
    fn checked(&self, number: u64) -> Option<NameId> {
        u32::try_from(number).ok().map(NameId::new).filter(|name| name.index() < self.len())
    }

    /// The names whose keys begin with `prefix`.
    pub(crate) fn with_prefix(&self, prefix: &str) -> Range<NameId> {
        let end = NameId::from_index(self.len());
        let first_at_least = |key: &[u8]| {
            let next = self.keys.range().ge(key).into_stream().next().map(|(_, number)| number);
            next.map_or(end, |number| self.checked(number).unwrap_or(NameId::new(0)))
        };
        let mut after = prefix.as_bytes().to_vec();
        // No byte of UTF-8 is 255, so the last byte can be incremented.
        match after.last_mut() {
            Some(last) => *last += 1,
            None => return NameId::new(0)..end,
        }
        first_at_least(prefix.as_bytes())..first_at_least(&after)
    }

    /// Calls `each` with every key that `automaton` accepts and its name, in the order of keys.
    pub(crate) fn search(&self, automaton: impl fst::Automaton, mut each: impl FnMut(&str, NameId)) {
        let mut found = self.keys.search(automaton).into_stream();
        while let Some((key, number)) = found.next() {
            if let (Ok(key), Some(name)) = (std::str::from_utf8(key), self.checked(number)) {
                each(key, name);
            }
        }
    }

    /// The atoms of a name, ascending.
    pub(crate) fn atoms(&self, name: NameId) -> &[AtomId] {
        self.atoms.get(name.index())
    }

    /// The names with an atom whose concept has this semantic type.
    pub(crate) fn with_semantic_type(&self, semantic_type: SemanticTypeId) -> &RoaringBitmap {
        self.bitmap(semantic_type.index())
    }

    /// The names with an atom from this source.
    pub(crate) fn with_source(&self, source: SourceId) -> &RoaringBitmap {
        self.bitmap(SEMANTIC_TYPES.len() + source.index())
    }

    /// The sources of a set, ascending.
    pub(crate) fn source_set(&self, set: SourceSetId) -> &[SourceId] {
        self.source_sets.get(set.index())
    }

    /// Bitmap `i`; empty if its bytes are damaged, and without numbers that are no names.
    fn bitmap(&self, i: usize) -> &RoaringBitmap {
        self.bitmaps[i].get_or_init(|| {
            let mut bitmap = RoaringBitmap::deserialize_from(self.bitmap_bytes.get(i)).unwrap_or_default();
            bitmap.remove_range(self.len() as u32..);
            bitmap
        })
    }
}
