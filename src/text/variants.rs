//! Other forms of the words of a key that mean the same: plurals, British and American spelling,
//! numerals, words written as one or as two.
//!
//! Exact lookup compares keys; these variants are a weaker equality for a mention whose key is no
//! name. The names of an index decide which variants exist, so a rule may give words that no
//! language has ("infaection"), but no word that means something else: short words keep their s
//! ("aids", "ards"), and [`UNCHANGED`] lists the words that rules would turn into others.
//!
//! Invariants: no variant adds or drops a sign or changes a number or a unit; the work is bounded
//! by [`MAX_WORDS`] and [`MAX_VARIANTS`].

use std::ops::Range;

use super::roman::{roman_numeral, roman_value};

/// Maximum words of a key with variants; a longer text is no name.
const MAX_WORDS: usize = 24;
/// Maximum variants of a key.
const MAX_VARIANTS: usize = 256;
/// Maximum words of one letter that are joined into one word.
const MAX_SPELLED_LETTERS: usize = 8;
/// Minimum letters of a singular, so that abbreviations keep their s.
const MIN_SINGULAR: usize = 4;
/// Minimum letters of a plural.
const MIN_PLURAL: usize = 5;
/// Minimum letters of a word with a British or American spelling.
const MIN_RESPELLED: usize = 4;
/// Minimum letters of a word next to the name of a Greek letter.
const MIN_BEFORE_GREEK: usize = 2;
/// Minimum letters of a word after the name of a Greek letter: `beta blocker`, but `alpha gal`.
const MIN_AFTER_GREEK: usize = 4;
/// Maximum letters of a unit or suffix after a number: `5 mg`, `2 a`.
const MAX_SUFFIX: usize = 3;

/// Other words for some words of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WordVariant {
    /// The words of the key that it replaces.
    pub words: Range<usize>,
    /// One word or more.
    pub text: String,
}

/// Endings of singulars and plurals.
const ENDINGS: [(&str, &str); 15] = [
    ("x", "xes"),
    ("s", "ses"),
    ("ch", "ches"),
    ("sh", "shes"),
    ("y", "ies"),
    ("is", "es"),
    ("itis", "itides"),
    ("us", "i"),
    ("um", "a"),
    ("a", "ae"),
    ("ma", "mata"),
    ("ix", "ices"),
    ("ex", "ices"),
    ("ax", "aces"),
    ("nx", "nges"),
];

/// Words, or ends of words, with an irregular plural.
const IRREGULAR: [(&str, &str); 22] = [
    ("foot", "feet"),
    ("tooth", "teeth"),
    ("woman", "women"),
    ("child", "children"),
    ("louse", "lice"),
    ("calf", "calves"),
    ("half", "halves"),
    ("corpus", "corpora"),
    ("viscus", "viscera"),
    ("genus", "genera"),
    ("ulcus", "ulcera"),
    ("foramen", "foramina"),
    ("lumen", "lumina"),
    ("ganglion", "ganglia"),
    ("zoon", "zoa"),
    ("phenomenon", "phenomena"),
    ("mitochondrion", "mitochondria"),
    ("criterion", "criteria"),
    ("iris", "irides"),
    ("epididymis", "epididymides"),
    ("femur", "femora"),
    ("coccyx", "coccyges"),
];

/// Shorter singulars that are no abbreviations.
const SHORT: [&str; 9] = ["arm", "ear", "eye", "gum", "hip", "leg", "lip", "rib", "toe"];

/// Words without inflection: no plurals, or others than the rules would give.
const UNCHANGED: [&str; 54] = [
    "alumina",
    "aluminum",
    "ammonia",
    "ammonium",
    "ascites",
    "bend",
    "bends",
    "biceps",
    "blue",
    "blues",
    "caries",
    "corn",
    "corns",
    "crab",
    "crabs",
    "diabetes",
    "facies",
    "faeces",
    "feces",
    "forceps",
    "glass",
    "glasses",
    "grave",
    "graves",
    "herpes",
    "hive",
    "hives",
    "lithia",
    "lithium",
    "lues",
    "magnesia",
    "magnesium",
    "measles",
    "menses",
    "mump",
    "mumps",
    "pile",
    "piles",
    "pons",
    "pubes",
    "pubis",
    "rabies",
    "rickets",
    "scabies",
    "series",
    "shingle",
    "shingles",
    "species",
    "tabes",
    "thrush",
    "triceps",
    "yaws",
    "zirconia",
    "zirconium",
];

