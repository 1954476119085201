//! Files of named columns: written once, mapped read-only, never parsed.
//!
//! Layout: magic, number of sections, a directory of `(name, offset, length)`, then the sections, each 64-byte aligned,
//! little-endian. Invariant: every access is within the file and aligned; the one `unsafe` of this room is the mapping.

use std::{
    fs::File,
    io::{self, BufWriter, Read, Write},
    marker::PhantomData,
    ops::{Deref, Range},
    path::{Path, PathBuf},
    sync::Arc,
};

use bytemuck::{AnyBitPattern, NoUninit, Pod, Zeroable};
use memmap2::Mmap;

use crate::columns::ColumnError;

const MAGIC: [u8; 8] = *b"SAPLINK1";
const ALIGN: u64 = 64;

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Entry {
    name: [u8; 16],
    offset: u64,
    bytes: u64,
}

/// Writes `sections` to a new file.
pub(crate) fn write(path: &Path, sections: &[(&str, &[u8])]) -> io::Result<()> {
    write_sections(path, sections.iter().map(|(name, content)| (*name, content.len() as u64, *content)).collect())
}

/// Writes the whole of each file as a section of a new file.
pub(crate) fn join(path: &Path, sections: Vec<(String, File)>) -> io::Result<()> {
    let sized = sections.iter().map(|(name, file)| Ok((name.as_str(), file.metadata()?.len(), file)));
    write_sections(path, sized.collect::<io::Result<_>>()?)
}

fn write_sections(path: &Path, sections: Vec<(&str, u64, impl Read)>) -> io::Result<()> {
    let mut file = BufWriter::new(fs_err::File::create(path)?);
    let mut written = (16 + sections.len() * size_of::<Entry>()) as u64;
    let mut offset = written.next_multiple_of(ALIGN);
    file.write_all(&MAGIC)?;
    file.write_all(&(sections.len() as u64).to_le_bytes())?;
    for (name, bytes, _) in &sections {
        let mut entry = Entry { name: [0; 16], offset, bytes: *bytes };
        debug_assert!(name.len() <= 16);
        entry.name[..name.len()].copy_from_slice(name.as_bytes());
        file.write_all(bytemuck::bytes_of(&entry))?;
        offset = (offset + bytes).next_multiple_of(ALIGN);
    }
    for (_, bytes, mut content) in sections {
        let aligned = written.next_multiple_of(ALIGN);
        file.write_all(&[0; ALIGN as usize][..(aligned - written) as usize])?;
        io::copy(&mut content, &mut file)?;
        written = aligned + bytes;
    }
    file.flush()
}

/// A little-endian view of `values` for [`write`].
pub(crate) fn bytes<T: NoUninit>(values: &[T]) -> &[u8] {
    bytemuck::cast_slice(values)
}

/// A mapped file.
#[derive(Clone)]
pub struct MappedFile {
    map: Arc<Mmap>,
    path: PathBuf,
}

impl MappedFile {
    /// Maps `path`.
    #[expect(unsafe_code, reason = "the only way to map a file")]
    pub fn open(path: &Path) -> Result<Self, ColumnError> {
        let file = fs_err::File::open(path)?;
        // SAFETY: the mapping is read-only, and index directories are replaced by renaming, never written in place.
        // A file truncated by somebody else while it is mapped would end the process with SIGBUS, as with any mapping.
        let map = unsafe { Mmap::map(file.file()) }?;
        Ok(Self { map: Arc::new(map), path: path.into() })
    }

    /// The whole file as one column.
    pub fn whole<T: AnyBitPattern>(&self) -> Result<Column<T>, ColumnError> {
        self.column(0..self.map.len())
    }

    /// How long it is.
    pub fn len(&self) -> usize {
        self.map.len()
    }

    /// The first `bytes` bytes as one column.
    pub fn first<T: AnyBitPattern>(&self, bytes: usize) -> Result<Column<T>, ColumnError> {
        self.column(0..bytes)
    }

    /// What follows the first `start` bytes as one column.
    pub fn rest<T: AnyBitPattern>(&self, start: usize) -> Result<Column<T>, ColumnError> {
        self.column(start..self.map.len())
    }

    /// An error about this file.
    pub fn damaged(&self, reason: impl Into<String>) -> ColumnError {
        ColumnError::Damaged { path: self.path.clone(), reason: reason.into() }
    }

    fn column<T: AnyBitPattern>(&self, range: Range<usize>) -> Result<Column<T>, ColumnError> {
        let bytes = self.map.get(range.clone()).ok_or_else(|| self.damaged("a section lies outside the file"))?;
        bytemuck::try_cast_slice::<u8, T>(bytes).map_err(|_| self.damaged("a section is not aligned"))?;
        Ok(Column { map: self.map.clone(), range, of: PhantomData })
    }
}

