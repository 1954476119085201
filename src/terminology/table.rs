//! Names in a table with a header: TSV (no quotes) or CSV (quotes as in RFC 4180).
//!
//! The header names the columns in any order: `cui` and `name` are required; `semantic_type` (TUIs
//! or names), `source`, `source_code`, `term_type`, `language`, `definition` and `parents` (concept
//! ids) are optional. Commas separate several values of a column. Other columns are ignored and
//! reported.
//!
//! Invariant: a row without a valid id, name or language emits no statement; a fault in another
//! column costs that value only.

use std::{borrow::Cow, io::BufRead};

use crate::{
    domain::{
        AtomRef, RelationKind, Statement,
        curie::{concept_id, source_abbreviation},
        is_concept_id, language_abbreviation, semantic_type,
    },
    files::{
        input::LineError,
        records::{Dialect, Record, RecordReader, RecordsError},
    },
    terminology::{
        Reading, TerminologyError,
        constants::{DEFAULT_LANGUAGE, PREFERRED},
        left_out::{BAD_DEFINITIONS, BAD_RELATIONS, BAD_TYPES, UNKNOWN_LANGUAGES},
    },
    text::quoted,
};

/// Source vocabulary of rows without one.
const DEFAULT_SOURCE: &str = "LOCAL";
/// Columns of a header that an error shows.
const MAX_COLUMNS_SHOWN: usize = 5;
/// Columns that are read; the first two are required.
const COLUMNS: [&str; 9] =
    ["cui", "name", "semantic_type", "source", "source_code", "term_type", "language", "definition", "parents"];

/// How a table is read.
#[derive(Clone, Copy, Debug)]
pub struct TableOptions<'a> {
    /// The separator of values.
    pub dialect: Dialect,
    /// Prefix of ids that have none, such as `SCTID`.
    pub id_prefix: Option<&'a str>,
}

impl TableOptions<'_> {
    /// The canonical id that a value stands for; a value that stands for none stays.
    fn concept_id<'v>(&self, written: &'v str) -> Cow<'v, str> {
        match (concept_id(written), self.id_prefix) {
            (Some(id), _) => id,
            (None, Some(prefix)) if !written.contains(':') => format!("{prefix}:{written}").into(),
            (None, _) => written.into(),
        }
    }
}

/// Reads a table.
///
/// # Errors
/// [`TerminologyError`] when the header cannot be used, a quoted value or the last row does not
/// end, or reading fails.
pub fn read_table(input: impl BufRead, options: &TableOptions, reading: &mut Reading) -> Result<(), TerminologyError> {
    let mut records = RecordReader::new(input, options.dialect);
    let Some((line, header)) = records.next().map_err(|e| records_error(e, reading))? else { return Ok(()) };
    let header = header.map_err(|e| reading.file_error(format!("line {line}: {e}")))?;
    let columns = TableColumns::new(&header).map_err(|reason| reading.file_error(reason))?;
    if !columns.ignored.is_empty() {
        let (ignored, known) = (columns.ignored.join(", "), COLUMNS.join(", "));
        reading.note(format!("ignored columns: {ignored}; known columns: {known}"));
    }
    while let Some((line, record)) = records.next().map_err(|e| records_error(e, reading))? {
        // Spreadsheets end a table with rows of separators.
        if record.as_ref().is_ok_and(|record| record.text.trim().is_empty()) {
            continue;
        }
        reading.begin_row()?;
        match record.map_err(|e| e.to_string()).and_then(|record| columns.row(record)) {
            Ok(row) => row.emit(line, options, reading)?,
            Err(reason) => {
                if !records.lines.ended() {
                    return Err(reading.truncated(line));
                }
                reading.bad_row(line, reason);
            }
        }
    }
    Ok(())
}

fn records_error(error: RecordsError, reading: &Reading) -> TerminologyError {
    match error {
        RecordsError::Io(error) => error.into(),
        unclosed @ RecordsError::Unclosed(_) => reading.file_error(unclosed.to_string()),
    }
}

/// Columns that the header of a table names.
struct TableColumns {
    /// Names that are not in [`COLUMNS`], quoted.
    ignored: Vec<String>,
    /// Number of all columns.
    width: usize,
    /// Positions of [`COLUMNS`].
    positions: [Option<usize>; COLUMNS.len()],
}

/// Values of a row in the order of [`COLUMNS`]; empty for a column that the table does not have.
struct TableRow<'a>([&'a str; COLUMNS.len()]);

