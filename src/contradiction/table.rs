//! The words, prefixes and suffixes that exclude each other, as data.
//!
//! Invariant: the values of one group exclude each other for the same patient, finding or thing.
//! Words of one value are synonyms, or one is more special than the other.

use super::ContradictionKind::{self, Course, Kind, Number, Person, Polarity, Position, Side};

/// Words that exclude each other. A mention and a name contradict if each has exactly one value of
/// a group and the values differ.
pub(super) struct Group {
    /// What kind of contradiction it is.
    pub(super) kind: ContradictionKind,
    /// Whether the two must also have the other words, or the last word, in common.
    pub(super) needs_shared_word: bool,
    /// The words of each value, separated by spaces. A plural with `s` needs no entry.
    pub(super) values: &'static [&'static str],
}

const fn group(kind: ContradictionKind, values: &'static [&'static str]) -> Group {
    Group { kind, needs_shared_word: false, values }
}

/// A group that says something only of the same thing: "iron deficiency" and "iron overload".
const fn shared(kind: ContradictionKind, values: &'static [&'static str]) -> Group {
    Group { kind, needs_shared_word: true, values }
}

/// The position of the group of low, high and normal in [`GROUPS`].
pub(super) const DIRECTION: usize = 0;
/// The position of the group of negative and positive in [`GROUPS`].
pub(super) const SIGN: usize = 1;
/// The position of the group of slow and fast in [`GROUPS`].
pub(super) const RATE: usize = 2;
/// The position of the group for "low density" and "high grade" in [`GROUPS`].
pub(super) const LEVEL: usize = 3;

