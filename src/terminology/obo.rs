//! Ontologies in the OBO format (1.0 to 1.4), read stanza by stanza.
//!
//! Reading order: this file (cuts the file into header and stanzas), `obo_header`, `obo_stanza`
//! (one term), `obo_text` (the syntax of a line). Stanzas other than `[Term]` are ignored.
//!
//! Invariant: a stanza that cannot be read is a bad row and does not affect the next one.

use std::io::BufRead;

use crate::terminology::{
    OntologyOptions, Reading, TerminologyError,
    obo_header::Header,
    obo_stanza::Stanza,
    obo_text::{LogicalLines, value},
    ontology::TermEmitter,
};

const NOT_OBO: &str = "this is not an OBO file";

/// Reads an OBO file.
///
/// # Errors
/// [`TerminologyError`] when the file is not OBO or reading fails.
pub fn read_obo(input: impl BufRead, options: &OntologyOptions, reading: &mut Reading) -> Result<(), TerminologyError> {
    let mut lines = LogicalLines::new(input);
    let mut emitter = TermEmitter::new(options);
    let mut header = Header::default();
    let mut section = Section::Header;
    let mut last_line = 0;
    while let Some((number, line)) = lines.next()? {
        let line = line.map(str::trim).map_err(|e| e.to_string());
        if let Ok(line) = &line
            && (line.is_empty() || line.starts_with('!'))
        {
            continue;
        }
        last_line = number;
        if let Some(kind) = line.as_ref().ok().and_then(|line| stanza_kind(line)) {
            let next = if kind == "Term" { Section::Term(Box::new(Stanza::new(number))) } else { Section::Ignored };
            std::mem::replace(&mut section, next).end(&mut emitter, reading)?;
            header.is_obo |= kind == "Term";
            continue;
        }
        match &mut section {
            Section::Term(stanza) => stanza.read_line(number, line, &header, reading),
            Section::Header => match line {
                Ok(line) if header.read_line(line, reading) => {}
                _ if header.is_obo => {}
                Ok(_) => return Err(reading.file_error(format!("line {number} is not `tag: value`: {NOT_OBO}"))),
                Err(reason) => return Err(reading.file_error(format!("line {number}: {reason}: {NOT_OBO}"))),
            },
            Section::Ignored => {}
        }
    }
    section.end(&mut emitter, reading)?;
    if last_line == 0 {
        return Ok(());
    }
    if !header.is_obo {
        return Err(reading.file_error(format!("it has neither an OBO header nor terms: {NOT_OBO}")));
    }
    emitter.emit_version(last_line, &header.ontology, &header.version, reading)
}

/// The text in the brackets of a line that begins a stanza, such as `Term`.
fn stanza_kind(line: &str) -> Option<&str> {
    value(line).strip_prefix('[')?.strip_suffix(']')
}

/// The part of the file that the current line belongs to.
enum Section {
    Header,
    Term(Box<Stanza>),
    /// A stanza that is not a term.
    Ignored,
}

