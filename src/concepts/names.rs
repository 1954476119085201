//! Distinct names after normalization: their keys, their atoms, and the names of each semantic type
//! and source.
//!
//! A finite-state transducer (`fst`) maps each key to its `NameId`; types and sources have
//! compressed bitmaps (`roaring`). Invariant: names are numbered in the order of their keys, so
//! that a range of keys is a range of names.

use std::{collections::BTreeMap, ops::Range, path::Path, sync::OnceLock};

use fst::{
    IntoStreamer, Map, Streamer,
    raw::{CompiledAddr, Fst, Output},
};
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
    text::{WordVariant, WordVariants},
};

/// Maximum variants in a name that [`NameTable::find_variants`] finds.
const MAX_VARIANTS_USED: usize = 4;
/// Maximum bytes of keys that it reads; bounds the work for one mention.
const MAX_BYTES_READ: usize = 50_000;

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

    /// The names that equal `key` but for variants of words ([`WordVariants`]), at least one and at
    /// most 4, with the number of variants; the fewest first, then by key. A long key with many
    /// variants may find fewer names.
    pub(crate) fn find_variants(&self, key: &str) -> Vec<(NameId, usize)> {
        let found = VariantWalk::find(self.keys.as_fst(), key, MAX_BYTES_READ).into_iter();
        found.filter_map(|(number, used)| Some((self.checked(number)?, used))).collect()
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

/// Walks the automaton over the words of a key and their variants.
struct VariantWalk<'a, D> {
    keys: &'a Fst<D>,
    variants: WordVariants<'a>,
    /// Bytes that may still be read.
    budget: usize,
    /// Numbers of keys, with the variants used.
    found: BTreeMap<u64, usize>,
}

/// A place in the automaton after some words of a key.
#[derive(Clone, Copy)]
struct Place {
    /// Words before it.
    words: usize,
    node: CompiledAddr,
    output: Output,
}

impl<'a, D: AsRef<[u8]>> VariantWalk<'a, D> {
    /// Numbers of keys with the variants used, the fewest first.
    fn find(keys: &'a Fst<D>, key: &'a str, budget: usize) -> Vec<(u64, usize)> {
        let mut walk = Self { keys, variants: WordVariants::new(key), budget, found: BTreeMap::new() };
        let mut places = vec![];
        walk.follow_words(Place { words: 0, node: keys.root().addr(), output: Output::zero() }, &mut places);
        // One round for each number: names with few variants are found before the budget ends.
        for used in 1..=MAX_VARIANTS_USED {
            places = walk.use_variant(&places, used);
        }
        let mut found: Vec<_> = walk.found.into_iter().collect();
        found.sort_by_key(|&(_, used)| used);
        found
    }

    /// The places after one more variant than those of `places`, which have `used` afterwards.
    fn use_variant(&mut self, places: &[Place], used: usize) -> Vec<Place> {
        let mut reached = vec![];
        for &place in places {
            let Some(start) = self.start_word(place) else { continue };
            for i in 0..self.variants.variants_at(place.words).len() {
                let WordVariant { words, text } = &self.variants.variants_at(place.words)[i];
                let after = read(self.keys, start, text, words.end, &mut self.budget);
                let first = reached.len();
                after.into_iter().for_each(|place| self.follow_words(place, &mut reached));
                for place in &reached[first..] {
                    let node = self.keys.node(place.node);
                    if place.words == self.variants.words.len() && node.is_final() {
                        self.found.entry(place.output.cat(node.final_output()).value()).or_insert(used);
                    }
                }
            }
        }
        reached
    }

    /// Adds `place` and those after each of the words that follow.
    fn follow_words(&mut self, place: Place, places: &mut Vec<Place>) {
        let mut next = Some(place);
        while let Some(place) = next {
            places.push(place);
            let word = self.variants.words.get(place.words).copied();
            let start = word.and_then(|_| self.start_word(place));
            next = start.zip(word).and_then(|(at, word)| read(self.keys, at, word, place.words + 1, &mut self.budget));
        }
    }

    /// The place after the space before the next word.
    fn start_word(&mut self, place: Place) -> Option<Place> {
        if place.words == 0 { Some(place) } else { read(self.keys, place, " ", place.words, &mut self.budget) }
    }
}

