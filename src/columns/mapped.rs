//! The format of section files, and columns mapped from them.
//!
//! Layout: magic bytes, number of sections (u64), a directory of `(name, offset, length)`, then the
//! sections, each aligned to 64 bytes; all numbers are little-endian. Invariant: every access lies
//! within the file and is aligned. The only `unsafe` of this module is the mapping.

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
/// Alignment of sections, in bytes.
const ALIGN: u64 = 64;
/// Bytes of the magic and the number of sections.
const HEADER_BYTES: usize = 16;
/// Bytes that the name of a section may have.
pub(crate) const MAX_SECTION_NAME_BYTES: usize = 16;

/// One section in the directory of a file.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Entry {
    /// Padded with zeros.
    name: [u8; MAX_SECTION_NAME_BYTES],
    /// From the beginning of the file.
    offset: u64,
    bytes: u64,
}

/// Writes `sections`, pairs of name and content, to a new file.
pub(crate) fn write(path: &Path, sections: &[(&str, &[u8])]) -> io::Result<()> {
    write_sections(path, sections.iter().map(|(name, content)| (*name, content.len() as u64, *content)).collect())
}

/// Writes a new file; each section is a name and a file whose whole content becomes the section.
pub(crate) fn join(path: &Path, sections: Vec<(&str, File)>) -> io::Result<()> {
    let sized = sections.iter().map(|(name, file)| Ok((*name, file.metadata()?.len(), file)));
    write_sections(path, sized.collect::<io::Result<_>>()?)
}

