//! Reads a file of pairs: two names of one concept a line, the input of training.
//!
//! A line is a concept id and two names, separated by tabs or, as in the files of the SapBERT
//! authors, by `||`.
//!
//! Invariant: an error names the line, and never quotes a name.

use std::{collections::HashMap, io::Read, ops::Range, path::Path};

use crate::train::TrainError;
use crate::{
    files::{input::InputFile, sha256_hex},
    job::Job,
    text,
};

/// The pairs of a file, in memory: its text, and 12 bytes a pair.
#[derive(Debug)]
pub struct Pairs {
    text: String,
    separator: &'static str,
    /// For each pair the offset of its names in `text`.
    name_offsets: Vec<usize>,
    /// For each pair the number of its concept.
    concepts: Vec<u32>,
    /// For each concept the range of its id in `text`.
    ids: Vec<Range<usize>>,
}

/// Two names of a concept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pair<'a> {
    /// Number of the concept, in the order of first appearance in the file.
    pub concept: u32,
    /// The two names, as the file has them.
    pub names: [&'a str; 2],
}

impl Pairs {
    /// Reads the file at `path`, which may be compressed (`.gz`).
    ///
    /// # Errors
    /// [`TrainError::Io`] when the file cannot be read, [`TrainError::Pair`] for a line that is not
    /// a pair, [`TrainError::Pairs`] when the file has fewer than two concepts.
    pub fn read(path: &Path) -> Result<Self, TrainError> {
        let text = read_text(path)?;
        let max_lines = memchr::memchr_iter(b'\n', text.as_bytes()).count() + 1;
        let (mut name_offsets, mut concepts) = (Vec::with_capacity(max_lines), Vec::with_capacity(max_lines));
        let (mut ids, mut numbers) = (vec![], HashMap::<&str, u32>::new());
        let separator = if text.lines().next().is_some_and(|line| line.contains('\t')) { "\t" } else { "||" };
        let mut start = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
        for (i, line) in text[start..].split_inclusive('\n').enumerate() {
            let id = id_of(without_line_end(line), separator).map_err(|reason| TrainError::Pair {
                path: path.into(),
                line: i + 1,
                reason,
            })?;
            concepts.push(*numbers.entry(id).or_insert_with(|| {
                ids.push(start..start + id.len());
                ids.len() as u32 - 1
            }));
            name_offsets.push(start + id.len() + separator.len());
            start += line.len();
        }
        drop(numbers);
        let unusable = |reason: &str| Err(TrainError::Pairs { path: path.into(), reason: reason.into() });
        match ids.len() {
            0 => unusable("it has no pairs"),
            1 => unusable("it has names of one concept only: training needs at least two concepts"),
            _ => Ok(Self { text, separator, name_offsets, concepts, ids }),
        }
    }

    /// Number of pairs.
    pub fn len(&self) -> usize {
        self.name_offsets.len()
    }

    /// Whether there are no pairs; never true, since [`Pairs::read`] refuses such a file.
    pub fn is_empty(&self) -> bool {
        self.name_offsets.is_empty()
    }

    /// The pair at position `i` of the file, below [`Pairs::len`].
    pub fn pair(&self, i: usize) -> Pair<'_> {
        let names = self.text[self.name_offsets[i]..].split_inclusive('\n').next().map_or("", without_line_end);
        let (first, second) = names.split_once(self.separator).unwrap_or((names, ""));
        Pair { concept: self.concepts[i], names: [first, second] }
    }

    /// Number of concepts.
    pub fn concepts(&self) -> usize {
        self.ids.len()
    }

    /// The id of a concept, a number below [`Pairs::concepts`].
    pub fn id(&self, concept: u32) -> &str {
        &self.text[self.ids[concept as usize].clone()]
    }

    /// sha256 of the file's text; of a compressed file, of the uncompressed text.
    pub fn sha256(&self) -> String {
        sha256_hex(self.text.as_bytes())
    }
}

/// The text of a file, decompressed.
fn read_text(path: &Path) -> Result<String, TrainError> {
    let input = InputFile::new(path);
    let mut bytes = Vec::with_capacity(input.bytes()? as usize);
    input.open(Job::silent())?.read_to_end(&mut bytes)?;
    String::from_utf8(bytes).map_err(|e| {
        let before = &e.as_bytes()[..e.utf8_error().valid_up_to()];
        let line = memchr::memchr_iter(b'\n', before).count() + 1;
        TrainError::Pair { path: path.into(), line, reason: "it is not valid UTF-8".into() }
    })
}

/// A line without `\n` or `\r\n`.
fn without_line_end(line: &str) -> &str {
    let line = line.strip_suffix('\n').unwrap_or(line);
    line.strip_suffix('\r').unwrap_or(line)
}

/// The concept id of a line, or the reason why the line is not a pair.
fn id_of<'a>(line: &'a str, separator: &str) -> Result<&'a str, String> {
    if line.is_empty() {
        return Err("the line is empty".into());
    }
    let mut fields = line.split(separator);
    let (Some(id), Some(first), Some(second), None) = (fields.next(), fields.next(), fields.next(), fields.next())
    else {
        let count = line.split(separator).count();
        return Err(format!("it has {count} fields instead of three: an id and two names"));
    };
    if id.trim().is_empty() {
        return Err("its id is blank".into());
    }
    if [first, second].iter().any(|name| text::clean(name).is_empty()) {
        return Err(format!("a name of {} is blank", text::quoted(id)));
    }
    Ok(id)
}