/// Where a spelling stands in a word.
#[derive(Clone, Copy)]
enum At {
    Start,
    Anywhere,
    End,
    Word,
}

/// British and American spelling.
const SPELLINGS: [(At, &str, &str); 66] = [
    (At::Anywhere, "haem", "hem"),
    (At::Anywhere, "aemia", "emia"),
    (At::Anywhere, "aemic", "emic"),
    (At::Anywhere, "aesth", "esth"),
    (At::Anywhere, "aetio", "etio"),
    (At::Anywhere, "paed", "ped"),
    (At::Anywhere, "caec", "cec"),
    (At::Anywhere, "gynaec", "gynec"),
    (At::Anywhere, "oedem", "edem"),
    (At::Anywhere, "oesoph", "esoph"),
    (At::Anywhere, "rrhoe", "rrhe"),
    (At::Anywhere, "pnoea", "pnea"),
    (At::Anywhere, "pnoeic", "pneic"),
    (At::Anywhere, "amoeb", "ameb"),
    (At::Anywhere, "phaeo", "pheo"),
    (At::Anywhere, "manoeuv", "maneuv"),
    (At::Anywhere, "sulph", "sulf"),
    (At::Anywhere, "tumour", "tumor"),
    (At::Anywhere, "colour", "color"),
    (At::Anywhere, "behaviour", "behavior"),
    (At::Anywhere, "labour", "labor"),
    (At::Anywhere, "odour", "odor"),
    (At::Anywhere, "humour", "humor"),
    (At::Anywhere, "favour", "favor"),
    (At::Anywhere, "flavour", "flavor"),
    (At::Anywhere, "vapour", "vapor"),
    (At::Anywhere, "centre", "center"),
    (At::Anywhere, "fibre", "fiber"),
    (At::Anywhere, "litre", "liter"),
    (At::Anywhere, "metre", "meter"),
    (At::Anywhere, "titre", "titer"),
    (At::Anywhere, "calibre", "caliber"),
    (At::Anywhere, "goitre", "goiter"),
    (At::Anywhere, "isation", "ization"),
    (At::Start, "oestr", "estr"),
    (At::Start, "foet", "fet"),
    (At::Start, "faec", "fec"),
    (At::Start, "coeli", "celi"),
    (At::Start, "homoeo", "homeo"),
    (At::Start, "praevi", "previ"),
    (At::Start, "caes", "ces"),
    (At::Start, "taeni", "teni"),
    (At::Start, "naev", "nev"),
    // Not "leuc": leucine is no Leukine.
    (At::Start, "leuco", "leuko"),
    (At::Start, "leucaem", "leukem"),
    (At::Start, "mould", "mold"),
    (At::Start, "artefact", "artifact"),
    (At::End, "poeia", "peia"),
    (At::End, "ise", "ize"),
    (At::End, "ised", "ized"),
    (At::End, "iser", "izer"),
    (At::End, "ising", "izing"),
    (At::End, "yse", "yze"),
    (At::End, "ysed", "yzed"),
    (At::End, "yser", "yzer"),
    (At::End, "ysing", "yzing"),
    (At::Word, "grey", "gray"),
    (At::Word, "disc", "disk"),
    (At::Word, "discs", "disks"),
    (At::Word, "gramme", "gram"),
    (At::Word, "grammes", "grams"),
    (At::Word, "programme", "program"),
    (At::Word, "neurone", "neuron"),
    (At::Word, "neurones", "neurons"),
    (At::Word, "ageing", "aging"),
    (At::Word, "aluminium", "aluminum"),
];

/// Roman numerals that are words, too: intravenous, an antigen, a Greek letter, two chromosomes.
/// They and those of one letter count as numerals only after a word of [`NUMBERED`].
const AMBIGUOUS_ROMAN: [&str; 4] = ["iv", "vi", "xi", "xx"];

