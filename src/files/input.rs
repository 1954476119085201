//! Opening input files for every reader: plain or `.gz`, in one file or split into parts, with
//! progress in bytes.
//!
//! [`InputFile::open`] gives the decompressed bytes of all parts. [`LineReader`] cuts them into
//! lines of bounded length, and [`LineCounter`] counts lines for formats that are not read by
//! lines.
//!
//! Invariant: the message of every error of reading names the file.

use std::{
    cell::Cell,
    fs::{File, Metadata},
    io::{self, BufRead, BufReader, Read},
    path::{Path, PathBuf},
    rc::Rc,
};

use flate2::bufread::MultiGzDecoder;

use crate::job::Job;

/// Maximum bytes of a line; a longer one is an error of that line. The longest lines of UMLS have
/// about 30,000.
pub(crate) const MAX_LINE_BYTES: usize = 1 << 20;
/// Bytes of each read buffer.
const BUFFER_BYTES: usize = 1 << 18;
/// The byte order mark of UTF-8, with which some editors begin a file.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();
/// First bytes of every gzip file (RFC 1952, section 2.3.1).
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// A file to read, in one piece or split into parts (`MRCONSO.RRF.aa.gz`, `MRCONSO.RRF.ab.gz`, ..).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InputFile {
    /// The name in errors and progress; a split file does not exist under it.
    pub path: PathBuf,
    /// The files on disk, in the order of reading.
    pub parts: Vec<PathBuf>,
}

impl InputFile {
    /// An input that is one file.
    pub fn new(path: &Path) -> Self {
        Self { path: path.into(), parts: vec![path.into()] }
    }

    /// Bytes on disk of all parts, compressed or not.
    ///
    /// # Errors
    /// A part is missing or is a directory; the message names it.
    pub fn bytes(&self) -> io::Result<u64> {
        let size = |path: &PathBuf| {
            let metadata = metadata(path)?;
            if metadata.is_dir() {
                return Err(with_path(path, &io::Error::other("is a directory")));
            }
            Ok(metadata.len())
        };
        self.parts.iter().map(size).sum()
    }

    /// Opens all parts, decompresses those that end in `.gz`, skips a byte order mark, and reports
    /// the bytes read as a progress stage of `job`.
    ///
    /// # Errors
    /// A part cannot be opened, or is not gzip though its name ends in `.gz`; the message names it.
    pub fn open<'p>(&self, job: Job<'p>) -> io::Result<Box<dyn BufRead + 'p>> {
        let name = self.path.file_name().unwrap_or_default().to_string_lossy();
        job.progress.bytes_stage(&format!("reading {name}"), self.bytes()?);
        let mut whole: Box<dyn Read + 'p> = Box::new(io::empty());
        for path in &self.parts {
            let file = ProgressReader { file: File::open(path).map_err(|e| with_path(path, &e))?, job };
            let mut file = BufReader::with_capacity(BUFFER_BYTES, file);
            let part: Box<dyn Read + 'p> = match path.extension() {
                Some(e) if e == "gz" => {
                    // Checked here because the decoder would report an empty or short file as
                    // truncated.
                    if !file.fill_buf().map_err(|e| with_path(path, &e))?.starts_with(&GZIP_MAGIC) {
                        return Err(with_path(path, &io::Error::other("it is not gzip-compressed")));
                    }
                    Box::new(MultiGzDecoder::new(file))
                }
                _ => Box::new(file),
            };
            whole = Box::new(whole.chain(PartReader { part, path: path.clone() }));
        }
        let mut whole = BufReader::with_capacity(BUFFER_BYTES, whole);
        if whole.fill_buf()?.starts_with(BYTE_ORDER_MARK) {
            whole.consume(BYTE_ORDER_MARK.len());
        }
        Ok(Box::new(whole))
    }
}

/// Reports every byte that is read from disk to the progress of a job.
struct ProgressReader<'p> {
    file: File,
    job: Job<'p>,
}

impl Read for ProgressReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.file.read(buffer)?;
        self.job.progress.advance(n as u64);
        Ok(n)
    }
}

/// Adds the path of a part to the errors of reading it.
struct PartReader<'p> {
    part: Box<dyn Read + 'p>,
    path: PathBuf,
}

impl Read for PartReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.part.read(buffer).map_err(|e| with_path(&self.path, &e))
    }
}

/// Metadata of the file at `path`; an error names the file.
pub(crate) fn metadata(path: &Path) -> io::Result<Metadata> {
    std::fs::metadata(path).map_err(|e| with_path(path, &e))
}