#[cfg(test)]
mod tests {
    use std::{io::Write, path::PathBuf};

    use super::*;

    struct TestDir(tempfile::TempDir);

    impl TestDir {
        fn new() -> Self {
            Self(tempfile::tempdir().unwrap())
        }

        fn write(&self, name: &str, content: &[u8]) -> PathBuf {
            let path = self.0.path().join(name);
            fs_err::write(&path, content).unwrap();
            path
        }
    }

    fn gzip(content: &[u8]) -> Vec<u8> {
        let mut gz = flate2::write::GzEncoder::new(vec![], flate2::Compression::default());
        gz.write_all(content).unwrap();
        gz.finish().unwrap()
    }

    #[test]
    fn reads_both_formats() {
        let dir = TestDir::new();
        let ours = "C0000001\ta || b\tc\nXYZ:2\td\te\nC0000001\ta || b\t%\n";
        let theirs = "C0000001||a b||c\r\nXYZ:2||d||e\r\nC0000001||a b||%";
        let crlf = ours.replace('\n', "\r\n");
        let with_bom = format!("\u{feff}{}", ours.trim_end());
        for (name, content, first) in [
            ("ours.tsv", ours.as_bytes().to_vec(), "a || b"),
            ("crlf.tsv", crlf.into_bytes(), "a || b"),
            ("bom.tsv", with_bom.into_bytes(), "a || b"),
            ("ours.tsv.gz", gzip(ours.as_bytes()), "a || b"),
            ("theirs.txt", theirs.into(), "a b"),
        ] {
            let pairs = Pairs::read(&dir.write(name, &content)).unwrap();
            assert_eq!((pairs.len(), pairs.concepts(), pairs.is_empty()), (3, 2, false), "{name}");
            assert_eq!(pairs.pair(0), Pair { concept: 0, names: [first, "c"] }, "{name}");
            assert_eq!(pairs.pair(1), Pair { concept: 1, names: ["d", "e"] }, "{name}");
            assert_eq!(pairs.pair(2), Pair { concept: 0, names: [first, "%"] }, "{name}");
            assert_eq!([pairs.id(0), pairs.id(1)], ["C0000001", "XYZ:2"], "{name}");
        }
        let sum = |name: &str| Pairs::read(&dir.0.path().join(name)).unwrap().sha256();
        assert_eq!(sum("ours.tsv"), sha256_hex(ours.as_bytes()));
        assert_eq!(sum("ours.tsv"), sum("ours.tsv.gz"));
    }

    #[test]
    fn an_error_names_the_line_and_never_quotes_a_name() {
        let dir = TestDir::new();
        let good = "C0000001\tsecret a\tsecret b\nC0000002\tsecret c\tsecret d\n";
        let truncated = gzip(good.as_bytes());
        let after = |line: &str| format!("{good}{line}\n").into_bytes();
        for (name, content, expected) in [
            ("utf8", [good.as_bytes(), b"C0000003\t\xff\tb\n"].concat(), "utf8:3: it is not valid UTF-8"),
            ("empty line", after(""), "empty line:3: the line is empty"),
            ("first line", format!("\n{good}").into_bytes(), "first line:1: the line is empty"),
            ("two", after("C0000003\tsecret"), "two:3: it has 2 fields instead of three"),
            ("four", after("C0000003\ta\tb\tsecret"), "four:3: it has 4 fields instead of three"),
            ("other", after("C0000003||a||secret"), "other:3: it has 1 fields instead of three"),
            ("three pipes", b"C1||a||b||c".to_vec(), "three pipes:1: it has 4 fields instead of three"),
            ("id", after(" \tsecret\tb"), "id:3: its id is blank"),
            ("name", after("C0000003\tsecret\t"), "name:3: a name of `C0000003` is blank"),
            ("blank", after("C0000003\t \tsecret"), "blank:3: a name of `C0000003` is blank"),
            ("nothing", vec![], "nothing: it has no pairs"),
            ("bom", "\u{feff}".into(), "bom: it has no pairs"),
            ("one", b"C1||secret||b\nC1||secret||c\n".to_vec(), "one: it has names of one concept only"),
            ("no.gz", good.into(), "no.gz: it is not gzip-compressed"),
            ("truncated.gz", truncated[..truncated.len() - 10].to_vec(), "truncated.gz: it ends too early"),
        ] {
            let error = Pairs::read(&dir.write(name, &content)).unwrap_err().to_string();
            assert!(error.contains(expected) && error.starts_with(&*dir.0.path().to_string_lossy()), "{error}");
            assert!(!error.contains("secret"), "{error}");
        }
        let error = |path: &Path| Pairs::read(path).unwrap_err().to_string();
        assert!(error(dir.0.path()).ends_with(": is a directory"));
        assert!(error(&dir.0.path().join("none")).contains("none: No such file"));
    }
}
