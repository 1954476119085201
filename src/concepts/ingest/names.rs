//! Sorts the names of all atoms by key and writes the distinct ones, their bitmaps, and their
//! words.

use std::{
    io::{self, BufWriter},
    path::Path,
};

use fst::MapBuilder;
use roaring::RoaringBitmap;

use crate::{
    columns::writer::ColumnsWriter,
    concepts::{
        ConceptError,
        ingest::{records::RecordReader, source_sets::SourceSets, words::WordCounter},
        schema::{BITMAPS, KEYS_FILE, NAME_ATOMS, ROWS_FILE, SOURCE_SETS, WORDS_FILE},
    },
    domain::{AtomId, SemanticTypeId, SemanticTypeSetId, SourceId, semantic_type::SEMANTIC_TYPES},
    files::sorter::{Sorted, Sorter},
    job::{Job, StepCounter},
    text,
};

/// Takes the names of atoms. Records: key, zero, atom (u32), set of semantic types (u16), source
/// (u16).
pub(crate) struct NameSorter {
    sorter: Sorter,
    record: Vec<u8>,
}

impl NameSorter {
    /// A sorter that spills to files in `dir` what exceeds `memory` bytes.
    pub(crate) fn new(dir: &Path, memory: usize) -> Self {
        Self { sorter: Sorter::new(dir, memory), record: vec![] }
    }

    /// Adds the name of `atom`, whose concept has the semantic types `types`.
    pub(crate) fn push(
        &mut self,
        name: &str,
        atom: AtomId,
        types: SemanticTypeSetId,
        source: SourceId,
    ) -> Result<(), ConceptError> {
        self.record.clear();
        self.record.extend_from_slice(text::normalize(name).as_bytes());
        self.record.push(0);
        self.record.extend_from_slice(&atom.get().to_be_bytes());
        self.record.extend_from_slice(&types.get().to_be_bytes());
        self.record.extend_from_slice(&source.get().to_be_bytes());
        Ok(self.sorter.push(&self.record)?)
    }

    /// Sorts the records; call it after the last name.
    pub(crate) fn sort(self) -> Result<SortedNames, ConceptError> {
        let count = self.sorter.len();
        Ok(SortedNames { sorted: self.sorter.sort()?, count, record: self.record })
    }
}

/// The names of atoms by key, and of one key by atom.
pub(crate) struct SortedNames {
    sorted: Sorted,
    count: u64,
    record: Vec<u8>,
}

/// The name of an atom.
struct KeyedName<'a> {
    key: &'a str,
    atom: AtomId,
    types: SemanticTypeSetId,
    source: SourceId,
}

impl SortedNames {
    fn next(&mut self) -> Result<Option<KeyedName<'_>>, ConceptError> {
        if !self.sorted.next(&mut self.record)? {
            return Ok(None);
        }
        let mut fields = RecordReader::new(&self.record);
        Ok(Some(KeyedName {
            key: fields.text()?,
            atom: AtomId::new(fields.u32()?),
            types: SemanticTypeSetId::new(fields.u16()?),
            source: SourceId::new(fields.u16()?),
        }))
    }
}

/// Writes the distinct names, their keys and their words to `dir`; returns the number of names.
/// `type_sets` has the sets of semantic types by id, and `sources` is the number of sources.
///
/// # Errors
/// Reading a temporary file or writing failed; [`ConceptError::TooLarge`];
/// [`ConceptError::Canceled`].
pub(crate) fn write(
    dir: &Path,
    mut names: SortedNames,
    type_sets: &[Vec<SemanticTypeId>],
    sources: usize,
    mut source_sets: SourceSets,
    job: Job<'_>,
) -> Result<u64, ConceptError> {
    job.progress.stage("writing names", names.count);
    let mut file = ColumnsWriter::new(dir);
    let (mut atoms, mut ends) = (file.column(NAME_ATOMS.values)?, file.column(NAME_ATOMS.ends)?);
    let mut bitmaps = vec![RoaringBitmap::new(); SEMANTIC_TYPES.len() + sources];
    let mut keys = create_keys(&dir.join(KEYS_FILE))?;
    let mut words = WordCounter::new(dir);
    let (mut last_key, mut atom_count, mut name_count) = (String::new(), 0u32, 0u32);
    let (mut sources_of_name, mut counter) = (vec![], StepCounter::new(job));
    while let Some(name) = names.next()? {
        if name_count == 0 || name.key != last_key {
            if name_count > 0 {
                ends.push(atom_count)?;
                words.count(&last_key, &sources_of_name)?;
                sources_of_name.clear();
            }
            keys.insert(name.key, name_count.into()).map_err(fst_error)?;
            last_key.clear();
            last_key.push_str(name.key);
            name_count = name_count.checked_add(1).ok_or(ConceptError::TooLarge("4 billion names"))?;
        }
        if sources_of_name.last() != Some(&name.source) {
            sources_of_name.push(name.source);
        }
        atoms.push(name.atom)?;
        atom_count += 1;
        let id = name_count - 1;
        for semantic_type in &type_sets[name.types.index()] {
            bitmaps[semantic_type.index()].insert(id);
        }
        bitmaps[SEMANTIC_TYPES.len() + name.source.index()].insert(id);
        counter.step()?;
    }
    if name_count > 0 {
        ends.push(atom_count)?;
        words.count(&last_key, &sources_of_name)?;
    }
    keys.finish().map_err(fst_error)?;
    file.add(atoms)?;
    file.add(ends)?;
    write_bitmaps(&mut file, bitmaps)?;
    words.write(&dir.join(WORDS_FILE), &mut source_sets)?;
    file.add_lists(SOURCE_SETS, source_sets.all())?;
    file.join(&dir.join(ROWS_FILE))?;
    Ok(name_count.into())
}

fn write_bitmaps(file: &mut ColumnsWriter, bitmaps: Vec<RoaringBitmap>) -> Result<(), ConceptError> {
    let (mut bytes, mut ends) = (vec![], vec![]);
    for mut bitmap in bitmaps {
        bitmap.optimize();
        bitmap.serialize_into(&mut bytes)?;
        ends.push(u32::try_from(bytes.len()).map_err(|_| ConceptError::TooLarge("4 GiB of filters"))?);
    }
    file.add_values(BITMAPS.values, &bytes)?;
    Ok(file.add_values(BITMAPS.ends, &ends)?)
}

fn create_keys(path: &Path) -> Result<MapBuilder<BufWriter<fs_err::File>>, ConceptError> {
    MapBuilder::new(BufWriter::with_capacity(1 << 20, fs_err::File::create(path)?)).map_err(fst_error)
}

fn fst_error(e: fst::Error) -> ConceptError {
    match e {
        fst::Error::Io(e) => e.into(),
        e => io::Error::other(e).into(),
    }
}
