//! Pairs of names of one concept, which training learns from, as they are read.
//!
//! A line is an id and two names, separated by tabs. Files of the authors of SapBERT, which separate them by `||`, are read too.
//!
//! Invariant: what is no pair is named by its line, and no name is ever quoted.

use std::{collections::HashMap, io::Read, ops::Range, path::Path};

use crate::train::TrainError;
use crate::{
    files::{input::InputFile, sha256_hex},
    job::Job,
    text,
};

/// Pairs of names, read whole: what the file holds, and 12 bytes a pair.
#[derive(Debug)]
pub struct Pairs {
    text: String,
    separator: &'static str,
    /// For each pair where its names begin.
    starts: Vec<usize>,
    /// For each pair its concept.
    concepts: Vec<u32>,
    /// For each concept where its id is.
    ids: Vec<Range<usize>>,
}

/// Two names of a concept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pair<'a> {
    /// Its number among those of the file.
    pub concept: u32,
    pub names: [&'a str; 2],
}

impl Pairs {
    /// Reads the file at `path`, which may be compressed (`.gz`).
    ///
    /// # Errors
    /// [`TrainError`] names the file, and the line that is no pair; [`TrainError::Pairs`] when there is nothing to tell apart.
    pub fn read(path: &Path) -> Result<Self, TrainError> {
        let text = read_text(path)?;
        let most = memchr::memchr_iter(b'\n', text.as_bytes()).count() + 1;
        let (mut starts, mut concepts) = (Vec::with_capacity(most), Vec::with_capacity(most));
        let (mut ids, mut numbers) = (vec![], HashMap::<&str, u32>::new());
        let separator = if text.lines().next().is_some_and(|line| line.contains('\t')) { "\t" } else { "||" };
        let mut start = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
        for (i, line) in text[start..].split_inclusive('\n').enumerate() {
            let id = id_of(without_end(line), separator).map_err(|reason| TrainError::Pair {
                path: path.into(),
                line: i + 1,
                reason,
            })?;
            concepts.push(*numbers.entry(id).or_insert_with(|| {
                ids.push(start..start + id.len());
                ids.len() as u32 - 1
            }));
            starts.push(start + id.len() + separator.len());
            start += line.len();
        }
        drop(numbers);
        let broken = |reason: &str| Err(TrainError::Pairs { path: path.into(), reason: reason.into() });
        match ids.len() {
            0 => broken("it has no pairs"),
            1 => broken("it has names of one concept only: there is nothing to tell apart"),
            _ => Ok(Self { text, separator, starts, concepts, ids }),
        }
    }

    /// How many pairs there are.
    pub fn len(&self) -> usize {
        self.starts.len()
    }

    /// Whether there is none, which is never so.
    pub fn is_empty(&self) -> bool {
        self.starts.is_empty()
    }

    /// Pair `i`, which is below [`Pairs::len`].
    pub fn pair(&self, i: usize) -> Pair<'_> {
        let names = self.text[self.starts[i]..].split_inclusive('\n').next().map_or("", without_end);
        let (first, second) = names.split_once(self.separator).unwrap_or((names, ""));
        Pair { concept: self.concepts[i], names: [first, second] }
    }

    /// How many concepts the pairs are of.
    pub fn concepts(&self) -> usize {
        self.ids.len()
    }

    /// The id of a concept, which is below [`Pairs::concepts`].
    pub fn id(&self, concept: u32) -> &str {
        &self.text[self.ids[concept as usize].clone()]
    }

    /// sha256 of what the file holds, of a compressed one of what it is uncompressed.
    pub fn sha256(&self) -> String {
        sha256_hex(self.text.as_bytes())
    }
}

/// What a file holds.
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
fn without_end(line: &str) -> &str {
    let line = line.strip_suffix('\n').unwrap_or(line);
    line.strip_suffix('\r').unwrap_or(line)
}

