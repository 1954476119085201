//! Ontologies in the OBO format (1.0 to 1.4), read stanza by stanza.
//!
//! Of a `[Term]` stanza, the tags that name, define, relate or retire a term are read; other tags
//! and other stanzas are ignored.
//!
//! Invariant: a fault makes its stanza a bad row and does not affect the next one. The memory for a
//! stanza is bounded.

use std::{collections::HashSet, io::BufRead};

use crate::{
    domain::curie::concept_id,
    terminology::{
        OntologyOptions, Reading, Scope, TerminologyError,
        obo_text::{LogicalLines, first_word, quoted_text, tag_and_value, unescaped, value, words_before_list},
        ontology::{Synonym, Term, TermEmitter, is_abbreviation_type, is_part_of},
    },
    text,
};

const NOT_OBO: &str = "this is not an OBO file";
/// Maximum bytes of a stanza; a longer one is a bad row. The longest stanzas of large ontologies
/// have about 100,000.
const MAX_STANZA_BYTES: usize = 1 << 23;
/// Maximum number of synonym types of abbreviations that are remembered; ontologies have one or
/// two.
const MAX_ABBREVIATION_TYPES: usize = 100;

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
            Section::Term(stanza) => stanza.read_line(number, line, &header),
            Section::Header => match line {
                Ok(line) if header.read_line(line) => {}
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

/// The facts of the lines before the first stanza.
#[derive(Default)]
struct Header {
    ontology: String,
    version: String,
    /// Whether a line was read that only OBO files have.
    is_obo: bool,
    /// Ids of the synonym types of abbreviations.
    abbreviation_types: HashSet<String>,
}

impl Header {
    /// Reads a line and returns whether it can be a line of a header.
    fn read_line(&mut self, line: &str) -> bool {
        let Some((tag, rest)) = tag_and_value(line) else { return false };
        match tag {
            "format-version" => self.is_obo = true,
            "ontology" => {
                self.is_obo = true;
                self.ontology = unescaped(value(rest));
            }
            "data-version" => self.version = unescaped(value(rest)),
            "property_value" if self.version.is_empty() => {
                if let ("owl:versionInfo", rest) = first_word(rest) {
                    self.version =
                        quoted_text(rest).map_or_else(|_| unescaped(first_word(rest).0), |(version, _)| version);
                }
            }
            "synonymtypedef"
                if is_abbreviation_type(rest) && self.abbreviation_types.len() < MAX_ABBREVIATION_TYPES =>
            {
                self.abbreviation_types.insert(unescaped(first_word(rest).0));
            }
            _ => {}
        }
        true
    }
}

/// A `[Term]` stanza, up to the current line.
#[derive(Default)]
struct Stanza {
    /// The line with `[Term]`.
    line: u64,
    bytes: usize,
    term: Term,
    anonymous: bool,
    /// Line and reason of the first fault.
    fault: Option<(u64, String)>,
}

impl Stanza {
    fn new(line: u64) -> Self {
        Self { line, ..Self::default() }
    }

    fn read_line(&mut self, number: u64, line: Result<&str, String>, header: &Header) {
        if self.fault.is_some() {
            return;
        }
        let read = line.and_then(|line| {
            self.bytes += line.len();
            if self.bytes > MAX_STANZA_BYTES {
                return Err(format!("the term is longer than {MAX_STANZA_BYTES} bytes"));
            }
            let (tag, rest) = tag_and_value(line).ok_or("the line is not `tag: value`")?;
            self.read_tag(tag, rest, header).map_err(|reason| format!("{tag}: {reason}"))
        });
        self.fault = read.err().map(|reason| (number, reason));
    }

    fn read_tag(&mut self, tag: &str, rest: &str, header: &Header) -> Result<(), String> {
        let term = &mut self.term;
        let is_true = || value(rest).eq_ignore_ascii_case("true");
        let mut add_synonym = |scope| synonym(rest, scope, header).map(|s| term.synonyms.extend(s));
        match tag {
            "synonym" => return add_synonym(None),
            "exact_synonym" => return add_synonym(Some(Scope::Exact)),
            "broad_synonym" => return add_synonym(Some(Scope::Broad)),
            "narrow_synonym" => return add_synonym(Some(Scope::Narrow)),
            "related_synonym" => return add_synonym(Some(Scope::Related)),
            "id" => set_once(&mut term.id, id(value(rest))?)?,
            "name" => set_once(&mut term.name, unescaped(value(rest)))?,
            "def" => {
                let (text, rest) = quoted_text(rest)?;
                words_before_list(rest)?;
                term.definition = text;
            }
            "alt_id" => term.alt_ids.extend(other_id(value(rest))?),
            "xref" | "xref_analog" | "xref_unk" => term.xrefs.push(unescaped(first_word(value(rest)).0)),
            "is_a" => term.parents.extend(other_id(value(rest))?),
            "relationship" => {
                let (relation, whole) = first_word(value(rest));
                if is_part_of(&unescaped(relation)) {
                    term.wholes.extend(other_id(whole)?);
                }
            }
            "is_obsolete" => term.obsolete = is_true(),
            "is_anonymous" => self.anonymous = is_true(),
            "replaced_by" => term.replaced_by.extend(other_id(value(rest))?),
            "consider" => term.consider.extend(other_id(value(rest))?),
            _ => {}
        }
        Ok(())
    }

    /// Emits the statements about the term, or reports its fault.
    fn end(mut self, emitter: &mut TermEmitter, reading: &mut Reading) -> Result<(), TerminologyError> {
        reading.begin_row()?;
        let ignored = self.anonymous || is_iri(&self.term.id);
        if self.fault.is_none() && self.term.id.is_empty() {
            self.fault = Some((self.line, "the term has no id".into()));
        }
        if self.fault.is_none() && self.term.name.trim().is_empty() && !self.term.obsolete && !ignored {
            self.fault = Some((self.line, format!("{} has no name", text::quoted(&self.term.id))));
        }
        match self.fault {
            Some((line, reason)) => reading.bad_row(line, reason),
            None if ignored => {}
            None => emitter.emit(self.line, &self.term, reading)?,
        }
        Ok(())
    }
}

/// Sets a field of a term that it may have once.
///
/// A second value means that the line which begins the next stanza is missing: two terms would
/// become one.
fn set_once(field: &mut String, text: String) -> Result<(), String> {
    if !field.is_empty() {
        return Err("the term has two of them".into());
    }
    *field = text;
    Ok(())
}

/// One id. An IRI that stands for a concept id becomes that id; any other text stays, and the sink
/// judges it.
fn id(text: &str) -> Result<String, String> {
    let written = match first_word(text) {
        ("", _) => return Err("the id is missing".into()),
        (written, "") => unescaped(written),
        _ => return Err("there is text after the id".into()),
    };
    Ok(concept_id(&written).map(|id| id.into_owned()).unwrap_or(written))
}

/// The id of another term; `None` for an IRI that stands for no concept id.
fn other_id(text: &str) -> Result<Option<String>, String> {
    Ok(Some(id(text)?).filter(|id| !is_iri(id)))
}

/// Whether an id is still an IRI. Such a class only structures the ontology; no mention means it.
fn is_iri(id: &str) -> bool {
    id.contains("://")
}

/// A synonym; `None` when its text is blank. Old files state its scope in the tag. The scope is
/// "related" when neither tag nor value states one, as the specification of OBO defines.
fn synonym(rest: &str, scope: Option<Scope>, header: &Header) -> Result<Option<Synonym>, String> {
    let (text, rest) = quoted_text(rest)?;
    let words = words_before_list(rest)?;
    let (scope, types) = match (scope, &words[..]) {
        (Some(scope), types) => (scope, types),
        (None, []) => (Scope::Related, &[][..]),
        (None, [scope, types @ ..]) => (parse_scope(scope)?, types),
    };
    let abbreviation = types.iter().any(|written| {
        let written = unescaped(written);
        header.abbreviation_types.contains(&written) || is_abbreviation_type(&written)
    });
    Ok((!text.trim().is_empty()).then_some(Synonym { text, scope, abbreviation }))
}

fn parse_scope(word: &str) -> Result<Scope, String> {
    Ok(match word {
        "EXACT" => Scope::Exact,
        "BROAD" => Scope::Broad,
        "NARROW" => Scope::Narrow,
        "RELATED" => Scope::Related,
        _ => return Err(format!("{} is not a synonym scope", text::quoted(word))),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::terminology::testing::{ReadResult, fixture, read_with, survives_damage};

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
                "XYZ:0000001 -> C0000001 Same [XYZ]",
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
                "XYZ:0000016 = the last [XYZ XYZ:0000016 PT ENG 7]",
                "XYZ is of 2026-01-31",
            ]
        );
    }

    #[test]
    fn faults_are_reported_by_line_and_do_not_affect_the_next_term() {
        let text = fixture("small.obo");
        let result = read(&text, &OntologyOptions::default());
        let line = |start: &str| text.lines().position(|line| line.starts_with(start)).unwrap() + 1;
        let expected = [
            (line("synonym: \"it does not"), "synonym: the quote of its text does not end"),
            (line("synonym: \"x\" SOMEHOW"), "synonym: `SOMEHOW` is not a synonym scope"),
            (line("is_a XYZ"), "the line is not `tag: value`"),
            (line("id: XYZ:0000013") - 1, "`XYZ:0000013` has no name"),
            (line("name: no id") - 1, "the term has no id"),
            (line("id: XYZ:0000015"), "id: the term has two of them"),
            (line("id: no_concept") - 1, "`no_concept` is not a concept id"),
        ];
        assert_eq!(result.faults(), expected.map(|(line, reason)| format!("input:{line}: {reason}")));
        assert_eq!(result.outcome.unwrap().rows, 15);
    }

    #[test]
    fn only_selected_scopes_become_names() {
        let names = |scopes: &[Scope]| {
            let result = read(fixture("small.obo"), &OntologyOptions { scopes: scopes.to_vec() });
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
        assert_eq!(faults, ["input: line 1: it is not valid UTF-8: this is not an OBO file"]);
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
