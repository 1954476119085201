//! Parts of words that carry the meaning: affixes and the stems of drug names.
//!
//! Medical words that differ in such a part are near in spelling and far in meaning (hypertension
//! and hypotension). Invariant: two words that differ in an affix are never a slip of one another.

/// Prefixes that change the meaning of a word.
const PREFIXES: [&str; 30] = [
    "hyper", "hypo", "eu", "tachy", "brady", "inter", "intra", "extra", "macro", "micro", "endo", "exo", "ecto", "en",
    "ex", "eso", "mono", "bi", "tri", "poly", "oligo", "hemi", "quadri", "peri", "supra", "ortho", "auto", "allo",
    "homo", "hetero",
];

/// Suffixes that change the meaning of a word.
const SUFFIXES: [&str; 47] = [
    "ectomy", "otomy", "ostomy", "oscopy", "plasty", "pexy", "rrhaphy", "centesis", "itis", "osis", "iasis", "emia",
    "penia", "philia", "cytosis", "uria", "algia", "dynia", "pathy", "oma", "blast", "clast", "cyte", "cytic",
    "cystic", "lysis", "genesis", "stasis", "ectasis", "ptosis", "stenosis", "megaly", "malacia", "plegia", "paresis",
    "phasia", "phagia", "phonia", "phobia", "rrhea", "rrhagia", "gram", "scope", "static", "cidal", "trophy",
    "trophic",
];

/// Roots that stand for different organs or processes and are near in spelling.
const ROOTS: [&str; 22] = [
    "adren",
    "adeno",
    "phosphatas",
    "phosphat",
    "ureter",
    "urethr",
    "perone",
    "perine",
    "peritone",
    "ileal",
    "ileum",
    "iliac",
    "ilial",
    "ilium",
    "arter",
    "arthr",
    "humer",
    "humor",
    "vacuol",
    "vascul",
    "blast",
    "clast",
];

/// Endings of inflected and derived English words. A word that ends in one of them is rarely a slip
/// for a word without it: "station" is not "statin".
const ENGLISH_SUFFIXES: [&str; 16] = [
    "ion", "ions", "ing", "ings", "ed", "ly", "ment", "ness", "able", "ible", "ful", "less", "ship", "ous", "ive", "ic",
];

/// Stems that name the class of a drug (INN). Drugs of a class differ in the part before the stem.
const DRUG_STEMS: [&str; 41] = [
    "afil", "alol", "arone", "artan", "astine", "azepam", "azine", "azolam", "azole", "azosin", "barbital", "caine",
    "cillin", "cycline", "dipine", "dronate", "floxacin", "fibrate", "gliptin", "kacin", "mab", "micin", "mycin",
    "nidazole", "nib", "olol", "olone", "oxetine", "pidem", "platin", "pril", "profen", "semide", "serine", "setron",
    "sone", "sporine", "statin", "thiazide", "triptan", "vir",
];

/// Endings of the forms of one word.
const INFLECTIONS: [&str; 12] = ["", "s", "es", "e", "ed", "ing", "al", "ally", "ic", "ical", "y", "ies"];

/// Endings before which `as` names an enzyme: "amylasemia".
const LEVELS: [&str; 3] = ["aemia", "emia", "uria"];

/// Letters of a prefix that is hardly ever the result of a slip.
const MIN_LONG_PREFIX: usize = 4;

/// Letters before an inflection that two forms of one word share at least.
const MIN_STEM_LETTERS: usize = 4;

/// Whether `word` differs from `written` in an affix or a root: both have one of a table, and not
/// the same one, or `written` has a long prefix that `word` lacks.
pub(crate) fn differ_in_affix(written: &str, word: &str) -> bool {
    let prefix = |word: &str| PREFIXES.iter().filter(|affix| word.starts_with(**affix)).max_by_key(|affix| affix.len());
    let suffix = |word: &str| longest_suffix(word, &SUFFIXES);
    let root = |word: &str| ROOTS.iter().find(|root| word.contains(**root));
    let stem = |word: &str| LEVELS.iter().find_map(|level| word.strip_suffix(level).map(str::to_owned));
    let is_enzyme = |word: &str| stem(word).map(|stem| stem.ends_with("as"));
    let differ = |a: Option<&&str>, b: Option<&&str>| a.is_some() && b.is_some() && a != b;
    let is_long = |prefix: &&&str| prefix.len() >= MIN_LONG_PREFIX;
    differ(prefix(written), prefix(word))
        || differ(suffix(written), suffix(word))
        || differ(root(written), root(word))
        || is_enzyme(written).zip(is_enzyme(word)).is_some_and(|(a, b)| a != b)
        || prefix(written).filter(is_long).is_some_and(|prefix| !word.starts_with(prefix))
}

