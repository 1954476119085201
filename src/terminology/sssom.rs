//! Reads mappings of ids to CUIs in the SSSOM format: a commented header, then a
//! table with tabs.
//!
//! Only rows that state that two ids mean the same are read, and only if one of the two is a CUI;
//! the others are counted by predicate.
//!
//! Invariant: every line of the table that is no comment is a row.

use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
    io::BufRead,
};

use crate::{
    domain::{
        AtomRef, Statement, Succession,
        curie::{concept_id, source_and_code, umls_cui},
    },
    files::input::LineReader,
    terminology::{
        Reading, TerminologyError,
        constants::DEFAULT_LANGUAGE,
        identity::Identity,
        left_out::BAD_NAMES,
        ontology::{emit_source_version, own_code},
    },
    text::quoted,
};

/// Columns that are read.
const COLUMNS: [&str; 6] =
    ["subject_id", "predicate_id", "object_id", "subject_label", "object_label", "predicate_modifier"];
/// The first three of [`COLUMNS`] are required.
const REQUIRED_COLUMNS: usize = 3;
/// Positions of the labels in [`COLUMNS`].
const LABEL_COLUMNS: std::ops::Range<usize> = 3..5;
/// Maximum number of prefixes, and of predicates that are counted apart.
const MAX_ENTRIES: usize = 100;

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
    let mut header = MappingHeader::default();
    let columns = loop {
        let Some((line, text)) = lines.next()? else {
            return Err(reading.file_error("it has no header: this is not an SSSOM table"));
        };
        match text.map_err(|e| reading.file_error(format!("line {line}: {e}")))? {
            "" => {}
            comment if comment.starts_with('#') => header.read_comment(comment),
            names => break SssomColumns::new(names).map_err(|reason| reading.file_error(reason))?,
        }
    };
    if columns.positions[LABEL_COLUMNS].iter().all(Option::is_none) {
        reading.note("it has neither subject_label nor object_label: its mappings give no names");
    }
    let mut mappings = Mappings::default();
    while let Some((line, text)) = lines.next()? {
        if text.is_ok_and(|text| text.is_empty() || text.starts_with('#')) {
            continue;
        }
        reading.begin_row()?;
        match text.map_err(|e| e.to_string()).and_then(|text| columns.row(text)) {
            Ok(row) => mappings.read(line, &row, &header, reading)?,
            Err(reason) => {
                if !lines.ended() {
                    return Err(reading.truncated(line));
                }
                reading.bad_row(line, reason);
            }
        }
    }
    if !mappings.has_cui {
        reading.note("no mapping has a CUI of UMLS as its subject or object: it merges no term");
    }
    if let Some((line, source)) = mappings.first_source {
        emit_source_version(line, &source, &header.version, reading)?;
    }
    Ok(())
}

/// The facts of the comments before the table.
#[derive(Default)]
struct MappingHeader {
    version: String,
    /// The IRIs that prefixes stand for, with their prefixes.
    prefixes: HashMap<String, String>,
}

impl MappingHeader {
    fn read_comment(&mut self, comment: &str) {
        let Some((key, value)) = comment.trim_start_matches('#').split_once(':') else { return };
        let (key, value) = (key.trim(), value.trim().trim_matches(['"', '\'']));
        if key == "mapping_set_version" {
            value.clone_into(&mut self.version);
        } else if value.contains("://") && value.ends_with(['/', '#', '_', ':']) && self.prefixes.len() < MAX_ENTRIES {
            self.prefixes.insert(value.to_owned(), key.trim_matches(['"', '\'']).to_owned());
        }
    }

    /// The CURIE of an IRI whose beginning the header maps to a prefix; other ids stay.
    fn curie<'a>(&self, id: &'a str) -> Cow<'a, str> {
        if !id.contains("://") || concept_id(id).is_some() {
            return id.into();
        }
        let end = id.rfind(['/', '#', '_', ':']).map_or(0, |end| end + 1);
        self.prefixes.get(&id[..end]).map_or(id.into(), |prefix| format!("{prefix}:{}", &id[end..]).into())
    }
}

/// What the rows of a file had.
#[derive(Default)]
struct Mappings {
    /// Whether any row names a CUI.
    has_cui: bool,
    /// Line and source vocabulary of the first mapped id.
    first_source: Option<(u64, String)>,
    /// The id of the last mapping.
    last_id: String,
    /// The kinds of unused rows so far.
    unused: HashSet<String>,
}

