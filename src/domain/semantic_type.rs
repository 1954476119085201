//! The semantic types and groups of the UMLS Semantic Network.
//!
//! Source: UMLS Reference Manual, chapter 5; groups as in McCray, Burgun and Bodenreider 2001
//! (`SemGroups.txt`).
//!
//! Invariant: [`SEMANTIC_TYPES`] is sorted by TUI, so that a position in it identifies a type.

/// Maximum number of commas in the name of a type.
const MAX_COMMAS: usize = 3;

/// A semantic type, such as T047 "Disease or Syndrome" of group DISO.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SemanticType {
    /// Id (TUI): `T` and three digits.
    pub tui: &'static str,
    /// Name in the Semantic Network.
    pub name: &'static str,
    /// Abbreviation of its group in [`SEMANTIC_GROUPS`].
    pub group: &'static str,
}

/// Position in [`SEMANTIC_TYPES`] of the type with this TUI or name, in any case.
pub fn position(text: &str) -> Option<usize> {
    let by_tui = SEMANTIC_TYPES.binary_search_by_key(&text, |t| t.tui).ok();
    let is_meant = |t: &SemanticType| t.tui.eq_ignore_ascii_case(text) || t.name.eq_ignore_ascii_case(text);
    by_tui.or_else(|| SEMANTIC_TYPES.iter().position(is_meant))
}

/// The abbreviation of the semantic group with this abbreviation or name, in any case.
pub fn group(text: &str) -> Option<&'static str> {
    let is_meant = |other: &str| other.eq_ignore_ascii_case(text);
    SEMANTIC_GROUPS.iter().find(|(abbreviation, name)| is_meant(abbreviation) || is_meant(name)).map(|(a, _)| *a)
}

/// Whether `text` is the abbreviation or name of a semantic group.
pub fn is_group(text: &str) -> bool {
    group(text).is_some()
}

/// The types of a list that commas separate: the type of each entry, or the text of an entry that
/// is none. Commas in the names of types do not separate.
pub fn parse_list(list: &str) -> impl Iterator<Item = Result<&'static SemanticType, &str>> {
    let mut rest = list;
    std::iter::from_fn(move || {
        rest = rest.trim_start_matches([',', ' ']);
        if rest.is_empty() {
            return None;
        }
        let ends = || rest.match_indices(',').map(|(end, _)| end).take(MAX_COMMAS).chain([rest.len()]);
        let known = ends().filter_map(|end| Some((end, position(rest[..end].trim())?))).last();
        let end = known.map_or_else(|| ends().next().unwrap_or(rest.len()), |(end, _)| end);
        let (entry, after) = rest.split_at(end);
        rest = after;
        Some(known.map(|(_, position)| &SEMANTIC_TYPES[position]).ok_or(entry.trim()))
    })
}

/// The entries of a list that was split at every comma, with the names of types whole again.
pub fn join_names(parts: &[String]) -> Vec<String> {
    let mut entries = vec![];
    let mut rest = parts;
    while !rest.is_empty() {
        let is_name = |&length: &usize| position(rest[..length].join(",").trim()).is_some();
        let length = (1..=rest.len().min(MAX_COMMAS + 1)).rev().find(is_name).unwrap_or(1);
        let (entry, after) = rest.split_at(length);
        entries.push(entry.join(","));
        rest = after;
    }
    entries
}

/// For each position in [`SEMANTIC_TYPES`], whether the type is one of `types` or belongs to one of
/// `groups`, by id or name; `None` when both lists are empty, so that every type is selected.
pub fn type_mask(types: &[String], groups: &[String]) -> Option<Vec<bool>> {
    if types.is_empty() && groups.is_empty() {
        return None;
    }
    let groups: Vec<&str> = groups.iter().filter_map(|text| group(text)).collect();
    let mut mask: Vec<bool> = SEMANTIC_TYPES.iter().map(|t| groups.contains(&t.group)).collect();
    types.iter().filter_map(|text| position(text)).for_each(|position| mask[position] = true);
    Some(mask)
}

/// An entry of [`SEMANTIC_TYPES`].
const fn t(tui: &'static str, group: &'static str, name: &'static str) -> SemanticType {
    SemanticType { tui, name, group }
}

/// Abbreviation and name of every semantic group, by abbreviation.
pub const SEMANTIC_GROUPS: [(&str, &str); 15] = [
    ("ACTI", "Activities & Behaviors"),
    ("ANAT", "Anatomy"),
    ("CHEM", "Chemicals & Drugs"),
    ("CONC", "Concepts & Ideas"),
    ("DEVI", "Devices"),
    ("DISO", "Disorders"),
    ("GENE", "Genes & Molecular Sequences"),
    ("GEOG", "Geographic Areas"),
    ("LIVB", "Living Beings"),
    ("OBJC", "Objects"),
    ("OCCU", "Occupations"),
    ("ORGA", "Organizations"),
    ("PHEN", "Phenomena"),
    ("PHYS", "Physiology"),
    ("PROC", "Procedures"),
];