/// All groups. The first four also get values from prefixes, suffixes and signs.
pub(super) const GROUPS: &[Group] = &[
    group(
        Polarity,
        &[
            "low decreased decrease reduced reduction diminished depressed underactive subnormal oliguria oligomenorrhea ↓",
            "high increased increase raised elevated elevation excessive excess overactive polyuria polydipsia \
             polycythemia pyrexia ↑",
            "normal",
        ],
    ),
    group(Polarity, &["negative neg seronegative seronegativity -", "positive pos seropositive seropositivity +"]),
    group(Polarity, &["slow slowed", "fast rapid"]),
    group(Polarity, &["low", "high"]),
    shared(Polarity, &["deficiency deficient deficit depletion", "excess overload overproduction hypersecretion"]),
    group(Polarity, &["loss", "gain"]),
    group(Polarity, &["weak weakened", "strong forceful powerful"]),
    shared(Polarity, &["resistant resistance", "susceptible susceptibility sensitive sensitivity responsive"]),
    shared(Polarity, &["shortened short", "prolonged lengthened long"]),
    shared(Polarity, &["good favorable favourable", "poor bad unfavorable unfavourable"]),
    shared(Kind, &["repair", "replacement"]),
    group(Polarity, &["benign", "malignant malignancy cancer carcinoma cancerous"]),
    group(Polarity, &["adenoma", "carcinoma cancer adenocarcinoma"]),
    group(Polarity, &["acidosis acidemia", "alkalosis alkalemia"]),
    group(Polarity, &["immunocompetent", "immunodeficiency immunodeficient immunocompromised immunosuppressed"]),
    group(Polarity, &["agonist", "antagonist blocker"]),
    group(Polarity, &["stimulation stimulant", "suppression suppressant inhibition depressant"]),
    group(Polarity, &["diuretic diuretics", "antidiuretic antidiuretics"]),
    group(Polarity, &["coagulant procoagulant", "anticoagulant"]),
    group(Polarity, &["thrombin", "antithrombin"]),
    group(Polarity, &["trypsin", "antitrypsin"]),
    group(Polarity, &["estrogen", "antiestrogen"]),
    group(Polarity, &["androgen", "antiandrogen"]),
    group(Polarity, &["dilated", "constricted"]),
    group(Polarity, &["asleep", "awake"]),
    group(Polarity, &["wet exudative", "dry"]),
    group(Polarity, &["open", "closed"]),
    group(Polarity, &["hot warm", "cold"]),
    group(Polarity, &["hypersomnia", "insomnia"]),
    group(Polarity, &["reversible", "permanent"]),
    group(Course, &["acute sudden", "chronic longstanding", "subacute"]),
    group(Course, &["early premature precocious preterm", "late delayed postterm postmature"]),
    group(Course, &["congenital hereditary inherited inborn", "acquired"]),
    group(Course, &["primary essential idiopathic", "secondary metastatic metastasis metastases", "tertiary"]),
    group(Course, &["temporary transient intermittent paroxysmal", "permanent persistent constant continuous"]),
    group(Course, &["latent inactive quiescent", "active"]),
    group(Course, &["current", "former previous past", "never"]),
    group(Course, &["nocturnal night nighttime", "diurnal day daytime"]),
    group(Course, &["morning", "evening"]),
    group(Course, &["preload", "afterload"]),
    group(Course, &["fasting preprandial", "postprandial"]),
    group(Course, &["new", "old"]),
    group(Course, &["relapsing remitting", "progressive"]),
    group(Course, &["remission", "relapse recurrence exacerbation"]),
    group(Course, &["improved improvement improving", "worsened worsening worse deterioration"]),
    group(Side, &["left lt", "right rt"]),
    group(Side, &["unilateral", "bilateral"]),
    group(Side, &["ipsilateral", "contralateral"]),
    group(Side, &["dextrocardia", "levocardia"]),
    group(Position, &["upper superior", "lower inferior"]),
    group(Position, &["anterior", "posterior"]),
    group(Position, &["anterior", "inferior"]),
    group(Position, &["ventral", "dorsal"]),
    group(Position, &["medial", "lateral"]),
    group(Position, &["proximal", "distal"]),
    group(Position, &["internal inner", "external outer"]),
    group(Position, &["intrinsic", "extrinsic"]),
    group(Position, &["endogenous", "exogenous"]),
    group(Position, &["central", "peripheral"]),
    group(Position, &["deep", "superficial"]),
    group(Position, &["supine", "prone"]),
    shared(Position, &["sitting", "standing", "lying"]),
    group(Position, &["ascending", "descending"]),
    group(Position, &["cervical", "thoracic", "lumbar", "sacral"]),
    group(Position, &["afferent", "efferent"]),
    group(Position, &["systolic", "diastolic"]),
    group(Position, &["inspiratory inspiration inhalation", "expiratory expiration exhalation"]),
    group(Position, &["atrial supraventricular atrium", "ventricular ventricle"]),
    group(Position, &["aortic aorta", "mitral", "tricuspid", "pulmonary pulmonic"]),
    group(Position, &["arterial artery", "venous vein"]),
    group(Position, &["flexion flexor", "extension extensor"]),
    group(Position, &["adduction adductor", "abduction abductor"]),
    group(Position, &["supination", "pronation"]),
    group(Position, &["inversion", "eversion"]),
    group(Position, &["varus varum", "valgus valgum"]),
    group(Position, &["antegrade anterograde", "retrograde"]),
    group(Position, &["maxillary maxilla", "mandibular mandible"]),
    shared(
        Position,
        &[
            "heart cardiac coronary",
            "kidney renal nephric",
            "liver hepatic",
            "lung pulmonary",
            "stomach gastric",
            "brain cerebral cerebrum",
            "skin cutaneous dermal",
            "bladder vesical",
            "breast mammary",
            "prostate prostatic",
            "ovary ovaries ovarian",
            "testis testes testicular testicle",
            "uterus uterine endometrial",
            "thyroid",
            "pancreas pancreatic",
            "spleen splenic",
            "colon colonic colorectal bowel intestine intestinal",
            "duodenum duodenal",
            "esophagus esophageal",
            "eye ocular",
            "ear aural",
            "nose nasal",
            "gallbladder",
            "adrenal",
            "pituitary",
            "penis penile",
            "vagina vaginal",
        ],
    ),
    shared(Position, &["shoulder", "elbow", "wrist", "hip", "knee", "ankle"]),
    shared(Position, &["hand manual", "foot feet pedal"]),
    shared(Position, &["finger", "toe", "thumb"]),
    shared(Position, &["neck", "back", "chest", "abdomen abdominal", "groin", "flank", "face facial"]),
    shared(Position, &["eyelid", "eyebrow", "eyelash"]),
    shared(Position, &["tooth teeth dental", "gum gingival", "tongue lingual", "lip", "palate palatal"]),
    shared(Position, &["frontal", "parietal", "temporal", "occipital"]),
    shared(Position, &["cranial rostral", "caudal"]),
    shared(Position, &["median", "ulnar", "radial"]),
    shared(Position, &["peroneal", "sural", "sciatic", "femoral", "obturator"]),
    shared(Position, &["carotid", "vertebral", "subclavian", "basilar"]),
    shared(Position, &["arm", "leg"]),
    shared(
        Position,
        &[
            "humerus humeral",
            "radius radial",
            "ulna ulnar",
            "femur femoral",
            "tibia tibial",
            "fibula fibular",
            "clavicle clavicular",
            "scapula scapular",
            "sternum sternal",
            "rib",
            "skull",
            "pelvis pelvic",
        ],
    ),
    shared(Position, &["serum blood plasma", "urine urinary", "csf cerebrospinal", "stool fecal feces", "sputum"]),
    group(
        Person,
        &[
            "male man men boy father husband son brother grandfather widower masculine",
            "female woman women girl mother wife daughter sister grandmother widow feminine",
        ],
    ),
    group(Person, &["maternal mother", "paternal father", "fetal fetus"]),
    group(
        Person,
        &[
            "neonatal neonate neonatorum newborn infant infantile baby babies child children childhood pediatric juvenile \
             adolescent adolescence fetal",
            "adult adulthood elderly geriatric senile",
        ],
    ),
    group(Person, &["infantile infant", "juvenile adolescent"]),
    group(Person, &["child", "elder", "spouse spousal partner"]),
    group(Person, &["married", "divorced", "widowed"]),
    group(Number, &["iga", "igg", "igm", "ige", "igd"]),
    group(Kind, &["duplication triplication trisomy", "deletion microdeletion monosomy"]),
    shared(Kind, &["excision excisional", "incision incisional"]),
    group(Kind, &["insertion implantation placement", "removal extraction explantation retrieval"]),
    group(Kind, &["vasoconstriction vasoconstrictor", "vasodilation vasodilator vasodilatation"]),
    group(
        Kind,
        &["bacterial bacterium bacteria", "viral virus", "fungal mycotic fungus", "parasitic parasite", "allergic"],
    ),
    group(Kind, &["ischemic", "hemorrhagic"]),
    group(Kind, &["squamous", "basal"]),
    group(Kind, &["sarcoma", "carcinoma"]),
    group(Kind, &["conductive", "sensorineural"]),
    group(Kind, &["myeloid myelogenous myeloblastic", "lymphoid lymphoblastic lymphocytic"]),
    group(Kind, &["anorexia", "bulimia"]),
    shared(Kind, &["oral", "intravenous", "intramuscular", "subcutaneous", "rectal", "topical", "inhaled"]),
    group(Kind, &["obstructive", "restrictive"]),
    group(Kind, &["generalized generalised diffuse", "focal localized localised"]),
    group(Kind, &["mild", "severe"]),
    group(Kind, &["major", "minor"]),
    group(Kind, &["single solitary", "multiple"]),
    group(Kind, &["sensory", "motor"]),
    group(Kind, &["donor", "recipient"]),
    group(Kind, &["inpatient", "outpatient"]),
    group(Kind, &["homozygous", "heterozygous"]),
    group(Kind, &["dominant", "recessive"]),
    group(Kind, &["myopia nearsightedness", "hyperopia hypermetropia farsightedness"]),
    shared(
        Kind,
        &[
            "atresia agenesis aplasia",
            "stenosis stricture narrowing",
            "regurgitation insufficiency incompetence",
            "perforation",
            "aneurysm",
        ],
    ),
    shared(Kind, &["red erythrocyte", "white leukocyte"]),
    shared(Kind, &["small", "large big"]),
    shared(Kind, &["heavy", "light scanty scant"]),
    shared(Kind, &["thick thickened", "thin"]),
    shared(Kind, &["wide widened", "narrow narrowed"]),
    shared(Kind, &["soft", "hard"]),
    shared(Kind, &["tight", "loose"]),
    shared(Kind, &["sharp", "dull"]),
    shared(Kind, &["tall", "short"]),
    shared(Kind, &["dark", "pale"]),
    shared(Kind, &["complete total full", "incomplete partial subtotal"]),
    shared(Kind, &["simple", "complex complicated"]),
    shared(Kind, &["productive wet", "nonproductive unproductive dry"]),
    shared(Kind, &["vaginal", "cesarean caesarean"]),
    shared(Kind, &["open", "laparoscopic"]),
    shared(Kind, &["active", "passive"]),
    shared(Kind, &["systemic", "local topical"]),
    shared(Kind, &["rapid", "intermediate", "long"]),
    shared(Kind, &["aseptic sterile", "septic pyogenic"]),
    shared(Kind, &["rheumatoid", "psoriatic", "gouty", "septic"]),
    shared(
        Kind,
        &[
            "measles",
            "mumps",
            "rubella",
            "varicella",
            "polio poliomyelitis",
            "tetanus",
            "diphtheria",
            "pertussis",
            "rabies",
        ],
    ),
    shared(
        Kind,
        &[
            "staphylococcus staphylococcal",
            "streptococcus streptococcal",
            "pneumococcus pneumococcal",
            "meningococcus meningococcal",
            "gonococcus gonococcal",
            "enterococcus enterococcal",
        ],
    ),
    shared(Kind, &["salmonella", "shigella", "campylobacter", "listeria", "legionella", "yersinia", "brucella"]),
    shared(Kind, &["aspergillus", "candida", "cryptococcus", "mucor"]),
    group(Kind, &["falciparum", "vivax", "malariae", "knowlesi"]),
    group(Kind, &["hookworm", "roundworm", "pinworm", "tapeworm", "whipworm"]),
    shared(Kind, &["dog", "cat", "snake", "bee", "wasp", "spider", "human"]),
    shared(Kind, &["peanut", "egg", "milk", "fish", "wheat", "soy", "shellfish"]),
    shared(Kind, &["glucose", "galactose", "fructose", "lactose", "sucrose"]),
    shared(Kind, &["sodium", "potassium", "calcium", "magnesium", "zinc", "copper", "iron", "selenium"]),
    shared(Kind, &["estrogen", "progesterone", "androgen testosterone"]),
    group(Kind, &["hdl", "ldl", "vldl"]),
    shared(
        Kind,
        &[
            "neutrophil neutrophilic",
            "eosinophil eosinophilic",
            "basophil basophilic",
            "lymphocyte lymphocytic",
            "monocyte monocytic",
            "platelet",
        ],
    ),
    shared(
        Kind,
        &[
            "mri mr magnetic",
            "ct computed",
            "ultrasound ultrasonography sonography",
            "xray radiography radiograph",
            "pet positron",
            "scintigraphy",
        ],
    ),
    shared(
        Kind,
        &["biopsy", "resection", "aspiration", "ablation", "transplant transplantation", "replacement", "bypass"],
    ),
    shared(
        Kind,
        &[
            "abscess",
            "cyst",
            "stone calculus calculi",
            "polyp",
            "ulcer ulceration",
            "thrombosis thrombus clot",
            "fracture",
            "dislocation",
            "sprain strain",
            "laceration",
            "burn",
            "cancer carcinoma malignancy",
        ],
    ),
    shared(
        Kind,
        &[
            "pain ache",
            "swelling edema",
            "itching pruritus itch",
            "numbness",
            "weakness",
            "stiffness",
            "redness erythema",
        ],
    ),
];

