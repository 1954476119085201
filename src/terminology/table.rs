//! Names in a table with a header: tab-separated, or comma-separated with quotes (RFC 4180).
//!
//! Columns by name, in any order: `cui` and `name`; optional `semantic_type` (TUIs), `source`, `source_code`, `term_type`, `language`,
//! `definition`, `parents` (ids of concepts); several values of a column are separated by commas. Other columns are ignored, which
//! is said. Invariant: without quoting a tab never is part of a value.

use std::io::BufRead;

use csv::{ByteRecord, ReaderBuilder};

use super::{Reading, TerminologyError};
use crate::domain::{AtomRef, Hierarchy, Statement};

/// Source of rows that name none.
const DEFAULT_SOURCE: &str = "LOCAL";
/// Language of rows that name none.
const DEFAULT_LANGUAGE: &str = "ENG";
/// Preference of a preferred term; other term types have none.
const PREFERRED: u32 = 7;
const COLUMNS: [&str; 9] =
    ["cui", "name", "semantic_type", "source", "source_code", "term_type", "language", "definition", "parents"];

/// How the values of a table are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// By tabs, without quotes.
    Tabs,
    /// By commas; a value may stand in double quotes.
    Commas,
}

/// Reads a table.
///
/// # Errors
/// [`TerminologyError`] when its header is not usable or reading fails.
pub fn read_table(input: impl BufRead, dialect: Dialect, reading: &mut Reading) -> Result<(), TerminologyError> {
    let (delimiter, quoting) = match dialect {
        Dialect::Tabs => (b'\t', false),
        Dialect::Commas => (b',', true),
    };
    let mut reader = ReaderBuilder::new().delimiter(delimiter).quoting(quoting).flexible(true).from_reader(input);
    let header = reader.byte_headers().map_err(read_error)?;
    let columns = Columns::of(header).map_err(|reason| reading.broken(reason))?;
    if !columns.ignored.is_empty() {
        reading.note(format!("columns that mean nothing here: {}", columns.ignored.join(", ")));
    }
    let mut record = ByteRecord::new();
    while reader.read_byte_record(&mut record).map_err(read_error)? {
        let line = record.position().map_or(0, csv::Position::line);
        reading.row()?;
        match columns.row(&record) {
            Ok(row) => row.tell(line, reading)?,
            Err(reason) => reading.bad(line, reason),
        }
    }
    Ok(())
}

/// As bytes, nothing but reading itself can fail.
fn read_error(e: csv::Error) -> TerminologyError {
    match e.into_kind() {
        csv::ErrorKind::Io(e) => e.into(),
        other => std::io::Error::other(format!("{other:?}")).into(),
    }
}

struct Columns {
    ignored: Vec<String>,
    width: usize,
    places: [Option<usize>; COLUMNS.len()],
}

/// The values of a row in the order of [`COLUMNS`]; empty where there is no such column.
struct Row<'a>([&'a str; COLUMNS.len()]);

impl Columns {
    fn of(header: &ByteRecord) -> Result<Self, String> {
        let columns: Vec<&str> =
            header.iter().map(|name| std::str::from_utf8(name).unwrap_or_default().trim()).collect();
        let columns: Vec<&str> = columns.iter().map(|name| name.trim_start_matches('\u{feff}')).collect();
        if let Some(twice) = COLUMNS.iter().find(|name| columns.iter().filter(|c| c == name).count() > 1) {
            return Err(format!("its first line names the column `{twice}` twice"));
        }
        let places = COLUMNS.map(|name| columns.iter().position(|c| *c == name));
        if let Some(missing) = places[..2].iter().position(Option::is_none) {
            return Err(format!("its first line names no column `{}` (in lower case)", COLUMNS[missing]));
        }
        let ignored = columns.iter().filter(|c| !COLUMNS.contains(c)).map(|c| (*c).to_owned()).collect();
        Ok(Self { ignored, width: header.len(), places })
    }

    fn row<'a>(&self, record: &'a ByteRecord) -> Result<Row<'a>, String> {
        if record.len() != self.width {
            return Err(format!("{} fields where the header has {}", record.len(), self.width));
        }
        let mut values = [""; COLUMNS.len()];
        for (value, place) in values.iter_mut().zip(self.places) {
            let bytes = place.map_or(&b""[..], |i| &record[i]);
            *value = std::str::from_utf8(bytes).map_err(|_| "it is not valid UTF-8")?.trim();
        }
        Ok(Row(values))
    }
}

/// A value, or what stands for one that is missing.
fn or<'v>(value: &'v str, default: &'v str) -> &'v str {
    if value.is_empty() { default } else { value }
}

/// The values of a list.
fn list(values: &str) -> impl Iterator<Item = &str> {
    values.split(',').map(str::trim).filter(|value| !value.is_empty())
}

impl Row<'_> {
    fn tell(&self, line: u64, reading: &mut Reading) -> Result<(), TerminologyError> {
        let [concept, name, types, source, code, term_type, language, definition, parents] = self.0;
        let source = or(source, DEFAULT_SOURCE);
        for tui in list(types) {
            if !reading.say(line, Statement::Type { concept, tui })? {
                return Ok(());
            }
        }
        let preference = if term_type == "PT" { PREFERRED } else { 0 };
        let language = or(language, DEFAULT_LANGUAGE);
        let atom = AtomRef { concept, name, source, code, term_type, language, suppressed: false, preference };
        if !reading.say(line, Statement::Atom(atom))? {
            return Ok(());
        }
        if !definition.is_empty() {
            reading.say(line, Statement::Definition { concept, source, text: definition })?;
        }
        for broader in list(parents) {
            let relation = Statement::Relation { narrower: concept, broader, kind: Hierarchy::Parent, source };
            reading.say(line, relation)?;
        }
        Ok(())
    }
}