impl Section {
    fn end(self, emitter: &mut TermEmitter, reading: &mut Reading) -> Result<(), TerminologyError> {
        match self {
            Self::Term(stanza) => stanza.end(emitter, reading),
            Self::Header | Self::Ignored => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::terminology::{
        Scope,
        testing::{ReadResult, fixture, read_with, survives_damage},
    };

    fn read(text: impl AsRef<[u8]>, options: &OntologyOptions) -> ReadResult {
        read_with(|reading| read_obo(text.as_ref(), options, reading))
    }

    #[test]
    fn terms_become_statements() {
        let result = read(fixture("small.obo"), &OntologyOptions::default());
        assert_eq!(
            result.starting_with("XYZ:0000001 "),
            [
                "XYZ:0000001 -> C0000001 Same [XYZ]",
                "XYZ:0000001 -> C0000002 Same [XYZ]",
                "XYZ:0000001 = glimmering disorder [XYZ XYZ:0000001 PT ENG 7]",
                "XYZ:0000001 = glimmers [XYZ XYZ:0000001 SY ENG 0]",
                "XYZ:0000001 = GD [XYZ XYZ:0000001 AB ENG 0]",
                "XYZ:0000001 : A disorder that glimmers,\nand says \"look\". [XYZ]",
                "XYZ:0000001 # SNOMEDCT_US 123",
                "XYZ:0000001 # MSH D000001",
                "XYZ:0000001 # HPO HP:0000009",
            ]
        );
        let others: Vec<&str> =
            result.statements.iter().map(String::as_str).filter(|s| !s.starts_with("XYZ:0000001 ")).collect();
        assert_eq!(
            others,
            [
                "XYZ:0000011 -> XYZ:0000001 Same [XYZ]",
                "XYZ:0000012 -> XYZ:0000001 Same [XYZ]",
                "XYZ:0000002 = left:sided glimmering, wow! {so to speak} [XYZ XYZ:0000002 PT ENG 7]",
                "XYZ:0000002 = left glimmer [XYZ XYZ:0000002 SY ENG 0]",
                "XYZ:0000002 # ICD10CM X00.1",
                "XYZ:0000002 < XYZ:0000001 Parent [XYZ]",
                "XYZ:0000002 < XYZ:0000003 Parent [XYZ]",
                "XYZ:0000002 < UBERON:0000001 Broader [XYZ]",
                "XYZ:0000002 < UBERON:0000002 Broader [XYZ]",
                "UBERON:0000001 = body [UBERON UBERON:0000001 PT ENG 7]",
                "XYZ:0000004 -> XYZ:0000001 Same [XYZ]",
                "XYZ:0000004 -> XYZ:0000002 Other [XYZ]",
                "XYZ:0000005 -> nothing Deleted [XYZ]",
                "XYZ:0000007 = bad quote [XYZ XYZ:0000007 PT ENG 7]",
                "XYZ:0000008 = bad scope [XYZ XYZ:0000008 PT ENG 7]",
                "XYZ:0000010 = no colon [XYZ XYZ:0000010 PT ENG 7]",
                "XYZ:0000016 = the last [XYZ XYZ:0000016 PT ENG 7]",
                "XYZ is of 2026-01-31",
            ]
        );
    }

    #[test]
    fn faults_are_reported_by_line_and_cost_only_their_line() {
        let text = fixture("small.obo");
        let result = read(&text, &OntologyOptions::default());
        let line = |start: &str| text.lines().position(|line| line.starts_with(start)).unwrap() + 1;
        let expected = [
            (line("relationship: part_of http"), "relationship: `http://example.org/other` stands for no concept id"),
            (line("synonym: \"it does not"), "synonym: the quote of its text does not end"),
            (line("synonym: \"x\" SOMEHOW"), "synonym: `SOMEHOW` is not a synonym scope"),
            (line("def: also bad"), "def: its text does not begin with a quote"),
            (line("is_a XYZ"), "the line is not `tag: value`"),
            (line("id: XYZ:0000013") - 1, "`XYZ:0000013` has no name"),
            (line("name: no id") - 1, "the term has no id"),
            (line("id: XYZ:0000015"), "id: the term has two of them"),
            (line("id: no_concept") - 1, "`no_concept` is not a concept id"),
        ];
        assert_eq!(result.faults(), expected.map(|(line, reason)| format!("input:{line}: {reason}")));
        let summary = result.outcome.unwrap();
        assert_eq!((summary.rows, summary.bad), (15, 3));
        let left_out: Vec<_> = summary.left_out.iter().map(|(reason, count)| (&**reason, *count)).collect();
        assert_eq!(
            left_out,
            [
                ("anonymous terms, and terms whose IRI stands for no concept id", 2),
                ("definitions that cannot be used", 1),
                ("lines that cannot be read", 1),
                ("relations that cannot be used", 1),
                ("rows that cannot be read", 3),
                ("synonyms of an unknown scope", 1),
                ("synonyms of other scopes (--synonym-scopes)", 5),
                ("synonyms that cannot be used", 1),
                ("terms without a name", 1),
            ]
        );
        assert_eq!(summary.merged["an equivalent cross-reference"], 1);
    }

    #[test]
    fn a_cross_reference_that_cannot_be_read_is_no_identity() {
        for xref in [
            "UMLS:C9000001 {source=\"MONDO:relatedTo\"",
            "UMLS:C9000001 {source=\"MONDO:relatedTo}",
            "UMLS:C9000001 \"unclosed {source=\"MONDO:relatedTo\"}",
            "UMLS:C9000001 trailing words",
            "UMLS:C900001",
            "UMLS:CN12345",
            "UMLS: C9000001",
            "not an xref at all",
        ] {
            let text = format!("format-version: 1.2\n\n[Term]\nid: XY:1\nname: one\nxref: {xref}\n");
            let result = read(&text, &OntologyOptions::default());
            assert_eq!(result.statements, ["XY:1 = one [XY XY:1 PT ENG 7]"], "{xref}");
            assert_eq!(result.outcome.unwrap().left_out["cross-references that cannot be used"], 1, "{xref}");
        }
        let text = "[Term]\nid: XY:1\nname: one\nxref: UMLS:C9000001 {source='MONDO:relatedTo'} ! why\n\
            synonym: \"\" EXACT []\ndef: \" \" []\n";
        let result = read(text, &OntologyOptions::default());
        assert_eq!(result.statements, ["XY:1 = one [XY XY:1 PT ENG 7]"]);
        let left_out = result.outcome.unwrap().left_out;
        for kind in [
            "cross-references that are not an identity",
            "synonyms that cannot be used",
            "definitions that cannot be used",
        ] {
            assert_eq!(left_out[kind], 1, "{kind}");
        }
    }

    #[test]
    fn files_that_break_the_format_a_little_are_read() {
        let text = "format-version: 1.2\n! a comment\nsynonymtypedef: MODE \"a way of moving\" EXACT\n\
            synonymtypedef: BARE \"no scope\"\nimport: http://example.org/more.obo\ntreat-xrefs-as-equivalent: AB\n\n\
            [Term] {a=\"b\"}\nid: AB:1! the first\nname: canter {lang=\"en\"} ! c\nname: lope\nname: canter\n\
            synonym: \"amble\" MODE []\nsynonym: \"pace\" BARE []\nsynonym: \"draf\" EXACT [] {lang=\"nl\"}\n\
            synonym: \"x\" EXACT [] {lang=\"??\"}\nsynonym: \"trot\" exact [A:B and C 1999]\n\
            def: \"odd \\\" [x:1]\ndef: \"first\" []\ndef: \"second\" []\nis_a: AB:2! with no blank\n\
            is_a: AB:3{source=\"x\"}\nis_a: AB:4 five\nalt_id: AB:9 {a=\"b\"} ! d\nis_obsolete: false {a=\"b\"}\n\
            xref: UMLS:C9000001 \"said ! {so}\" {source=\"MONDO:relatedTo\"}\n\
            xref: UMLS:C9000002{source=\"MONDO:equivalentTo\", source=\"DOID:1\"}\n\
            property_value: skos:exactMatch http://linkedlifedata.com/resource/umls/id/C9000003\n\
            property_value: skos:broadMatch MESH:D1\nxref: MESH:D1\nequivalent_to: UMLS:C9000004\nxref: \n\n\
            [Term]\nid: CVCL_9\nname: pattern (?<=[KR])(?!P)\n\n[Term]\nid: AB_8\nsynonym: \"nameless\" EXACT []\n";
        let result = read(text, &OntologyOptions::default());
        assert_eq!(
            result.statements,
            [
                "AB:9 -> AB:1 Same [AB]",
                "AB:1 -> C9000002 Same [AB]",
                "AB:1 -> C9000003 Same [AB]",
                "AB:1 -> C9000004 Same [AB]",
                "AB:1 = canter [AB AB:1 PT ENG 7]",
                "AB:1 = amble [AB AB:1 SY ENG 0]",
                "AB:1 = draf [AB AB:1 SY DUT 0]",
                "AB:1 = trot [AB AB:1 SY ENG 0]",
                "AB:1 = lope [AB AB:1 SY ENG 0]",
                "AB:1 : first [AB]",
                "AB:1 < AB:2 Parent [AB]",
                "AB:1 < AB:3 Parent [AB]",
                "CVCL_9 = pattern (?<=[KR])(?!P) [CVCL CVCL_9 PT ENG 7]",
                "AB_8 = nameless [AB AB_8 SY ENG 0]",
            ]
        );
        let line = |start: &str| text.lines().position(|line| line.starts_with(start)).unwrap() + 1;
        assert_eq!(
            result.faults(),
            [
                "input: the import `http://example.org/more.obo` is not followed: give that file with an option of its own"
                    .to_owned(),
                format!("input:{}: synonym: the language `??` is not known", line("synonym: \"x\"")),
                format!("input:{}: def: the quote of its text does not end", line("def: \"odd")),
                format!("input:{}: def: the term has one already", line("def: \"second")),
                format!("input:{}: is_a: there is text after the id", line("is_a: AB:4")),
                format!(
                    "input:{}: xref: the id is missing",
                    text.lines().position(|line| line == "xref: ").unwrap() + 1
                ),
                format!("input:{}: a second name of the term is taken as an exact synonym", line("name: lope")),
                format!("input:{}: `UMLS:C9000001` is not the same as the term", line("xref: UMLS:C9000001")),
                format!("input:{}: `MESH:D1` is not the same as the term", line("property_value: skos:broad")),
            ]
        );
    }

    #[test]
    fn only_selected_scopes_become_names() {
        let names = |scopes: &[Scope]| {
            let result =
                read(fixture("small.obo"), &OntologyOptions { scopes: scopes.to_vec(), ..OntologyOptions::default() });
            result.starting_with("XYZ:0000001 = ").into_iter().map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(
            names(&[Scope::Broad, Scope::Related]),
            [
                "XYZ:0000001 = glimmering disorder [XYZ XYZ:0000001 PT ENG 7]",
                "XYZ:0000001 = shine [XYZ XYZ:0000001 SY_BROAD ENG 0]",
                "XYZ:0000001 = glint [XYZ XYZ:0000001 SY_RELATED ENG 0]",
                "XYZ:0000001 = GL [XYZ XYZ:0000001 SY_RELATED ENG 0]",
            ]
        );
        assert_eq!(names(&[Scope::Narrow])[1..], ["XYZ:0000001 = pale glimmer [XYZ XYZ:0000001 SY_NARROW ENG 0]"]);
    }

    #[test]
    fn a_file_needs_a_header_or_terms() {
        let result = read("[Term]\nid: XYZ:1\nname: a", &OntologyOptions::default());
        assert_eq!(result.statements, ["XYZ:1 = a [XYZ XYZ:1 PT ENG 7]"]);
        for (text, reason) in [
            ("", "it has no rows"),
            ("\n! a comment\n", "it has no rows"),
            ("a: b\n[Typedef]\nid: x\n", "it has neither an OBO header nor terms: this is not an OBO file"),
            ("{\"graphs\": []}", "line 1 is not `tag: value`: this is not an OBO file"),
        ] {
            assert_eq!(read(text, &OntologyOptions::default()).faults(), [format!("input: {reason}")]);
        }
        let utf16: Vec<u8> =
            "\u{feff}format-version: 1.2\n".encode_utf16().flat_map(|unit| unit.to_le_bytes()).collect();
        let faults = read(utf16, &OntologyOptions::default()).faults();
        assert_eq!(
            faults,
            ["input: line 1: it is not valid UTF-8; if the file is UTF-16, convert it (iconv -f UTF-16 -t UTF-8): \
             this is not an OBO file"]
        );
        let result = read("format-version: 1.2\n", &OntologyOptions::default());
        assert_eq!(result.faults(), ["input: it has no rows"]);
    }

    #[test]
    fn a_version_is_that_of_the_ontology_itself() {
        for (header, expected) in [
            ("ontology: hp\ndata-version: releases/2026-01-31", &["HPO is of 2026-01-31"][..]),
            ("ontology: http://purl.obolibrary.org/obo/hp.owl\ndata-version: 7", &["HPO is of 7"]),
            ("ontology: hp\nproperty_value: owl:versionInfo \"a b\" xsd:string", &["HPO is of a b"]),
            ("ontology: ordo\ndata-version: 4.5", &["ORPHANET is of 4.5"]),
            ("ontology: go\ndata-version: 4.5", &[]),
            ("data-version: 4.5", &[]),
        ] {
            let text = format!("{header}\n[Term]\nid: Orphanet:1\nname: a\n\n[Term]\nid: HP:1\nname: b\n");
            let result = read(&text, &OntologyOptions::default());
            let versions: Vec<&String> = result.statements.iter().filter(|s| s.contains(" is of ")).collect();
            assert_eq!(versions, expected, "{header}");
        }
    }

    #[test]
    fn a_stanza_is_bounded() {
        let synonym = format!("synonym: \"{}\" EXACT []\n", "a".repeat(1000));
        let text = format!("[Term]\nid: XYZ:1\nname: a\n{}[Term]\nid: XYZ:2\nname: b", synonym.repeat(9000));
        let result = read(&text, &OntologyOptions::default());
        assert_eq!(result.statements, ["XYZ:2 = b [XYZ XYZ:2 PT ENG 7]"]);
        assert!(result.faults()[0].ends_with("the term is longer than 8388608 bytes"));
    }

    #[test]
    fn damage_is_survived() {
        let options = OntologyOptions::default();
        survives_damage(&fixture("small.obo"), |bytes, reading| read_obo(bytes, &options, reading));
    }
}