/// Prefixes or suffixes that exclude each other on one stem.
pub(super) struct Family {
    /// What kind of contradiction it is.
    pub(super) kind: ContradictionKind,
    /// The affixes of each value, separated by spaces.
    pub(super) values: &'static [&'static str],
}

const fn family(kind: ContradictionKind, values: &'static [&'static str]) -> Family {
    Family { kind, values }
}

/// Prefixes that exclude each other on one stem: "preoperative" and "postoperative".
pub(super) const PREFIXES: &[Family] = &[
    family(Polarity, &["hyper", "hypo", "eu normo", "a an"]),
    family(Polarity, &["tachy", "brady"]),
    family(Polarity, &["macro", "micro", "normo"]),
    family(Polarity, &["poly", "oligo olig", "mono", "an a"]),
    family(Polarity, &["over", "under"]),
    family(Course, &["pre ante", "post", "intra"]),
    family(Side, &["levo sinistro", "dextro dextr"]),
    family(Side, &["uni mono", "bi", "multi"]),
    family(Side, &["ipsi", "contra"]),
    family(Position, &["intra", "extra epi", "inter", "supra", "infra sub"]),
    family(Position, &["endo en eso", "exo ex"]),
    family(Position, &["retro", "ante antero"]),
    family(Kind, &["pneumo", "hemo", "hydro", "pyo", "chylo"]),
    family(Kind, &["hemi", "para", "quadri tetra", "mono", "di"]),
    family(Kind, &["homo", "hetero"]),
    family(Kind, &["auto", "allo", "xeno"]),
    family(Kind, &["meth", "eth", "prop", "but", "pent", "hex", "hept", "oct"]),
    family(Kind, &["pheno", "pento", "seco", "amo"]),
    family(Kind, &["adren", "aden"]),
    family(Kind, &["hydroxy", "dihydroxy"]),
    family(Kind, &["ileo", "ilio"]),
    family(Kind, &["uretero", "urethro"]),
    family(Kind, &["hepato hepat", "hemato hemat"]),
    family(Kind, &["nephro", "neuro"]),
    family(Kind, &["myelo", "myo"]),
];