/// The place after `text`, which ends before word `words`; absent if no key continues with it or
/// the budget has ended.
fn read<D: AsRef<[u8]>>(keys: &Fst<D>, from: Place, text: &str, words: usize, budget: &mut usize) -> Option<Place> {
    let (mut node, mut output) = (keys.node(from.node), from.output);
    for &byte in text.as_bytes() {
        *budget = budget.checked_sub(1)?;
        let transition = node.transition(node.find_input(byte)?);
        output = output.cat(transition.out);
        node = keys.node(transition.addr);
    }
    Some(Place { words, node: node.addr(), output })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::word_variants;

    const KEYS: [&str; 12] = [
        "at",
        "copd",
        "factor ix deficiency",
        "factor viii deficiency",
        "fracture of rib",
        "fractures of ribs",
        "hiv",
        "hiv+",
        "interleukin 2",
        "tnf alpha",
        "tumor of esophagus",
        "tumours of oesophagus",
    ];

    /// Writes and opens the keys of a table of names, with others around them.
    fn written(dir: &Path) -> (Vec<String>, Map<Column<u8>>) {
        let others = (0..4000).map(|i| format!("{} {i}", ["factor", "tumor of", "h", "protein"][i % 4]));
        let mut keys: Vec<String> = KEYS.map(str::to_owned).into_iter().chain(others).collect();
        keys.sort();
        let path = dir.join(KEYS_FILE);
        let map = Map::from_iter(keys.iter().zip(0u64..)).unwrap();
        fs_err::write(&path, map.as_fst().as_bytes()).unwrap();
        (keys, open_fst(&path).unwrap())
    }

    #[test]
    fn names_with_variants_of_words() {
        let dir = tempfile::tempdir().unwrap();
        let (keys, map) = written(dir.path());
        for (key, expected) in [
            ("factor 8 deficiency", vec![("factor viii deficiency", 1)]),
            ("factor 8 deficiencies", vec![("factor viii deficiency", 2)]),
            ("factor xi deficiency", vec![]),
            ("fractures of rib", vec![("fracture of rib", 1), ("fractures of ribs", 1)]),
            ("fracture of rib", vec![("fractures of ribs", 2)]),
            ("tumour of esophagus", vec![("tumor of esophagus", 1), ("tumours of oesophagus", 2)]),
            ("interleukin2", vec![("interleukin 2", 1)]),
            ("tnfalpha", vec![("tnf alpha", 1)]),
            ("a t", vec![("at", 1)]),
            ("c o p d", vec![("copd", 1)]),
            ("hiv-", vec![]),
            ("hiv", vec![]),
            ("", vec![]),
        ] {
            let found = VariantWalk::find(map.as_fst(), key, MAX_BYTES_READ);
            let found: Vec<_> = found.iter().map(|&(number, used)| (keys[number as usize].as_str(), used)).collect();
            assert_eq!(found, expected, "{key}");
        }
    }

    #[test]
    fn walk_finds_what_comparing_all_keys_finds() {
        let dir = tempfile::tempdir().unwrap();
        let (keys, map) = written(dir.path());
        for key in &keys {
            let variants = word_variants(key).into_iter().map(|variant| {
                let words: Vec<&str> = key.split(' ').collect();
                let (before, after) = (&words[..variant.words.start], &words[variant.words.end..]);
                [before, &[&variant.text], after].concat().join(" ")
            });
            let mut expected: Vec<u64> = variants.filter_map(|variant| map.get(variant)).collect();
            expected.sort();
            let found = VariantWalk::find(map.as_fst(), key, MAX_BYTES_READ).into_iter();
            let found: Vec<u64> = found.filter(|&(_, used)| used == 1).map(|(number, _)| number).collect();
            assert_eq!(found, expected, "{key}");
        }
    }

    #[test]
    fn work_is_bounded() {
        let words = ["hemoglobinemia", "hemoglobinemias", "haemoglobinaemia", "haemoglobinaemias"];
        let mut keys: Vec<String> = vec![];
        for n in 0..4096usize {
            keys.push((0..6).map(|i| words[n >> (2 * i) & 3]).collect::<Vec<_>>().join(" "));
        }
        keys.sort();
        let map = Map::from_iter(keys.iter().zip(0u64..)).unwrap();
        let found = |budget| VariantWalk::find(map.as_fst(), &[words[0]; 6].join(" "), budget).len();
        assert!((1..100).contains(&found(1000)), "{}", found(1000));
        assert!(found(MAX_BYTES_READ) > found(1000));
    }
}