fn write_sections(path: &Path, sections: Vec<(&str, u64, impl Read)>) -> io::Result<()> {
    let mut file = BufWriter::new(fs_err::File::create(path)?);
    let mut written = (HEADER_BYTES + sections.len() * size_of::<Entry>()) as u64;
    let mut offset = written.next_multiple_of(ALIGN);
    file.write_all(&MAGIC)?;
    file.write_all(&(sections.len() as u64).to_le_bytes())?;
    for (name, bytes, _) in &sections {
        let mut entry = Entry { name: [0; MAX_SECTION_NAME_BYTES], offset, bytes: *bytes };
        debug_assert!(name.len() <= MAX_SECTION_NAME_BYTES);
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

/// The bytes of `values`, as sections contain them.
pub(crate) fn bytes<T: NoUninit>(values: &[T]) -> &[u8] {
    bytemuck::cast_slice(values)
}

/// A file mapped read-only into memory.
#[derive(Clone)]
pub(crate) struct MappedFile {
    map: Arc<Mmap>,
    path: PathBuf,
}

impl MappedFile {
    /// Maps `path`.
    ///
    /// # Errors
    /// [`ColumnError::Io`] if the file cannot be opened or mapped.
    #[expect(unsafe_code, reason = "the only way to map a file")]
    pub(crate) fn open(path: &Path) -> Result<Self, ColumnError> {
        let file = fs_err::File::open(path)?;
        // SAFETY: the mapping is read-only, and index directories are replaced by renaming, never
        // written in place. If another process truncates the file meanwhile, SIGBUS ends this
        // process, as with any mapping.
        let map = unsafe { Mmap::map(file.file()) }?;
        Ok(Self { map: Arc::new(map), path: path.into() })
    }

    /// The whole file as one column.
    ///
    /// # Errors
    /// [`ColumnError::Damaged`] if its length is not a multiple of the size of `T`.
    pub(crate) fn whole<T: AnyBitPattern>(&self) -> Result<Column<T>, ColumnError> {
        self.column(0..self.map.len())
    }

    /// Its length in bytes.
    pub(crate) fn len(&self) -> usize {
        self.map.len()
    }

    /// The first `bytes` bytes as one column.
    ///
    /// # Errors
    /// [`ColumnError::Damaged`] if the file is shorter, or they are not whole values of `T`.
    pub(crate) fn first<T: AnyBitPattern>(&self, bytes: usize) -> Result<Column<T>, ColumnError> {
        self.column(0..bytes)
    }

    /// The bytes from offset `start` to the end as one column.
    ///
    /// # Errors
    /// [`ColumnError::Damaged`] if the file is shorter, or they are not whole, aligned values of
    /// `T`.
    pub(crate) fn rest<T: AnyBitPattern>(&self, start: usize) -> Result<Column<T>, ColumnError> {
        self.column(start..self.map.len())
    }

    /// [`ColumnError::Damaged`] with the path of this file.
    pub(crate) fn damaged(&self, reason: impl Into<String>) -> ColumnError {
        ColumnError::Damaged { path: self.path.clone(), reason: reason.into() }
    }

    fn column<T: AnyBitPattern>(&self, range: Range<usize>) -> Result<Column<T>, ColumnError> {
        let bytes = self.map.get(range.clone()).ok_or_else(|| self.damaged("a section lies outside the file"))?;
        bytemuck::try_cast_slice::<u8, T>(bytes).map_err(|_| self.damaged("a section is not aligned"))?;
        Ok(Column { map: self.map.clone(), range, element: PhantomData })
    }
}

/// A mapped section file.
pub(crate) struct Sections {
    file: MappedFile,
    entries: Vec<Entry>,
}

impl Sections {
    /// Maps `path` and reads its directory.
    ///
    /// # Errors
    /// [`ColumnError::Damaged`] if it is no section file.
    pub(crate) fn open(path: &Path) -> Result<Self, ColumnError> {
        let file = MappedFile::open(path)?;
        let head = file.map.get(..HEADER_BYTES).filter(|head| head[..8] == MAGIC);
        let head = head.ok_or_else(|| file.damaged("it does not start like an index file"))?;
        let count = u64::from_le_bytes(std::array::from_fn(|i| head[8 + i]));
        let end =
            usize::try_from(count).ok().and_then(|n| n.checked_mul(size_of::<Entry>())?.checked_add(HEADER_BYTES));
        let end = end.ok_or_else(|| file.damaged("its directory is impossible"))?;
        let entries = file.column::<Entry>(HEADER_BYTES..end)?.to_vec();
        Ok(Self { file, entries })
    }

    /// The section `name` as values of `T`.
    ///
    /// # Errors
    /// [`ColumnError::Damaged`] if it is missing, or not whole, aligned values of `T`.
    pub(crate) fn column<T: AnyBitPattern>(&self, name: &str) -> Result<Column<T>, ColumnError> {
        let matches =
            |e: &&Entry| e.name[..name.len()] == *name.as_bytes() && e.name[name.len()..].iter().all(|&b| b == 0);
        let entry = self.entries.iter().find(matches);
        let entry = entry.ok_or_else(|| self.damaged(format!("section {name} is missing")))?;
        let range = usize::try_from(entry.offset).ok().zip(usize::try_from(entry.bytes).ok());
        let range = range.and_then(|(start, n)| Some(start..start.checked_add(n)?));
        self.file.column(range.ok_or_else(|| self.damaged("a section lies outside the file"))?)
    }

    /// The section `name`, which must have `count` values.
    ///
    /// # Errors
    /// [`ColumnError::Damaged`] as [`Sections::column`], or if the number of values differs.
    pub(crate) fn counted<T: AnyBitPattern>(&self, name: &str, count: usize) -> Result<Column<T>, ColumnError> {
        let column = self.column::<T>(name)?;
        if column.len() == count {
            Ok(column)
        } else {
            Err(self.damaged(format!("section {name} is too short or too long")))
        }
    }

    /// Lists with the values of section `values` and the ends of section `ends`.
    ///
    /// # Errors
    /// [`ColumnError::Damaged`] if the last end is not the number of values. The other ends are
    /// checked when a list is read, so that opening does not touch their pages.
    pub(crate) fn lists<T: AnyBitPattern>(&self, values: &str, ends: &str) -> Result<Lists<T>, ColumnError> {
        let lists = Lists { values: self.column(values)?, ends: self.column(ends)? };
        let covers = lists.ends.last().copied().unwrap_or(0) as usize == lists.values.len();
        if covers { Ok(lists) } else { Err(self.damaged(format!("sections {values} and {ends} do not fit together"))) }
    }

    /// The section `name`, whose values must ascend, as the ends of consecutive ranges do.
    ///
    /// # Errors
    /// [`ColumnError::Damaged`] as [`Sections::column`], or if a value is less than the one before
    /// it.
    pub(crate) fn ends(&self, name: &str) -> Result<Column<u32>, ColumnError> {
        let ends = self.column::<u32>(name)?;
        if ends.is_sorted() { Ok(ends) } else { Err(self.damaged(format!("section {name} is not ascending"))) }
    }

    /// The section `name`, whose values must be below `bound`.
    ///
    /// # Errors
    /// [`ColumnError::Damaged`] as [`Sections::column`], or if a value is too large.
    pub(crate) fn bounded<T: AnyBitPattern + Into<u32>>(
        &self,
        name: &str,
        bound: usize,
    ) -> Result<Column<T>, ColumnError> {
        let column = self.column::<T>(name)?;
        let inside = column.iter().all(|&v| (v.into() as usize) < bound);
        if inside { Ok(column) } else { Err(self.damaged(format!("section {name} points outside its table"))) }
    }

    /// [`ColumnError::Damaged`] with the path of this file.
    pub(crate) fn damaged(&self, reason: impl Into<String>) -> ColumnError {
        self.file.damaged(reason)
    }
}

/// Values in a mapped file; dereferences to a slice.
pub(crate) struct Column<T> {
    map: Arc<Mmap>,
    range: Range<usize>,
    element: PhantomData<T>,
}

impl<T: AnyBitPattern> Deref for Column<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        // `MappedFile::column` has checked bounds and alignment.
        bytemuck::cast_slice(&self.map[self.range.clone()])
    }
}

