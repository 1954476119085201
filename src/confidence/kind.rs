//! The kind of thing that a phrase names, by its head: "lateral femoral cutaneous nerve" is a part
//! of the body and no disorder, "disorder of the basal ganglia" the other way round.
//!
//! Words and endings are chosen by hand; counts of the heads of names in open terminologies were a
//! guide. Invariant: a phrase whose head is in no list has no kind.

use crate::{confidence::phrase::Phrase, domain::semantic_type::SemanticType};

/// The heads and endings of names of a kind.
struct Kind {
    /// Abbreviations of the semantic groups that have such names.
    groups: &'static [&'static str],
    /// Heads, in the singular.
    heads: &'static str,
    /// Endings of heads.
    endings: &'static [&'static str],
}

const KINDS: [Kind; 7] = [
    Kind {
        groups: &["DISO"],
        heads: "abnormality abscess absence ache adhesion agenesis aneurysm anomaly aplasia atresia \
                atrophy avulsion bleeding blockage calcification calculi calculus cancer carcinoma \
                compression contracture crisis cyst deafness defect deficiency deformity degeneration \
                dehiscence dementia diathesis dilatation dilation disability discharge disease \
                dislocation disorder displacement dissection dysfunction dysgenesis dysplasia dystrophy \
                edema embolism embolus enlargement entrapment erosion failure fever fibrosis fissure \
                fistula fracture gangrene hematoma hemorrhage hernia hyperplasia hypertension hypoplasia \
                hypotension impairment incontinence infarct infarction infection inflammation injury \
                insufficiency ischaemia ischemia itch itching lesion leukemia lymphoma malformation \
                melanoma narrowing necrosis neoplasm nevus nodule numbness obstruction occlusion pain \
                palsy paralysis perforation polyp prolapse pustule rash regurgitation resistance rupture \
                sarcoma scar seizure sepsis spasm stenosis stone stricture swelling syndrome tear \
                tenderness thrombosis thrombus torsion tremor tumor tumour ulcer vegetation weakness web \
                wound",
        endings: &[
            "itis", "oma", "emia", "aemia", "pathy", "plegia", "paresis", "algia", "dynia", "malacia", "megaly",
            "rrhea", "rrhoea", "rrhagia", "penia", "ectasia", "dactyly", "plasia",
        ],
    },
    Kind {
        groups: &["ANAT"],
        heads: "appendage arch artery bone cartilage cortex duct ear epithelium eyelid ganglion gland \
                gyrus joint ligament lobe medulla mucosa muscle nerve nose nucleus plexus scapula septum \
                sulcus tendon toe tongue urethra vein ventricle vertebra",
        endings: &[],
    },
    Kind {
        groups: &["PROC"],
        heads: "ablation amputation anesthesia arthroplasty biopsy bx bypass catheterization closure \
                debridement decompression drainage duplex examination excision explantation implantation \
                insertion lengthening operation procedure radiotherapy removal repair replacement \
                resection retrieval scan surgery test therapy transplant transplantation treatment",
        endings: &["ectomy", "otomy", "plasty", "scopy", "graphy", "pexy", "centesis", "tripsy", "therapy"],
    },
    Kind {
        groups: &["DEVI"],
        heads: "cannula catheter drain filter implant pacemaker prosthesis splint stent",
        endings: &[],
    },
    // A level is a test, its result or a finding, but no substance.
    Kind { groups: &["PROC", "PHEN", "PHYS", "DISO"], heads: "level measurement titer titre trough", endings: &[] },
    Kind {
        groups: &["LIVB"],
        heads: "bacteria bacterium fungus parasite virus viruses",
        endings: &["virus", "viruses", "bacter", "bacterium", "coccus"],
    },
    Kind {
        groups: &["CHEM"],
        heads: "agonist antagonist drug hormone inhibitor tablet",
        endings: &["mab", "azole", "mycin", "cillin", "prazole", "statin", "olol", "azine", "amide", "caine"],
    },
];

/// Endings of the first word of the name of an organism of two words: "Bartonella henselae".
const GENUS_ENDINGS: [&str; 8] = ["bacter", "bacterium", "coccus", "ella", "bacillus", "monas", "philus", "virus"];
/// Words with such an ending that are no genus.
const NO_GENUS: [&str; 5] = ["patella", "rubella", "varicella", "fontanella", "columella"];

/// Words that make a finding of a part of the body.
const DAMAGED: [&str; 21] = [
    "blocked",
    "broken",
    "bruised",
    "burst",
    "crushed",
    "dislocated",
    "enlarged",
    "fractured",
    "infected",
    "inflamed",
    "injured",
    "interrupted",
    "perforated",
    "ruptured",
    "sprained",
    "strained",
    "swollen",
    "torn",
    "twisted",
    "ulcerated",
    "winged",
];

