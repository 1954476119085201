//! Turns terms of an ontology into statements, for every ontology format.
//!
//! All statements about a term use its own id. If its cross-references name CUIs, a statement for
//! each CUI states that the id is the same as the CUI. `concepts/ingest` then merges the two.
//!
//! Invariant: the statements about a term depend on no other term.

use std::{borrow::Cow, collections::BTreeSet};

use crate::{
    domain::{
        AtomRef, RelationKind, Statement, Succession,
        curie::{source_and_code, umls_cui},
    },
    terminology::{
        Reading, TerminologyError,
        constants::{DEFAULT_LANGUAGE, METATHESAURUS, PREFERRED},
    },
};

/// Parts, in lower case, by which ids and descriptions of synonym types show that they mark
/// abbreviations.
const ABBREVIATION_MARKS: [&str; 6] =
    ["abbreviation", "acronym", "omo:0003000", "omo_0003000", "omo:0003012", "omo_0003012"];
/// Maximum number of vocabularies that are remembered; an ontology imports a few dozen.
const MAX_VOCABULARIES: usize = 1000;

/// How near the meaning of a synonym is to that of its term.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The synonym means the term.
    Exact,
    /// The synonym means something broader.
    Broad,
    /// The synonym means something narrower.
    Narrow,
    /// The synonym means something related, or its scope is not stated.
    Related,
}

/// Which parts of an ontology are read.
#[derive(Clone, Debug)]
pub struct OntologyOptions {
    /// Synonyms of these scopes become names.
    pub scopes: Vec<Scope>,
}

impl Default for OntologyOptions {
    fn default() -> Self {
        Self { scopes: vec![Scope::Exact] }
    }
}

/// A term. Ids are results of [`crate::domain::curie::concept_id`]; missing text is empty.
#[derive(Debug, Default)]
pub(super) struct Term {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) definition: String,
    pub(super) synonyms: Vec<Synonym>,
    pub(super) alt_ids: Vec<String>,
    pub(super) xrefs: Vec<String>,
    /// Objects of `is_a`.
    pub(super) parents: Vec<String>,
    /// Objects of `part_of`.
    pub(super) wholes: Vec<String>,
    pub(super) obsolete: bool,
    pub(super) replaced_by: Vec<String>,
    pub(super) consider: Vec<String>,
}

/// A synonym of a term.
#[derive(Debug, PartialEq)]
pub(super) struct Synonym {
    pub(super) text: String,
    pub(super) scope: Scope,
    /// Whether it is an abbreviation or acronym.
    pub(super) abbreviation: bool,
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

/// Whether the id or description of a synonym type marks abbreviations.
pub(super) fn is_abbreviation_type(synonym_type: &str) -> bool {
    let lower = synonym_type.to_ascii_lowercase();
    ABBREVIATION_MARKS.iter().any(|mark| lower.contains(mark))
}

/// IRI of the relation `part of` in the Basic Formal Ontology.
const PART_OF_IRI: &str = "http://purl.obolibrary.org/obo/BFO_0000050";

/// Whether the id of a relation means `part_of`.
pub(super) fn is_part_of(relation: &str) -> bool {
    matches!(relation, "part_of" | "BFO:0000050" | "OBO_REL:part_of" | PART_OF_IRI)
}

/// Emits the statements about the terms of one ontology.
pub(super) struct TermEmitter<'o> {
    options: &'o OntologyOptions,
    /// Source vocabularies (SAB) of the terms so far.
    vocabularies: BTreeSet<String>,
}

impl<'o> TermEmitter<'o> {
    pub(super) fn new(options: &'o OntologyOptions) -> Self {
        Self { options, vocabularies: BTreeSet::new() }
    }

    /// Emits the statements about a term that begins at `line`.
    pub(super) fn emit(&mut self, line: u64, term: &Term, reading: &mut Reading) -> Result<(), TerminologyError> {
        let id = term.id.as_str();
        let (source, code) = own_code(id);
        if self.vocabularies.len() < MAX_VOCABULARIES && !self.vocabularies.contains(source) {
            self.vocabularies.insert(source.to_owned());
        }
        let mut row = TermRow { reading, line, source };
        for alt in &term.alt_ids {
            row.successor(alt, Some(id), Succession::Same)?;
        }
        if term.obsolete {
            return row.obsolete(term);
        }
        // A term whose id is a CUI is about that concept, regardless of the CUIs in its
        // cross-references.
        if id.contains(':') {
            for cui in term.xrefs.iter().filter_map(|xref| umls_cui(xref)) {
                row.successor(id, Some(cui), Succession::Same)?;
            }
        }
        self.emit_concept(&code, term, &mut row)?;
        for parent in &term.parents {
            emit_relation(line, id, parent, RelationKind::Parent, reading)?;
        }
        for whole in &term.wholes {
            emit_relation(line, id, whole, RelationKind::Broader, reading)?;
        }
        Ok(())
    }