/// Every semantic type, by TUI.
pub const SEMANTIC_TYPES: [SemanticType; 133] = [
    t("T001", "LIVB", "Organism"),
    t("T002", "LIVB", "Plant"),
    t("T004", "LIVB", "Fungus"),
    t("T005", "LIVB", "Virus"),
    t("T007", "LIVB", "Bacterium"),
    t("T008", "LIVB", "Animal"),
    t("T010", "LIVB", "Vertebrate"),
    t("T011", "LIVB", "Amphibian"),
    t("T012", "LIVB", "Bird"),
    t("T013", "LIVB", "Fish"),
    t("T014", "LIVB", "Reptile"),
    t("T015", "LIVB", "Mammal"),
    t("T016", "LIVB", "Human"),
    t("T017", "ANAT", "Anatomical Structure"),
    t("T018", "ANAT", "Embryonic Structure"),
    t("T019", "DISO", "Congenital Abnormality"),
    t("T020", "DISO", "Acquired Abnormality"),
    t("T021", "ANAT", "Fully Formed Anatomical Structure"),
    t("T022", "ANAT", "Body System"),
    t("T023", "ANAT", "Body Part, Organ, or Organ Component"),
    t("T024", "ANAT", "Tissue"),
    t("T025", "ANAT", "Cell"),
    t("T026", "ANAT", "Cell Component"),
    t("T028", "GENE", "Gene or Genome"),
    t("T029", "ANAT", "Body Location or Region"),
    t("T030", "ANAT", "Body Space or Junction"),
    t("T031", "ANAT", "Body Substance"),
    t("T032", "PHYS", "Organism Attribute"),
    t("T033", "DISO", "Finding"),
    t("T034", "PHEN", "Laboratory or Test Result"),
    t("T037", "DISO", "Injury or Poisoning"),
    t("T038", "PHEN", "Biologic Function"),
    t("T039", "PHYS", "Physiologic Function"),
    t("T040", "PHYS", "Organism Function"),
    t("T041", "PHYS", "Mental Process"),
    t("T042", "PHYS", "Organ or Tissue Function"),
    t("T043", "PHYS", "Cell Function"),
    t("T044", "PHYS", "Molecular Function"),
    t("T045", "PHYS", "Genetic Function"),
    t("T046", "DISO", "Pathologic Function"),
    t("T047", "DISO", "Disease or Syndrome"),
    t("T048", "DISO", "Mental or Behavioral Dysfunction"),
    t("T049", "DISO", "Cell or Molecular Dysfunction"),
    t("T050", "DISO", "Experimental Model of Disease"),
    t("T051", "ACTI", "Event"),
    t("T052", "ACTI", "Activity"),
    t("T053", "ACTI", "Behavior"),
    t("T054", "ACTI", "Social Behavior"),
    t("T055", "ACTI", "Individual Behavior"),
    t("T056", "ACTI", "Daily or Recreational Activity"),
    t("T057", "ACTI", "Occupational Activity"),
    t("T058", "PROC", "Health Care Activity"),
    t("T059", "PROC", "Laboratory Procedure"),
    t("T060", "PROC", "Diagnostic Procedure"),
    t("T061", "PROC", "Therapeutic or Preventive Procedure"),
    t("T062", "PROC", "Research Activity"),
    t("T063", "PROC", "Molecular Biology Research Technique"),
    t("T064", "ACTI", "Governmental or Regulatory Activity"),
    t("T065", "PROC", "Educational Activity"),
    t("T066", "ACTI", "Machine Activity"),
    t("T067", "PHEN", "Phenomenon or Process"),
    t("T068", "PHEN", "Human-caused Phenomenon or Process"),
    t("T069", "PHEN", "Environmental Effect of Humans"),
    t("T070", "PHEN", "Natural Phenomenon or Process"),
    t("T071", "OBJC", "Entity"),
    t("T072", "OBJC", "Physical Object"),
    t("T073", "OBJC", "Manufactured Object"),
    t("T074", "DEVI", "Medical Device"),
    t("T075", "DEVI", "Research Device"),
    t("T077", "CONC", "Conceptual Entity"),
    t("T078", "CONC", "Idea or Concept"),
    t("T079", "CONC", "Temporal Concept"),
    t("T080", "CONC", "Qualitative Concept"),
    t("T081", "CONC", "Quantitative Concept"),
    t("T082", "CONC", "Spatial Concept"),
    t("T083", "GEOG", "Geographic Area"),
    t("T085", "GENE", "Molecular Sequence"),
    t("T086", "GENE", "Nucleotide Sequence"),
    t("T087", "GENE", "Amino Acid Sequence"),
    t("T088", "GENE", "Carbohydrate Sequence"),
    t("T089", "CONC", "Regulation or Law"),
    t("T090", "OCCU", "Occupation or Discipline"),
    t("T091", "OCCU", "Biomedical Occupation or Discipline"),
    t("T092", "ORGA", "Organization"),
    t("T093", "ORGA", "Health Care Related Organization"),
    t("T094", "ORGA", "Professional Society"),
    t("T095", "ORGA", "Self-help or Relief Organization"),
    t("T096", "LIVB", "Group"),
    t("T097", "LIVB", "Professional or Occupational Group"),
    t("T098", "LIVB", "Population Group"),
    t("T099", "LIVB", "Family Group"),
    t("T100", "LIVB", "Age Group"),
    t("T101", "LIVB", "Patient or Disabled Group"),
    t("T102", "CONC", "Group Attribute"),
    t("T103", "CHEM", "Chemical"),
    t("T104", "CHEM", "Chemical Viewed Structurally"),
    t("T109", "CHEM", "Organic Chemical"),
    t("T110", "CHEM", "Steroid"),
    t("T111", "CHEM", "Eicosanoid"),
    t("T114", "CHEM", "Nucleic Acid, Nucleoside, or Nucleotide"),
    t("T115", "CHEM", "Organophosphorus Compound"),
    t("T116", "CHEM", "Amino Acid, Peptide, or Protein"),
    t("T118", "CHEM", "Carbohydrate"),
    t("T119", "CHEM", "Lipid"),
    t("T120", "CHEM", "Chemical Viewed Functionally"),
    t("T121", "CHEM", "Pharmacologic Substance"),
    t("T122", "CHEM", "Biomedical or Dental Material"),
    t("T123", "CHEM", "Biologically Active Substance"),
    t("T124", "CHEM", "Neuroreactive Substance or Biogenic Amine"),
    t("T125", "CHEM", "Hormone"),
    t("T126", "CHEM", "Enzyme"),
    t("T127", "CHEM", "Vitamin"),
    t("T129", "CHEM", "Immunologic Factor"),
    t("T130", "CHEM", "Indicator, Reagent, or Diagnostic Aid"),
    t("T131", "CHEM", "Hazardous or Poisonous Substance"),
    t("T167", "OBJC", "Substance"),
    t("T168", "OBJC", "Food"),
    t("T169", "CONC", "Functional Concept"),
    t("T170", "CONC", "Intellectual Product"),
    t("T171", "CONC", "Language"),
    t("T184", "DISO", "Sign or Symptom"),
    t("T185", "CONC", "Classification"),
    t("T190", "DISO", "Anatomical Abnormality"),
    t("T191", "DISO", "Neoplastic Process"),
    t("T192", "CHEM", "Receptor"),
    t("T194", "LIVB", "Archaeon"),
    t("T195", "CHEM", "Antibiotic"),
    t("T196", "CHEM", "Element, Ion, or Isotope"),
    t("T197", "CHEM", "Inorganic Chemical"),
    t("T200", "CHEM", "Clinical Drug"),
    t("T201", "PHYS", "Clinical Attribute"),
    t("T203", "DEVI", "Drug Delivery Device"),
    t("T204", "LIVB", "Eukaryote"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_sorted_and_their_groups_exist() {
        assert!(SEMANTIC_TYPES.is_sorted_by_key(|t| t.tui));
        assert!(SEMANTIC_TYPES.iter().all(|t| is_group(t.group)));
        let disease = SEMANTIC_TYPES[position("T047").unwrap()];
        assert_eq!((disease.name, disease.group), ("Disease or Syndrome", "DISO"));
        assert_eq!(position("T999"), None);
    }

    #[test]
    fn types_and_groups_have_names() {
        for text in ["T047", "t047", "Disease or Syndrome", "disease or syndrome"] {
            assert_eq!(position(text).map(|i| SEMANTIC_TYPES[i].tui), Some("T047"), "{text}");
        }
        for text in ["DISO", "diso", "Disorders"] {
            assert_eq!(group(text), Some("DISO"), "{text}");
        }
        assert_eq!((position("Disease"), group("Disorder")), (None, None));
        let (by_name, by_id) = (["Disease or Syndrome".to_owned()], ["T047".to_owned()]);
        assert_eq!(type_mask(&by_name, &["Anatomy".into()]), type_mask(&by_id, &["ANAT".into()]));
        let parsed = |list| parse_list(list).map(|entry| entry.map(|t| t.tui)).collect::<Vec<_>>();
        assert_eq!(
            parsed("T047, Amino Acid, Peptide, or Protein,,finding , T9,Virus"),
            [Ok("T047"), Ok("T116"), Ok("T033"), Err("T9"), Ok("T005")]
        );
        assert!(SEMANTIC_TYPES.iter().all(|t| t.name.matches(',').count() <= MAX_COMMAS));
        assert_eq!(parsed(" , "), []);
        let joined = |list: &str| join_names(&list.split(',').map(str::to_owned).collect::<Vec<_>>());
        assert_eq!(
            joined("T047, Amino Acid, Peptide, or Protein,,x,T005"),
            ["T047", " Amino Acid, Peptide, or Protein", "", "x", "T005"]
        );
        assert_eq!(join_names(&[]), Vec::<String>::new());
    }
}
