//! Tab-separated names with a header.
//!
//! Columns by name, in any order: `cui` and `name`; optional `semantic_type` (TUIs, separated by commas), `source`, `source_code`,
//! `term_type`. Other columns are ignored. Invariant: no quoting; a tab never is part of a value.

use std::path::Path;

use csv::{ReaderBuilder, StringRecord};

use super::{TerminologyError, open};
use crate::{
    domain::{Atom, Row, is_concept_id, semantic_type},
    text,
};

/// Source of rows that name none.
const DEFAULT_SOURCE: &str = "LOCAL";
/// Names longer than this, in bytes, are no names.
const LONGEST_NAME: usize = 4096;

/// What was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TsvSummary {
    pub rows: u64,
    /// Columns of the header that mean nothing here.
    pub ignored: Vec<String>,
}

/// Reads `path`, handing every row to `take`.
///
/// # Errors
/// [`TerminologyError`] names the file, and the line where one is at fault.
pub fn read_tsv(path: &Path, mut take: impl FnMut(Row)) -> Result<TsvSummary, TerminologyError> {
    let mut reader = ReaderBuilder::new().delimiter(b'\t').quoting(false).flexible(true).from_reader(open(path)?);
    let read_error = |e: csv::Error| {
        let line = e.position().map_or(0, csv::Position::line);
        match e.into_kind() {
            csv::ErrorKind::Io(reason) => TerminologyError::Read { path: path.into(), reason },
            csv::ErrorKind::Utf8 { .. } => {
                TerminologyError::Row { path: path.into(), line, reason: "it is not valid UTF-8".into() }
            }
            _ => TerminologyError::Row { path: path.into(), line, reason: "it cannot be read".into() },
        }
    };
    let columns = Columns::of(reader.headers().map_err(read_error)?)
        .map_err(|reason| TerminologyError::Header { path: path.into(), reason })?;
    let mut record = StringRecord::new();
    let mut rows = 0;
    while reader.read_record(&mut record).map_err(read_error)? {
        let line = record.position().map_or(0, csv::Position::line);
        let row = columns.row(&record).map_err(|reason| TerminologyError::Row { path: path.into(), line, reason })?;
        take(row);
        rows += 1;
    }
    if rows == 0 {
        return Err(TerminologyError::Empty(path.into()));
    }
    Ok(TsvSummary { rows, ignored: columns.ignored })
}

struct Columns {
    ignored: Vec<String>,
    width: usize,
    cui: usize,
    name: usize,
    semantic_type: Option<usize>,
    source: Option<usize>,
    code: Option<usize>,
    term_type: Option<usize>,
}

impl Columns {
    fn of(header: &StringRecord) -> Result<Self, String> {
        let find = |name: &str| header.iter().position(|h| h.trim() == name);
        let need = |name: &str| {
            find(name).ok_or_else(|| format!("its first line names no column `{name}` (in lower case, tab-separated)"))
        };
        let known = ["cui", "name", "semantic_type", "source", "source_code", "term_type"];
        let columns: Vec<&str> = header.iter().map(str::trim).collect();
        if let Some(twice) = known.iter().find(|k| columns.iter().filter(|c| c == k).count() > 1) {
            return Err(format!("its first line names the column `{twice}` twice"));
        }
        Ok(Self {
            ignored: columns.iter().filter(|c| !known.contains(c)).map(|c| (*c).to_owned()).collect(),
            width: header.len(),
            cui: need("cui")?,
            name: need("name")?,
            semantic_type: find("semantic_type"),
            source: find("source"),
            code: find("source_code"),
            term_type: find("term_type"),
        })
    }

    fn row(&self, record: &StringRecord) -> Result<Row, String> {
        if record.len() != self.width {
            return Err(format!("{} fields where the header has {}", record.len(), self.width));
        }
        let field = |i: usize| record[i].trim();
        let optional = |i: Option<usize>| i.map_or("", field);
        let concept = field(self.cui);
        if !is_concept_id(concept) {
            return Err("`cui` is neither a CUI (C and seven digits) nor a prefixed id".into());
        }
        let name = text::clean(field(self.name));
        if text::is_blank(&name) {
            return Err("`name` has no letter or digit".into());
        }
        if name.len() > LONGEST_NAME {
            return Err(format!("`name` is longer than {LONGEST_NAME} bytes"));
        }
        let types = optional(self.semantic_type).split(',').map(str::trim).filter(|t| !t.is_empty());
        let semantic_types: Vec<String> = types.map(Into::into).collect();
        if let Some(unknown) = semantic_types.iter().find(|t| semantic_type::position(t).is_none()) {
            return Err(format!("`semantic_type` {unknown} is not a TUI of the UMLS Semantic Network"));
        }
        let source = Some(optional(self.source)).filter(|s| !s.is_empty()).unwrap_or(DEFAULT_SOURCE);
        let atom = Atom {
            concept: concept.into(),
            name,
            source: source.into(),
            code: optional(self.code).into(),
            term_type: optional(self.term_type).into(),
        };
        Ok(Row { atom, semantic_types })
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn read(name: &str, content: &[u8]) -> Result<Vec<Row>, String> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(name);
        fs_err::write(&path, content).unwrap();
        let mut rows = vec![];
        let outcome = read_tsv(&path, |row| rows.push(row));
        outcome.map(|_| rows).map_err(|e| e.to_string().replace(&*dir.path().to_string_lossy(), ""))
    }

    #[test]
    fn reads_columns_by_name() {
        let rows =
            read("a.tsv", b"name\tcui\tsemantic_type\textra\r\n heart  attack\tC0027051\tT047,T033\tx\r\n").unwrap();
        assert_eq!(rows.len(), 1);
        assert_eq!(rows[0].atom.name, "heart attack");
        assert_eq!(rows[0].atom.source, "LOCAL");
        assert_eq!(rows[0].semantic_types, ["T047", "T033"]);
    }

    #[test]
    fn reads_gzip_and_refuses_a_truncated_one() {
        let mut gz = flate2::write::GzEncoder::new(vec![], flate2::Compression::default());
        let text: String = (0..2000).map(|i| format!("C{i:07}\tname {}\n", i * 7919)).collect();
        write!(gz, "cui\tname\n{text}").unwrap();
        let bytes = gz.finish().unwrap();
        assert_eq!(read("a.tsv.gz", &bytes).unwrap().len(), 2000);
        assert!(read("a.tsv.gz", &bytes[..bytes.len() / 2]).unwrap_err().starts_with("/a.tsv.gz"));
    }

    #[test]
    fn bad_rows_are_named_by_line() {
        for (content, expected) in [
            (&b"cui\tname\nC0027051\theart attack\nC002\tx\n"[..], "/a.tsv:3: `cui`"),
            (b"cui\tname\nC0027051\n", "/a.tsv:2: 1 fields where the header has 2"),
            (b"cui\tname\nC0027051\t...\n", "/a.tsv:2: `name`"),
            (b"cui\tname\tsemantic_type\nC0027051\ta\tT999\n", "/a.tsv:2: `semantic_type` T999"),
            (b"cui\tname\nC0027051\t\xff\n", "/a.tsv:2: it is not valid UTF-8"),
            (b"id\tname\n", "/a.tsv: its first line names no column `cui`"),
            (b"cui\tname\n", "/a.tsv: it has no rows"),
            (b"cui\tname\tname\n", "/a.tsv: its first line names the column `name` twice"),
            (b"", "/a.tsv: its first line names no column `cui`"),
        ] {
            let error = read("a.tsv", content).unwrap_err();
            assert!(error.starts_with(expected), "{error} / {expected}");
        }
    }
}