/// The id that a line begins with, or why the line is no pair.
fn id_of<'a>(line: &'a str, separator: &str) -> Result<&'a str, String> {
    if line.is_empty() {
        return Err("the line is empty".into());
    }
    let mut fields = line.split(separator);
    let (Some(id), Some(first), Some(second), None) = (fields.next(), fields.next(), fields.next(), fields.next())
    else {
        let count = line.split(separator).count();
        return Err(format!("it has {count} fields, and a pair is an id and two names"));
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
    struct Place(tempfile::TempDir);

    impl Place {
        fn write(&self, name: &str, content: &[u8]) -> PathBuf {
            let path = self.0.path().join(name);
            fs_err::write(&path, content).unwrap();
            path
        }
    }

    fn place() -> Place {
        Place(tempfile::tempdir().unwrap())
    }

    fn gzip(content: &[u8]) -> Vec<u8> {
        let mut gz = flate2::write::GzEncoder::new(vec![], flate2::Compression::default());
        gz.write_all(content).unwrap();
        gz.finish().unwrap()
    }

    #[test]
    fn both_formats_are_read() {
        let place = place();
        let ours = "C0000001\ta || b\tc\nXYZ:2\td\te\nC0000001\ta || b\t%\n";
        let theirs = "C0000001||a b||c\r\nXYZ:2||d||e\r\nC0000001||a b||%";
        let windows = ours.replace('\n', "\r\n");
        let marked = format!("\u{feff}{}", ours.trim_end());
        for (name, content, first) in [
            ("ours.tsv", ours.as_bytes().to_vec(), "a || b"),
            ("windows.tsv", windows.into_bytes(), "a || b"),
            ("marked.tsv", marked.into_bytes(), "a || b"),
            ("ours.tsv.gz", gzip(ours.as_bytes()), "a || b"),
            ("theirs.txt", theirs.into(), "a b"),
        ] {
            let pairs = Pairs::read(&place.write(name, &content)).unwrap();
            assert_eq!((pairs.len(), pairs.concepts(), pairs.is_empty()), (3, 2, false), "{name}");
            assert_eq!(pairs.pair(0), Pair { concept: 0, names: [first, "c"] }, "{name}");
            assert_eq!(pairs.pair(1), Pair { concept: 1, names: ["d", "e"] }, "{name}");
            assert_eq!(pairs.pair(2), Pair { concept: 0, names: [first, "%"] }, "{name}");
            assert_eq!([pairs.id(0), pairs.id(1)], ["C0000001", "XYZ:2"], "{name}");
        }
        let sum = |name: &str| Pairs::read(&place.0.path().join(name)).unwrap().sha256();
        assert_eq!(sum("ours.tsv"), sha256_hex(ours.as_bytes()));
        assert_eq!(sum("ours.tsv"), sum("ours.tsv.gz"));
    }

    #[test]
    fn what_is_no_pair_is_named_by_its_line_and_never_quoted() {
        let place = place();
        let good = "C0000001\tsecret a\tsecret b\nC0000002\tsecret c\tsecret d\n";
        let cut = gzip(good.as_bytes());
        let after = |line: &str| format!("{good}{line}\n").into_bytes();
        for (name, content, expected) in [
            ("utf8", [good.as_bytes(), b"C0000003\t\xff\tb\n"].concat(), "utf8:3: it is not valid UTF-8"),
            ("empty line", after(""), "empty line:3: the line is empty"),
            ("first line", format!("\n{good}").into_bytes(), "first line:1: the line is empty"),
            ("two", after("C0000003\tsecret"), "two:3: it has 2 fields, and a pair is an id and two names"),
            ("four", after("C0000003\ta\tb\tsecret"), "four:3: it has 4 fields, and a pair is an id and two names"),
            ("other", after("C0000003||a||secret"), "other:3: it has 1 fields, and a pair is an id and two names"),
            (
                "three pipes",
                b"C1||a||b||c".to_vec(),
                "three pipes:1: it has 4 fields, and a pair is an id and two names",
            ),
            ("id", after(" \tsecret\tb"), "id:3: its id is blank"),
            ("name", after("C0000003\tsecret\t"), "name:3: a name of `C0000003` is blank"),
            ("blank", after("C0000003\t \tsecret"), "blank:3: a name of `C0000003` is blank"),
            ("nothing", vec![], "nothing: it has no pairs"),
            ("mark", "\u{feff}".into(), "mark: it has no pairs"),
            ("one", b"C1||secret||b\nC1||secret||c\n".to_vec(), "one: it has names of one concept only"),
            ("no.gz", good.into(), "no.gz: it is not gzip-compressed"),
            ("cut.gz", cut[..cut.len() - 10].to_vec(), "cut.gz: it ends too early"),
        ] {
            let error = Pairs::read(&place.write(name, &content)).unwrap_err().to_string();
            assert!(error.contains(expected) && error.starts_with(&*place.0.path().to_string_lossy()), "{error}");
            assert!(!error.contains("secret"), "{error}");
        }
        let error = |path: &Path| Pairs::read(path).unwrap_err().to_string();
        assert!(error(place.0.path()).ends_with(": is a directory"));
        assert!(error(&place.0.path().join("none")).contains("none: No such file"));
    }
}
