//! Names in a table with a header: tab-separated, or comma-separated with quotes (RFC 4180).
//!
//! Columns by name, in any order: `cui` and `name`; optional `semantic_type` (TUIs), `source`, `source_code`, `term_type`, `language`,
//! `definition`, `parents` (ids of concepts); several values of a column are separated by commas. Other columns are ignored, which
//! is said. Invariant: without quoting a tab never is part of a value; a record is bounded, so that a quote that does not end is found.

use std::io::BufRead;

use csv_core::{ReadRecordResult, Reader, ReaderBuilder, Terminator};

use crate::{
    domain::{AtomRef, Hierarchy, Statement, is_concept_id, semantic_type},
    text::quoted,
};
use crate::{
    files::input::{LONGEST_LINE, LineError, Numbered},
    terminology::{Lines, Reading, TerminologyError},
};

/// Source of rows that name none.
const DEFAULT_SOURCE: &str = "LOCAL";
/// Language of rows that name none.
const DEFAULT_LANGUAGE: &str = "ENG";
/// Preference of a preferred term; other term types have none.
const PREFERRED: u32 = 7;
/// Columns that an error shows.
const SHOWN: usize = 5;
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
/// [`TerminologyError`] when its header is not usable, a quote or its last row does not end, or reading fails.
pub fn read_table(input: impl BufRead, dialect: Dialect, reading: &mut Reading) -> Result<(), TerminologyError> {
    let mut records = Records::new(input, dialect);
    let Some((line, header)) = records.next(reading)? else { return Ok(()) };
    let header = header.map_err(|e| reading.broken(format!("line {line}: {e}")))?;
    let columns = Columns::of(&header).map_err(|reason| reading.broken(reason))?;
    if !columns.ignored.is_empty() {
        let (ignored, known) = (columns.ignored.join(", "), COLUMNS.join(", "));
        reading.note(format!("columns that are not read: {ignored}; known are {known}"));
    }
    while let Some((line, record)) = records.next(reading)? {
        reading.row()?;
        match record.map_err(|e| e.to_string()).and_then(|record| columns.row(record)) {
            Ok(row) => row.tell(line, reading)?,
            Err(reason) => {
                if !records.lines.ended() {
                    return Err(reading.cut_off());
                }
                reading.bad(line, reason);
            }
        }
    }
    Ok(())
}

/// The records of a table, blank lines left out.
struct Records<R> {
    lines: Lines<R>,
    parser: Reader,
    /// The fields of the record that was read last, one after the other, and where each ends.
    text: Vec<u8>,
    ends: Vec<usize>,
}

impl<R: BufRead> Records<R> {
    fn new(input: R, dialect: Dialect) -> Self {
        let (delimiter, quoting) = match dialect {
            Dialect::Tabs => (b'\t', false),
            Dialect::Commas => (b',', true),
        };
        let mut parser = ReaderBuilder::new();
        parser.delimiter(delimiter).quoting(quoting).terminator(Terminator::Any(b'\n'));
        Self { lines: Lines::new(input), parser: parser.build(), text: vec![], ends: vec![] }
    }

    /// The next record with the line where it begins; none at the end.
    fn next(&mut self, reading: &Reading) -> Result<Option<Numbered<Record<'_>>>, TerminologyError> {
        let (mut first, mut bytes, mut text, mut ends) = (0, 0, 0, 0);
        while let Some((number, line)) = self.lines.next_bytes()? {
            let line = match line {
                Ok(b"") if first == 0 => continue,
                Ok(line) if bytes + line.len() <= LONGEST_LINE => line,
                Err(e) if first == 0 => return Ok(Some((number, Err(e)))),
                _ => break,
            };
            first = if first == 0 { number } else { first };
            bytes += line.len() + 1;
            // Fields are no longer and no more than what they are read from, so the parser never lacks room.
            self.text.resize(self.text.len().max(bytes + 1), 0);
            self.ends.resize(self.ends.len().max(bytes + 1), 0);
            // The parser would take no bytes for the end of the input, and with it for the end of a quote.
            for input in [line, b"\n"].into_iter().filter(|input| !input.is_empty()) {
                let (result, _, more_text, more_ends) =
                    self.parser.read_record(input, &mut self.text[text..], &mut self.ends[ends..]);
                (text, ends) = (text + more_text, ends + more_ends);
                if result == ReadRecordResult::Record {
                    let record = std::str::from_utf8(&self.text[..text]).map_err(|_| LineError::Utf8);
                    return Ok(Some((first, record.map(|text| Record { text, ends: &self.ends[..ends] }))));
                }
            }
        }
        match first {
            0 => Ok(None),
            _ => Err(reading.broken(format!("the quoted value that begins in line {first} does not end"))),
        }
    }
}

struct Record<'a> {
    text: &'a str,
    ends: &'a [usize],
}