/// The sections of a mapped file.
pub(crate) struct Sections {
    file: MappedFile,
    entries: Vec<Entry>,
}

impl Sections {
    /// Maps `path` and reads its directory.
    ///
    /// # Errors
    /// [`ColumnError::Damaged`] when it is no such file.
    pub(crate) fn open(path: &Path) -> Result<Self, ColumnError> {
        let file = MappedFile::open(path)?;
        let head = file.map.get(..16).filter(|head| head[..8] == MAGIC);
        let head = head.ok_or_else(|| file.damaged("it does not start like an index file"))?;
        let count = u64::from_le_bytes(std::array::from_fn(|i| head[8 + i]));
        let end = usize::try_from(count).ok().and_then(|n| n.checked_mul(size_of::<Entry>())?.checked_add(16));
        let end = end.ok_or_else(|| file.damaged("its directory is impossible"))?;
        let entries = file.column::<Entry>(16..end)?.to_vec();
        Ok(Self { file, entries })
    }

    /// The section `name` as values of `T`.
    ///
    /// # Errors
    /// [`ColumnError::Damaged`] when it is missing or cannot be such values.
    pub(crate) fn column<T: AnyBitPattern>(&self, name: &str) -> Result<Column<T>, ColumnError> {
        let matches =
            |e: &&Entry| e.name[..name.len()] == *name.as_bytes() && e.name[name.len()..].iter().all(|&b| b == 0);
        let entry = self.entries.iter().find(matches);
        let entry = entry.ok_or_else(|| self.damaged(format!("section {name} is missing")))?;
        let range = usize::try_from(entry.offset).ok().zip(usize::try_from(entry.bytes).ok());
        let range = range.and_then(|(start, n)| Some(start..start.checked_add(n)?));
        self.file.column(range.ok_or_else(|| self.damaged("a section lies outside the file"))?)
    }

    /// A column of `count` values.
    ///
    /// # Errors
    /// As [`Sections::column`], and when there are more or fewer.
    pub(crate) fn counted<T: AnyBitPattern>(&self, name: &str, count: usize) -> Result<Column<T>, ColumnError> {
        let column = self.column::<T>(name)?;
        if column.len() == count {
            Ok(column)
        } else {
            Err(self.damaged(format!("section {name} is too short or too long")))
        }
    }

    /// Lists of values, whose ends are in section `ends`.
    ///
    /// # Errors
    /// [`ColumnError::Damaged`] when the two sections do not fit together. That each list lies within the values is seen
    /// to when it is read: opening does not touch them.
    pub(crate) fn lists<T: AnyBitPattern>(&self, values: &str, ends: &str) -> Result<Lists<T>, ColumnError> {
        let lists = Lists { values: self.column(values)?, ends: self.column(ends)? };
        let covers = lists.ends.last().copied().unwrap_or(0) as usize == lists.values.len();
        if covers { Ok(lists) } else { Err(self.damaged(format!("sections {values} and {ends} do not fit together"))) }
    }

    /// Strings in the sections `NAME.text` and `NAME.ends`.
    ///
    /// # Errors
    /// As [`Sections::lists`].
    pub(crate) fn strings(&self, name: &str) -> Result<Strings, ColumnError> {
        Ok(Strings(self.lists(&format!("{name}.text"), &format!("{name}.ends"))?))
    }

    /// A column of positions that never fall, as the ends of consecutive ranges do.
    pub(crate) fn ends(&self, name: &str) -> Result<Column<u32>, ColumnError> {
        let ends = self.column::<u32>(name)?;
        if ends.is_sorted() { Ok(ends) } else { Err(self.damaged(format!("section {name} is not ascending"))) }
    }

    /// A column of numbers, all below `bound`.
    pub(crate) fn bounded<T: AnyBitPattern + Into<u32>>(
        &self,
        name: &str,
        bound: usize,
    ) -> Result<Column<T>, ColumnError> {
        let column = self.column::<T>(name)?;
        let inside = column.iter().all(|&v| (v.into() as usize) < bound);
        if inside { Ok(column) } else { Err(self.damaged(format!("section {name} points outside its table"))) }
    }

    /// An error about this file.
    pub(crate) fn damaged(&self, reason: impl Into<String>) -> ColumnError {
        self.file.damaged(reason)
    }
}

/// Values of a mapped file; dereferences to a slice.
pub struct Column<T> {
    map: Arc<Mmap>,
    range: Range<usize>,
    of: PhantomData<T>,
}