fn with_path(path: &Path, error: &io::Error) -> io::Error {
    let reason = match error.kind() {
        io::ErrorKind::UnexpectedEof => "it ends too early: the file is truncated".to_owned(),
        _ => error.to_string(),
    };
    io::Error::new(error.kind(), format!("{}: {reason}", path.display()))
}

/// Cuts an input into lines, without their ends (`\n` or `\r\n`) and without a byte order mark.
pub struct LineReader<R> {
    input: R,
    line: Vec<u8>,
    number: u64,
    ended: bool,
}

/// A line number, counted from 1, and the line or the reason why it cannot be used.
pub(crate) type NumberedLine<T> = (u64, Result<T, LineError>);

/// The reason why a line cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LineError {
    /// The line has bytes that are not UTF-8 and may be of an encoding with one byte a character.
    #[error(
        "it is not valid UTF-8; if the file is Latin-1 or Windows-1252, convert it (iconv -f WINDOWS-1252 -t UTF-8)"
    )]
    Utf8,
    /// The line has zero bytes between its characters.
    #[error("it is not valid UTF-8; if the file is UTF-16, convert it (iconv -f UTF-16 -t UTF-8)")]
    Utf16,
    /// The line exceeds the bound that keeps memory small.
    #[error("it is longer than {MAX_LINE_BYTES} bytes")]
    TooLong,
}

impl LineError {
    /// The error about bytes that are not UTF-8.
    pub(crate) fn of_encoding(bytes: &[u8]) -> Self {
        if bytes.contains(&0) { Self::Utf16 } else { Self::Utf8 }
    }
}

impl<R: BufRead> LineReader<R> {
    /// Starts before the first line of `input`.
    pub fn new(input: R) -> Self {
        Self { input, line: vec![], number: 0, ended: true }
    }

    /// Whether the line that was read last has a line end. Only the last line of an input can lack
    /// one, for example when the file is cut off.
    pub fn ended(&self) -> bool {
        self.ended
    }

    /// Reads the next line as text; `None` at the end of the input.
    ///
    /// # Errors
    /// Reading failed. A line that cannot be used is no error of reading: the pair has its number
    /// and the reason.
    #[expect(clippy::should_implement_trait, reason = "a line borrows from the reader")]
    pub fn next(&mut self) -> io::Result<Option<(u64, Result<&str, LineError>)>> {
        let text = |line| std::str::from_utf8(line).map_err(|_| LineError::of_encoding(line));
        Ok(self.next_bytes()?.map(|(number, line)| (number, line.and_then(text))))
    }

    /// Reads the next line as bytes, which may be no UTF-8; `None` at the end of the input.
    pub(crate) fn next_bytes(&mut self) -> io::Result<Option<NumberedLine<&[u8]>>> {
        self.line.clear();
        // One byte more than a line may have, for its end.
        let limit = MAX_LINE_BYTES as u64 + 1;
        let read = (&mut self.input).take(limit).read_until(b'\n', &mut self.line)?;
        if read == 0 {
            return Ok(None);
        }
        self.number += 1;
        self.ended = self.line.ends_with(b"\n");
        if read as u64 == limit && !self.ended {
            self.ended = skip_line(&mut self.input)?;
            return Ok(Some((self.number, Err(LineError::TooLong))));
        }
        let mut line = self.line.as_slice();
        line = line.strip_suffix(b"\n").unwrap_or(line);
        line = line.strip_suffix(b"\r").unwrap_or(line);
        if self.number == 1 {
            line = line.strip_prefix(BYTE_ORDER_MARK).unwrap_or(line);
        }
        Ok(Some((self.number, Ok(line))))
    }
}

/// Skips the rest of a line; returns whether the line had an end.
fn skip_line(input: &mut impl BufRead) -> io::Result<bool> {
    loop {
        let buffer = input.fill_buf()?;
        let end = memchr::memchr(b'\n', buffer);
        let (n, over) = (end.map_or(buffer.len(), |i| i + 1), end.is_some() || buffer.is_empty());
        input.consume(n);
        if over {
            return Ok(end.is_some());
        }
    }
}

/// Counts the lines that are read through it, for formats that are not read by lines.
pub struct LineCounter<R> {
    input: R,
    line: Rc<Cell<u64>>,
}

impl<R: Read> LineCounter<R> {
    /// Wraps `input`. The cell always has the number of the line, counted from 1, that reading has
    /// reached.
    pub fn new(input: R) -> (Self, Rc<Cell<u64>>) {
        let line = Rc::new(Cell::new(1));
        (Self { input, line: line.clone() }, line)
    }
}

impl<R: Read> Read for LineCounter<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.input.read(buffer)?;
        let ends = buffer[..n].iter().filter(|&&b| b == b'\n').count();
        self.line.set(self.line.get() + ends as u64);
        Ok(n)
    }
}
