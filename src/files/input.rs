//! Input files: plain or `.gz`, whole or in parts, read by lines of bounded length, with progress in bytes.
//!
//! Invariant: every error of reading names the file.

use std::{
    cell::Cell,
    fs::{File, Metadata},
    io::{self, BufRead, BufReader, Read},
    path::{Path, PathBuf},
    rc::Rc,
};

use flate2::bufread::MultiGzDecoder;

use crate::job::Job;
use crate::terminology::TerminologyError;

/// Bytes of a line beyond which it is bad: the longest of UMLS has some 30,000.
pub(crate) const LONGEST_LINE: usize = 1 << 20;
const BUFFER: usize = 1 << 18;
/// What every gzip file begins with.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// A file to read, or the parts of one, in order (`MRCONSO.RRF.aa.gz`, `MRCONSO.RRF.ab.gz`, ..).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input {
    /// What errors and progress call it.
    pub path: PathBuf,
    pub parts: Vec<PathBuf>,
}

impl Input {
    /// One file.
    pub fn file(path: &Path) -> Self {
        Self { path: path.into(), parts: vec![path.into()] }
    }

    /// Bytes on disk.
    ///
    /// # Errors
    /// The file that is missing, or a directory.
    pub fn bytes(&self) -> Result<u64, TerminologyError> {
        let size = |path: &PathBuf| {
            let about = metadata(path)?;
            if about.is_dir() {
                return Err(named(path, &io::Error::other("is a directory")));
            }
            Ok(about.len())
        };
        Ok(self.parts.iter().map(size).sum::<io::Result<u64>>()?)
    }

    /// Opens it, decompressing parts that end in `.gz`; bytes on disk are reported as a stage of `progress`.
    ///
    /// # Errors
    /// [`TerminologyError::Io`] names the part.
    pub fn open<'p>(&self, job: Job<'p>) -> Result<Box<dyn BufRead + 'p>, TerminologyError> {
        let name = self.path.file_name().unwrap_or_default().to_string_lossy();
        job.progress.bytes_stage(&format!("reading {name}"), self.bytes()?);
        let mut whole: Box<dyn Read + 'p> = Box::new(io::empty());
        for path in &self.parts {
            let file = Metered { file: File::open(path).map_err(|e| named(path, &e))?, job };
            let mut file = BufReader::with_capacity(BUFFER, file);
            let part: Box<dyn Read + 'p> = match path.extension() {
                Some(e) if e == "gz" => {
                    // The decoder would call an empty or short file truncated.
                    if !file.fill_buf().map_err(|e| named(path, &e))?.starts_with(&GZIP) {
                        return Err(named(path, &io::Error::other("it is not gzip-compressed")).into());
                    }
                    Box::new(MultiGzDecoder::new(file))
                }
                _ => Box::new(file),
            };
            whole = Box::new(whole.chain(Named { part, path: path.clone() }));
        }
        Ok(Box::new(BufReader::with_capacity(BUFFER, whole)))
    }
}

struct Metered<'p> {
    file: File,
    job: Job<'p>,
}

impl Read for Metered<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.file.read(buffer)?;
        self.job.progress.advance(n as u64);
        Ok(n)
    }
}

struct Named<'p> {
    part: Box<dyn Read + 'p>,
    path: PathBuf,
}

impl Read for Named<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.part.read(buffer).map_err(|e| named(&self.path, &e))
    }
}

/// What the file system knows of a file.
pub(crate) fn metadata(path: &Path) -> io::Result<Metadata> {
    std::fs::metadata(path).map_err(|e| named(path, &e))
}

fn named(path: &Path, error: &io::Error) -> io::Error {
    let reason = match error.kind() {
        io::ErrorKind::UnexpectedEof => "it ends too early: the file is truncated".to_owned(),
        _ => error.to_string(),
    };
    io::Error::new(error.kind(), format!("{}: {reason}", path.display()))
}

/// The lines of an input, without their ends (`\n` or `\r\n`) and without a byte order mark.
pub struct Lines<R> {
    input: R,
    line: Vec<u8>,
    number: u64,
    ended: bool,
}

/// The number of a line, from 1, and what it holds or why it is not text.
pub(crate) type Numbered<T> = (u64, Result<T, LineError>);

/// Why a line is not text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LineError {
    #[error("it is not valid UTF-8")]
    Utf8,
    #[error("it is longer than {LONGEST_LINE} bytes")]
    TooLong,
}

impl<R: BufRead> Lines<R> {
    pub fn new(input: R) -> Self {
        Self { input, line: vec![], number: 0, ended: true }
    }

    /// Whether the line that was given last has a line end: only the last of an input has none, as where a file is cut off.
    pub fn ended(&self) -> bool {
        self.ended
    }

    /// The next line with its number, from 1, or why it is not text; none at the end.
    ///
    /// # Errors
    /// Reading failed.
    #[expect(clippy::should_implement_trait, reason = "a line borrows from the reader")]
    pub fn next(&mut self) -> io::Result<Option<(u64, Result<&str, LineError>)>> {
        let text = |line| std::str::from_utf8(line).map_err(|_| LineError::Utf8);
        Ok(self.next_bytes()?.map(|(number, line)| (number, line.and_then(text))))
    }

    /// As [`Lines::next`], whether or not it is text.
    pub(crate) fn next_bytes(&mut self) -> io::Result<Option<Numbered<&[u8]>>> {
        self.line.clear();
        let most = LONGEST_LINE as u64 + 1;
        let read = (&mut self.input).take(most).read_until(b'\n', &mut self.line)?;
        if read == 0 {
            return Ok(None);
        }
        self.number += 1;
        self.ended = self.line.ends_with(b"\n");
        if read as u64 == most && !self.ended {
            self.ended = skip_line(&mut self.input)?;
            return Ok(Some((self.number, Err(LineError::TooLong))));
        }
        let mut line = self.line.as_slice();
        line = line.strip_suffix(b"\n").unwrap_or(line);
        line = line.strip_suffix(b"\r").unwrap_or(line);
        if self.number == 1 {
            line = line.strip_prefix("\u{feff}".as_bytes()).unwrap_or(line);
        }
        Ok(Some((self.number, Ok(line))))
    }
}

/// Gives whether the line had an end.
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

/// Counts the lines that pass through, for formats that are not read by lines.
pub struct LineCounter<R> {
    input: R,
    lines: Rc<Cell<u64>>,
}

impl<R: Read> LineCounter<R> {
    /// Wraps `input`; the number of the line that reading has reached, from 1, is in the cell.
    pub fn new(input: R) -> (Self, Rc<Cell<u64>>) {
        let lines = Rc::new(Cell::new(1));
        (Self { input, lines: lines.clone() }, lines)
    }
}

impl<R: Read> Read for LineCounter<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.input.read(buffer)?;
        let ends = buffer[..n].iter().filter(|&&b| b == b'\n').count();
        self.lines.set(self.lines.get() + ends as u64);
        Ok(n)
    }
}