impl TableColumns {
    fn new(header: &Record) -> Result<Self, String> {
        if header.text.contains('\r') {
            return Err("its lines end in carriage returns alone; they must end in line feeds".into());
        }
        let columns = header.fields().ok_or("its first line is not valid UTF-8")?;
        // Names of columns may have any case.
        let columns: Vec<String> = columns.iter().map(|name| name.trim().to_ascii_lowercase()).collect();
        if let Some(repeated) = COLUMNS.iter().find(|name| columns.iter().filter(|c| c == name).count() > 1) {
            return Err(format!("its first line names the column `{repeated}` twice"));
        }
        let positions = COLUMNS.map(|name| columns.iter().position(|c| *c == name));
        if let Some(missing) = positions[..2].iter().position(Option::is_none) {
            let found: Vec<String> = columns.iter().take(MAX_COLUMNS_SHOWN).map(|name| quoted(name)).collect();
            let (missing, found) = (COLUMNS[missing], found.join(", "));
            let (known, hint) = (COLUMNS.join(", "), "--tsv reads tabs, --csv reads commas");
            return Err(format!(
                "its first line names no column `{missing}`; its first columns are {found}; known columns: {known}; {hint}"
            ));
        }
        let ignored = columns.iter().filter(|c| !COLUMNS.contains(&c.as_str())).map(|c| quoted(c)).collect();
        Ok(Self { ignored, width: columns.len(), positions })
    }

    fn row<'a>(&self, record: Record<'a>) -> Result<TableRow<'a>, String> {
        // Spreadsheets write empty cells behind the last column.
        let has_more =
            (self.width..record.ends.len()).any(|i| record.field(i).is_none_or(|cell| !cell.trim().is_empty()));
        if record.ends.len() < self.width || has_more {
            return Err(format!("{} fields where the header has {}", record.ends.len(), self.width));
        }
        let mut values = [""; COLUMNS.len()];
        for (value, position) in values.iter_mut().zip(self.positions) {
            if let Some(position) = position {
                *value = record.field(position).map(str::trim).ok_or_else(|| LineError::Utf8.to_string())?;
            }
        }
        Ok(TableRow(values))
    }
}

/// A value, or `default` when it is empty.
fn or_default<'v>(value: &'v str, default: &'v str) -> &'v str {
    if value.is_empty() { default } else { value }
}

/// The values of a column that commas separate.
fn list(values: &str) -> impl Iterator<Item = &str> {
    values.split(',').map(str::trim).filter(|value| !value.is_empty())
}