/// The semantic groups to which what a phrase names may belong; empty if its head does not say it.
pub(super) fn groups_of(phrase: &Phrase<'_>) -> &'static [&'static str] {
    let Some(&head) = phrase.words.get(phrase.head) else { return &[] };
    let singular = head.strip_suffix('s').unwrap_or(head);
    let of_head = KINDS.iter().find(|kind| {
        let is_head = kind.heads.split_ascii_whitespace().any(|other| other == head || other == singular);
        is_head || kind.endings.iter().any(|ending| head.ends_with(ending) || singular.ends_with(ending))
    });
    match of_head.map(|kind| kind.groups) {
        // "Torn ligament" and "enlarged gland" are findings, "striated muscle" is none.
        Some(["ANAT"]) if phrase.words.iter().any(|word| DAMAGED.contains(word)) => &["DISO"],
        Some(["ANAT"]) if phrase.words.iter().any(|word| is_changed(word)) => &[],
        None if is_organism(&phrase.words) => &["LIVB"],
        groups => groups.unwrap_or_default(),
    }
}

/// Whether a concept with these semantic types belongs to none of `groups`. Types of groups without
/// a list here fit to every kind.
pub(super) fn is_other_kind(groups: &[&str], types: &[&SemanticType]) -> bool {
    let is_other = |other: &str| !groups.contains(&other) && KINDS.iter().any(|kind| kind.groups == [other]);
    !groups.is_empty() && !types.is_empty() && types.iter().all(|semantic| is_other(semantic.group))
}

/// Whether a mention names a species and a name only its genus: "Shigella sonnei" and "genus
/// Shigella".
pub(super) fn is_genus_of(mention: &Phrase<'_>, name: &Phrase<'_>, types: &[&SemanticType]) -> bool {
    let [genus, _, ..] = mention.words[..] else { return false };
    let is_organism = !types.is_empty() && types.iter().all(|semantic| semantic.group == "LIVB");
    let mut others = name.words.iter().filter(|word| !matches!(**word, "genus" | "species" | "spp"));
    is_organism && others.next() == Some(&genus) && others.next().is_none()
}

/// Whether a word says that something is not as it should be.
fn is_changed(word: &str) -> bool {
    word.ends_with("ed") || word.ends_with("en") || matches!(word, "absent" | "double" | "fatty" | "accessory")
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
        for (key, groups) in [
            ("disorder of the basal ganglia", "DISO"),
            ("benign neoplasms of the colon", "DISO"),
            ("left atrial dilatation", "DISO"),
            ("mitral valve replacement", "PROC"),
            ("removal of ureteric stent", "PROC"),
            ("appendectomy", "PROC"),
            ("appendicitis", "DISO"),
            ("lateral femoral cutaneous nerve", "ANAT"),
            ("renal veins", "ANAT"),
            ("enlarged adrenal gland", "DISO"),
            ("winged scapula", "DISO"),
            ("calculus of common bile duct", "DISO"),
            ("interrupted aortic arch", "DISO"),
            ("dmsa scan", "PROC"),
            ("chest tube", ""),
            ("striated muscle", ""),
            ("left atrial appendage closure", "PROC"),
            ("prostatic stent", "DEVI"),
            ("lithium level", "PROC PHEN PHYS DISO"),
            ("west nile virus", "LIVB"),
            ("mers coronavirus", "LIVB"),
            ("bartonella henselae", "LIVB"),
            ("salmonella infection", "DISO"),
            ("patella alta", ""),
            ("rubella rash", "DISO"),
            ("infliximab", "CHEM"),
            ("heart attack", ""),
            ("", ""),
        ] {
            assert_eq!(groups_of(&Phrase::new(key)).join(" "), groups, "{key}");
        }
    }

    #[test]
    fn only_types_of_other_kinds_differ() {
        let types = |tuis: &[&str]| SEMANTIC_TYPES.iter().filter(|t| tuis.contains(&t.tui)).collect::<Vec<_>>();
        for (groups, tuis, is_other) in [
            (&["DISO"][..], &["T023"][..], true),
            (&["DISO"], &["T047"], false),
            (&["DISO"], &["T023", "T047"], false),
            (&["DISO"], &["T081"], false),
            (&["LIVB"], &["T047"], true),
            (&["PROC", "DISO"], &["T121"], true),
            (&["PROC", "DISO"], &["T033"], false),
            (&["PROC"], &[], false),
            (&[], &["T047"], false),
        ] {
            assert_eq!(is_other_kind(groups, &types(tuis)), is_other, "{groups:?} {tuis:?}");
        }
    }

    #[test]
    fn a_genus_is_no_species() {
        let types = |tui: &str| SEMANTIC_TYPES.iter().filter(|semantic| semantic.tui == tui).collect::<Vec<_>>();
        let is_genus =
            |mention: &str, name: &str, tui| is_genus_of(&Phrase::new(mention), &Phrase::new(name), &types(tui));
        assert!(is_genus("shigella sonnei", "genus shigella", "T007"));
        assert!(is_genus("candida auris", "candida", "T004"));
        assert!(!is_genus("candida", "candida", "T004"));
        assert!(!is_genus("candida auris", "candida albicans", "T004"));
        assert!(!is_genus("candida infection", "candida infection", "T004"));
        assert!(!is_genus("heart attack", "heart", "T023"));
    }
}