/// Suffixes that exclude each other on one stem: "colectomy" and "colostomy".
pub(super) const SUFFIXES: &[Family] = &[
    family(
        Kind,
        &[
            "ectomy",
            "tomy",
            "stomy",
            "scopy",
            "plasty",
            "graphy gram",
            "itis",
            "osis oses",
            "oma omas omata",
            "algia dynia",
            "pathy pathies",
            "malacia",
            "megaly",
            "pexy",
            "rrhaphy",
            "centesis",
            "lysis",
            "cele",
            "sclerosis",
            "porosis",
            "petrosis",
            "atrophy",
        ],
    ),
    family(Polarity, &["penia penic cytopenia cytopenic", "cytosis philia philic"]),
    family(Polarity, &["less", "ful"]),
    family(Kind, &["constriction constrictor", "dilation dilatation dilator"]),
    family(Kind, &["blast blastoma", "clast clastoma"]),
];

/// Affixes that name the same on words with this ending before a suffix, or this start after a
/// prefix: "osteoarthritis" and "osteoarthrosis".
pub(super) const SYNONYMOUS_AFFIXES: &[(&str, &str, &str)] = &[
    ("", "a", "hypo"),
    ("", "an", "hypo"),
    ("arthr", "itis", "pathy"),
    ("ather", "oma", "sclerosis"),
    ("cheil", "itis", "osis"),
    ("epicondyl", "itis", "algia"),
    ("fasc", "itis", "pathy"),
    ("glott", "epi", "supra"),
    ("lymphaden", "itis", "pathy"),
    ("nephr", "itis", "pathy"),
    ("nephr", "osis", "pathy"),
    ("nephr", "pathy", "sclerosis"),
    ("osteoarthr", "itis", "osis"),
    ("osteochondr", "itis", "osis"),
    ("polyneur", "itis", "pathy"),
    ("retin", "itis", "pathy"),
    ("rhin", "itis", "pathy"),
    ("tend", "itis", "pathy"),
    ("tend", "osis", "pathy"),
    ("tendin", "itis", "pathy"),
    ("tendin", "osis", "pathy"),
    ("trache", "tomy", "stomy"),
    ("vagin", "itis", "osis"),
];

