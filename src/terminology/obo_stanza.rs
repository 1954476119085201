//! One `[Term]` stanza of an OBO file.
//!
//! The tags that name, define, relate or retire a term are read; other tags are ignored.
//!
//! Invariants: a line that cannot be used costs that line, not its stanza. The memory for a stanza
//! is bounded.

use crate::{
    domain::{curie::concept_id, language_abbreviation},
    terminology::{
        Reading, Scope, TerminologyError,
        identity::{Identity, mapping_target},
        left_out::{
            BAD_DEFINITIONS, BAD_NAMES, BAD_RELATIONS, BAD_SUCCESSIONS, BAD_SYNONYMS, BAD_XREFS, FOREIGN_TERMS,
            UNKNOWN_LANGUAGES, UNKNOWN_SCOPES,
        },
        obo_header::{Header, parse_scope},
        obo_text::{
            first_id, first_target, first_word, qualifiers, quoted_text, tag_and_value, unescaped, value,
            value_and_qualifiers, words_and_qualifiers,
        },
        ontology::{Located, Name, Synonym, Term, TermEmitter, Xref, is_abbreviation_type, is_part_of},
    },
    text,
};

/// Maximum bytes of a stanza; a longer one is a bad row. The longest stanzas of large ontologies
/// have about 100,000.
const MAX_STANZA_BYTES: usize = 1 << 23;
/// What is left out of a stanza because its line has no tag or is not text.
const BAD_LINES: &str = "lines that cannot be read";
const SECOND_DEFINITIONS: &str = "second definitions of a term";

/// A `[Term]` stanza, up to the current line.
#[derive(Default)]
pub(super) struct Stanza {
    /// The line with `[Term]`.
    line: u64,
    bytes: usize,
    term: Term,
    /// Names after the first one.
    second_names: Vec<Name>,
    anonymous: bool,
    /// Line and reason of the first fault that makes the stanza a bad row.
    fault: Option<(u64, String)>,
}

