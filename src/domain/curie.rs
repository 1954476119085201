//! Ids of ontologies: IRIs to CURIEs (`HP:0001250`), and CURIEs to the codes of source vocabularies
//! in UMLS.
//!
//! Invariant: the same rules apply to the id of a term and to cross-references, so that both give
//! the same code of the same source.

use std::borrow::Cow;

use crate::domain::is_concept_id;

/// Beginnings of IRIs, without the scheme, that end in `PREFIX_LOCAL`.
const NAMESPACES: [&str; 3] = ["purl.obolibrary.org/obo/", "www.orpha.net/ORDO/", "www.ebi.ac.uk/efo/"];
/// Beginning of IRIs, without the scheme, that end in `prefix/local` or `prefix:local`.
const IDENTIFIERS_ORG: &str = "identifiers.org/";

/// Vocabularies that have another name or other codes in UMLS than in ontologies: the name in UMLS
/// (SAB), the text that UMLS puts before the local part of the CURIE, and the prefixes of the
/// CURIEs in any case.
///
/// OMIM numbers its phenotypic series apart from its entries, so the code of a series keeps its
/// `PS`.
const VOCABULARIES: [(&str, &str, &[&str]); 19] = [
    ("ATC", "", &["ATC"]),
    ("DRUGBANK", "", &["DrugBank"]),
    ("FMA", "", &["FMA"]),
    ("GO", "GO:", &["GO"]),
    ("HGNC", "HGNC:", &["HGNC"]),
    ("HPO", "HP:", &["HP"]),
    ("ICD10", "", &["ICD10", "ICD-10", "ICD10WHO"]),
    ("ICD10CM", "", &["ICD10CM", "ICD-10-CM"]),
    ("ICD9CM", "", &["ICD9CM", "ICD-9-CM", "ICD9", "ICD-9"]),
    ("LNC", "", &["LOINC", "LNC"]),
    ("MDR", "", &["MedDRA", "MDR"]),
    ("MSH", "", &["MeSH", "MSH"]),
    ("NCBI", "", &["NCBITaxon"]),
    ("NCI", "", &["NCIT", "NCI"]),
    ("OMIM", "", &["OMIM", "MIM"]),
    ("OMIM", "PS", &["OMIMPS"]),
    ("ORPHANET", "", &["ORPHA", "Orphanet", "ORDO"]),
    ("RXNORM", "", &["RxNorm", "RXCUI"]),
    ("SNOMEDCT_US", "", &["SNOMEDCT_US", "SNOMEDCT", "SNOMED_CT", "SNOMED", "SCTID"]),
];
/// Prefixes that are no vocabulary of codes: addresses, publications, people; and UMLS, whose ids
/// are concepts.
const NOT_VOCABULARIES: [&str; 13] = [
    "http",
    "https",
    "ftp",
    "url",
    "doi",
    "pmid",
    "pmcid",
    "isbn",
    "isbn-13",
    "orcid",
    "wikipedia",
    UMLS_PREFIXES[0],
    UMLS_PREFIXES[1],
];
/// Prefixes of CURIEs that name a CUI.
const UMLS_PREFIXES: [&str; 2] = ["UMLS", "UMLS_CUI"];

fn is_any(prefixes: &[&str], prefix: &str) -> bool {
    prefixes.iter().any(|p| p.eq_ignore_ascii_case(prefix))
}

/// The concept id that an IRI or CURIE stands for; `None` for IRIs of other kinds and for blank
/// nodes (`_:x`), which have their name only within one file.
pub fn concept_id(text: &str) -> Option<Cow<'_, str>> {
    let id = match text.split_once("://") {
        Some((_, address)) => Cow::Owned(curie_of(address)?),
        None => Cow::Borrowed(umls_cui(text).unwrap_or(text)),
    };
    (is_concept_id(&id) && !id.starts_with("_:")).then_some(id)
}

/// The CURIE of an IRI without its scheme.
fn curie_of(address: &str) -> Option<String> {
    if let Some(rest) = address.strip_prefix(IDENTIFIERS_ORG) {
        let (prefix, local) = rest.split_once([':', '/'])?;
        return Some(format!("{}:{local}", prefix.to_ascii_uppercase()));
    }
    let name = NAMESPACES.iter().find_map(|namespace| address.strip_prefix(namespace))?;
    name.rsplit_once('_').map(|(prefix, local)| format!("{prefix}:{local}"))
}

/// The source vocabulary (SAB) and the code in it that a CURIE names, as UMLS writes them.
///
/// A version at the end of the prefix (`SNOMEDCT_US_2025_09_01:39000009`) is dropped. For a
/// vocabulary that is not in the table of this file, the prefix is the source and the whole CURIE
/// is the code.
pub fn source_and_code(curie: &str) -> Option<(&str, Cow<'_, str>)> {
    let (written, local) = curie.split_once(':')?;
    let prefix = unversioned(written);
    let is_name_byte = |b: u8| b.is_ascii_alphanumeric() || b"_.-".contains(&b);
    if prefix.is_empty() || !prefix.bytes().all(is_name_byte) || is_any(&NOT_VOCABULARIES, prefix) {
        return None;
    }
    if local.is_empty() || local.starts_with("//") || local.contains(char::is_whitespace) {
        return None;
    }
    Some(match VOCABULARIES.iter().find(|(_, _, prefixes)| is_any(prefixes, prefix)) {
        Some((source, "", _)) => (source, local.into()),
        Some((source, code_prefix, _)) => (source, format!("{code_prefix}{local}").into()),
        // Two words with a colon between them are no code: a code has a digit.
        None if !local.bytes().any(|b| b.is_ascii_digit()) => return None,
        None if prefix == written => (prefix, curie.into()),
        None => (prefix, format!("{prefix}:{local}").into()),
    })
}