/// Whether the words contradict each other: they differ in an affix and in nothing else.
pub(crate) fn are_opposites(a: &str, b: &str) -> bool {
    let differ_only = |affixes: &[&str], rest: &dyn Fn(&str, &str) -> bool| {
        affixes.iter().any(|x| affixes.iter().any(|y| x != y && rest(x, y)))
    };
    let rests_after = |x: &str, y: &str| a.strip_prefix(x).is_some_and(|rest| b.strip_prefix(y) == Some(rest));
    let rests_before = |x: &str, y: &str| a.strip_suffix(x).is_some_and(|rest| b.strip_suffix(y) == Some(rest));
    differ_only(&PREFIXES, &rests_after) || differ_only(&SUFFIXES, &rests_before)
}

/// Whether `written` has an English ending that `word` lacks.
pub(crate) fn loses_english_suffix(written: &str, word: &str) -> bool {
    longest_suffix(written, &ENGLISH_SUFFIXES).is_some_and(|suffix| !word.ends_with(suffix))
}

/// Whether both words look like drugs of one class.
pub(crate) fn are_drugs_of_one_class(a: &str, b: &str) -> bool {
    longest_suffix(a, &DRUG_STEMS).is_some_and(|stem| b.ends_with(stem))
}

/// Whether the words are forms of one word, such as singular and plural, or British and American
/// spelling.
pub(crate) fn are_forms(a: &str, b: &str) -> bool {
    let american = |word: &str| word.replace("ae", "e").replace("oe", "e");
    are_inflections(&american(a), &american(b))
}

fn are_inflections(a: &str, b: &str) -> bool {
    let shared: usize = a.chars().zip(b.chars()).take_while(|(a, b)| a == b).map(|(a, _)| a.len_utf8()).sum();
    a[..shared].chars().count() >= MIN_STEM_LETTERS
        && INFLECTIONS.contains(&&a[shared..])
        && INFLECTIONS.contains(&&b[shared..])
}

fn longest_suffix<'a>(word: &str, suffixes: &'a [&'a str]) -> Option<&'a &'a str> {
    suffixes.iter().filter(|suffix| word.ends_with(**suffix)).max_by_key(|suffix| suffix.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_with_other_affixes_differ() {
        for (a, b) in [
            ("hyperkalemia", "hypokalemia"),
            ("enophthalmos", "exophthalmos"),
            ("craniectomy", "craniotomy"),
            ("microcystic", "microcytic"),
            ("ureteral", "urethral"),
            ("osteoblastoma", "osteoclastoma"),
            ("hemithorax", "hemothorax"),
            ("hyperphosphatasia", "hyperphosphatemia"),
            ("amylasemia", "amylemia"),
        ] {
            assert!(differ_in_affix(a, b), "{a} {b}");
        }
        for (a, b) in [("hyprtension", "hypotension"), ("infraction", "infarction"), ("pnuemonia", "pneumonia")] {
            assert!(!differ_in_affix(a, b), "{a} {b}");
        }
    }

    #[test]
    fn opposites_differ_in_the_affix_alone() {
        assert!(are_opposites("hypotension", "hypertension") && are_opposites("craniotomy", "craniectomy"));
        assert!(!are_opposites("hypotension", "hyperthermia") && !are_opposites("anemia", "anemias"));
    }

    #[test]
    fn forms_of_a_word() {
        for (a, b) in [("seizure", "seizures"), ("diabetes", "diabetic"), ("anemia", "anaemia"), ("biopsy", "biopsies")]
        {
            assert!(are_forms(a, b) && are_forms(b, a), "{a} {b}");
        }
        for (a, b) in [("station", "statin"), ("is", "ies"), ("arteritis", "arthritis")] {
            assert!(!are_forms(a, b) && !are_forms(b, a), "{a} {b}");
        }
    }

    #[test]
    fn english_endings_and_drugs() {
        assert!(loses_english_suffix("station", "statin") && !loses_english_suffix("infraction", "infarction"));
        assert!(
            are_drugs_of_one_class("pentobarbital", "phenobarbital") && !are_drugs_of_one_class("statins", "statin")
        );
    }
}
