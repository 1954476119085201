//! Turns terms of an ontology into statements, for every ontology format.
//!
//! All statements about a term use its own id. For each CUI that its cross-references identify it
//! with (see `identity`), a statement states that the id is the same as the CUI. `concepts/ingest`
//! then merges the two.
//!
//! Invariants: the statements about a term depend on no other term. A part of a term that cannot be
//! used costs that part only.

use std::{
    borrow::Cow,
    collections::{BTreeSet, HashMap},
};

use crate::{
    domain::{
        AtomRef, RelationKind, Statement, Succession,
        curie::{source_and_code, umls_cui},
        is_concept_id, is_cui,
    },
    terminology::{
        Reading, TerminologyError,
        constants::{DEFAULT_LANGUAGE, METATHESAURUS, PREFERRED},
        identity::{Identity, MergeOn},
        left_out::{
            BAD_DEFINITIONS, BAD_NAMES, BAD_RELATIONS, BAD_SUCCESSIONS, BAD_SYNONYMS, BAD_XREFS, DENIED_XREFS,
            NAMELESS_TERMS, OTHER_SCOPES, UNQUALIFIED_XREFS,
        },
    },
    text::quoted,
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
    /// Cross-references to CUIs that merge a term into the CUI.
    pub merge_on: MergeOn,
}

impl Default for OntologyOptions {
    fn default() -> Self {
        Self { scopes: vec![Scope::Exact], merge_on: MergeOn::default() }
    }
}

/// A term. Ids are results of [`crate::domain::curie::concept_id`]; missing text is empty.
#[derive(Debug, Default)]
pub(super) struct Term {
    pub(super) id: String,
    pub(super) name: Option<Name>,
    pub(super) definition: Located,
    pub(super) synonyms: Vec<Synonym>,
    pub(super) alt_ids: Vec<Located>,
    pub(super) xrefs: Vec<Xref>,
    /// Objects of `is_a`.
    pub(super) parents: Vec<Located>,
    /// Objects of `part_of`.
    pub(super) wholes: Vec<Located>,
    pub(super) obsolete: bool,
    pub(super) replaced_by: Vec<Located>,
    pub(super) consider: Vec<Located>,
}

/// A text and the line on which it stands.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Located {
    pub(super) line: u64,
    pub(super) text: String,
}

/// A name and its language (LAT), if that is stated.
#[derive(Debug, PartialEq)]
pub(super) struct Name {
    pub(super) line: u64,
    pub(super) text: String,
    pub(super) language: Option<String>,
}

/// A cross-reference, and whether it is an identity.
#[derive(Debug, PartialEq)]
pub(super) struct Xref {
    pub(super) line: u64,
    pub(super) target: String,
    pub(super) identity: Identity,
}

