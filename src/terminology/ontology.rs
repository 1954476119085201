//! Terms of an ontology, in whatever format they come, as statements.
//!
//! Everything is told of a term under its own id. That the id is the same as the CUIs among its cross-references is told too: who takes
//! the statements finds what belongs to them. Invariant: a term is told without knowledge of any other.

use std::{borrow::Cow, collections::BTreeSet};

use crate::domain::{AtomRef, Hierarchy, Statement, Succession};
use crate::terminology::{Reading, TerminologyError, umls_cui, vocabulary};

/// Language of all names: ontologies seldom say another.
pub(super) const LANGUAGE: &str = "ENG";
/// Preference of a term's name; its synonyms have none.
pub(super) const PREFERRED: u32 = 7;
/// UMLS's own vocabulary: the source of a term whose id is a CUI.
const METATHESAURUS: &str = "MTH";
/// What ids and descriptions of the synonym types of abbreviations contain, in lower case.
const ABBREVIATIONS: [&str; 6] =
    ["abbreviation", "acronym", "omo:0003000", "omo_0003000", "omo:0003012", "omo_0003012"];
/// Vocabularies of terms that are remembered; an ontology imports a few dozen.
const MOST_VOCABULARIES: usize = 1000;

/// How near a synonym comes to the meaning of its term.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    Exact,
    Broad,
    Narrow,
    Related,
}

/// Which part of an ontology is read.
#[derive(Clone, Debug)]
pub struct OntologyOptions {
    /// Synonyms of these scopes are names.
    pub scopes: Vec<Scope>,
}

impl Default for OntologyOptions {
    fn default() -> Self {
        Self { scopes: vec![Scope::Exact] }
    }
}

/// A term. Ids are those that [`super::concept_id`] gives; text that it does not have is empty.
#[derive(Debug, Default)]
pub(super) struct Term {
    pub id: String,
    pub name: String,
    pub definition: String,
    pub synonyms: Vec<Synonym>,
    pub alt_ids: Vec<String>,
    pub xrefs: Vec<String>,
    /// What it is (`is_a`).
    pub parents: Vec<String>,
    /// What it is part of (`part_of`).
    pub wholes: Vec<String>,
    pub obsolete: bool,
    pub replaced_by: Vec<String>,
    pub consider: Vec<String>,
}

#[derive(Debug, PartialEq)]
pub(super) struct Synonym {
    pub text: String,
    pub scope: Scope,
    /// Whether it is an abbreviation or acronym.
    pub abbreviation: bool,
}

impl Synonym {
    fn term_type(&self) -> &'static str {
        match self.scope {
            Scope::Exact if self.abbreviation => "AB",
            Scope::Exact => "SY",
            Scope::Broad => "SY_BROAD",
            Scope::Narrow => "SY_NARROW",
            Scope::Related => "SY_RELATED",
        }
    }
}

/// Whether an id or a description of a synonym type is that of abbreviations.
pub(super) fn means_abbreviation(synonym_type: &str) -> bool {
    let lower = synonym_type.to_ascii_lowercase();
    ABBREVIATIONS.iter().any(|mark| lower.contains(mark))
}

/// Whether an id of a relation is that of `part_of`.
pub(super) fn means_part_of(relation: &str) -> bool {
    matches!(relation, "part_of" | "BFO:0000050" | "OBO_REL:part_of" | "http://purl.obolibrary.org/obo/BFO_0000050")
}

/// Tells the terms of one ontology.
pub(super) struct Teller<'o> {
    options: &'o OntologyOptions,
    vocabularies: BTreeSet<String>,
}

impl<'o> Teller<'o> {
    pub(super) fn new(options: &'o OntologyOptions) -> Self {
        Self { options, vocabularies: BTreeSet::new() }
    }

    /// Tells a term that stands at `line`.
    pub(super) fn tell(&mut self, line: u64, term: &Term, reading: &mut Reading) -> Result<(), TerminologyError> {
        let id = term.id.as_str();
        let (source, code) = own_vocabulary(id);
        if self.vocabularies.len() < MOST_VOCABULARIES && !self.vocabularies.contains(source) {
            self.vocabularies.insert(source.to_owned());
        }
        let mut row = Row { reading, line, source };
        for alt in &term.alt_ids {
            row.successor(alt, Some(id), Succession::Same)?;
        }
        if term.obsolete {
            return row.obsolete(term);
        }
        // A term under a CUI is about that one, whatever others it refers to.
        if id.contains(':') {
            for cui in term.xrefs.iter().filter_map(|xref| umls_cui(xref)) {
                row.successor(id, Some(cui), Succession::Same)?;
            }
        }
        self.concept(&code, term, &mut row)?;
        for parent in &term.parents {
            relate(line, id, parent, Hierarchy::Parent, reading)?;
        }
        for whole in &term.wholes {
            relate(line, id, whole, Hierarchy::Broader, reading)?;
        }
        Ok(())
    }

    fn concept(&self, code: &str, term: &Term, row: &mut Row) -> Result<(), TerminologyError> {
        let concept = term.id.as_str();
        row.name(concept, code, &term.name, "PT", PREFERRED)?;
        for synonym in term.synonyms.iter().filter(|s| self.options.scopes.contains(&s.scope)) {
            row.name(concept, code, &synonym.text, synonym.term_type(), 0)?;
        }
        if !term.definition.trim().is_empty() {
            row.say(Statement::Definition { concept, source: row.source, text: &term.definition })?;
        }
        for (source, code) in term.xrefs.iter().filter_map(|xref| vocabulary(xref)) {
            row.say(Statement::Code { concept, source, code: &code, said_by: row.source })?;
        }
        Ok(())
    }