impl AsRef<[u8]> for Column<u8> {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

/// Range `i` of consecutive ranges with these `ends`.
pub(crate) fn range_of(ends: &[u32], i: usize) -> Range<usize> {
    let start = if i == 0 { 0 } else { ends[i - 1] };
    start as usize..ends[i] as usize
}

/// Lists of values, one after another. A list that lies outside the values, because the file is
/// damaged, reads as empty.
pub(crate) struct Lists<T> {
    values: Column<T>,
    ends: Column<u32>,
}

impl<T: AnyBitPattern> Lists<T> {
    /// Number of lists.
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// The values of all lists.
    pub(crate) fn values(&self) -> &[T] {
        &self.values
    }

    /// Whether every value is in exactly one list, as in a file without damage.
    pub(crate) fn is_whole(&self) -> bool {
        self.ends.is_sorted()
    }

    /// The range of list `i` in [`Self::values`].
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

    /// The index of the list with the value at `position` of [`Self::values`].
    pub(crate) fn list_of(&self, position: usize) -> usize {
        self.ends.partition_point(|&end| end as usize <= position)
    }
}

/// Strings, one after another.
pub(crate) struct Strings(Lists<u8>);

impl Strings {
    /// The strings whose bytes are the values of `lists`.
    pub(crate) fn new(lists: Lists<u8>) -> Self {
        Self(lists)
    }

    /// Number of strings.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether every string reads as it was written, rather than as empty because of damage.
    pub(crate) fn is_whole(&self) -> bool {
        self.0.is_whole() && (0..self.len()).all(|i| std::str::from_utf8(self.0.get(i)).is_ok())
    }

    /// String `i`; empty if the file is damaged there.
    pub(crate) fn get(&self, i: usize) -> &str {
        std::str::from_utf8(self.0.get(i)).unwrap_or_default()
    }

    /// The index of `value`; the strings are sorted.
    pub(crate) fn position(&self, value: &str) -> Option<usize> {
        let i = partition_point(self.len(), |i| self.get(i) < value);
        (i < self.len() && self.get(i) == value).then_some(i)
    }
}

/// The first index of `0..count` for which `is_before` is false; it must be true for all indexes
/// before that one and false for all after it.
pub(crate) fn partition_point(count: usize, is_before: impl Fn(usize) -> bool) -> usize {
    let (mut low, mut high) = (0, count);
    while low < high {
        let middle = low + (high - low) / 2;
        if is_before(middle) { low = middle + 1 } else { high = middle }
    }
    low
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_read_as_written_and_every_truncation_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f");
        let ends = [0u32, 2, 4];
        write(&path, &[("n", bytes(&[1u32, 7])), ("s.text", "bcä".as_bytes()), ("s.ends", bytes(&ends))]).unwrap();
        let check = || {
            let file = Sections::open(&path)?;
            let numbers = file.bounded::<u32>("n", 8)?;
            let strings = Strings::new(file.lists("s.text", "s.ends")?);
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
    fn lists_outside_their_values_read_as_empty() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f");
        let ends = [9u32, 1, 4];
        write(&path, &[("s.text", b"abcd"), ("s.ends", bytes(&ends))]).unwrap();
        let strings = Strings::new(Sections::open(&path).unwrap().lists("s.text", "s.ends").unwrap());
        assert_eq!([0, 1, 2, 3].map(|i| strings.get(i).to_owned()), ["", "", "bcd", ""]);
    }
}
