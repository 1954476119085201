//! Which cross-references and mappings state that two ids mean the same.
//!
//! A predicate (`skos:exactMatch`) or a qualifier of a cross-reference
//! (`source="MONDO:equivalentTo"`) states an identity, denies it, or says nothing. Invariant: a
//! statement of identity outweighs a denial, and a denial outweighs an unqualified cross-reference
//! to the same target.

use crate::domain::{curie::concept_id, is_cui};

/// What an ontology says about a cross-reference, from the weakest to the strongest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Identity {
    /// Nothing.
    Unqualified,
    /// The two are related in another way.
    Denied,
    /// The two mean the same.
    Stated,
}

/// Which cross-references to a CUI merge a term into that CUI.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MergeOn {
    /// Only those that state an identity.
    Equivalent,
    /// Also those without a qualifier that states or denies one.
    #[default]
    Unqualified,
}

/// Local names of predicates and qualifiers, in lower case, that state an identity.
const SAME: [&str; 5] = ["exactmatch", "sameas", "equivalentclass", "equivalentto", "equivalent"];
/// Local names of predicates and qualifiers, in lower case, that state another relation.
const OTHER: [&str; 18] = [
    "broadmatch",
    "narrowmatch",
    "closematch",
    "relatedmatch",
    "relatedto",
    "related",
    "broader",
    "narrower",
    "subclassof",
    "superclassof",
    "directsiblingof",
    "mondoisnarrowerthansource",
    "mondoisbroaderthansource",
    "includedentryinomim",
    "obsoleteequivalent",
    "equivalentobsolete",
    "obsoleteequivalentobsolete",
    "differentfrom",
];
/// How the mapping relations of ORDO begin, in lower case.
const ORDO_SAME: &str = "e (exact";
/// The other mapping relations of ORDO: narrower to broader, broader to narrower, not decided.
const ORDO_OTHER: [&str; 3] = ["ntbt", "btnt", "nd ("];

impl Identity {
    /// The meaning of a predicate or of the value of a qualifier: a name, CURIE or IRI.
    pub(super) fn of(predicate: &str) -> Self {
        let text = predicate.trim().trim_start_matches("- ").to_ascii_lowercase();
        let local = text.rsplit(['#', '/', ':']).next().unwrap_or(&text);
        if SAME.contains(&local) || text.starts_with(ORDO_SAME) {
            Self::Stated
        } else if OTHER.contains(&local) || ORDO_OTHER.iter().any(|code| text.starts_with(code)) {
            Self::Denied
        } else {
            Self::Unqualified
        }
    }

    /// What all qualifiers of a cross-reference say together.
    pub(super) fn of_all<'q>(qualifiers: impl IntoIterator<Item = &'q str>) -> Self {
        qualifiers.into_iter().map(Self::of).max().unwrap_or(Self::Unqualified)
    }
}

/// The target of a mapping predicate as a cross-reference: an IRI becomes its id.
pub(super) fn mapping_target(target: &str) -> String {
    match concept_id(target) {
        Some(cui) if is_cui(&cui) => format!("UMLS:{cui}"),
        Some(id) => id.into_owned(),
        None => target.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::{Identity::*, *};

    #[test]
    fn qualifiers_and_predicates_state_or_deny_an_identity() {
        for (text, expected) in [
            ("MONDO:equivalentTo", Stated),
            ("skos:exactMatch", Stated),
            ("http://www.w3.org/2004/02/skos/core#exactMatch", Stated),
            ("owl:sameAs", Stated),
            ("http://www.w3.org/2002/07/owl#equivalentClass", Stated),
            ("- E (Exact mapping: the two concepts are equivalent)", Stated),
            ("MONDO:relatedTo", Denied),
            ("MONDO:obsoleteEquivalent", Denied),
            ("MONDO:equivalentObsolete", Denied),
            ("skos:broadMatch", Denied),
            ("- NTBT (narrower term maps to a broader term)", Denied),
            ("DOID:1386", Unqualified),
            ("", Unqualified),
        ] {
            assert_eq!(Identity::of(text), expected, "{text}");
        }
        assert_eq!(Identity::of_all(["DOID:1", "MONDO:relatedTo", "MONDO:equivalentTo"]), Stated);
        assert_eq!(Identity::of_all([]), Unqualified);
    }
}