    /// Tells the version of the ontology, after its terms.
    ///
    /// It is the version of the vocabulary that the ontology is called after, not of those that it took terms from: of
    /// `HP:..` and `UBERON:..` in `http://purl.obolibrary.org/obo/hp.owl` or `hp/subsets/some` it is that of HPO. An
    /// ontology without a name, or whose name is none of its vocabularies', has no version that could be told.
    pub(super) fn version(
        &self,
        line: u64,
        ontology: &str,
        version: &str,
        reading: &mut Reading,
    ) -> Result<(), TerminologyError> {
        let address = ontology.split_once("://").map_or(ontology, |(_, address)| address);
        let path = address.strip_prefix("purl.obolibrary.org/obo/").unwrap_or(address);
        let name = path.split(['/', '.']).next().unwrap_or_default();
        let curie = format!("{name}:1");
        let Some((own, _)) = vocabulary(&curie) else { return Ok(()) };
        if let Some(source) = self.vocabularies.iter().find(|source| source.eq_ignore_ascii_case(own)) {
            tell_version(line, source, version, reading)?;
        }
        Ok(())
    }
}

/// The source and code of a term's own id.
pub(super) fn own_vocabulary(id: &str) -> (&str, Cow<'_, str>) {
    vocabulary(id).unwrap_or((METATHESAURUS, id.into()))
}

/// Tells that one term lies below another.
pub(super) fn relate(
    line: u64,
    narrower: &str,
    broader: &str,
    kind: Hierarchy,
    reading: &mut Reading,
) -> Result<(), TerminologyError> {
    let (source, _) = own_vocabulary(narrower);
    reading.say(line, Statement::Relation { narrower, broader, kind, source }).map(drop)
}

/// Tells the version of a vocabulary, if there is one. Of `hp/releases/2017-04-13/hp.obo` the version is `2017-04-13`.
pub(super) fn tell_version(
    line: u64,
    source: &str,
    version: &str,
    reading: &mut Reading,
) -> Result<(), TerminologyError> {
    let mut parts = version.split('/').skip_while(|part| *part != "releases").skip(1);
    let version = parts.next().unwrap_or(version);
    if !version.is_empty() {
        reading.say(line, Statement::Source { source, name: "", version, restriction_level: None })?;
    }
    Ok(())
}

/// Where the statements of a term go.
struct Row<'r, 'a> {
    reading: &'r mut Reading<'a>,
    line: u64,
    source: &'r str,
}

impl Row<'_, '_> {
    fn say(&mut self, statement: Statement) -> Result<(), TerminologyError> {
        self.reading.say(self.line, statement).map(drop)
    }

    fn name(
        &mut self,
        concept: &str,
        code: &str,
        name: &str,
        term_type: &str,
        preference: u32,
    ) -> Result<(), TerminologyError> {
        let source = self.source;
        let atom =
            AtomRef { concept, name, source, code, term_type, language: LANGUAGE, suppressed: false, preference };
        self.say(Statement::Atom(atom))
    }

    fn successor(&mut self, retired: &str, successor: Option<&str>, kind: Succession) -> Result<(), TerminologyError> {
        if successor == Some(retired) {
            return Ok(());
        }
        self.say(Statement::Successor { retired, successor, kind, source: self.source })
    }

    fn obsolete(&mut self, term: &Term) -> Result<(), TerminologyError> {
        for id in &term.replaced_by {
            self.successor(&term.id, Some(id), Succession::Same)?;
        }
        for id in &term.consider {
            self.successor(&term.id, Some(id), Succession::Other)?;
        }
        if term.replaced_by.is_empty() && term.consider.is_empty() {
            self.successor(&term.id, None, Succession::Deleted)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::terminology::testing::told;

    fn statements(term: &Term) -> Vec<String> {
        let options = OntologyOptions::default();
        told(|reading| {
            reading.row()?;
            Teller::new(&options).tell(1, term, reading)
        })
        .statements
    }

    fn texts(of: &[&str]) -> Vec<String> {
        of.iter().map(|&text| text.to_owned()).collect()
    }

    #[test]
    fn a_term_under_a_cui_is_that_concept() {
        let (name, xrefs) = ("a".to_owned(), texts(&["UMLS:C0000002"]));
        let term = Term { id: "C0000001".into(), name, xrefs, parents: texts(&["C0000003"]), ..Term::default() };
        let expected = ["C0000001 = a [MTH C0000001 PT ENG 7]", "C0000001 < C0000003 Parent [MTH]"];
        assert_eq!(statements(&term), expected);
    }

    #[test]
    fn an_obsolete_term_has_no_names_and_never_succeeds_itself() {
        let (name, ids) = ("a".to_owned(), texts(&["XYZ:1", "XYZ:2"]));
        let mut term = Term {
            id: "XYZ:1".into(),
            name,
            alt_ids: ids.clone(),
            replaced_by: ids,
            obsolete: true,
            ..Term::default()
        };
        assert_eq!(statements(&term), ["XYZ:2 -> XYZ:1 Same [XYZ]", "XYZ:1 -> XYZ:2 Same [XYZ]"]);
        (term.alt_ids, term.replaced_by) = (vec![], vec![]);
        assert_eq!(statements(&term), ["XYZ:1 -> nothing Deleted [XYZ]"]);
    }

    #[test]
    fn abbreviations_are_known_by_their_types() {
        let types = ["ABBREVIATION", "http://purl.obolibrary.org/obo/OMO_0003000", "OMO:0003012", "x \"An acronym\""];
        assert!(types.into_iter().all(means_abbreviation));
        assert!(!["layperson", "OMO:0003001", ""].into_iter().any(means_abbreviation));
    }
}