/// Prefixes that deny the word after them, if that word is on the other side: "unstable" and
/// "stable".
pub(super) const DENYING_PREFIXES: &[&str] = &["un", "in", "im", "ir", "an", "a", "dis"];

/// Endings of words in which "a" and "an" deny: "afebrile", and not "atomoxetine".
pub(super) const ADJECTIVE_ENDINGS: &[&str] = &["al", "ic", "ile"];

/// Words that only look like a denial of another word.
pub(super) const NOT_DENYING: &[&str] = &[
    "abuse",
    "about",
    "along",
    "around",
    "discharge",
    "disease",
    "disorder",
    "display",
    "implant",
    "impulse",
    "inborn",
    "indwelling",
    "inflow",
    "inform",
    "information",
    "infusion",
    "ingrown",
    "inpatient",
    "insight",
    "inside",
    "intake",
    "irradiation",
];

/// Words of a side that agree with a denial on the other side: "no appetite" and "loss of
/// appetite".
pub(super) const LACKING: &[&str] = &[
    "abnormal",
    "abnormality",
    "absence",
    "absent",
    "agenesis",
    "aplasia",
    "aplastic",
    "atresia",
    "cannot",
    "cant",
    "cessation",
    "decreased",
    "defect",
    "deficiencies",
    "deficiency",
    "deficient",
    "deprivation",
    "deprived",
    "difficulty",
    "disorder",
    "disturbance",
    "dont",
    "drop",
    "dropped",
    "dysfunction",
    "failed",
    "failure",
    "free",
    "hard",
    "hypoplastic",
    "impaired",
    "impairment",
    "imperforate",
    "inability",
    "incomplete",
    "insufficiency",
    "insufficient",
    "intolerance",
    "isnt",
    "lack",
    "lacking",
    "losing",
    "loss",
    "lost",
    "low",
    "minus",
    "missed",
    "missing",
    "negative",
    "out",
    "pauses",
    "poor",
    "problem",
    "problems",
    "reduced",
    "retention",
    "short",
    "shortness",
    "single",
    "sparse",
    "stopped",
    "trouble",
    "unable",
    "weakness",
    "zero",
];

