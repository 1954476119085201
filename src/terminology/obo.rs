//! Ontologies in the OBO format (1.0 to 1.4), read by stanzas.
//!
//! Of a `[Term]` stanza the tags that name, define, relate or retire a term count; other tags and other stanzas are
//! ignored. Invariant: a fault makes its stanza bad and leaves the next alone; what is kept of a stanza is bounded.

use std::{collections::HashSet, io::BufRead};

use crate::terminology::{
    OntologyOptions, Reading, Scope, TerminologyError, concept_id,
    obo_text::{LogicalLines, quoted, tag, unescaped, value, word, words_before_list},
    ontology::{Synonym, Teller, Term, means_abbreviation, means_part_of},
};
use crate::text;

const NO_OBO: &str = "this is no OBO file";
/// Bytes of a stanza beyond which it is bad; the longest of large ontologies have some 100,000.
const LARGEST_STANZA: usize = 1 << 23;
/// Synonym types of abbreviations that are remembered; ontologies have one or two.
const MOST_ABBREVIATIONS: usize = 100;

/// Reads an OBO file.
///
/// # Errors
/// [`TerminologyError`] when it is none or reading fails.
pub fn read_obo(input: impl BufRead, options: &OntologyOptions, reading: &mut Reading) -> Result<(), TerminologyError> {
    let mut lines = LogicalLines::new(input);
    let mut teller = Teller::new(options);
    let mut header = Header::default();
    let mut place = Place::Header;
    let mut last = 0;
    while let Some((number, line)) = lines.next()? {
        let line = line.map(str::trim).map_err(|e| e.to_string());
        if let Ok(line) = &line
            && (line.is_empty() || line.starts_with('!'))
        {
            continue;
        }
        last = number;
        if let Some(kind) = line.as_ref().ok().and_then(|line| stanza_kind(line)) {
            let next = if kind == "Term" { Place::Term(Box::new(Stanza::at(number))) } else { Place::Elsewhere };
            std::mem::replace(&mut place, next).end(&mut teller, reading)?;
            header.is_obo |= kind == "Term";
            continue;
        }
        match &mut place {
            Place::Term(stanza) => stanza.line(number, line, &header),
            Place::Header => match line {
                Ok(line) if header.line(line) => {}
                _ if header.is_obo => {}
                Ok(_) => return Err(reading.broken(format!("line {number} is no `tag: value`: {NO_OBO}"))),
                Err(reason) => return Err(reading.broken(format!("line {number}: {reason}: {NO_OBO}"))),
            },
            Place::Elsewhere => {}
        }
    }
    place.end(&mut teller, reading)?;
    if last == 0 {
        return Ok(());
    }
    if !header.is_obo {
        return Err(reading.broken(format!("it has neither an OBO header nor terms: {NO_OBO}")));
    }
    teller.version(last, &header.ontology, &header.version, reading)
}

/// What stands in the brackets of a line that begins a stanza.
fn stanza_kind(line: &str) -> Option<&str> {
    value(line).strip_prefix('[')?.strip_suffix(']')
}

/// Where in the file a line is.
enum Place {
    Header,
    Term(Box<Stanza>),
    /// In a stanza of no interest.
    Elsewhere,
}

impl Place {
    fn end(self, teller: &mut Teller, reading: &mut Reading) -> Result<(), TerminologyError> {
        match self {
            Self::Term(stanza) => stanza.tell(teller, reading),
            Self::Header | Self::Elsewhere => Ok(()),
        }
    }
}

#[derive(Default)]
struct Header {
    ontology: String,
    version: String,
    /// Whether something was seen that only OBO files have.
    is_obo: bool,
    /// The synonym types of abbreviations.
    abbreviations: HashSet<String>,
}

impl Header {
    /// Gives whether it is a line of a header.
    fn line(&mut self, line: &str) -> bool {
        let Some((tag, rest)) = tag(line) else { return false };
        match tag {
            "format-version" => self.is_obo = true,
            "ontology" => {
                self.is_obo = true;
                self.ontology = unescaped(value(rest));
            }
            "data-version" => self.version = unescaped(value(rest)),
            "property_value" if self.version.is_empty() => {
                if let ("owl:versionInfo", rest) = word(rest) {
                    self.version = quoted(rest).map_or_else(|_| unescaped(word(rest).0), |(version, _)| version);
                }
            }
            "synonymtypedef" if means_abbreviation(rest) && self.abbreviations.len() < MOST_ABBREVIATIONS => {
                self.abbreviations.insert(unescaped(word(rest).0));
            }
            _ => {}
        }
        true
    }
}

/// A term as far as it was read.
#[derive(Default)]
struct Stanza {
    line: u64,
    bytes: usize,
    term: Term,
    anonymous: bool,
    /// The first fault, and its line.
    fault: Option<(u64, String)>,
}