impl<T: AnyBitPattern> Deref for Column<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        // Bounds and alignment were checked when the column was made.
        bytemuck::cast_slice(&self.map[self.range.clone()])
    }
}

impl AsRef<[u8]> for Column<u8> {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

/// The range of item `i` among consecutive ranges with these `ends`.
pub(crate) fn range_of(ends: &[u32], i: usize) -> Range<usize> {
    let start = if i == 0 { 0 } else { ends[i - 1] };
    start as usize..ends[i] as usize
}

/// Lists of values, one after another. A list that a damaged file puts outside the values is empty.
pub(crate) struct Lists<T> {
    values: Column<T>,
    ends: Column<u32>,
}

impl<T: AnyBitPattern> Lists<T> {
    /// How many lists there are.
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// How many values they have together.
    pub(crate) fn values(&self) -> usize {
        self.values.len()
    }

    /// All values, whatever list they are in.
    pub(crate) fn all(&self) -> &[T] {
        &self.values
    }

    /// Whether every value is in one list: of a damaged file some may be in none or in several.
    pub(crate) fn is_whole(&self) -> bool {
        self.ends.is_sorted()
    }

    /// Where list `i` lies among the values.
    pub(crate) fn range(&self, i: usize) -> Range<usize> {
        if i >= self.len() {
            return 0..0;
        }
        let range = range_of(&self.ends, i);
        if range.start <= range.end && range.end <= self.values.len() { range } else { 0..0 }
    }

    /// List `i`.
    pub(crate) fn get(&self, i: usize) -> &[T] {
        &self.values[self.range(i)]
    }

    /// The value at `place` among all.
    pub(crate) fn value(&self, place: usize) -> Option<T> {
        self.values.get(place).copied()
    }

    /// The list that value `place` is in.
    pub(crate) fn list_of(&self, place: usize) -> usize {
        self.ends.partition_point(|&end| end as usize <= place)
    }
}

/// Strings one after another.
pub(crate) struct Strings(Lists<u8>);

impl Strings {
    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether no string is empty only because the file is damaged.
    pub(crate) fn is_whole(&self) -> bool {
        self.0.is_whole() && (0..self.len()).all(|i| std::str::from_utf8(self.0.get(i)).is_ok())
    }

    /// String `i`; empty where a damaged file has none.
    pub(crate) fn get(&self, i: usize) -> &str {
        std::str::from_utf8(self.0.get(i)).unwrap_or_default()
    }

    /// Where `wanted` is, in a list that is sorted.
    pub(crate) fn position(&self, wanted: &str) -> Option<usize> {
        let at = partition(self.len(), |i| self.get(i) < wanted);
        (at < self.len() && self.get(at) == wanted).then_some(at)
    }
}

/// The first of `0..n` for which `before`, which holds for a beginning of them, does not.
pub(crate) fn partition(n: usize, before: impl Fn(usize) -> bool) -> usize {
    let (mut low, mut high) = (0, n);
    while low < high {
        let middle = low + (high - low) / 2;
        if before(middle) { low = middle + 1 } else { high = middle }
    }
    low
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trip_and_every_truncation_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f");
        let ends = [0u32, 2, 4];
        write(&path, &[("n", bytes(&[1u32, 7])), ("s.text", "bcä".as_bytes()), ("s.ends", bytes(&ends))]).unwrap();
        let check = || {
            let file = Sections::open(&path)?;
            let numbers = file.bounded::<u32>("n", 8)?;
            let strings = file.strings("s")?;
            Ok::<_, ColumnError>((numbers.to_vec(), strings.get(1).to_owned(), strings.position("ä")))
        };
        assert_eq!(check().unwrap(), (vec![1, 7], "bc".into(), Some(2)));
        assert!(Sections::open(&path).unwrap().bounded::<u32>("n", 7).is_err());
        assert!(Sections::open(&path).unwrap().counted::<u32>("n", 3).is_err());
        assert!(Sections::open(&path).unwrap().column::<u32>("m").is_err());
        let whole = fs_err::read(&path).unwrap();
        for n in 1..whole.len() {
            fs_err::write(&path, &whole[..n]).unwrap();
            assert!(check().is_err(), "{n} of {} bytes", whole.len());
        }
    }

    #[test]
    fn lists_outside_their_values_are_empty() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f");
        let ends = [9u32, 1, 4];
        write(&path, &[("s.text", b"abcd"), ("s.ends", bytes(&ends))]).unwrap();
        let strings = Sections::open(&path).unwrap().strings("s").unwrap();
        assert_eq!([0, 1, 2, 3].map(|i| strings.get(i).to_owned()), ["", "", "bcd", ""]);
    }
}