/// A line that is left out: which parts are counted, and what is wrong with this one.
type LineFault = (&'static str, String);

impl Stanza {
    pub(super) fn new(line: u64) -> Self {
        Self { line, ..Self::default() }
    }

    pub(super) fn read_line(
        &mut self,
        number: u64,
        line: Result<&str, String>,
        header: &Header,
        reading: &mut Reading,
    ) {
        if self.fault.is_some() {
            return;
        }
        self.bytes += line.as_ref().map_or(0, |line| line.len());
        if self.bytes > MAX_STANZA_BYTES {
            self.fault = Some((number, format!("the term is longer than {MAX_STANZA_BYTES} bytes")));
            return;
        }
        let tagged = line.and_then(|line| tag_and_value(line).ok_or("the line is not `tag: value`".into()));
        let (tag, read) = match tagged {
            Ok((tag, rest)) => (tag, self.read_tag(tag, number, rest, header)),
            Err(reason) => return reading.leave_out(BAD_LINES, number, reason),
        };
        if let Err((parts, reason)) = read {
            reading.leave_out(parts, number, format_args!("{tag}: {reason}"));
        }
    }

    fn read_tag(&mut self, tag: &str, line: u64, rest: &str, header: &Header) -> Result<(), LineFault> {
        let is_true = || matches!(value(rest).to_ascii_lowercase().as_str(), "true" | "1");
        let term = &mut self.term;
        let add = |list: &mut Vec<Located>, text: &str, parts| {
            list.push(Located { line, text: other_id(text).map_err(|reason| (parts, reason))? });
            Ok(())
        };
        match tag {
            "synonym" => return term.add_synonym(line, rest, None, header),
            "exact_synonym" => return term.add_synonym(line, rest, Some(Scope::Exact), header),
            "broad_synonym" => return term.add_synonym(line, rest, Some(Scope::Broad), header),
            "narrow_synonym" => return term.add_synonym(line, rest, Some(Scope::Narrow), header),
            "related_synonym" => return term.add_synonym(line, rest, Some(Scope::Related), header),
            "id" => self.set_id(line, rest),
            "name" => return self.add_name(line, rest),
            "def" => return term.set_definition(line, rest),
            "alt_id" => return add(&mut term.alt_ids, rest, BAD_SUCCESSIONS),
            "replaced_by" => return add(&mut term.replaced_by, rest, BAD_SUCCESSIONS),
            "consider" => return add(&mut term.consider, rest, BAD_SUCCESSIONS),
            "xref" | "xref_analog" | "xref_unk" => return term.add_xref(line, rest, header),
            "property_value" => term.add_property(line, rest),
            "equivalent_to" => {
                let target = other_id(rest).map_err(|reason| (BAD_XREFS, reason))?;
                term.xrefs.push(Xref { line, target: mapping_target(&target), identity: Identity::Stated });
            }
            "is_a" => return add(&mut term.parents, rest, BAD_RELATIONS),
            "relationship" => {
                let (relation, whole) = first_word(rest);
                if is_part_of(&unescaped(relation)) {
                    return add(&mut term.wholes, whole, BAD_RELATIONS);
                }
            }
            "is_obsolete" => term.obsolete = is_true(),
            "is_anonymous" => self.anonymous = is_true(),
            _ => {}
        }
        Ok(())
    }

    /// Sets the id of the term.
    ///
    /// A second id means that the line which begins the next stanza is missing: two terms would
    /// become one.
    fn set_id(&mut self, line: u64, rest: &str) {
        let read = id(rest).and_then(|id| match self.term.id.is_empty() {
            true => Ok(id),
            false => Err("the term has two of them".into()),
        });
        match read {
            Ok(id) => self.term.id = id,
            Err(reason) => self.fault = Some((line, format!("id: {reason}"))),
        }
    }

    /// Takes the first name as the name of the term.
    fn add_name(&mut self, line: u64, rest: &str) -> Result<(), LineFault> {
        let (text, qualifiers) = value_and_qualifiers(rest);
        let name = Name { line, text: unescaped(text), language: language(qualifiers)? };
        if name.text.trim().is_empty() {
            return Err((BAD_NAMES, "it is empty".into()));
        }
        match &self.term.name {
            None => self.term.name = Some(name),
            Some(first) if first.text == name.text => {}
            Some(_) => self.second_names.push(name),
        }
        Ok(())
    }

    /// Emits the statements about the term, or reports its fault.
    pub(super) fn end(mut self, emitter: &mut TermEmitter, reading: &mut Reading) -> Result<(), TerminologyError> {
        reading.begin_row()?;
        if self.fault.is_none() && self.term.id.is_empty() && !self.anonymous {
            self.fault = Some((self.line, "the term has no id".into()));
        }
        match self.fault {
            Some((line, reason)) => reading.bad_row(line, reason),
            None if self.anonymous || is_iri(&self.term.id) => reading.skip(FOREIGN_TERMS),
            None => {
                for name in self.second_names {
                    reading.remark("a second name of the term is taken as an exact synonym", name.line);
                    self.term.synonyms.push(Synonym { name, scope: Scope::Exact, abbreviation: false });
                }
                emitter.emit(self.line, &self.term, reading)?;
            }
        }
        Ok(())
    }
}

impl Term {
    /// Adds a synonym. Old files state its scope in the tag. The scope is
    /// "related" when neither tag nor value states one, as the specification of OBO defines.
    fn add_synonym(&mut self, line: u64, rest: &str, scope: Option<Scope>, header: &Header) -> Result<(), LineFault> {
        let bad = |reason: &str| (BAD_SYNONYMS, reason.to_owned());
        let (text, rest) = quoted_text(rest).map_err(bad)?;
        let (words, qualifiers) = words_and_qualifiers(rest).map_err(bad)?;
        let declared = |word: &str| header.synonym_types.get(&unescaped(word));
        let (scope, types) = match (scope, &words[..]) {
            (Some(scope), types) => (scope, types),
            (None, []) => (Scope::Related, &[][..]),
            (None, [first, rest @ ..]) => match (parse_scope(first), declared(first)) {
                (Some(scope), _) => (scope, rest),
                (None, Some(declared)) => (declared.scope.unwrap_or(Scope::Related), &words[..]),
                (None, None) => {
                    return Err((UNKNOWN_SCOPES, format!("{} is not a synonym scope", text::quoted(first))));
                }
            },
        };
        let is_abbreviation = |word: &&str| match declared(word) {
            Some(declared) => declared.abbreviation,
            None => is_abbreviation_type(&unescaped(word)),
        };
        let abbreviation = types.iter().any(is_abbreviation);
        let name = Name { line, text, language: language(qualifiers)? };
        if name.text.trim().is_empty() {
            return Err(bad("the synonym is empty"));
        }
        self.synonyms.push(Synonym { name, scope, abbreviation });
        Ok(())
    }

    fn set_definition(&mut self, line: u64, rest: &str) -> Result<(), LineFault> {
        let bad = |reason: &str| (BAD_DEFINITIONS, reason.to_owned());
        let (text, rest) = quoted_text(rest).map_err(bad)?;
        words_and_qualifiers(rest).map_err(bad)?;
        if text.trim().is_empty() {
            return Err(bad("the definition is empty"));
        }
        if !self.definition.text.is_empty() {
            return Err((SECOND_DEFINITIONS, "the term has one already".into()));
        }
        self.definition = Located { line, text };
        Ok(())
    }

    fn add_xref(&mut self, line: u64, rest: &str, header: &Header) -> Result<(), LineFault> {
        let (target, rest) = first_target(rest);
        if target.is_empty() {
            return Err((BAD_XREFS, "the id is missing".into()));
        }
        let target = unescaped(target);
        // A description in quotes may follow, and may contain braces.
        let rest = quoted_text(rest).map_or(rest, |(_, rest)| rest.trim_start());
        let (other, qualified) = value_and_qualifiers(rest);
        if !other.is_empty() {
            // A qualifier that cannot be read may say that the two are not the same.
            return Err((BAD_XREFS, "there is text after it that is neither a description nor qualifiers".into()));
        }
        let qualifiers = qualifiers(qualified);
        let of_prefix = target.split_once(':').and_then(|(prefix, _)| header.identities.get(prefix));
        // A comment is for people.
        let stated = qualifiers.iter().filter(|(key, _)| *key != "comment").map(|(_, value)| value.as_str());
        let identity = match Identity::of_all(stated) {
            Identity::Unqualified => of_prefix.copied().unwrap_or(Identity::Unqualified),
            stated => stated,
        };
        self.xrefs.push(Xref { line, target, identity });
        Ok(())
    }

    /// Adds the target of a mapping predicate, such as `skos:exactMatch`, as a cross-reference.
    fn add_property(&mut self, line: u64, rest: &str) {
        let (predicate, rest) = first_word(rest);
        let identity = Identity::of(&unescaped(predicate));
        if identity != Identity::Unqualified {
            let target = quoted_text(rest).map_or_else(|_| unescaped(first_target(rest).0), |(target, _)| target);
            self.xrefs.push(Xref { line, target: mapping_target(&target), identity });
        }
    }
}

/// The language (LAT) that qualifiers state.
fn language(text: &str) -> Result<Option<String>, LineFault> {
    let stated = qualifiers(text).into_iter().find(|(key, _)| key.eq_ignore_ascii_case("lang"));
    let abbreviation = stated.map(|(_, tag)| {
        language_abbreviation(&tag)
            .ok_or_else(|| (UNKNOWN_LANGUAGES, format!("the language {} is not known", text::quoted(&tag))))
    });
    abbreviation.transpose()
}

/// One id. An IRI that stands for a concept id becomes that id; any other text stays, and the sink
/// judges it.
fn id(text: &str) -> Result<String, String> {
    let (written, rest) = first_id(text);
    if written.is_empty() {
        return Err("the id is missing".into());
    }
    if !value(rest).is_empty() {
        return Err("there is text after the id".into());
    }
    let written = unescaped(written);
    Ok(concept_id(&written).map(|id| id.into_owned()).unwrap_or(written))
}

/// The id of another term.
fn other_id(text: &str) -> Result<String, String> {
    let id = id(text)?;
    if is_iri(&id) { Err(format!("{} stands for no concept id", text::quoted(&id))) } else { Ok(id) }
}

/// Whether an id is still an IRI. Such a class only structures the ontology; no mention means it.
fn is_iri(id: &str) -> bool {
    id.contains("://")
}