    /// Emits names, definition and codes.
    fn emit_concept(&self, code: &str, term: &Term, row: &mut TermRow) -> Result<(), TerminologyError> {
        let concept = term.id.as_str();
        row.atom(concept, code, &term.name, "PT", PREFERRED)?;
        for synonym in term.synonyms.iter().filter(|s| self.options.scopes.contains(&s.scope)) {
            row.atom(concept, code, &synonym.text, synonym.term_type(), 0)?;
        }
        if !term.definition.trim().is_empty() {
            row.emit(Statement::Definition { concept, source: row.source, text: &term.definition })?;
        }
        for (source, code) in term.xrefs.iter().filter_map(|xref| source_and_code(xref)) {
            row.emit(Statement::Code { concept, source, code: &code, asserted_by: row.source })?;
        }
        Ok(())
    }

    /// Emits the version of the ontology; called after all of its terms.
    ///
    /// It is the version of the vocabulary that the ontology is named after, not of vocabularies
    /// that it imports terms from: in `http://purl.obolibrary.org/obo/hp.owl` or `hp/subsets/some`,
    /// which have terms `HP:..` and `UBERON:..`, it is the version of HPO. Nothing is emitted when
    /// the ontology has no name or no term of that vocabulary.
    pub(super) fn emit_version(
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
        let Some((own, _)) = source_and_code(&curie) else { return Ok(()) };
        if let Some(source) = self.vocabularies.iter().find(|source| source.eq_ignore_ascii_case(own)) {
            emit_source_version(line, source, version, reading)?;
        }
        Ok(())
    }
}

/// The source vocabulary of the id of a term, and the code that the id is in it.
pub(super) fn own_code(id: &str) -> (&str, Cow<'_, str>) {
    source_and_code(id).unwrap_or((METATHESAURUS, id.into()))
}

/// Emits that the term `narrower` is below the term `broader`.
pub(super) fn emit_relation(
    line: u64,
    narrower: &str,
    broader: &str,
    kind: RelationKind,
    reading: &mut Reading,
) -> Result<(), TerminologyError> {
    let (source, _) = own_code(narrower);
    reading.emit(line, Statement::Relation { narrower, broader, kind, source }).map(drop)
}

/// Emits the version of a source vocabulary unless it is empty. In `hp/releases/2017-04-13/hp.obo`
/// the version is `2017-04-13`.
pub(super) fn emit_source_version(
    line: u64,
    source: &str,
    version: &str,
    reading: &mut Reading,
) -> Result<(), TerminologyError> {
    let mut parts = version.split('/').skip_while(|part| *part != "releases").skip(1);
    let version = parts.next().unwrap_or(version);
    if !version.is_empty() {
        reading.emit(line, Statement::Source { source, name: "", version, restriction_level: None })?;
    }
    Ok(())
}

/// Emits statements with the line and the source vocabulary of one term.
struct TermRow<'r, 'a> {
    reading: &'r mut Reading<'a>,
    line: u64,
    source: &'r str,
}

impl TermRow<'_, '_> {
    fn emit(&mut self, statement: Statement) -> Result<(), TerminologyError> {
        self.reading.emit(self.line, statement).map(drop)
    }

    fn atom(
        &mut self,
        concept: &str,
        code: &str,
        name: &str,
        term_type: &str,
        preference: u32,
    ) -> Result<(), TerminologyError> {
        let source = self.source;
        let atom = AtomRef {
            concept,
            name,
            source,
            code,
            term_type,
            language: DEFAULT_LANGUAGE,
            suppressed: false,
            preference,
        };
        self.emit(Statement::Atom(atom))
    }

    /// Emits a successor, unless an id would succeed itself.
    fn successor(&mut self, retired: &str, successor: Option<&str>, kind: Succession) -> Result<(), TerminologyError> {
        if successor == Some(retired) {
            return Ok(());
        }
        self.emit(Statement::Successor { retired, successor, kind, source: self.source })
    }

    /// Emits the successors of an obsolete term, or that it was deleted.
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
    use crate::terminology::testing::read_with;

    fn statements(term: &Term) -> Vec<String> {
        let options = OntologyOptions::default();
        read_with(|reading| {
            reading.begin_row()?;
            TermEmitter::new(&options).emit(1, term, reading)
        })
        .statements
    }

    fn strings(of: &[&str]) -> Vec<String> {
        of.iter().map(|&text| text.to_owned()).collect()
    }

    #[test]
    fn a_term_whose_id_is_a_cui_is_that_concept() {
        let (name, xrefs) = ("a".to_owned(), strings(&["UMLS:C0000002"]));
        let term = Term { id: "C0000001".into(), name, xrefs, parents: strings(&["C0000003"]), ..Term::default() };
        let expected = ["C0000001 = a [MTH C0000001 PT ENG 7]", "C0000001 < C0000003 Parent [MTH]"];
        assert_eq!(statements(&term), expected);
    }

    #[test]
    fn an_obsolete_term_has_no_names_and_never_succeeds_itself() {
        let (name, ids) = ("a".to_owned(), strings(&["XYZ:1", "XYZ:2"]));
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
    fn abbreviations_are_recognized_by_their_synonym_type() {
        let iri = "http://purl.obolibrary.org/obo/OMO_0003000";
        let types = ["ABBREVIATION", iri, "OMO:0003012", "x \"An acronym\""];
        assert!(types.into_iter().all(is_abbreviation_type));
        assert!(!["layperson", "OMO:0003001", ""].into_iter().any(is_abbreviation_type));
    }
}