impl Stanza {
    fn at(line: u64) -> Self {
        Self { line, ..Self::default() }
    }

    fn line(&mut self, number: u64, line: Result<&str, String>, header: &Header) {
        if self.fault.is_some() {
            return;
        }
        let read = line.and_then(|line| {
            self.bytes += line.len();
            if self.bytes > LARGEST_STANZA {
                return Err(format!("the term is longer than {LARGEST_STANZA} bytes"));
            }
            let (tag, rest) = tag(line).ok_or("it is no `tag: value`")?;
            self.tag(tag, rest, header).map_err(|reason| format!("{tag}: {reason}"))
        });
        self.fault = read.err().map(|reason| (number, reason));
    }

    fn tag(&mut self, tag: &str, rest: &str, header: &Header) -> Result<(), String> {
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
                let (text, rest) = quoted(rest)?;
                words_before_list(rest)?;
                term.definition = text;
            }
            "alt_id" => term.alt_ids.extend(related(value(rest))?),
            "xref" | "xref_analog" | "xref_unk" => term.xrefs.push(unescaped(word(value(rest)).0)),
            "is_a" => term.parents.extend(related(value(rest))?),
            "relationship" => {
                let (relation, whole) = word(value(rest));
                if means_part_of(&unescaped(relation)) {
                    term.wholes.extend(related(whole)?);
                }
            }
            "is_obsolete" => term.obsolete = is_true(),
            "is_anonymous" => self.anonymous = is_true(),
            "replaced_by" => term.replaced_by.extend(related(value(rest))?),
            "consider" => term.consider.extend(related(value(rest))?),
            _ => {}
        }
        Ok(())
    }

    fn tell(mut self, teller: &mut Teller, reading: &mut Reading) -> Result<(), TerminologyError> {
        reading.row()?;
        let ignored = self.anonymous || is_address(&self.term.id);
        if self.fault.is_none() && self.term.id.is_empty() {
            self.fault = Some((self.line, "the term has no id".into()));
        }
        if self.fault.is_none() && self.term.name.trim().is_empty() && !self.term.obsolete && !ignored {
            self.fault = Some((self.line, format!("{} has no name", text::quoted(&self.term.id))));
        }
        match self.fault {
            Some((line, reason)) => reading.bad(line, reason),
            None if ignored => {}
            None => teller.tell(self.line, &self.term, reading)?,
        }
        Ok(())
    }
}

/// A second value means that a line which should begin a stanza is missing: two terms would become one.
fn set_once(place: &mut String, text: String) -> Result<(), String> {
    if !place.is_empty() {
        return Err("the term has two of them".into());
    }
    *place = text;
    Ok(())
}

/// One id; an address that stands for one becomes it, anything else is left for who takes the statements to judge.
fn id(text: &str) -> Result<String, String> {
    let written = match word(text) {
        ("", _) => return Err("there is no id".into()),
        (written, "") => unescaped(written),
        _ => return Err("there is more than an id".into()),
    };
    Ok(concept_id(&written).map(|id| id.into_owned()).unwrap_or(written))
}

/// The id of another term, unless it is an address that stands for no concept.
fn related(text: &str) -> Result<Option<String>, String> {
    Ok(Some(id(text)?).filter(|id| !is_address(id)))
}

/// Whether an id is an address still. Such a class holds an ontology together and is nothing that can be mentioned.
fn is_address(id: &str) -> bool {
    id.contains("://")
}

/// A synonym, unless its text is blank. Its scope may stand in the tag; where none stands anywhere, OBO has it that it
/// is related.
fn synonym(rest: &str, scope: Option<Scope>, header: &Header) -> Result<Option<Synonym>, String> {
    let (text, rest) = quoted(rest)?;
    let words = words_before_list(rest)?;
    let (scope, types) = match (scope, &words[..]) {
        (Some(scope), types) => (scope, types),
        (None, []) => (Scope::Related, &[][..]),
        (None, [scope, types @ ..]) => (scope_of(scope)?, types),
    };
    let abbreviation = types.iter().any(|written| {
        let written = unescaped(written);
        header.abbreviations.contains(&written) || means_abbreviation(&written)
    });
    Ok((!text.trim().is_empty()).then_some(Synonym { text, scope, abbreviation }))
}