/// A prefix without a version at its end: `_YYYY_MM_DD` or `_YYYY`.
fn unversioned(prefix: &str) -> &str {
    let digits = |part: &str, n| part.len() == n && part.bytes().all(|b| b.is_ascii_digit());
    let parts: Vec<&str> = prefix.rsplitn(4, '_').collect();
    if let [day, month, year, rest] = parts[..]
        && digits(day, 2)
        && digits(month, 2)
        && digits(year, 4)
    {
        return rest;
    }
    prefix.rsplit_once('_').filter(|(_, year)| digits(year, 4)).map_or(prefix, |(rest, _)| rest)
}

/// The CUI that a CURIE such as `UMLS:C0027051` names.
pub fn umls_cui(curie: &str) -> Option<&str> {
    let (prefix, cui) = curie.split_once(':')?;
    (is_any(&UMLS_PREFIXES, prefix) && is_concept_id(cui) && !cui.contains(':')).then_some(cui)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn iris_and_curies_are_ids() {
        for (text, id) in [
            ("http://purl.obolibrary.org/obo/HP_0000001", "HP:0000001"),
            ("https://purl.obolibrary.org/obo/NCBITaxon_Union_0000023", "NCBITaxon_Union:0000023"),
            ("http://www.orpha.net/ORDO/Orphanet_558", "Orphanet:558"),
            ("http://www.ebi.ac.uk/efo/EFO_0000400", "EFO:0000400"),
            ("http://identifiers.org/hgnc/123", "HGNC:123"),
            ("https://identifiers.org/hgnc:123", "HGNC:123"),
            ("MONDO:0000001", "MONDO:0000001"),
            ("UMLS:C0027051", "C0027051"),
            ("C0027051", "C0027051"),
        ] {
            assert_eq!(concept_id(text).as_deref(), Some(id), "{text}");
        }
        for text in [
            "",
            "part_of",
            "http://purl.obolibrary.org/obo/hp#abbreviation",
            "http://purl.obolibrary.org/obo/hp/releases_1/hp.owl",
            "http://purl.obolibrary.org/obo/hp",
            "http://identifiers.org/hgnc",
            "http://example.org/some_page",
            "_:genid12",
        ] {
            assert_eq!(concept_id(text), None, "{text}");
        }
    }

    #[test]
    fn codes_are_those_of_umls() {
        for (curie, source, code) in [
            ("MESH:D003924", "MSH", "D003924"),
            ("MSH:D003924", "MSH", "D003924"),
            ("MeSH:D003924", "MSH", "D003924"),
            ("SNOMEDCT:123", "SNOMEDCT_US", "123"),
            ("SCTID:123", "SNOMEDCT_US", "123"),
            ("SNOMEDCT_US:123", "SNOMEDCT_US", "123"),
            ("SNOMEDCT_US_2025_09_01:39000009", "SNOMEDCT_US", "39000009"),
            ("MIM:154700", "OMIM", "154700"),
            ("OMIMPS:126150", "OMIM", "PS126150"),
            ("OMIM:PS126150", "OMIM", "PS126150"),
            ("NCIT:C3262", "NCI", "C3262"),
            ("NCI:C3262", "NCI", "C3262"),
            ("ICD10CM:E88.9", "ICD10CM", "E88.9"),
            ("ICD-10:F60.3", "ICD10", "F60.3"),
            ("ICD9CM_2005:786.2", "ICD9CM", "786.2"),
            ("ICD-9:618.00", "ICD9CM", "618.00"),
            ("MedDRA:10022016", "MDR", "10022016"),
            ("ORPHA:558", "ORPHANET", "558"),
            ("Orphanet:558", "ORPHANET", "558"),
            ("ORDO:558", "ORPHANET", "558"),
            ("HP:0001250", "HPO", "HP:0001250"),
            ("GO:0008150", "GO", "GO:0008150"),
            ("LOINC:2345-7", "LNC", "2345-7"),
            ("RXCUI:161", "RXNORM", "161"),
            ("FMA:7088", "FMA", "7088"),
            ("HGNC:5", "HGNC", "HGNC:5"),
            ("DOID:4", "DOID", "DOID:4"),
            ("ICDO:9120/3", "ICDO", "ICDO:9120/3"),
            ("XYZ_2020:1", "XYZ", "XYZ:1"),
            ("UMLS_ICD9CM_2005_AUI:A0095", "UMLS_ICD9CM_2005_AUI", "UMLS_ICD9CM_2005_AUI:A0095"),
        ] {
            assert_eq!(source_and_code(curie), Some((source, code.into())), "{curie}");
        }
        for curie in [
            "",
            "x",
            "x:",
            ":x",
            "Aortic:valve",
            "_2020:x",
            "http://a",
            "url:http://a",
            "irc://a",
            "PMID:1",
            "UMLS:C0000001",
            "a b:1",
        ] {
            assert_eq!(source_and_code(curie), None, "{curie}");
        }
    }

    #[test]
    fn cuis_are_found() {
        assert_eq!(umls_cui("UMLS:C0027051"), Some("C0027051"));
        assert_eq!(umls_cui("umls_cui:C0027051"), Some("C0027051"));
        for not in ["UMLS:C27051", "UMLS:HP:0000001", "UMLS:", "C0027051", "NCI:C0027051"] {
            assert_eq!(umls_cui(not), None, "{not}");
        }
    }
}
