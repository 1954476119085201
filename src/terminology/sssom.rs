//! Reads mappings of ids to CUIs in the SSSOM format: a commented header, then a
//! table with tabs.
//!
//! Only rows that state that two ids mean the same are read, and only if one of the two is a CUI.
//!
//! Invariant: every line of the table is a row.

use std::{borrow::Cow, io::BufRead};

use crate::{
    domain::{
        AtomRef, Statement, Succession,
        curie::{concept_id, source_and_code, umls_cui},
    },
    files::input::LineReader,
    terminology::{
        Reading, TerminologyError,
        constants::DEFAULT_LANGUAGE,
        ontology::{emit_source_version, own_code},
    },
    text::quoted,
};

/// Predicates that state that two ids mean the same.
const SAME_PREDICATES: [&str; 3] = ["skos:exactMatch", "owl:sameAs", "owl:equivalentClass"];
/// Columns that are read.
const COLUMNS: [&str; 6] =
    ["subject_id", "predicate_id", "object_id", "subject_label", "object_label", "predicate_modifier"];
/// The first three of [`COLUMNS`] are required.
const REQUIRED_COLUMNS: usize = 3;

/// Reads mappings. Each mapping states that an id is the same as a CUI. The label of the id becomes
/// a name of the CUI.
///
/// The version of the mapping set becomes the version of the vocabulary of the first mapped id.
///
/// # Errors
/// [`TerminologyError`] when the header cannot be used or reading fails.
pub fn read_sssom(mut input: impl BufRead, reading: &mut Reading) -> Result<(), TerminologyError> {
    if input.fill_buf()?.is_empty() {
        return Ok(());
    }
    let mut lines = LineReader::new(input);
    let mut columns = None;
    let (mut version, mut first_source) = (String::new(), None);
    while let Some((line, text)) = lines.next()? {
        let Some(columns) = &columns else {
            match text.map_err(|e| reading.file_error(format!("line {line}: {e}")))? {
                "" => {}
                comment if comment.starts_with('#') => {
                    if let Some((_, value)) = comment.split_once("mapping_set_version:") {
                        version = value.trim().trim_matches(['"', '\'']).to_owned();
                    }
                }
                header => columns = Some(SssomColumns::new(header).map_err(|reason| reading.file_error(reason))?),
            }
            continue;
        };
        if text == Ok("") {
            continue;
        }
        reading.begin_row()?;
        let row = match text.map_err(|e| e.to_string()).and_then(|text| columns.row(text)) {
            Ok(row) => row,
            Err(reason) => {
                if !lines.ended() {
                    return Err(reading.truncated());
                }
                reading.bad_row(line, reason);
                continue;
            }
        };
        match mapping(&row) {
            Ok(Some(mapping)) => {
                if mapping.emit(line, reading)? {
                    let source = || source_and_code(&mapping.id).map(|(source, _)| (line, source.to_owned()));
                    first_source = first_source.or_else(source);
                }
            }
            Ok(None) => {}
            Err(reason) => reading.bad_row(line, reason),
        }
    }
    if columns.is_none() {
        return Err(reading.file_error("it has no header: this is not an SSSOM table"));
    }
    if let Some((line, source)) = first_source {
        emit_source_version(line, &source, &version, reading)?;
    }
    Ok(())
}

/// Columns that the header of a file names.
struct SssomColumns {
    /// Number of all columns.
    width: usize,
    /// Positions of [`COLUMNS`].
    positions: [Option<usize>; COLUMNS.len()],
}

/// Values of a row in the order of [`COLUMNS`]; empty for a column that the file does not have.
type SssomRow<'a> = [Cow<'a, str>; COLUMNS.len()];

impl SssomColumns {
    fn new(header: &str) -> Result<Self, String> {
        let names: Vec<_> = header.split('\t').map(unquoted).collect();
        let positions = COLUMNS.map(|column| names.iter().position(|name| name == column));
        match positions[..REQUIRED_COLUMNS].iter().position(Option::is_none) {
            Some(missing) => Err(format!("it names no column `{}`: this is not an SSSOM table", COLUMNS[missing])),
            None => Ok(Self { width: names.len(), positions }),
        }
    }

    fn row<'a>(&self, text: &'a str) -> Result<SssomRow<'a>, String> {
        let fields: Vec<&str> = text.split('\t').collect();
        if fields.len() != self.width {
            return Err(format!("{} fields where the header has {}", fields.len(), self.width));
        }
        Ok(self.positions.map(|position| unquoted(position.map_or("", |i| fields[i]))))
    }
}

