//! Prefixes and suffixes that exclude each other, and lists of words for the rules, as data.

use super::ContradictionKind::{self, Course, Kind, Polarity, Position, Side};

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
pub(super) const MALIGNANT: &[&str] =
    &["malignant", "malignancy", "cancer", "cancers", "carcinoma", "carcinomas", "cancerous"];
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

/// Roman numerals that are words or abbreviations too: they count only after a slot.
pub(super) const AMBIGUOUS_ROMANS: &[&str] = &["i", "iv", "v", "x"];

/// Greek letters that name kinds.
pub(super) const GREEK: &[&str] = &["alpha", "beta", "gamma", "delta", "epsilon", "kappa", "lambda", "sigma", "omega"];

/// Ions whose minus is their charge.
pub(super) const ANIONS: &[&str] = &["br", "cl", "hco3", "oh"];