fn scope_of(word: &str) -> Result<Scope, String> {
    Ok(match word {
        "EXACT" => Scope::Exact,
        "BROAD" => Scope::Broad,
        "NARROW" => Scope::Narrow,
        "RELATED" => Scope::Related,
        _ => return Err(format!("{} is no scope", text::quoted(word))),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::terminology::testing::{Told, fixture, survives_damage, told};

    fn read(text: impl AsRef<[u8]>, options: &OntologyOptions) -> Told {
        told(|reading| read_obo(text.as_ref(), options, reading))
    }

    #[test]
    fn terms_are_told() {
        let told = read(fixture("small.obo"), &OntologyOptions::default());
        assert_eq!(
            told.of("XYZ:0000001 "),
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
            told.statements.iter().map(String::as_str).filter(|s| !s.starts_with("XYZ:0000001 ")).collect();
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
    fn faults_are_named_by_line_and_leave_the_next_term_alone() {
        let text = fixture("small.obo");
        let told = read(&text, &OntologyOptions::default());
        let line = |start: &str| text.lines().position(|line| line.starts_with(start)).unwrap() + 1;
        let expected = [
            (line("synonym: \"it does not"), "synonym: the quote of its text does not end"),
            (line("synonym: \"x\" SOMEHOW"), "synonym: `SOMEHOW` is no scope"),
            (line("is_a XYZ"), "it is no `tag: value`"),
            (line("id: XYZ:0000013") - 1, "`XYZ:0000013` has no name"),
            (line("name: no id") - 1, "the term has no id"),
            (line("id: XYZ:0000015"), "id: the term has two of them"),
            (line("id: no_concept") - 1, "`no_concept` is no concept id"),
        ];
        assert_eq!(told.faults(), expected.map(|(line, reason)| format!("input:{line}: {reason}")));
        assert_eq!(told.outcome.unwrap().rows, 15);
    }

    #[test]
    fn scopes_are_heeded() {
        let names = |scopes: &[Scope]| {
            let told = read(fixture("small.obo"), &OntologyOptions { scopes: scopes.to_vec() });
            told.of("XYZ:0000001 = ").into_iter().map(str::to_owned).collect::<Vec<_>>()
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
    fn a_file_without_a_header_may_have_terms() {
        let told = read("[Term]\nid: XYZ:1\nname: a", &OntologyOptions::default());
        assert_eq!(told.statements, ["XYZ:1 = a [XYZ XYZ:1 PT ENG 7]"]);
        for (text, reason) in [
            ("", "it has no rows"),
            ("\n! a comment\n", "it has no rows"),
            ("a: b\n[Typedef]\nid: x\n", "it has neither an OBO header nor terms: this is no OBO file"),
            ("{\"graphs\": []}", "line 1 is no `tag: value`: this is no OBO file"),
        ] {
            assert_eq!(read(text, &OntologyOptions::default()).faults(), [format!("input: {reason}")]);
        }
        let utf16: Vec<u8> =
            "\u{feff}format-version: 1.2\n".encode_utf16().flat_map(|unit| unit.to_le_bytes()).collect();
        let faults = read(utf16, &OntologyOptions::default()).faults();
        assert_eq!(faults, ["input: line 1: it is not valid UTF-8: this is no OBO file"]);
        let told = read("format-version: 1.2\n", &OntologyOptions::default());
        assert_eq!(told.faults(), ["input: it has no rows"]);
    }

    #[test]
    fn versions_belong_to_the_ontology_itself() {
        for (header, expected) in [
            ("ontology: hp\ndata-version: releases/2026-01-31", &["HPO is of 2026-01-31"][..]),
            ("ontology: http://purl.obolibrary.org/obo/hp.owl\ndata-version: 7", &["HPO is of 7"]),
            ("ontology: hp\nproperty_value: owl:versionInfo \"a b\" xsd:string", &["HPO is of a b"]),
            ("ontology: ordo\ndata-version: 4.5", &["ORPHANET is of 4.5"]),
            ("ontology: go\ndata-version: 4.5", &[]),
            ("data-version: 4.5", &[]),
        ] {
            let text = format!("{header}\n[Term]\nid: Orphanet:1\nname: a\n\n[Term]\nid: HP:1\nname: b\n");
            let told = read(&text, &OntologyOptions::default());
            let versions: Vec<&String> = told.statements.iter().filter(|s| s.contains(" is of ")).collect();
            assert_eq!(versions, expected, "{header}");
        }
    }

    #[test]
    fn a_stanza_is_bounded() {
        let synonym = format!("synonym: \"{}\" EXACT []\n", "a".repeat(1000));
        let text = format!("[Term]\nid: XYZ:1\nname: a\n{}[Term]\nid: XYZ:2\nname: b", synonym.repeat(9000));
        let told = read(&text, &OntologyOptions::default());
        assert_eq!(told.statements, ["XYZ:2 = b [XYZ XYZ:2 PT ENG 7]"]);
        assert!(told.faults()[0].ends_with("the term is longer than 8388608 bytes"));
    }

    #[test]
    fn damage_is_survived() {
        let options = OntologyOptions::default();
        survives_damage(&fixture("small.obo"), |bytes, reading| read_obo(bytes, &options, reading));
    }
}