impl<'a> Record<'a> {
    /// A field without white space around it; none where a delimiter splits a character.
    fn field(&self, place: usize) -> Option<&'a str> {
        let start = if place == 0 { 0 } else { self.ends[place - 1] };
        self.text.get(start..self.ends[place]).map(str::trim)
    }

    fn fields(&self) -> Option<Vec<&'a str>> {
        (0..self.ends.len()).map(|place| self.field(place)).collect()
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
    fn of(header: &Record) -> Result<Self, String> {
        if header.text.contains('\r') {
            return Err("its lines end in carriage returns alone; they must end in line feeds".into());
        }
        let columns = header.fields().ok_or("its first line is not valid UTF-8")?;
        // As people write them: in any case.
        let columns: Vec<String> = columns.iter().map(|name| name.to_ascii_lowercase()).collect();
        if let Some(twice) = COLUMNS.iter().find(|name| columns.iter().filter(|c| c == name).count() > 1) {
            return Err(format!("its first line names the column `{twice}` twice"));
        }
        let places = COLUMNS.map(|name| columns.iter().position(|c| *c == name));
        if let Some(missing) = places[..2].iter().position(Option::is_none) {
            let found: Vec<String> = columns.iter().take(SHOWN).map(|name| quoted(name)).collect();
            let (missing, found) = (COLUMNS[missing], found.join(", "));
            let hint = "tsv files are separated by tabs, csv files by commas";
            return Err(format!("its first line names no column `{missing}`; the first it names are {found}; {hint}"));
        }
        let ignored = columns.iter().filter(|c| !COLUMNS.contains(&c.as_str())).map(|c| quoted(c)).collect();
        Ok(Self { ignored, width: columns.len(), places })
    }

    fn row<'a>(&self, record: Record<'a>) -> Result<Row<'a>, String> {
        if record.ends.len() != self.width {
            return Err(format!("{} fields where the header has {}", record.ends.len(), self.width));
        }
        let mut values = [""; COLUMNS.len()];
        for (value, place) in values.iter_mut().zip(self.places) {
            if let Some(place) = place {
                *value = record.field(place).ok_or_else(|| LineError::Utf8.to_string())?;
            }
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
        // What would be refused is looked for before anything is said, so that a bad row leaves nothing.
        if let Some(unknown) = list(types).find(|tui| semantic_type::position(tui).is_none()) {
            reading.bad(line, format!("{} is no TUI of the UMLS Semantic Network", quoted(unknown)));
            return Ok(());
        }
        if let Some(unknown) = list(parents).find(|parent| !is_concept_id(parent)) {
            reading.bad(line, format!("its parent {} is no concept id", quoted(unknown)));
            return Ok(());
        }
        let preference = if term_type == "PT" { PREFERRED } else { 0 };
        let language = or(language, DEFAULT_LANGUAGE);
        if language.len() != 3 || !language.bytes().all(|b| b.is_ascii_uppercase()) {
            reading.bad(line, format!("language {} is not three capital letters, such as ENG", quoted(language)));
            return Ok(());
        }
        let atom = AtomRef { concept, name, source, code, term_type, language, suppressed: false, preference };
        if !reading.say(line, Statement::Atom(atom))? {
            return Ok(());
        }
        for tui in list(types) {
            reading.say(line, Statement::Type { concept, tui })?;
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

#[cfg(test)]
mod tests {
    use std::io::{BufReader, Read, repeat};

    use super::{Dialect::*, *};
    use crate::terminology::testing::{Told, survives_damage, told};

    fn read(text: impl AsRef<[u8]>, dialect: Dialect) -> Told {
        told(|reading| read_table(text.as_ref(), dialect, reading))
    }

    #[test]
    fn quoted_values_may_span_lines() {
        let text = "\u{feff}\"cui\",name\r\n\r\nC0000001,\"a, \"\"b\"\"\r\n\r\nc\"\n\n C0000002 ,d\"e\n\nno id,f\nC0000003,g,h\n";
        let told = read(text, Commas);
        assert_eq!(told.statements, ["C0000001 = a, \"b\"\n\nc [LOCAL   ENG 0]", "C0000002 = d\"e [LOCAL   ENG 0]"]);
        assert_eq!(told.faults(), ["input:9: `no id` is no concept id", "input:10: 3 fields where the header has 2"]);
        assert_eq!(told.outcome.unwrap().rows, 4);
    }

    #[test]
    fn a_quote_that_does_not_end_is_an_error() {
        let rows = "C0000002,name\n".repeat(200_000);
        for rows in ["", "\n", "\n\nC0000002,b\n", &rows] {
            let text = format!("cui,name\n\nC0000001,\"a\n{rows}");
            assert_eq!(read(text, Commas).faults(), ["input: the quoted value that begins in line 3 does not end"]);
        }
        let told = read("cui\tname\nC0000001\t\"a\nC0000002\tb\n", Tabs);
        assert_eq!(told.statements, ["C0000001 = \"a [LOCAL   ENG 0]", "C0000002 = b [LOCAL   ENG 0]"]);
    }

    #[test]
    fn lines_are_bounded() {
        let long = || repeat(b'a').take(64 << 20);
        for dialect in [Tabs, Commas] {
            let read = |input: &mut dyn BufRead| told(|reading| read_table(input, dialect, reading)).faults();
            let faults = read(&mut BufReader::new(long()));
            assert_eq!(faults, ["input: line 1: it is longer than 1048576 bytes"]);
            let delimiter = if dialect == Tabs { "\t" } else { "," };
            let (header, row) = (format!("cui{delimiter}name\n"), format!("\nC0000001{delimiter}b\n"));
            let faults = read(&mut BufReader::new(header.as_bytes().chain(long()).chain(row.as_bytes())));
            assert_eq!(faults, ["input:2: it is longer than 1048576 bytes"]);
        }
        let widest = format!("cui\tname\nC0000001{}\nC0000001\tb\n", "\t".repeat(LONGEST_LINE - 8));
        assert_eq!(read(widest, Tabs).faults(), ["input:2: 1048569 fields where the header has 2"]);
    }

    #[test]
    fn a_file_that_is_cut_off_is_an_error() {
        let cut = "its last row is cut off: the file is truncated";
        assert_eq!(read("cui\tname\nC0000001\ta\nC0000", Tabs).faults(), [format!("input: {cut}")]);
        assert_eq!(read("cui,name\nC0000001,a\nC0000", Commas).faults(), [format!("input: {cut}")]);
        assert_eq!(
            read("cui\tname\nC0000001\ta\nC0000\n", Tabs).faults(),
            ["input:3: 1 fields where the header has 2"]
        );
        for whole in ["cui\tname\nC0000001\ta", "cui\tname\nC0000001\ta\n\n", "cui\tname\r\nC0000001\ta\r\n\r\n"] {
            let told = read(whole, Tabs);
            assert_eq!(told.faults(), [""; 0]);
            assert_eq!(told.statements, ["C0000001 = a [LOCAL   ENG 0]"]);
        }
    }

    #[test]
    fn headers_that_are_none_are_errors() {
        let utf16: Vec<u8> = "\u{feff}cui\tname\n".encode_utf16().flat_map(|unit| unit.to_le_bytes()).collect();
        for (bytes, reason) in [
            (&b""[..], "it has no rows"),
            (b"\r\n\n", "it has no rows"),
            (b"cui\tname\n", "it has no rows"),
            (&utf16, "line 1: it is not valid UTF-8"),
            (b"cui\tname\t\xff\nC0000001\ta\tb\n", "line 1: it is not valid UTF-8"),
            (b"cui\tname\rC0000001\ta\r", "its lines end in carriage returns alone; they must end in line feeds"),
            (b"CUI\tName\n", "it has no rows"),
            (
                b"cui;name\nC0000001;a\n",
                "its first line names no column `cui`; the first it names are `cui;name`; \
                 tsv files are separated by tabs, csv files by commas",
            ),
            (b"cui\tname\tcui\n", "its first line names the column `cui` twice"),
        ] {
            assert_eq!(read(bytes, Tabs).faults(), [format!("input: {reason}")]);
        }
    }

    #[test]
    fn a_bad_row_leaves_nothing() {
        let told = read(
            "cui\tname\tsemantic_type\tparents\tmore\x1b\n\
             C0000001\ta\tT047,T999\t\t\n\
             C0000001\t \tT047\t\t\n\
             C0000001\ta\tT047\tC0000002,heart\t\n\
             C0000001\ta\tT047, T046\tC0000002\t\n\
             C0000001\tb\tT047\t\té\n",
            Tabs,
        );
        assert_eq!(
            told.faults(),
            [
                "columns that are not read: `more\u{fffd}`; known are cui, name, semantic_type, source, source_code, \
                 term_type, language, definition, parents",
                "input:2: `T999` is no TUI of the UMLS Semantic Network",
                "input:3: its name is blank",
                "input:4: its parent `heart` is no concept id",
            ]
        );
        assert_eq!(
            told.statements,
            [
                "C0000001 = a [LOCAL   ENG 0]",
                "C0000001 is T047",
                "C0000001 is T046",
                "C0000001 < C0000002 Parent [LOCAL]",
                "C0000001 = b [LOCAL   ENG 0]",
                "C0000001 is T047",
            ]
        );
    }

    #[test]
    fn damage_is_survived() {
        let text =
            "cui,name,semantic_type,parents\nC0000001,\"a, \"\"b\n\"\"\",\"T047, T046\",C0000002\n\n\"C0000002\",é,,\n";
        survives_damage(text, |bytes, reading| read_table(bytes, Commas, reading));
        survives_damage(&text.replace(',', "\t"), |bytes, reading| read_table(bytes, Tabs, reading));
    }
}
