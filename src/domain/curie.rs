//! Ids of ontologies: IRIs to CURIEs (`HP:0001250`), and CURIEs to the codes of source vocabularies
//! in UMLS.
//!
//! Invariant: the same rules apply to the id of a term and to cross-references, so that both give
//! the same code of the same source.

use std::borrow::Cow;

use crate::domain::{is_concept_id, is_cui};

/// Beginnings of IRIs, without the scheme, that end in `PREFIX_LOCAL`.
const NAMESPACES: [&str; 3] = ["purl.obolibrary.org/obo/", "www.orpha.net/ORDO/", "www.ebi.ac.uk/efo/"];
/// Beginnings of IRIs, without the scheme, that end in `prefix/local` or `prefix:local`.
const RESOLVERS: [&str; 2] = ["identifiers.org/", "bioregistry.io/"];
/// Beginnings of IRIs, without the scheme, that end in the local part of a CURIE, and its prefix.
const OF_ONE_VOCABULARY: [(&str, &str); 14] = [
    ("linkedlifedata.com/resource/umls/id/", "UMLS"),
    ("uts.nlm.nih.gov/uts/umls/concept/", "UMLS"),
    ("uts.nlm.nih.gov/metathesaurus.html?cui=", "UMLS"),
    ("purl.bioontology.org/ontology/UMLS/", "UMLS"),
    ("purl.bioontology.org/ontology/SNOMEDCT/", "SCTID"),
    ("purl.bioontology.org/ontology/MESH/", "MESH"),
    ("purl.bioontology.org/ontology/ICD10CM/", "ICD10CM"),
    ("purl.bioontology.org/ontology/ICD10/", "ICD10"),
    ("purl.bioontology.org/ontology/RXNORM/", "RxNorm"),
    ("purl.bioontology.org/ontology/LNC/", "LOINC"),
    ("snomed.info/id/", "SCTID"),
    ("id.nlm.nih.gov/mesh/", "MESH"),
    ("ncicb.nci.nih.gov/xml/owl/EVS/Thesaurus.owl#", "NCIT"),
    ("omim.org/entry/", "OMIM"),
];
/// Prefixes of ids as their vocabularies write them. An id with another case of the prefix, or with
/// an underscore after it, is the same id.
const PREFIXES: [&str; 36] = [
    "BFO",
    "BTO",
    "CHEBI",
    "CL",
    "DOID",
    "ECTO",
    "EFO",
    "ENVO",
    "FMA",
    "GO",
    "HGNC",
    "HP",
    "IAO",
    "ICD10",
    "ICD10CM",
    "ICD9CM",
    "MAXO",
    "MESH",
    "MONDO",
    "MP",
    "NBO",
    "NCBITaxon",
    "NCIT",
    "OBI",
    "OGMS",
    "OMIM",
    "OMIMPS",
    "OMO",
    "ORPHA",
    "Orphanet",
    "PATO",
    "PR",
    "RO",
    "SCTID",
    "SO",
    "UBERON",
];

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
    ("SNOMEDCT_US", "", &["SNOMEDCT_US", "SNOMEDCT", "SNOMED_CT", "SNOMED-CT", "SNOMED", "SCTID"]),
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
/// Prefixes in [`VOCABULARIES`] that name a part of a source, not the source.
const SERIES: [&str; 1] = ["OMIMPS"];

fn is_any(prefixes: &[&str], prefix: &str) -> bool {
    prefixes.iter().any(|p| p.eq_ignore_ascii_case(prefix))
}

/// The concept id that an IRI, CURIE or CUI stands for; `None` for IRIs of other kinds and for
/// blank nodes (`_:x`), which have their name only within one file.
///
/// The result is the canonical form: `c0027051` and `UMLS:C0027051` are C0027051, and `hp:0001250`
/// and `HP_0001250` are `HP:0001250`.
pub fn concept_id(text: &str) -> Option<Cow<'_, str>> {
    let text = text.trim();
    if let Some(cui) = umls_cui(text) {
        return Some(cui);
    }
    let id = match text.split_once("://") {
        Some((_, address)) => with_known_prefix(Cow::Owned(curie_of(address)?)),
        None => as_cui(text).unwrap_or_else(|| with_known_prefix(Cow::Borrowed(text))),
    };
    (is_concept_id(&id) && !id.starts_with("_:")).then_some(id)
}

/// All ids that a client may mean by `text`, the canonical one first.
pub fn concept_id_spellings(text: &str) -> Vec<String> {
    let Some(id) = concept_id(text) else { return vec![] };
    let mut spellings = vec![id.to_string()];
    if let Some((prefix, local)) = id.split_once([':', '_']) {
        for prefix in [prefix, &prefix.to_ascii_uppercase()] {
            spellings.extend([format!("{prefix}:{local}"), format!("{prefix}_{local}")]);
        }
    }
    spellings
}