/// A synonym of a term.
#[derive(Debug, PartialEq)]
pub(super) struct Synonym {
    pub(super) name: Name,
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
        if !is_concept_id(id) {
            reading.bad_row(line, format_args!("{} is not a concept id", quoted(id)));
            return Ok(());
        }
        let (source, code) = own_code(id);
        if self.vocabularies.len() < MAX_VOCABULARIES && !self.vocabularies.contains(source) {
            self.vocabularies.insert(source.to_owned());
        }
        let mut row = TermRow { reading, line, source };
        for alt in &term.alt_ids {
            row.successor(alt.line, &alt.text, Some(id), Succession::Same)?;
        }
        if term.obsolete {
            return row.obsolete(term);
        }
        if term.name.is_none() && term.synonyms.is_empty() {
            row.reading.leave_out(NAMELESS_TERMS, line, format_args!("{} has no name", quoted(id)));
            return Ok(());
        }
        self.emit_identities(term, &mut row)?;
        self.emit_names(&code, term, &mut row)?;
        if !term.definition.text.trim().is_empty() {
            let Located { line, text } = &term.definition;
            row.part(BAD_DEFINITIONS, *line, Statement::Definition { concept: id, source, text })?;
        }
        self.emit_codes(term, &mut row)?;
        for parent in &term.parents {
            emit_relation(parent.line, id, &parent.text, RelationKind::Parent, reading)?;
        }
        for whole in &term.wholes {
            emit_relation(whole.line, id, &whole.text, RelationKind::Broader, reading)?;
        }
        Ok(())
    }

    /// Emits the CUIs that the term is the same as.
    fn emit_identities(&self, term: &Term, row: &mut TermRow) -> Result<(), TerminologyError> {
        // A term whose id is a CUI is about that concept, regardless of the CUIs in its
        // cross-references.
        if is_cui(&term.id) {
            return Ok(());
        }
        let mut strongest = None;
        for (xref, cui, identity) in distinct_targets(&term.xrefs, umls_cui) {
            match (identity, self.options.merge_on) {
                (Identity::Denied, _) => row.deny(xref),
                (Identity::Unqualified, MergeOn::Equivalent) => {
                    let target = quoted(&xref.target);
                    row.reading.leave_out(UNQUALIFIED_XREFS, xref.line, format_args!("{target} has no qualifier"));
                }
                _ => {
                    row.successor(xref.line, &term.id, Some(&cui), Succession::Same)?;
                    strongest = strongest.max(Some(identity));
                }
            }
        }
        match strongest {
            Some(Identity::Stated) => row.reading.merged("an equivalent cross-reference"),
            Some(_) => row.reading.merged("an unqualified cross-reference"),
            None => {}
        }
        Ok(())
    }

    fn emit_names(&self, code: &str, term: &Term, row: &mut TermRow) -> Result<(), TerminologyError> {
        if let Some(name) = &term.name {
            row.atom(BAD_NAMES, &term.id, code, name, "PT", PREFERRED)?;
        }
        for synonym in &term.synonyms {
            if self.options.scopes.contains(&synonym.scope) {
                row.atom(BAD_SYNONYMS, &term.id, code, &synonym.name, synonym.term_type(), 0)?;
            } else {
                row.reading.skip(OTHER_SCOPES);
            }
        }
        Ok(())
    }

    fn emit_codes(&self, term: &Term, row: &mut TermRow) -> Result<(), TerminologyError> {
        for xref in term.xrefs.iter().filter(|xref| !is_reference(&xref.target)) {
            let target = quoted(&xref.target);
            row.reading.leave_out(BAD_XREFS, xref.line, format_args!("{target} is no id of a vocabulary"));
        }
        for (xref, (source, code), identity) in distinct_targets(&term.xrefs, source_and_code) {
            if identity == Identity::Denied {
                row.deny(xref);
            } else {
                let asserted_by = row.source;
                let code = Statement::Code { concept: &term.id, source, code: &code, asserted_by };
                row.part(BAD_XREFS, xref.line, code)?;
            }
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

/// Whether the target of a cross-reference is an id of some vocabulary, or an address. Those of
/// UMLS are CUIs.
fn is_reference(target: &str) -> bool {
    let Some((prefix, local)) = target.split_once([':', '_']) else { return false };
    let is_umls = ["UMLS", "UMLS_CUI", "UMLSCUI"].iter().any(|name| prefix.eq_ignore_ascii_case(name));
    !prefix.is_empty() && !local.is_empty() && (!is_umls || umls_cui(target).is_some())
}

/// The distinct targets of cross-references that `target_of` recognizes, in the order of their
/// first cross-reference, each with what all of its cross-references say.
fn distinct_targets<'x, T: std::hash::Hash + Eq>(
    xrefs: &'x [Xref],
    target_of: impl Fn(&'x str) -> Option<T>,
) -> impl Iterator<Item = (&'x Xref, T, Identity)> {
    let targets = || xrefs.iter().filter_map(|xref| Some((xref, target_of(&xref.target)?)));
    let mut identities = HashMap::new();
    for (xref, target) in targets() {
        let identity = identities.entry(target).or_insert(xref.identity);
        *identity = (*identity).max(xref.identity);
    }
    let found: Vec<_> = targets()
        .filter_map(|(xref, target)| {
            let (target, identity) = identities.remove_entry(&target)?;
            Some((xref, target, identity))
        })
        .collect();
    found.into_iter()
}

/// The source vocabulary of the id of a term, and the code that the id is in it. Without a colon
/// (`CVCL_0030`) the prefix is the source and the whole id is the code.
pub(super) fn own_code(id: &str) -> (&str, Cow<'_, str>) {
    let without_colon = || id.split_once('_').filter(|_| !id.contains(':')).map(|(prefix, _)| (prefix, id.into()));
    source_and_code(id).or_else(without_colon).unwrap_or((METATHESAURUS, id.into()))
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
    reading.emit_part(BAD_RELATIONS, line, Statement::Relation { narrower, broader, kind, source }).map(drop)
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
    fn part(&mut self, parts: &'static str, line: u64, statement: Statement) -> Result<(), TerminologyError> {
        self.reading.emit_part(parts, line, statement).map(drop)
    }

    /// Leaves out a cross-reference that is not an identity.
    fn deny(&mut self, xref: &Xref) {
        let target = quoted(&xref.target);
        self.reading.leave_out(DENIED_XREFS, xref.line, format_args!("{target} is not the same as the term"));
    }

    fn atom(
        &mut self,
        parts: &'static str,
        concept: &str,
        code: &str,
        name: &Name,
        term_type: &str,
        preference: u32,
    ) -> Result<(), TerminologyError> {
        let atom = AtomRef {
            concept,
            name: &name.text,
            source: self.source,
            code,
            term_type,
            language: name.language.as_deref().unwrap_or(DEFAULT_LANGUAGE),
            suppressed: false,
            preference,
        };
        self.part(parts, name.line, Statement::Atom(atom))
    }

    /// Emits a successor, unless an id would succeed itself.
    fn successor(
        &mut self,
        line: u64,
        retired: &str,
        successor: Option<&str>,
        kind: Succession,
    ) -> Result<(), TerminologyError> {
        if successor == Some(retired) {
            return Ok(());
        }
        let source = self.source;
        self.part(BAD_SUCCESSIONS, line, Statement::Successor { retired, successor, kind, source })
    }

    /// Emits the successors of an obsolete term, or that it was deleted.
    fn obsolete(&mut self, term: &Term) -> Result<(), TerminologyError> {
        for id in &term.replaced_by {
            self.successor(id.line, &term.id, Some(&id.text), Succession::Same)?;
        }
        for id in &term.consider {
            self.successor(id.line, &term.id, Some(&id.text), Succession::Other)?;
        }
        if term.replaced_by.is_empty() && term.consider.is_empty() {
            self.successor(self.line, &term.id, None, Succession::Deleted)?;
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

    fn name(text: &str) -> Option<Name> {
        Some(Name { line: 1, text: text.into(), language: None })
    }

    fn located(of: &[&str]) -> Vec<Located> {
        of.iter().map(|&text| Located { line: 1, text: text.into() }).collect()
    }

    fn xrefs(of: &[(&str, Identity)]) -> Vec<Xref> {
        of.iter().map(|&(target, identity)| Xref { line: 1, target: target.into(), identity }).collect()
    }

    #[test]
    fn a_term_whose_id_is_a_cui_is_that_concept() {
        let xrefs = xrefs(&[("UMLS:C0000002", Identity::Stated)]);
        let (name, parents) = (name("a"), located(&["C0000003"]));
        let term = Term { id: "C0000001".into(), name, xrefs, parents, ..Term::default() };
        let expected = ["C0000001 = a [MTH C0000001 PT ENG 7]", "C0000001 < C0000003 Parent [MTH]"];
        assert_eq!(statements(&term), expected);
    }

    #[test]
    fn an_obsolete_term_has_no_names_and_never_succeeds_itself() {
        let ids = || located(&["XYZ:1", "XYZ:2"]);
        let mut term = Term {
            id: "XYZ:1".into(),
            name: name("a"),
            alt_ids: ids(),
            replaced_by: ids(),
            obsolete: true,
            ..Term::default()
        };
        assert_eq!(statements(&term), ["XYZ:2 -> XYZ:1 Same [XYZ]", "XYZ:1 -> XYZ:2 Same [XYZ]"]);
        (term.alt_ids, term.replaced_by) = (vec![], vec![]);
        assert_eq!(statements(&term), ["XYZ:1 -> nothing Deleted [XYZ]"]);
    }

    #[test]
    fn a_cross_reference_is_an_identity_unless_another_one_denies_it() {
        use Identity::{Denied, Stated, Unqualified};
        let merged = |of: &[(&str, Identity)], merge_on| {
            let term = Term { id: "XYZ:1".into(), name: name("a"), xrefs: xrefs(of), ..Term::default() };
            let options = OntologyOptions { merge_on, ..OntologyOptions::default() };
            let result = read_with(|reading| {
                reading.begin_row()?;
                TermEmitter::new(&options).emit(1, &term, reading)
            });
            let lines = result.statements.into_iter().filter(|s| s.contains("->") || s.contains('#'));
            (lines.collect::<Vec<_>>().join("; "), result.outcome.unwrap().left_out)
        };
        let (cui, mesh) = ("UMLS:C0000001", "MESH:D1");
        let same = "XYZ:1 -> C0000001 Same [XYZ]";
        for (of, unqualified, equivalent) in [
            (&[(cui, Unqualified)][..], same, ""),
            (&[(cui, Stated)], same, same),
            (&[(cui, Denied)], "", ""),
            (&[(cui, Unqualified), (cui, Denied)], "", ""),
            (&[(cui, Denied), (cui, Stated)], same, same),
            (&[(mesh, Unqualified)], "XYZ:1 # MSH D1", "XYZ:1 # MSH D1"),
            (&[(mesh, Denied)], "", ""),
        ] {
            assert_eq!(merged(of, MergeOn::Unqualified).0, unqualified, "{of:?}");
            assert_eq!(merged(of, MergeOn::Equivalent).0, equivalent, "{of:?}");
        }
        assert_eq!(merged(&[(cui, Denied)], MergeOn::Unqualified).1[DENIED_XREFS], 1);
        assert_eq!(merged(&[(cui, Unqualified)], MergeOn::Equivalent).1[UNQUALIFIED_XREFS], 1);
    }

    #[test]
    fn abbreviations_are_recognized_by_their_synonym_type() {
        let iri = "http://purl.obolibrary.org/obo/OMO_0003000";
        let types = ["ABBREVIATION", iri, "OMO:0003012", "x \"An acronym\""];
        assert!(types.into_iter().all(is_abbreviation_type));
        assert!(!["layperson", "OMO:0003001", ""].into_iter().any(is_abbreviation_type));
    }
}