/// Number of the first entries of [`THINGS`] that a mention may leave out and still mean: "HLA-B27"
/// is the antigen.
pub(super) const OMITTED_THINGS: usize = 4;
/// Last words of things that are called after another thing, with their synonyms.
pub(super) const THINGS: &[&str] = &[
    "removal retrieval explantation",
    "virus viruses",
    "gene genes",
    "antigen antigens",
    "vaccine vaccines vaccination",
    "antibody antibodies",
    "toxicity poisoning overdose intoxication toxic",
    "allergy allergies allergic hypersensitivity",
    "withdrawal",
    "catheter catheters",
    "receptor receptors",
    "releasing",
    "inhibiting",
    "binding",
    "antagonist antagonists blocker blockers blocking inhibitor inhibitors",
    "agonist agonists",
    "closure takedown reversal repair",
    "release decompression",
];

/// Last words of disorders that are called after their cause: a mention with one of these words may
/// have a name without it ("hepatitis A infection"), but not the other way round.
pub(super) const EFFECTS: &[&str] = &["infection infections", "rash"];

/// Words of [`THINGS`] that a word for the thing follows: "growth hormone releasing hormone".
pub(super) const RELATIONS: [&str; 3] = ["releasing", "inhibiting", "binding"];

/// Words of names of measurements of any thing: "low platelet count".
pub(super) const MEASURED: &[&str] = &[
    "absence",
    "amount",
    "blood",
    "body",
    "concentration",
    "condition",
    "count",
    "counts",
    "disease",
    "disorder",
    "fewer",
    "finding",
    "general",
    "lack",
    "less",
    "level",
    "levels",
    "little",
    "loss",
    "lot",
    "many",
    "measurement",
    "more",
    "much",
    "plasma",
    "poor",
    "rate",
    "result",
    "serum",
    "status",
    "syndrome",
    "test",
    "too",
    "total",
    "value",
    "values",
    "very",
];