impl TableRow<'_> {
    /// Emits the statements of the row, which begins at `line`.
    fn emit(&self, line: u64, options: &TableOptions, reading: &mut Reading) -> Result<(), TerminologyError> {
        let [concept, name, types, source, code, term_type, language, definition, parents] = self.0;
        let concept = &*options.concept_id(concept);
        let source = source_abbreviation(or_default(source, DEFAULT_SOURCE));
        let preference = if term_type == "PT" { PREFERRED } else { 0 };
        let written = or_default(language, DEFAULT_LANGUAGE);
        let Some(language) = language_abbreviation(written) else {
            let written = quoted(written);
            let detail = format_args!("language {written} is none of UMLS or ISO 639, such as ENG or en");
            reading.leave_out(UNKNOWN_LANGUAGES, line, detail);
            return Ok(());
        };
        let (suppressed, language) = (false, language.as_str());
        let atom = AtomRef { concept, name, source, code, term_type, language, suppressed, preference };
        if !reading.emit(line, Statement::Atom(atom))? {
            return Ok(());
        }
        for entry in semantic_type::parse_list(types) {
            match entry {
                Ok(semantic_type) => {
                    reading.emit_part(BAD_TYPES, line, Statement::Type { concept, tui: semantic_type.tui })?;
                }
                Err(unknown) => {
                    let unknown = quoted(unknown);
                    reading.leave_out(
                        BAD_TYPES,
                        line,
                        format_args!("{unknown} is no type of the UMLS Semantic Network"),
                    );
                }
            }
        }
        if !definition.is_empty() {
            let definition = Statement::Definition { concept, source, text: definition };
            reading.emit_part(BAD_DEFINITIONS, line, definition)?;
        }
        for written in list(parents) {
            let broader = options.concept_id(written);
            if is_concept_id(&broader) {
                let kind = RelationKind::Parent;
                let relation = Statement::Relation { narrower: concept, broader: &broader, kind, source };
                reading.emit_part(BAD_RELATIONS, line, relation)?;
            } else {
                let written = quoted(written);
                reading.leave_out(BAD_RELATIONS, line, format_args!("its parent {written} is not a concept id"));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufReader, Read, repeat};

    use super::{Dialect::*, *};
    use crate::files::input::MAX_LINE_BYTES;
    use crate::terminology::testing::{ReadResult, read_with, survives_damage};

    fn options(dialect: Dialect) -> TableOptions<'static> {
        TableOptions { dialect, id_prefix: None }
    }

    fn read(text: impl AsRef<[u8]>, dialect: Dialect) -> ReadResult {
        read_with(|reading| read_table(text.as_ref(), &options(dialect), reading))
    }

    #[test]
    fn quoted_values_may_span_lines() {
        let text = "\u{feff}\"cui\",name\r\n\r\nC0000001,\"a, \"\"b\"\"\r\n\r\nc\"\n\n C0000002 ,d\"e\n\nno id,f\nC0000003,g,h\n";
        let result = read(text, Commas);
        assert_eq!(result.statements, ["C0000001 = a, \"b\"\n\nc [LOCAL   ENG 0]", "C0000002 = d\"e [LOCAL   ENG 0]"]);
        assert_eq!(
            result.faults(),
            ["input:9: `no id` is not a concept id", "input:10: 3 fields where the header has 2"]
        );
        assert_eq!(result.outcome.unwrap().rows, 4);
    }

    #[test]
    fn a_missing_closing_quote_is_an_error() {
        let rows = "C0000002,name\n".repeat(200_000);
        for rows in ["", "\n", "\n\nC0000002,b\n", &rows] {
            let text = format!("cui,name\n\nC0000001,\"a\n{rows}");
            assert_eq!(read(text, Commas).faults(), ["input: the quoted value that begins in line 3 does not end"]);
        }
        let result = read("cui\tname\nC0000001\t\"a\nC0000002\tb\n", Tabs);
        assert_eq!(result.statements, ["C0000001 = \"a [LOCAL   ENG 0]", "C0000002 = b [LOCAL   ENG 0]"]);
    }

    #[test]
    fn lines_are_bounded() {
        let long = || repeat(b'a').take(64 << 20);
        for dialect in [Tabs, Commas] {
            let read =
                |input: &mut dyn BufRead| read_with(|reading| read_table(input, &options(dialect), reading)).faults();
            let faults = read(&mut BufReader::new(long()));
            assert_eq!(faults, ["input: line 1: it is longer than 1048576 bytes"]);
            let delimiter = if dialect == Tabs { "\t" } else { "," };
            let (header, row) = (format!("cui{delimiter}name\n"), format!("\nC0000001{delimiter}b\n"));
            let faults = read(&mut BufReader::new(header.as_bytes().chain(long()).chain(row.as_bytes())));
            assert_eq!(faults, ["input:2: it is longer than 1048576 bytes"]);
        }
        let widest = format!("cui\tname\nC0000001{}b\nC0000001\tb\n", "\t".repeat(MAX_LINE_BYTES - 9));
        assert_eq!(read(widest, Tabs).faults(), ["input:2: 1048568 fields where the header has 2"]);
    }

    #[test]
    fn empty_cells_of_spreadsheets_are_no_fault() {
        let result = read("cui,name\r\nC0000001,a,,\r\n,,,\r\nC0000002,b\r\n,\r\n , ,,\r\n", Commas);
        assert_eq!(result.statements, ["C0000001 = a [LOCAL   ENG 0]", "C0000002 = b [LOCAL   ENG 0]"]);
        assert_eq!(result.faults(), Vec::<String>::new());
        assert_eq!(result.outcome.unwrap().rows, 2);
    }

    #[test]
    fn a_file_that_is_cut_off_is_an_error() {
        let cut = "line 3: its last row is cut off: the file is truncated";
        assert_eq!(read("cui\tname\nC0000001\ta\nC0000", Tabs).faults(), [format!("input: {cut}")]);
        assert_eq!(read("cui,name\nC0000001,a\nC0000", Commas).faults(), [format!("input: {cut}")]);
        assert_eq!(
            read("cui\tname\nC0000001\ta\nC0000\n", Tabs).faults(),
            ["input:3: 1 fields where the header has 2"]
        );
        for whole in ["cui\tname\nC0000001\ta", "cui\tname\nC0000001\ta\n\n", "cui\tname\r\nC0000001\ta\r\n\r\n"] {
            let result = read(whole, Tabs);
            assert_eq!(result.faults(), [""; 0]);
            assert_eq!(result.statements, ["C0000001 = a [LOCAL   ENG 0]"]);
        }
    }

    #[test]
    fn unusable_headers_are_errors() {
        let utf16: Vec<u8> = "\u{feff}cui\tname\n".encode_utf16().flat_map(|unit| unit.to_le_bytes()).collect();
        for (bytes, reason) in [
            (&b""[..], "it has no rows"),
            (b"\r\n\n", "it has no rows"),
            (b"cui\tname\n", "it has no rows"),
            (&utf16, "line 1: it is not valid UTF-8; if the file is UTF-16, convert it (iconv -f UTF-16 -t UTF-8)"),
            (
                b"cui\tname\t\xff\nC0000001\ta\tb\n",
                "line 1: it is not valid UTF-8; if the file is Latin-1 or Windows-1252, convert it (iconv -f WINDOWS-1252 -t UTF-8)",
            ),
            (b"cui\tname\rC0000001\ta\r", "its lines end in carriage returns alone; they must end in line feeds"),
            (b"CUI\tName\n", "it has no rows"),
            (
                b"cui;name\nC0000001;a\n",
                "its first line names no column `cui`; its first columns are `cui;name`; known columns: cui, name, \
                 semantic_type, source, source_code, term_type, language, definition, parents; --tsv reads tabs, --csv reads commas",
            ),
            (b"cui\tname\tcui\n", "its first line names the column `cui` twice"),
        ] {
            assert_eq!(read(bytes, Tabs).faults(), [format!("input: {reason}")]);
        }
    }

    #[test]
    fn a_fault_costs_the_row_or_only_its_value() {
        let result = read(
            "cui\tname\tsemantic_type\tparents\tmore\x1b\n\
             C0000001\ta\tT047,T999\t\t\n\
             C0000001\t \tT047\t\t\n\
             C0000001\ta\tT047\tC0000002,heart\t\n\
             C0000001\ta\tT047, T046\tC0000002\t\n\
             C0000001\tb\tT047\t\té\n",
            Tabs,
        );
        assert_eq!(
            result.faults(),
            [
                "input: ignored columns: `more\u{fffd}`; known columns: cui, name, semantic_type, source, source_code, \
                 term_type, language, definition, parents",
                "input:2: `T999` is no type of the UMLS Semantic Network",
                "input:3: its name is blank",
                "input:4: its parent `heart` is not a concept id",
            ]
        );
        assert_eq!(
            result.statements,
            [
                "C0000001 = a [LOCAL   ENG 0]",
                "C0000001 is T047",
                "C0000001 = a [LOCAL   ENG 0]",
                "C0000001 is T047",
                "C0000001 < C0000002 Parent [LOCAL]",
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
    fn ids_types_sources_and_languages_are_written_in_several_ways() {
        let text = "Parents\tNAME\tcui\tSemantic_Type\tsource\tlanguage\n\
             HP_0000001,http://purl.obolibrary.org/obo/HP_0000002\ta\tc9000001\tDisease or Syndrome\tmesh\ten\n\
             C9000001\tb\tUMLS:C9000001\tT047, amino acid, peptide, or protein\t\tDUT\n\
             \tc\thp:0000003\tt184\tWARD\t\n\
             22298007\td\t22298006\t\t\tde-AT\n\
             \te\tCVCL_0030\t\t\txx\n";
        let read = |id_prefix| {
            read_with(|reading| read_table(text.as_bytes(), &TableOptions { dialect: Tabs, id_prefix }, reading))
        };
        let result = read(Some("SCTID"));
        assert_eq!(
            result.statements,
            [
                "C9000001 = a [MSH   ENG 0]",
                "C9000001 is T047",
                "C9000001 < HP:0000001 Parent [MSH]",
                "C9000001 < HP:0000002 Parent [MSH]",
                "C9000001 = b [LOCAL   DUT 0]",
                "C9000001 is T047",
                "C9000001 is T116",
                "C9000001 < C9000001 Parent [LOCAL]",
                "HP:0000003 = c [WARD   ENG 0]",
                "HP:0000003 is T184",
                "SCTID:22298006 = d [LOCAL   GER 0]",
                "SCTID:22298006 < SCTID:22298007 Parent [LOCAL]",
            ]
        );
        assert_eq!(result.faults(), ["input:6: language `xx` is none of UMLS or ISO 639, such as ENG or en"]);
        assert_eq!(read(None).faults()[0], "input:5: `22298006` is not a concept id");
    }

    #[test]
    fn damage_is_survived() {
        let text =
            "cui,name,semantic_type,parents\nC0000001,\"a, \"\"b\n\"\"\",\"T047, T046\",C0000002\n\n\"C0000002\",é,,\n";
        survives_damage(text, |bytes, reading| read_table(bytes, &options(Commas), reading));
        survives_damage(&text.replace(',', "\t"), |bytes, reading| read_table(bytes, &options(Tabs), reading));
    }
}
