//! Mappings of other vocabularies' ids to CUIs in the SSSOM format: a commented header, then a table with tabs.
//!
//! Only what says that two ids mean the same counts, and only if one of them is a CUI. Invariant: a line is a row.

use std::{borrow::Cow, io::BufRead};

use crate::terminology::{
    Lines, Reading, TerminologyError, concept_id,
    ontology::{LANGUAGE, own_vocabulary, tell_version},
    umls_cui, vocabulary,
};
use crate::{
    domain::{AtomRef, Statement, Succession},
    text::quoted,
};

/// The predicates of ids that mean the same.
const SAME: [&str; 3] = ["skos:exactMatch", "owl:sameAs", "owl:equivalentClass"];
const COLUMNS: [&str; 6] =
    ["subject_id", "predicate_id", "object_id", "subject_label", "object_label", "predicate_modifier"];
/// As many of the columns, from the first, must be there.
const REQUIRED: usize = 3;

/// Reads mappings, and says each: that the id leads to the CUI, and the name that it carries.
///
/// The version of the mappings is told as that of the vocabulary of the first id that is mapped.
///
/// # Errors
/// [`TerminologyError`] when its header is not usable or reading fails.
pub fn read_sssom(mut input: impl BufRead, reading: &mut Reading) -> Result<(), TerminologyError> {
    if input.fill_buf()?.is_empty() {
        return Ok(());
    }
    let mut lines = Lines::new(input);
    let mut columns = None;
    let (mut version, mut first) = (String::new(), None);
    while let Some((line, text)) = lines.next()? {
        let Some(columns) = &columns else {
            match text.map_err(|e| reading.broken(format!("line {line}: {e}")))? {
                "" => {}
                comment if comment.starts_with('#') => {
                    if let Some((_, value)) = comment.split_once("mapping_set_version:") {
                        version = value.trim().trim_matches(['"', '\'']).to_owned();
                    }
                }
                header => columns = Some(Columns::of(header).map_err(|reason| reading.broken(reason))?),
            }
            continue;
        };
        if text == Ok("") {
            continue;
        }
        reading.row()?;
        let row = match text.map_err(|e| e.to_string()).and_then(|text| columns.row(text)) {
            Ok(row) => row,
            Err(reason) => {
                if !lines.ended() {
                    return Err(reading.cut_off());
                }
                reading.bad(line, reason);
                continue;
            }
        };
        match mapping(&row) {
            Ok(Some(mapping)) => {
                if mapping.tell(line, reading)? {
                    first = first.or_else(|| vocabulary(&mapping.id).map(|(source, _)| (line, source.to_owned())));
                }
            }
            Ok(None) => {}
            Err(reason) => reading.bad(line, reason),
        }
    }
    if columns.is_none() {
        return Err(reading.broken("it has no header: this is no SSSOM table"));
    }
    if let Some((line, source)) = first {
        tell_version(line, &source, &version, reading)?;
    }
    Ok(())
}

struct Columns {
    width: usize,
    places: [Option<usize>; COLUMNS.len()],
}

/// The values of a row in the order of [`COLUMNS`]; empty where there is no such column.
type Row<'a> = [Cow<'a, str>; COLUMNS.len()];

impl Columns {
    fn of(header: &str) -> Result<Self, String> {
        let names: Vec<_> = header.split('\t').map(unquoted).collect();
        let places = COLUMNS.map(|column| names.iter().position(|name| name == column));
        match places[..REQUIRED].iter().position(Option::is_none) {
            Some(missing) => Err(format!("it names no column `{}`: this is no SSSOM table", COLUMNS[missing])),
            None => Ok(Self { width: names.len(), places }),
        }
    }

    fn row<'a>(&self, text: &'a str) -> Result<Row<'a>, String> {
        let fields: Vec<&str> = text.split('\t').collect();
        if fields.len() != self.width {
            return Err(format!("{} fields where the header has {}", fields.len(), self.width));
        }
        Ok(self.places.map(|place| unquoted(place.map_or("", |i| fields[i]))))
    }
}

/// A field without the quotes that a value with quotes in it is put in.
fn unquoted(field: &str) -> Cow<'_, str> {
    let field = field.trim();
    match field.strip_prefix('"').and_then(|f| f.strip_suffix('"')) {
        Some(inner) => inner.replace("\"\"", "\"").into(),
        None => field.into(),
    }
}

struct Mapping<'a> {
    id: Cow<'a, str>,
    cui: &'a str,
    label: &'a str,
}

/// The mapping of a row, if it is one of those that count.
fn mapping<'a>(row: &'a Row) -> Result<Option<Mapping<'a>>, String> {
    let [subject, predicate, object, subject_label, object_label, modifier] = row;
    if !SAME.contains(&&**predicate) || !modifier.is_empty() {
        return Ok(None);
    }
    let (cui, id, label) = match (umls_cui(subject), umls_cui(object)) {
        (Some(cui), None) => (cui, object, object_label),
        (None, Some(cui)) => (cui, subject, subject_label),
        _ => return Ok(None),
    };
    let id = concept_id(id).ok_or_else(|| format!("{} is no id", quoted(id)))?;
    Ok(Some(Mapping { id, cui, label }))
}

impl Mapping<'_> {
    /// Gives whether it was taken.
    fn tell(&self, line: u64, reading: &mut Reading) -> Result<bool, TerminologyError> {
        let Self { id, cui, label } = self;
        let (source, code) = own_vocabulary(id);
        let successor = Statement::Successor { retired: id, successor: Some(cui), kind: Succession::Same, source };
        let taken = reading.say(line, successor)?;
        if taken && !label.trim().is_empty() {
            reading.say(
                line,
                Statement::Atom(AtomRef {
                    concept: cui,
                    name: label,
                    source,
                    code: &code,
                    term_type: "PT",
                    language: LANGUAGE,
                    suppressed: false,
                    // A mapping does not rename a concept.
                    preference: 0,
                }),
            )?;
        }
        Ok(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::terminology::testing::{Told, fixture, survives_damage, told};

    fn read(text: &str) -> Told {
        told(|reading| read_sssom(text.as_bytes(), reading))
    }

    #[test]
    fn exact_matches_lead_to_cuis() {
        let told = read(&fixture("small.sssom.tsv"));
        assert_eq!(
            told.statements,
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
        assert_eq!(told.faults(), ["input:14: `no_id` is no id", "input:15: 2 fields where the header has 7"]);
        assert_eq!(told.outcome.unwrap().rows, 11);
    }

    #[test]
    fn headers_that_are_none_are_errors() {
        for (text, reason) in [
            ("", "it has no rows"),
            ("# only a comment\n", "it has no header: this is no SSSOM table"),
            ("subject_id\tobject_id\n", "it names no column `predicate_id`: this is no SSSOM table"),
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
        // What a whole row says may be wrong without a line end too.
        assert_eq!(read(&whole[..bad - 1]).faults(), ["input:14: `no_id` is no id"]);
    }

    #[test]
    fn damage_is_survived() {
        survives_damage(&fixture("small.sssom.tsv"), |bytes, reading| read_sssom(bytes, reading));
    }
}