/// Words that say that a tumor is malignant, and words for tumors that do not say it or are benign.
pub(super) const MALIGNANT: [&str; 7] =
    ["malignant", "malignancy", "cancer", "cancers", "carcinoma", "carcinomas", "cancerous"];
pub(super) const TUMORS: &[&str] = &[
    "adenoma",
    "chondroma",
    "fibroma",
    "hemangioma",
    "leiomyoma",
    "lesion",
    "lipoma",
    "mass",
    "neoplasm",
    "neoplasms",
    "neurofibroma",
    "neuroma",
    "osteoma",
    "papilloma",
    "polyp",
    "schwannoma",
    "tumor",
    "tumors",
    "tumour",
    "tumours",
];

/// Tumors that are malignant if nothing says that they are [`BENIGN`].
pub(super) const MALIGNANT_TUMORS: &[&str] =
    &["adenocarcinoma", "leukemia", "lymphoma", "melanoma", "mesothelioma", "myeloma", "sarcoma"];
pub(super) const BENIGN: &[&str] = &["benign"];

/// Words and signs that deny the words after them.
pub(super) const DENIALS: &[&str] = &["(-)", "absent", "denies", "doesnt", "never", "no", "not", "without"];

/// Words that a denied word is not compared with: "nonsyndromic" and "syndrome".
pub(super) const NEVER_DENIED: &[&str] = &["condition", "disease", "disorder", "syndrome"];

/// Words that deny the word before them.
pub(super) const DENIALS_AFTER: &[&str] = &["-", "free", "neg", "negative", "negatives"];

/// Words that end the reach of a denial.
pub(super) const DENIAL_ENDS: &[&str] =
    &["and", "but", "with", "or", "due", "from", "in", "after", "during", "on", "by", "for", "to", "at"];

/// Words without a meaning of their own.
pub(super) const STOP_WORDS: &[&str] =
    &["a", "an", "and", "at", "by", "due", "for", "from", "in", "of", "on", "or", "the", "to", "with", "without"];

/// Prefixes that texts write as a word of their own: "post operative".
pub(super) const LOOSE_PREFIXES: &[&str] = &[
    "ante", "anti", "extra", "gall", "hyper", "hypo", "infra", "inter", "intra", "macro", "micro", "oligo", "poly",
    "post", "pre", "sub", "supra",
];

/// Words after "low" or "high" that make a name of them, not a measurement.
pub(super) const LEVEL_NOUNS: &[&str] = &[
    "altitude",
    "arched",
    "back",
    "birth",
    "definition",
    "density",
    "dose",
    "energy",
    "fiber",
    "flow",
    "frequency",
    "grade",
    "molecular",
    "output",
    "pitched",
    "power",
    "resolution",
    "risk",
    "set",
    "speed",
];

/// Stems after "hypo" and "hyper" that name a place or a thing, not a direction.
pub(super) const UNDIRECTED_STEMS: &[&str] = &[
    "baric", "chond", "derm", "gastr", "gloss", "glott", "phary", "physe", "physi", "spad", "stom", "thalam", "thenar",
    "thes", "ventil", "xanth",
];