/// Words before a numeral.
const NUMBERED: [&str; 22] = [
    "angiotensin",
    "bipolar",
    "category",
    "class",
    "collagen",
    "complex",
    "degree",
    "disorder",
    "factor",
    "grade",
    "group",
    "level",
    "mucopolysaccharidosis",
    "nerve",
    "part",
    "phase",
    "schedule",
    "stage",
    "subtype",
    "topoisomerase",
    "type",
    "variant",
];

/// Names of Greek letters that end no other word.
const GREEK: [&str; 10] = ["alpha", "beta", "gamma", "delta", "epsilon", "theta", "kappa", "lambda", "sigma", "omega"];

/// Names of the same unit.
const UNITS: [(&str, &str); 1] = [("mcg", "ug")];

/// Other forms of the words of a normalized text, in the order of the words. None if the text has
/// more than 24 words; at most 256.
pub fn word_variants(key: &str) -> Vec<WordVariant> {
    let mut variants = WordVariants::new(key);
    variants.variants_at(variants.words.len());
    variants.found
}

/// The variants of a text, found word by word, so that a lookup that has failed at an early word
/// does not pay for the later ones.
pub(crate) struct WordVariants<'a> {
    /// The words of the text.
    pub(crate) words: Vec<&'a str>,
    found: Vec<WordVariant>,
    /// Positions in `found` of the first variant of each word that was reached.
    starts: Vec<usize>,
}

impl<'a> WordVariants<'a> {
    /// No variants yet of a normalized text.
    pub(crate) fn new(key: &'a str) -> Self {
        Self { words: key.split(' ').collect(), found: vec![], starts: vec![] }
    }

    /// The variants that begin at word `position`; those of the words before it are found, too,
    /// because their number counts for the maximum.
    pub(crate) fn variants_at(&mut self, position: usize) -> &[WordVariant] {
        if self.words.len() > MAX_WORDS {
            return &[];
        }
        while self.starts.len() <= position {
            self.starts.push(self.found.len());
            self.find(self.starts.len() - 1);
        }
        let end = self.starts.get(position + 1).copied().unwrap_or(self.found.len());
        &self.found[self.starts[position]..end]
    }

    /// Adds the variants that begin at word `i`.
    fn find(&mut self, i: usize) {
        let Some(&word) = self.words.get(i) else { return };
        let first = self.found.len();
        let of_word = forms(word).into_iter().chain(numerals(&self.words, i)).chain(units(word)).chain(split(word));
        let joined = self.words.get(i + 1).and_then(|next| join(word, next)).map(|text| (i..i + 2, text));
        let spelled = spelled_out(&self.words, i).map(|(end, text)| (i..end, text));
        for (words, text) in of_word.map(|text| (i..i + 1, text)).chain(joined).chain(spelled) {
            let variant = WordVariant { words, text };
            let is_new = variant.text != word && !self.found[first..].contains(&variant);
            if self.found.len() < MAX_VARIANTS && is_new {
                self.found.push(variant);
            }
        }
    }
}

/// Plurals, singulars and other spellings of a word, and both at once.
fn forms(word: &str) -> Vec<String> {
    if !word.bytes().all(|b| b.is_ascii_lowercase()) {
        return vec![];
    }
    let mut found = respell(word);
    let spellings = found.len();
    inflect(word, &mut found);
    for i in 0..spellings {
        let spelling = found[i].clone();
        inflect(&spelling, &mut found);
    }
    found
}

