//! The kind of thing that a phrase names, by its head: "lateral femoral cutaneous nerve" is a part
//! of the body and no disorder, "disorder of the basal ganglia" the other way round.
//!
//! Words and endings were taken if at least nine of ten names with this head belong to the group in
//! open terminologies. Invariant: a phrase whose head is in no list has no kind.

use crate::{confidence::phrase::Phrase, domain::semantic_type::SemanticType};

/// The heads and endings of the names of a semantic group.
struct Kind {
    /// Abbreviation of the group.
    group: &'static str,
    /// Heads, in the singular.
    heads: &'static str,
    /// Endings of heads.
    endings: &'static [&'static str],
}

const KINDS: [Kind; 5] = [
    Kind {
        group: "DISO",
        heads: "abnormality abscess absence ache agenesis aneurysm anomaly aplasia atresia atrophy avulsion bleeding \
                cancer carcinoma cyst deafness defect deficiency deformity degeneration dehiscence dementia diathesis \
                disability discharge disease disorder dissection dysfunction dysgenesis dysplasia dystrophy edema \
                embolism embolus failure fever fibrosis fissure fistula fracture gangrene hematoma hemorrhage hernia \
                hyperplasia hypertension hypoplasia hypotension impairment incontinence infarct infarction infection \
                inflammation injury insufficiency itch itching lesion leukemia lymphoma malformation melanoma \
                necrosis neoplasm nevus numbness obstruction pain palsy paralysis polyp prolapse pustule rash \
                resistance rupture sarcoma scar seizure sepsis stenosis stricture swelling syndrome tear tenderness \
                thrombosis thrombus tremor tumor tumour ulcer weakness wound",
        endings: &[
            "itis", "oma", "emia", "aemia", "pathy", "plegia", "paresis", "algia", "dynia", "malacia", "megaly",
            "rrhea", "rrhoea", "rrhagia", "penia", "ectasia", "dactyly", "plasia",
        ],
    },
    Kind {
        group: "ANAT",
        heads: "artery bone cartilage cortex duct epithelium ganglion gland gyrus joint ligament lobe medulla mucosa \
                muscle nerve nucleus plexus septum sulcus tendon urethra vein ventricle vertebra",
        endings: &[],
    },
    Kind {
        group: "PROC",
        heads: "ablation amputation anesthesia arthroplasty biopsy catheterization debridement drainage examination \
                excision implantation lengthening operation procedure radiotherapy removal repair replacement \
                resection surgery test therapy transplant transplantation treatment",
        endings: &["ectomy", "otomy", "plasty", "scopy", "graphy", "pexy", "centesis", "tripsy", "therapy"],
    },
    Kind {
        group: "LIVB",
        heads: "bacteria bacterium fungus parasite virus viruses",
        endings: &["virus", "viruses", "bacter", "bacterium", "coccus"],
    },
    Kind {
        group: "CHEM",
        heads: "agonist antagonist drug hormone inhibitor tablet",
        endings: &["mab", "azole", "mycin", "cillin", "prazole", "statin", "olol", "azine", "amide", "caine"],
    },
];

/// Endings of the first word of the name of an organism of two words: "Bartonella henselae".
const GENUS_ENDINGS: [&str; 8] = ["bacter", "bacterium", "coccus", "ella", "bacillus", "monas", "philus", "virus"];
/// Words with such an ending that are no genus.
const NO_GENUS: [&str; 5] = ["patella", "rubella", "varicella", "fontanella", "columella"];

/// The semantic group that a phrase names; `None` if its head does not say it.
pub(super) fn group_of(phrase: &Phrase<'_>) -> Option<&'static str> {
    let head = *phrase.words.get(phrase.head)?;
    let singular = head.strip_suffix('s').unwrap_or(head);
    let of_head = KINDS.iter().find(|kind| {
        let is_head = kind.heads.split_ascii_whitespace().any(|other| other == head || other == singular);
        is_head || kind.endings.iter().any(|ending| head.ends_with(ending) || singular.ends_with(ending))
    });
    match of_head.map(|kind| kind.group) {
        // "Torn ligament" and "enlarged gland" are disorders.
        Some("ANAT") if phrase.words.iter().any(|word| is_changed(word)) => None,
        None if is_organism(&phrase.words) => Some("LIVB"),
        group => group,
    }
}

/// Whether a concept with these semantic types is of another kind than `group`. Types of groups
/// without a list here fit to every group.
pub(super) fn is_other_group(group: &str, types: &[&SemanticType]) -> bool {
    let is_other = |other: &str| other != group && KINDS.iter().any(|kind| kind.group == other);
    !types.is_empty() && types.iter().all(|semantic| is_other(semantic.group))
}

/// Whether a word says that something is not as it should be.
fn is_changed(word: &str) -> bool {
    word.ends_with("ed") || word.ends_with("en") || matches!(word, "torn" | "absent" | "double" | "fatty" | "accessory")
}

fn is_organism(words: &[&str]) -> bool {
    let [genus, species] = words else { return false };
    let ends = GENUS_ENDINGS.iter().any(|ending| genus.ends_with(ending) && genus.len() > ending.len() + 1);
    ends && !NO_GENUS.contains(genus) && species.len() > 2 && species.bytes().all(|b| b.is_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::semantic_type::SEMANTIC_TYPES;

    #[test]
    fn the_head_says_the_kind() {
        for (key, group) in [
            ("disorder of the basal ganglia", Some("DISO")),
            ("benign neoplasms of the colon", Some("DISO")),
            ("mitral valve replacement", Some("PROC")),
            ("appendectomy", Some("PROC")),
            ("appendicitis", Some("DISO")),
            ("lateral femoral cutaneous nerve", Some("ANAT")),
            ("renal veins", Some("ANAT")),
            ("enlarged adrenal gland", None),
            ("west nile virus", Some("LIVB")),
            ("mers coronavirus", Some("LIVB")),
            ("bartonella henselae", Some("LIVB")),
            ("salmonella infection", Some("DISO")),
            ("patella alta", None),
            ("rubella rash", Some("DISO")),
            ("infliximab", Some("CHEM")),
            ("heart attack", None),
            ("", None),
        ] {
            assert_eq!(group_of(&Phrase::new(key)), group, "{key}");
        }
    }

    #[test]
    fn only_types_of_other_kinds_differ() {
        let types = |tuis: &[&str]| SEMANTIC_TYPES.iter().filter(|t| tuis.contains(&t.tui)).collect::<Vec<_>>();
        for (group, tuis, is_other) in [
            ("DISO", &["T023"][..], true),
            ("DISO", &["T047"], false),
            ("DISO", &["T023", "T047"], false),
            ("DISO", &["T081"], false),
            ("LIVB", &["T047"], true),
            ("PROC", &[], false),
        ] {
            assert_eq!(is_other_group(group, &types(tuis)), is_other, "{group} {tuis:?}");
        }
    }
}