/// The id as its vocabulary writes it, if the prefix is one of [`PREFIXES`].
fn with_known_prefix(id: Cow<'_, str>) -> Cow<'_, str> {
    let Some((written, local)) = id.split_once(':').or_else(|| id.split_once('_')) else { return id };
    match PREFIXES.iter().find(|prefix| prefix.eq_ignore_ascii_case(written)) {
        Some(prefix) if *prefix != written || !id.contains(':') => format!("{prefix}:{local}").into(),
        _ => id,
    }
}

/// The CURIE of an IRI without its scheme.
fn curie_of(address: &str) -> Option<String> {
    if let Some(rest) = RESOLVERS.iter().find_map(|resolver| address.strip_prefix(resolver)) {
        let (prefix, local) = rest.split_once([':', '/'])?;
        // Some vocabularies repeat the prefix: `identifiers.org/hp/HP:0001250`.
        return Some(if local.contains(':') {
            local.to_owned()
        } else {
            format!("{}:{local}", prefix.to_ascii_uppercase())
        });
    }
    let site = address.strip_prefix("www.").unwrap_or(address);
    let of_one = OF_ONE_VOCABULARY.iter().find_map(|(start, prefix)| Some((prefix, site.strip_prefix(start)?)));
    if let Some((prefix, local)) = of_one {
        return Some(format!("{prefix}:{local}"));
    }
    let name = NAMESPACES.iter().find_map(|namespace| address.strip_prefix(namespace))?;
    name.rsplit_once('_').map(|(prefix, local)| format!("{prefix}:{local}"))
}

/// The abbreviation in UMLS (SAB) of the source vocabulary with this name, in any case, such as MSH
/// for `MESH`; other names stay.
pub fn source_abbreviation(name: &str) -> &str {
    VOCABULARIES.iter().find(|(_, _, prefixes)| is_any(prefixes, name) && !is_any(&SERIES, name)).map_or_else(
        || {
            VOCABULARIES
                .iter()
                .find(|(source, ..)| source.eq_ignore_ascii_case(name))
                .map_or(name, |(source, ..)| source)
        },
        |(source, ..)| source,
    )
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

/// The CUI that a CURIE such as `UMLS:C0027051` or an IRI of UMLS names.
pub fn umls_cui(text: &str) -> Option<Cow<'_, str>> {
    let curie = match text.split_once("://") {
        Some((_, address)) => Cow::Owned(curie_of(address)?),
        None => Cow::Borrowed(text),
    };
    let (prefix, local) = curie.split_once(':')?;
    if !is_any(&UMLS_PREFIXES, prefix) {
        return None;
    }
    match curie {
        Cow::Borrowed(curie) => as_cui(&curie[prefix.len() + 1..]),
        Cow::Owned(_) => as_cui(local).map(|cui| cui.into_owned().into()),
    }
}

/// A CUI in any case.
fn as_cui(text: &str) -> Option<Cow<'_, str>> {
    if is_cui(text) {
        return Some(text.into());
    }
    let upper = text.strip_prefix('c').map(|digits| format!("C{digits}"));
    upper.filter(|cui| is_cui(cui)).map(Cow::Owned)
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
            ("c0027051", "C0027051"),
            ("umls:c0027051", "C0027051"),
            ("http://linkedlifedata.com/resource/umls/id/C0027051", "C0027051"),
            ("https://identifiers.org/umls:C0027051", "C0027051"),
            ("https://identifiers.org/umls/C0027051", "C0027051"),
            ("https://uts.nlm.nih.gov/uts/umls/concept/C0027051", "C0027051"),
            ("http://identifiers.org/hp/HP:0000001", "HP:0000001"),
            ("http://identifiers.org/hp/0000001", "HP:0000001"),
            ("http://identifiers.org/mesh/D009203", "MESH:D009203"),
            ("https://www.omim.org/entry/154700", "OMIM:154700"),
            ("http://snomed.info/id/22298006", "SCTID:22298006"),
            ("HP_0001250", "HP:0001250"),
            ("hp:0001250", "HP:0001250"),
            ("ncbitaxon_9606", "NCBITaxon:9606"),
            ("CVCL_0030", "CVCL_0030"),
            (" WARD:17 ", "WARD:17"),
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
        for cui in ["UMLS:C0027051", "umls_cui:C0027051", "UMLS:c0027051", "http://identifiers.org/umls/C0027051"] {
            assert_eq!(umls_cui(cui).as_deref(), Some("C0027051"), "{cui}");
        }
        for not in ["UMLS:C27051", "UMLS:HP:0000001", "UMLS:", "C0027051", "NCI:C0027051"] {
            assert_eq!(umls_cui(not), None, "{not}");
        }
    }

    #[test]
    fn an_id_has_several_spellings() {
        assert_eq!(concept_id_spellings("c0027051"), ["C0027051"]);
        assert_eq!(concept_id_spellings("hp_0001250")[0], "HP:0001250");
        assert!(concept_id_spellings("CVCL:0030").contains(&"CVCL_0030".to_owned()));
        assert!(concept_id_spellings("ward:17").contains(&"WARD:17".to_owned()));
        assert_eq!(concept_id_spellings("heart attack"), [""; 0]);
    }

    #[test]
    fn sources_have_other_names() {
        for (name, source) in [
            ("MESH", "MSH"),
            ("mesh", "MSH"),
            ("SNOMED", "SNOMEDCT_US"),
            ("snomedct_us", "SNOMEDCT_US"),
            ("icd10", "ICD10"),
            ("RxNorm", "RXNORM"),
            ("hpo", "HPO"),
            ("OMIM", "OMIM"),
            ("OMIMPS", "OMIMPS"),
            ("WARD", "WARD"),
        ] {
            assert_eq!(source_abbreviation(name), source, "{name}");
        }
    }
}