/// Adds singular and plural forms of a word of ASCII letters to `found`.
fn inflect(word: &str, found: &mut Vec<String>) {
    if is_unchanged(word) {
        return;
    }
    let first = found.len();
    for (one, many) in IRREGULAR {
        found.extend(replace_end(word, one, many).or_else(|| replace_end(word, many, one)));
    }
    let is_short = |word: &str| SHORT.contains(&word);
    if is_short(word) {
        found.push(format!("{word}s"));
    }
    found.extend(word.strip_suffix('s').filter(|singular| is_short(singular)).map(str::to_owned));
    if word.len() >= MIN_SINGULAR {
        let plurals = ENDINGS.iter().filter_map(|(one, many)| replace_end(word, one, many));
        found.extend(plurals.filter(|plural| plural.len() >= MIN_PLURAL));
        if !["s", "x", "z", "ch", "sh"].iter().any(|end| word.ends_with(end)) {
            found.push(format!("{word}s"));
        }
    }
    if word.len() >= MIN_PLURAL {
        let singulars = ENDINGS.iter().filter_map(|(one, many)| replace_end(word, many, one));
        found.extend(singulars.filter(|singular| singular.len() >= MIN_SINGULAR));
        if !["ss", "us", "is"].iter().any(|end| word.ends_with(end)) {
            found.extend(word.strip_suffix('s').filter(|stem| stem.len() >= MIN_SINGULAR).map(str::to_owned));
        }
    }
    for i in (first..found.len()).rev() {
        if is_unchanged(&found[i]) {
            found.remove(i);
        }
    }
}

fn is_unchanged(word: &str) -> bool {
    UNCHANGED.binary_search(&word).is_ok()
}

/// `word` with another end, if it ends with `from`. Most words already differ in the last letter.
fn replace_end(word: &str, from: &str, to: &str) -> Option<String> {
    let has_last = word.as_bytes().last() == from.as_bytes().last();
    let stem = if has_last { word.strip_suffix(from) } else { None };
    stem.map(|stem| format!("{stem}{to}"))
}

/// British and American spellings of a word.
fn respell(word: &str) -> Vec<String> {
    let (has_british, has_american) = PAIRS.spellings_in(word);
    if word.len() < MIN_RESPELLED || has_british | has_american == 0 {
        return vec![];
    }
    let (mut american, mut british, mut found) = (word.to_owned(), word.to_owned(), vec![]);
    // A spelling may give another one, but only a later one of the table.
    for (at, in_british, in_american) in from_first(has_british) {
        american = replace(&american, at, in_british, in_american).unwrap_or(american);
    }
    for (at, in_british, in_american) in from_first(has_american) {
        if !word.contains(in_british) {
            found.extend(replace(word, at, in_american, in_british));
            british = replace(&british, at, in_american, in_british).unwrap_or(british);
        }
    }
    found.extend([american, british]);
    found.retain(|form| form != word);
    found
}

/// The spellings from the first one of a set of bits on.
fn from_first(bits: u128) -> impl Iterator<Item = (At, &'static str, &'static str)> {
    SPELLINGS[(bits.trailing_zeros() as usize).min(SPELLINGS.len())..].iter().copied()
}

/// The spellings that have a letter as first or second one, as bits: few have a given pair.
struct LetterPairs {
    first: [u128; 26],
    second: [u128; 26],
}

static PAIRS: LetterPairs = LetterPairs::new();

impl LetterPairs {
    const fn new() -> Self {
        let mut pairs = Self { first: [0; 26], second: [0; 26] };
        let mut i = 0;
        while i < SPELLINGS.len() {
            let (_, british, american) = SPELLINGS[i];
            pairs.add(british.as_bytes(), 1 << i);
            pairs.add(american.as_bytes(), 1 << i);
            i += 1;
        }
        pairs
    }

    const fn add(&mut self, spelling: &[u8], bit: u128) {
        self.first[(spelling[0] - b'a') as usize] |= bit;
        self.second[(spelling[1] - b'a') as usize] |= bit;
    }

    /// The spellings whose British form a word of ASCII letters has, and those whose American one.
    fn spellings_in(&self, word: &str) -> (u128, u128) {
        let (mut british, mut american) = (0, 0);
        for (i, pair) in word.as_bytes().windows(2).enumerate() {
            let [a, b] = [pair[0], pair[1]].map(|letter| usize::from(letter - b'a'));
            let mut candidates = self.first[a] & self.second[b];
            while candidates != 0 {
                let number = candidates.trailing_zeros() as usize;
                let (_, in_british, in_american) = SPELLINGS[number];
                british |= u128::from(word[i..].starts_with(in_british)) << number;
                american |= u128::from(word[i..].starts_with(in_american)) << number;
                candidates &= candidates - 1;
            }
        }
        (british, american)
    }
}