/// A field without surrounding quotes. Writers put values that contain quotes into quotes.
fn unquoted(field: &str) -> Cow<'_, str> {
    let field = field.trim();
    match field.strip_prefix('"').and_then(|f| f.strip_suffix('"')) {
        Some(inner) => inner.replace("\"\"", "\"").into(),
        None => field.into(),
    }
}

/// A mapping of an id to a CUI.
struct Mapping<'a> {
    id: Cow<'a, str>,
    cui: &'a str,
    label: &'a str,
}

/// The mapping of a row; `None` when its ids do not mean the same or not exactly one is a CUI.
fn mapping<'a>(row: &'a SssomRow) -> Result<Option<Mapping<'a>>, String> {
    let [subject, predicate, object, subject_label, object_label, modifier] = row;
    if !SAME_PREDICATES.contains(&&**predicate) || !modifier.is_empty() {
        return Ok(None);
    }
    let (cui, id, label) = match (umls_cui(subject), umls_cui(object)) {
        (Some(cui), None) => (cui, object, object_label),
        (None, Some(cui)) => (cui, subject, subject_label),
        _ => return Ok(None),
    };
    let id = concept_id(id).ok_or_else(|| format!("{} is not a concept id", quoted(id)))?;
    Ok(Some(Mapping { id, cui, label }))
}

impl Mapping<'_> {
    /// Emits the statements of the mapping and returns whether the sink accepted the first.
    fn emit(&self, line: u64, reading: &mut Reading) -> Result<bool, TerminologyError> {
        let Self { id, cui, label } = self;
        let (source, code) = own_code(id);
        let successor = Statement::Successor { retired: id, successor: Some(cui), kind: Succession::Same, source };
        let accepted = reading.emit(line, successor)?;
        if accepted && !label.trim().is_empty() {
            reading.emit(
                line,
                Statement::Atom(AtomRef {
                    concept: cui,
                    name: label,
                    source,
                    code: &code,
                    term_type: "PT",
                    language: DEFAULT_LANGUAGE,
                    suppressed: false,
                    // The lowest: a mapping must not change the preferred name of a concept.
                    preference: 0,
                }),
            )?;
        }
        Ok(accepted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::terminology::testing::{ReadResult, fixture, read_with, survives_damage};

    fn read(text: &str) -> ReadResult {
        read_with(|reading| read_sssom(text.as_bytes(), reading))
    }

    #[test]
    fn exact_matches_become_successors_and_names() {
        let result = read(&fixture("small.sssom.tsv"));
        assert_eq!(
            result.statements,
            [
                "XYZ:0000001 -> C0000001 Same [XYZ]",
                "C0000001 = glimmering disorder [XYZ XYZ:0000001 PT ENG 0]",
                "XYZ:0000001 -> C0000004 Same [XYZ]",
                "C0000004 = glimmering disorder [XYZ XYZ:0000001 PT ENG 0]",
                "XYZ:0000001 -> C0000001 Same [XYZ]",
                "C0000001 = glimmering disorder [XYZ XYZ:0000001 PT ENG 0]",
                "MESH:D000005 -> C0000005 Same [MSH]",
                "C0000005 = 5\" glow [MSH D000005 PT ENG 0]",
                "Orphanet:558 -> C0000006 Same [ORPHANET]",
                "XYZ is of 2026-01-31",
            ]
        );
        assert_eq!(
            result.faults(),
            ["input:14: `no_id` is not a concept id", "input:15: 2 fields where the header has 7"]
        );
        assert_eq!(result.outcome.unwrap().rows, 11);
    }

    #[test]
    fn unusable_headers_are_errors() {
        for (text, reason) in [
            ("", "it has no rows"),
            ("# only a comment\n", "it has no header: this is not an SSSOM table"),
            ("subject_id\tobject_id\n", "it names no column `predicate_id`: this is not an SSSOM table"),
        ] {
            assert_eq!(read(text).faults(), [format!("input: {reason}")]);
        }
    }

    #[test]
    fn a_file_that_is_cut_off_is_an_error() {
        let whole = fixture("small.sssom.tsv");
        let faults = read(whole.trim_end_matches('\n')).faults();
        assert_eq!(faults, ["input: its last row is cut off: the file is truncated"]);
        let (row, bad) = (whole.find("no_id").unwrap(), whole.rfind("XYZ:0000003").unwrap());
        assert_eq!(read(&whole[..row - 1]).faults(), [""; 0]);
        // A complete row without a line end can be bad for another reason.
        assert_eq!(read(&whole[..bad - 1]).faults(), ["input:14: `no_id` is not a concept id"]);
    }

    #[test]
    fn damage_is_survived() {
        survives_damage(&fixture("small.sssom.tsv"), |bytes, reading| read_sssom(bytes, reading));
    }
}