/// Words with "cytosis" that name no count of cells.
pub(super) const UNDIRECTED_CYTOSIS: &[&str] =
    &["agranulo", "phago", "endo", "exo", "pino", "trans", "sphero", "ellipto", "ovalo"];

/// First parts of words with "philia" that are a count of cells.
pub(super) const COUNTED_PHILIA: &[&str] = &["neutro", "eosino", "baso", "granulo"];

/// Words that are the same for the rules of this module.
pub(super) const ALIASES: &[(&str, &str)] = &[
    ("cn", "nerve"),
    ("febrile", "fever"),
    ("flu", "influenza"),
    ("hep", "hepatitis"),
    ("interleukin", "il"),
    ("lymphocyte", "cell"),
    ("vit", "vitamin"),
];

/// Words that name what the number or letter after them counts.
pub(super) const NUMBER_SLOTS: &[&str] = &[
    "angiotensin",
    "bipolar",
    "category",
    "class",
    "collagen",
    "complex",
    "degree",
    "factor",
    "grade",
    "group",
    "il",
    "level",
    "mucopolysaccharidosis",
    "nerve",
    "phase",
    "region",
    "segment",
    "stage",
    "subtype",
    "trisomy",
    "type",
];

/// Slots that say only that kinds are numbered.
pub(super) const WEAK_SLOTS: &[&str] = &["type", "subtype", "number", "dm"];

/// Words after which a single letter is a label.
pub(super) const LETTER_SLOTS: &[&str] = &[
    "agent",
    "category",
    "class",
    "coxsackievirus",
    "factor",
    "grade",
    "group",
    "hemoglobin",
    "hepatitis",
    "immunoglobulin",
    "influenza",
    "protein",
    "stage",
    "subtype",
    "toxin",
    "type",
    "virus",
    "vitamin",
];

/// Words before which a single letter is a label.
pub(super) const LETTERED: &[&str] = &["cell", "wave"];

/// Units, and words that make a number before them an amount or a time.
pub(super) const UNITS: &[&str] = &[
    "bpm",
    "c",
    "cc",
    "cm",
    "cmh2o",
    "d",
    "day",
    "dl",
    "f",
    "g",
    "gm",
    "gram",
    "h",
    "hour",
    "hr",
    "hrs",
    "iu",
    "kb",
    "kcal",
    "kg",
    "l",
    "lb",
    "lead",
    "mcg",
    "mcmol",
    "meq",
    "mg",
    "micrograms",
    "min",
    "minute",
    "ml",
    "mm",
    "mmhg",
    "mmol",
    "mol",
    "month",
    "mug",
    "ng",
    "nmol",
    "old",
    "percent",
    "pg",
    "pmol",
    "puff",
    "second",
    "tablet",
    "time",
    "u",
    "ug",
    "unit",
    "week",
    "wk",
    "x",
    "year",
    "yo",
    "yr",
];

/// Ordinals as words.
pub(super) const ORDINALS: &[&str] = &[
    "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth", "eleventh",
    "twelfth",
];

/// Cardinal numbers as words.
pub(super) const CARDINALS: &[&str] = &["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"];

/// Roman numerals up to the highest that medical labels use; the value is the position plus one.
pub(super) const ROMANS: &[&str] = &[
    "i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix", "x", "xi", "xii", "xiii", "xiv", "xv", "xvi", "xvii",
    "xviii", "xix", "xx",
];

/// Roman numerals that are words or abbreviations too: they count only after a slot.
pub(super) const AMBIGUOUS_ROMANS: &[&str] = &["i", "iv", "v", "x"];

/// Greek letters that name kinds.
pub(super) const GREEK: &[&str] = &["alpha", "beta", "gamma", "delta", "epsilon", "kappa", "lambda", "sigma", "omega"];

/// Ions whose minus is their charge.
pub(super) const ANIONS: &[&str] = &["br", "cl", "hco3", "oh"];