fn replace(word: &str, at: At, from: &str, to: &str) -> Option<String> {
    match at {
        At::Start => word.strip_prefix(from).map(|rest| format!("{to}{rest}")),
        At::Anywhere => word.contains(from).then(|| word.replace(from, to)),
        At::End => word.strip_suffix(from).map(|stem| format!("{stem}{to}")),
        At::Word => (word == from).then(|| to.to_owned()),
    }
}

/// A Roman numeral in digits, or a number from 1 to 20 as a Roman numeral; after words such as
/// `stage` also with a letter: `iiia` and `3a`.
fn numerals(words: &[&str], i: usize) -> Option<String> {
    let word = words[i];
    let is_safe = |roman: &str| roman.len() > 1 && !AMBIGUOUS_ROMAN.contains(&roman) || is_after_numbered(words, i);
    if let Some(value) = roman_value(word) {
        return is_safe(word).then(|| value.to_string());
    }
    if let Some(roman) = roman_numeral(word) {
        return is_safe(roman).then(|| roman.to_owned());
    }
    let number = word.strip_suffix(['a', 'b', 'c', 'd'])?;
    let other =
        roman_value(number).map(|value| value.to_string()).or_else(|| roman_numeral(number).map(str::to_owned))?;
    is_after_numbered(words, i).then(|| format!("{other}{}", &word[number.len()..]))
}

/// Whether a word stands after one of [`NUMBERED`]. A blood group has letters.
fn is_after_numbered(words: &[&str], i: usize) -> bool {
    let Some(before) = i.checked_sub(1) else { return false };
    let is_blood_group = before.checked_sub(1).is_some_and(|i| words[i] == "blood");
    !is_blood_group && NUMBERED.contains(&words[before])
}

/// Other names of a unit, also of one behind its number.
fn units(word: &str) -> Vec<String> {
    let is_number = |text: &&str| text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    let renamed =
        |from: &str, to: &str| word.strip_suffix(from).filter(is_number).map(|number| format!("{number}{to}"));
    UNITS.iter().flat_map(|(a, b)| [renamed(a, b), renamed(b, a)]).flatten().collect()
}

/// A word in two: letters and digits, `5mg`, a Greek letter at either end.
fn split(word: &str) -> Vec<String> {
    let mut found = vec![];
    let is_letter = |c: char| c.is_alphabetic();
    if let Some(end) = word.find(|c: char| !is_letter(c)).filter(|&end| end > 0) {
        let (letters, rest) = word.split_at(end);
        found.extend(rest.starts_with(|c: char| c.is_ascii_digit()).then(|| format!("{letters} {rest}")));
    } else if let Some(end) = word.find(is_letter).filter(|&end| end > 0) {
        let (number, rest) = word.split_at(end);
        let is_split = number.ends_with(|c: char| c.is_ascii_digit()) && rest.chars().all(is_letter);
        found.extend(is_split.then(|| format!("{number} {rest}")));
    } else {
        for letter in GREEK {
            let stem = word.strip_suffix(letter).filter(|stem| stem.len() >= MIN_BEFORE_GREEK);
            found.extend(stem.map(|stem| format!("{stem} {letter}")));
            let rest = word.strip_prefix(letter).filter(|rest| rest.len() >= MIN_AFTER_GREEK);
            found.extend(rest.map(|rest| format!("{letter} {rest}")));
        }
    }
    found
}

/// Two words as one, the opposite of [`split`]; no Roman numeral with letters or digits.
fn join(word: &str, next: &str) -> Option<String> {
    let is_word = |text: &str| text.chars().all(char::is_alphabetic);
    let is_number = |text: &str| text.chars().all(|c| c.is_ascii_digit() || c == '.');
    let is_joined = is_word(word) && next.starts_with(|c: char| c.is_ascii_digit())
        || is_number(word) && is_word(next) && next.len() <= MAX_SUFFIX
        || is_word(word) && GREEK.contains(&next) && word.len() >= MIN_BEFORE_GREEK
        || GREEK.contains(&word) && is_word(next) && next.len() >= MIN_AFTER_GREEK;
    let is_numeral = |text: &str| text.len() > 1 && roman_value(text).is_some();
    (is_joined && !is_numeral(word) && !is_numeral(next)).then(|| format!("{word}{next}"))
}