impl Mappings {
    /// Reads a row and emits the statements of its mapping.
    fn read(
        &mut self,
        line: u64,
        row: &SssomRow,
        header: &MappingHeader,
        reading: &mut Reading,
    ) -> Result<(), TerminologyError> {
        let [subject, predicate, object, subject_label, object_label, modifier] = row;
        let (subject, object) = (header.curie(subject), header.curie(object));
        let (subject_cui, object_cui) = (umls_cui(&subject), umls_cui(&object));
        self.has_cui |= subject_cui.is_some() || object_cui.is_some();
        if Identity::of(predicate) != Identity::Stated || !modifier.is_empty() {
            reading.skip(self.unused(predicate, modifier));
            return Ok(());
        }
        let (cui, id, label) = match (subject_cui, object_cui) {
            (Some(cui), None) => (cui, &object, object_label),
            (None, Some(cui)) => (cui, &subject, subject_label),
            (None, None) => {
                reading.skip("mappings without a CUI");
                return Ok(());
            }
            (Some(_), Some(_)) => {
                reading.skip("mappings of a CUI to a CUI");
                return Ok(());
            }
        };
        let Some(id) = concept_id(id) else {
            reading.leave_out(
                "mappings of ids that are no concept ids",
                line,
                format_args!("{} is not a concept id", quoted(id)),
            );
            return Ok(());
        };
        if (Mapping { id: &id, cui: &cui, label }).emit(line, reading)? {
            if self.first_source.is_none() {
                self.first_source = source_and_code(&id).map(|(source, _)| (line, source.to_owned()));
            }
            if *id != *self.last_id {
                reading.merged("a mapping");
                self.last_id = id.into_owned();
            }
        }
        Ok(())
    }

    /// How a row with this predicate is counted.
    fn unused(&mut self, predicate: &str, modifier: &str) -> String {
        let negation = if modifier.is_empty() { "" } else { "not " };
        let local = quoted(predicate.rsplit(['#', '/', ':']).next().unwrap_or(predicate));
        let kind = format!("mappings that are not an identity ({negation}{local})");
        if self.unused.contains(&kind) || self.unused.len() < MAX_ENTRIES && self.unused.insert(kind.clone()) {
            return kind;
        }
        "mappings that are not an identity (other predicates)".into()
    }
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
        let positions = COLUMNS.map(|column| names.iter().position(|name| name.eq_ignore_ascii_case(column)));
        match positions[..REQUIRED_COLUMNS].iter().position(Option::is_none) {
            Some(missing) => Err(format!(
                "it names no column `{}`: this is not an SSSOM table, which has the columns {}",
                COLUMNS[missing],
                COLUMNS.join(", ")
            )),
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
    id: &'a str,
    cui: &'a str,
    label: &'a str,
}

impl Mapping<'_> {
    /// Emits the statements of the mapping and returns whether the sink accepted the first.
    fn emit(&self, line: u64, reading: &mut Reading) -> Result<bool, TerminologyError> {
        let Self { id, cui, label } = self;
        let (source, code) = own_code(id);
        let successor = Statement::Successor { retired: id, successor: Some(cui), kind: Succession::Same, source };
        let accepted = reading.emit(line, successor)?;
        if accepted && !label.trim().is_empty() {
            reading.emit_part(
                BAD_NAMES,
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
    fn iris_comments_and_other_predicates_are_understood() {
        let text = "#curie_map:\n#  AB: http://example.org/ab/\nSubject_ID\tpredicate_id\tobject_id\n\
            AB:1\thttp://www.w3.org/2004/02/skos/core#exactMatch\tUMLS:C9000001\n# a comment\n\
            http://purl.obolibrary.org/obo/HP_0000002\tskos:exactMatch\thttps://identifiers.org/umls:C9000002\n\
            http://linkedlifedata.com/resource/umls/id/C9000003\towl:sameAs\thttp://example.org/ab/3\n\
            AB:4\tskos:broadMatch\tUMLS:C9000004\nAB:5\tskos:broadMatch\tUMLS:C9000004\n\
            AB:6\tskos:exactMatch\tMESH:D1\nno id\tskos:exactMatch\tUMLS:C9000001\n";
        let result = read(text);
        assert_eq!(
            result.statements,
            ["AB:1 -> C9000001 Same [AB]", "HP:0000002 -> C9000002 Same [HPO]", "AB:3 -> C9000003 Same [AB]",]
        );
        assert_eq!(
            result.faults(),
            [
                "input: it has neither subject_label nor object_label: its mappings give no names",
                "input:11: `no id` is not a concept id",
            ]
        );
        let summary = result.outcome.unwrap();
        assert_eq!((summary.rows, summary.bad, summary.merged["a mapping"]), (7, 0, 3));
        assert_eq!(summary.left_out["mappings that are not an identity (`broadMatch`)"], 2);
        assert_eq!(summary.left_out["mappings without a CUI"], 1);

        let without = read("subject_id\tpredicate_id\tobject_id\tsubject_label\nAB:1\tskos:exactMatch\tMESH:D1\ta\n");
        assert_eq!(
            without.faults(),
            ["input: no mapping has a CUI of UMLS as its subject or object: it merges no term"]
        );
    }

    #[test]
    fn unusable_headers_are_errors() {
        for (text, reason) in [
            ("", "it has no rows"),
            ("# only a comment\n", "it has no header: this is not an SSSOM table"),
            (
                "subject_id\tobject_id\n",
                "it names no column `predicate_id`: this is not an SSSOM table, which has the columns subject_id, \
                 predicate_id, object_id, subject_label, object_label, predicate_modifier",
            ),
        ] {
            assert_eq!(read(text).faults(), [format!("input: {reason}")]);
        }
    }

    #[test]
    fn a_file_that_is_cut_off_is_an_error() {
        let whole = fixture("small.sssom.tsv");
        let faults = read(whole.trim_end_matches('\n')).faults();
        assert_eq!(faults, ["input: line 15: its last row is cut off: the file is truncated"]);
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