/// The words of one letter that begin at word `i` as one word, and the end of them. A range of
/// Roman numerals is none: `grade i v` is not grade IV.
fn spelled_out(words: &[&str], i: usize) -> Option<(usize, String)> {
    let is_letter = |word: &str| word.starts_with(char::is_alphabetic) && word.chars().nth(1).is_none();
    let is_start = is_letter(words[i]) && (i == 0 || !is_letter(words[i - 1]));
    if !is_start {
        return None;
    }
    let letters: Vec<&str> = words[i..].iter().copied().take_while(|word| is_letter(word)).collect();
    let is_range = is_after_numbered(words, i) && letters.iter().all(|letter| roman_value(letter).is_some());
    let is_word = !is_range && (2..=MAX_SPELLED_LETTERS).contains(&letters.len());
    is_word.then(|| (i + letters.len(), letters.concat()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::text::normalize;

    /// The keys that differ from `key` by one variant.
    fn keys(key: &str) -> Vec<String> {
        let words: Vec<&str> = key.split(' ').collect();
        let replaced = |v: WordVariant| [&words[..v.words.start], &[&v.text], &words[v.words.end..]].concat().join(" ");
        word_variants(key).into_iter().map(replaced).collect()
    }

    fn are_variants(a: &str, b: &str) -> bool {
        keys(a).iter().any(|key| key == b)
    }

    #[test]
    fn variants_in_both_directions() {
        for (a, b) in [
            ("rib fracture", "rib fractures"),
            ("leg", "legs"),
            ("allergy", "allergies"),
            ("abscess", "abscesses"),
            ("sinus", "sinuses"),
            ("biopsy", "biopsies"),
            ("arthritis", "arthritides"),
            ("diagnosis", "diagnoses"),
            ("carcinoma of lung", "carcinomata of lung"),
            ("carcinoma of lung", "carcinomas of lung"),
            ("thrombus", "thrombi"),
            ("bacterium", "bacteria"),
            ("appendix", "appendices"),
            ("cortex", "cortices"),
            ("phalanx", "phalanges"),
            ("vertebra", "vertebrae"),
            ("ganglion cyst", "ganglia cyst"),
            ("foot ulcer", "feet ulcer"),
            ("anaemia", "anemia"),
            ("haemoglobinaemia", "hemoglobinemia"),
            ("oedema", "edema"),
            ("lymphoedema", "lymphedema"),
            ("oesophagus", "esophagus"),
            ("diarrhoea", "diarrhea"),
            ("leukaemia", "leukemia"),
            ("tumours of brain", "tumor of brain"),
            ("colour blindness", "color blindness"),
            ("immunisation", "immunization"),
            ("paralyse", "paralyze"),
            ("fibre", "fiber"),
            ("paediatric", "pediatric"),
            ("gynaecology", "gynecology"),
            ("sulphasalazine", "sulfasalazine"),
            ("foetal distress", "fetal distress"),
            ("grey matter", "gray matter"),
            ("factor viii deficiency", "factor 8 deficiency"),
            ("factor ix deficiency", "factor 9 deficiency"),
            ("factor x deficiency", "factor 10 deficiency"),
            ("type i diabetes", "type 1 diabetes"),
            ("nerve iv palsy", "nerve 4 palsy"),
            ("stage iiia", "stage 3a"),
            ("mitral iii", "mitral 3"),
            ("il6", "il 6"),
            ("b12", "b 12"),
            ("interleukin2", "interleukin 2"),
            ("hla b27+", "hla b 27+"),
            ("5mg tablet", "5 mg tablet"),
            ("tnfalpha", "tnf alpha"),
            ("betablocker", "beta blocker"),
            ("50 mcg", "50 ug"),
            ("50mcg", "50ug"),
        ] {
            assert!(are_variants(a, b), "{a} -> {b}");
            assert!(are_variants(b, a), "{b} -> {a}");
        }
        for (a, b) in [("a t", "at"), ("c o p d", "copd"), ("i v injection", "iv injection")] {
            assert!(are_variants(a, b), "{a}");
        }
    }

    #[test]
    fn words_with_another_meaning_are_no_variants() {
        for (a, b) in [
            ("aids", "aid"),
            ("ards", "ard"),
            ("sars", "sar"),
            ("gas", "ga"),
            ("pus", "pu"),
            ("news", "new"),
            ("mumps", "mump"),
            ("hives", "hive"),
            ("shingles", "shingle"),
            ("glasses", "glass"),
            ("ammonia", "ammonium"),
            ("magnesia", "magnesium"),
            ("pubes", "pubis"),
            ("noses", "nos"),
            ("leucine", "leukine"),
            ("four", "for"),
            ("iv injection", "4 injection"),
            ("chromosome x", "chromosome 10"),
            ("blood group i", "blood group 1"),
            ("46 xx", "46 20"),
            ("xi", "11"),
            ("vitamin c", "vitamin 100"),
            ("factor ix", "factor 11"),
            ("grade i v", "grade iv"),
            ("hiv+", "hiv"),
            ("1 5", "15"),
            ("type 1 5", "type 15"),
            ("ug", "g"),
            ("ug", "mug"),
            ("beta", "b eta"),
        ] {
            assert!(!are_variants(a, b), "{a} -> {b}");
            assert!(!are_variants(b, a), "{b} -> {a}");
        }
    }

    #[test]
    fn unchanged_words_are_sorted() {
        assert!(UNCHANGED.is_sorted());
    }

    #[test]
    fn abbreviations_are_not_spelled_out() {
        assert!(!are_variants("at", "a t"));
        assert!(!are_variants("copd", "c o p d"));
    }

    #[test]
    fn numbers_of_variants_are_bounded() {
        assert_eq!(word_variants(""), []);
        assert_eq!(word_variants(&["bones"; MAX_WORDS + 1].join(" ")), []);
        let many = ["hemoglobinemia"; MAX_WORDS].join(" ");
        assert_eq!(word_variants(&many).len(), MAX_VARIANTS);
    }

    /// The numbers of a key, with those of Roman numerals, sorted; and its signs.
    fn numbers_and_signs(key: &str) -> (Vec<String>, String) {
        let is_digit = |c: char| c.is_ascii_digit() || c == '.';
        let digits = key.split(|c| !is_digit(c)).filter(|number| !number.is_empty()).map(str::to_owned);
        let letters = key.split(|c: char| !c.is_alphabetic());
        let mut numbers: Vec<String> = digits.collect();
        for word in letters {
            let value = roman_value(word).or_else(|| word.strip_suffix(['a', 'b', 'c', 'd']).and_then(roman_value));
            numbers.extend(value.map(|value| value.to_string()));
        }
        numbers.sort();
        (numbers, key.chars().filter(|c| "+-±%<>=".contains(*c)).collect())
    }

    proptest! {
        #[test]
        fn variants_keep_numbers_signs_and_units(
            words in proptest::collection::vec("hiv[+-]?|[0-9]{1,2}([.][0-9])?%?|type|stage|iii?|ix|mg|ug|mcg|il[0-9]|cells?|[(]-[)]x|[a-z]{3,9}", 1..6),
        ) {
            let key = normalize(&words.join(" "));
            for variant in keys(&key) {
                prop_assert_eq!(numbers_and_signs(&variant), numbers_and_signs(&key), "{} -> {}", key, variant);
                let units = |key: &str| key.replace("mcg", "ug").split(|c: char| !c.is_alphabetic()).filter(|word| matches!(*word, "ug" | "mg")).count();
                prop_assert_eq!(units(&variant), units(&key), "{} -> {}", key, variant);
                prop_assert_eq!(&normalize(&variant), &variant);
            }
        }
    }
}
