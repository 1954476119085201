//! Repairs misspelled words of a mention with words that occur in names.
//!
//! A tokenizer cuts a misspelled word into pieces that mean something else, so its embedding is of
//! little use. Steps for each word that no visible name has:
//!
//! 1. Words of names within two edits are candidates, those with the same first letter first.
//! 2. A candidate must cost little for its length ([`slip_cost`]) and may not differ from the word
//!    in a part that carries the meaning ([`differ_in_affix`]).
//! 3. The cheapest candidate repairs the word if no other word comes near it. If candidates are
//!    opposites (hypotension and hypertension for "hyptension"), each gives a repair.
//! 4. Where no candidate stands out, and for words that the language has ("hart attack"), a
//!    candidate counts only if it makes the whole mention a name.
//!
//! Invariant: a word that occurs in a visible name is never replaced, and a mention of one word
//! that the language has is never repaired.

use fst::{Automaton, automaton::Str};

use crate::concepts::{
    affixes::{are_drugs_of_one_class, are_forms, are_opposites, differ_in_affix, loses_english_suffix},
    spelling::{MAX_COST, MAX_EDITS, may_begin, slip_cost, within_edits},
    words::{IsVisible, MIN_LETTERS, WordIndex, is_repairable},
};

/// Maximum number of words of a mention that are repaired; bounds the work for one mention.
const MAX_REPAIRS: usize = 8;
/// Maximum number of repairs of a mention, and of candidates for a word.
const MAX_CHOICES: usize = 4;
/// Largest cost of a repair of a short word, for each letter and in addition.
const LIMIT_PER_LETTER: f32 = 0.1;
const LIMIT_BASE: f32 = 0.02;
/// How much more a repair may cost that makes the mention a name.
const LIMIT_OF_NAME: f32 = 0.12;
/// Largest cost of the repair of a word that the language has, and of a word of four letters.
const MAX_COST_OF_WORD: f32 = 0.6;
/// Largest cost of the repair of the name of a drug by that of another one of its class.
const MAX_COST_OF_DRUG: f32 = 0.8;
/// How much more an opposite of the best correction may cost that contradicts it.
const MAX_COST_OF_OPPOSITE: f32 = 1.0;
/// A repair stands out if every other one costs more by this.
const MARGIN: f32 = 0.25;
/// How much cheaper a word of ten times as many names is.
const COST_PER_TENFOLD_NAMES: f32 = 0.06;

/// A mention with repaired words.
#[derive(Clone, Debug, PartialEq)]
pub struct Repaired {
    /// The normalized mention after the repair.
    pub text: String,
    /// 1 minus cost divided by letters of the mention.
    pub similarity: f32,
    /// Number of letters inserted, deleted or replaced, or pairs of neighbors exchanged.
    pub edits: usize,
    /// Weighted cost of the edits.
    pub cost: f32,
}

/// What decides whether a word is misspelled.
#[derive(Clone, Copy)]
pub(crate) struct WordSense<'a> {
    /// Whether a source of a set is visible.
    pub(crate) is_visible: IsVisible<'a>,
    /// Whether the language has a word.
    pub(crate) is_word: &'a dyn Fn(&str) -> bool,
    /// Whether a normalized text is a name.
    pub(crate) is_name: &'a dyn Fn(&str) -> bool,
}

/// A word of names that may be meant by a word.
#[derive(Clone, Debug)]
struct Correction {
    word: String,
    cost: f32,
    edits: usize,
    /// The cost, lower for words in many names.
    rank: f32,
}

/// The corrections of a word, the best first.
struct Choices {
    corrections: Vec<Correction>,
    /// Whether they replace the word even if the mention is no name afterwards.
    is_sure: bool,
}

/// A mention of which some words are corrected.
#[derive(Clone, Default)]
struct Phrase {
    words: Vec<String>,
    cost: f32,
    edits: usize,
    /// Whether it has a correction that needs a name.
    is_unsure: bool,
}

impl WordIndex {
    /// The normalized mention `key` with its misspelled words repaired, the best repair first.
    /// Empty if there is nothing to repair; several repairs contradict each other.
    pub(crate) fn repair(&self, key: &str, sense: &WordSense<'_>) -> Vec<Repaired> {
        let (mut phrases, mut repairs) = (vec![Phrase::default()], 0);
        let is_only_word = !key.contains(' ');
        for word in key.split(' ') {
            let may_repair = repairs < MAX_REPAIRS && is_repairable(word) && !self.is_known(word, sense.is_visible);
            let choices = if may_repair { self.choices(word, is_only_word, sense) } else { None };
            repairs += usize::from(may_repair);
            extend(&mut phrases, word, choices.as_ref());
        }
        let letters = key.chars().filter(|c| *c != ' ').count().max(1) as f32;
        let repaired = phrases.into_iter().filter(|phrase| phrase.edits > 0).map(|phrase| {
            let Phrase { words, cost, edits, is_unsure } = phrase;
            (is_unsure, Repaired { text: words.join(" "), similarity: 1.0 - cost / letters, edits, cost })
        });
        best_repairs(repaired.collect(), sense.is_name)
    }

    /// What `word`, which no visible name has, may mean.
    fn choices(&self, word: &str, is_only_word: bool, sense: &WordSense<'_>) -> Option<Choices> {
        let letters = word.chars().count();
        let needs_name = letters < MIN_LETTERS || (sense.is_word)(word);
        if needs_name && is_only_word {
            return None;
        }
        let sure_limit = LIMIT_PER_LETTER.mul_add(letters as f32, LIMIT_BASE).min(MAX_COST);
        let name_limit = if is_only_word { sure_limit } else { (sure_limit + LIMIT_OF_NAME).min(MAX_COST) };
        let limit = if needs_name { name_limit.min(MAX_COST_OF_WORD) } else { name_limit };
        let automaton = &within_edits(word, MAX_EDITS);
        let first_letter = &word[..word.chars().next().map_or(0, char::len_utf8)];
        let mut near = self.near(Str::new(first_letter).starts_with().intersection(automaton), sense.is_visible);
        let mut corrections = corrections_among(word, &near, limit);
        // A word that the language has is compared with words of the same first letter only.
        if corrections.is_empty() && !needs_name {
            let others = self.near(may_begin(word).intersection(automaton), sense.is_visible);
            corrections = corrections_among(word, &others, limit);
            // An opposite of the correction may begin with any letter.
            near = if corrections.is_empty() { vec![] } else { self.near(automaton, sense.is_visible) };
        }
        let best = corrections.first()?.clone();
        let contradicts = |other: &str| are_opposites(&best.word, other) && !differ_in_affix(word, other);
        let opposites = near.iter().filter(|(other, _)| contradicts(other));
        let opposites: Vec<Correction> = opposites
            .filter_map(|(other, names)| Correction::new(word, other, *names, best.cost + MAX_COST_OF_OPPOSITE))
            .collect();
        if !opposites.is_empty() {
            corrections = std::iter::once(best).chain(opposites).take(MAX_CHOICES).collect();
            return Some(Choices { corrections, is_sure: !needs_name && !is_only_word });
        }
        // A mention of one word has no other words that decide between two names one edit away:
        // "hypokalcemia" may be hypocalcemia or hypokalemia.
        let is_rival = |other: &Correction| is_only_word && best.edits == 1 && other.edits == 1;
        corrections.retain(|other| other.rank < best.rank + MARGIN || is_rival(other));
        corrections.truncate(MAX_CHOICES);
        let is_form = (best.word.starts_with(word) || word.starts_with(&best.word)) && are_forms(word, &best.word);
        let is_sure = !needs_name && !is_only_word && !is_form && corrections.len() == 1 && best.cost <= sure_limit;
        Some(Choices { corrections, is_sure })
    }
}

impl Correction {
    /// The correction of `written` to `word`, which is in `names` names; `None` if it costs more
    /// than `limit`.
    fn new(written: &str, word: &str, names: u32, limit: f32) -> Option<Self> {
        let cost = slip_cost(written, word, limit)?;
        let rank = (names.max(1) as f32).log10().mul_add(-COST_PER_TENFOLD_NAMES, cost);
        Some(Self { word: word.to_owned(), cost, edits: strsim::osa_distance(written, word), rank })
    }
}

/// The corrections of `written` to words of `near` that cost at most `limit`, the best first. Of
/// several forms of one word only the best is taken.
fn corrections_among(written: &str, near: &[(String, u32)], limit: f32) -> Vec<Correction> {
    let correct = |(word, names): &(String, u32)| {
        // The cost comes first, because most words cost too much.
        let correction = Correction::new(written, word, *names, limit)?;
        let is_other_word = differ_in_affix(written, word)
            || loses_english_suffix(written, word)
            || correction.cost > MAX_COST_OF_DRUG && are_drugs_of_one_class(written, word);
        (!is_other_word).then_some(correction)
    };
    let mut all: Vec<Correction> = near.iter().filter_map(correct).collect();
    all.sort_by(|a, b| a.rank.total_cmp(&b.rank).then_with(|| a.word.cmp(&b.word)));
    let mut distinct: Vec<Correction> = vec![];
    for correction in all {
        if !distinct.iter().any(|other| are_forms(&other.word, &correction.word)) {
            distinct.push(correction);
        }
    }
    distinct
}

/// Appends `word` or its corrections to each phrase.
fn extend(phrases: &mut Vec<Phrase>, word: &str, choices: Option<&Choices>) {
    let mut extended = vec![];
    for phrase in phrases.iter() {
        if choices.is_none_or(|choices| !choices.is_sure) {
            let mut kept = phrase.clone();
            kept.words.push(word.to_owned());
            extended.push(kept);
        }
        for correction in choices.iter().flat_map(|choices| &choices.corrections) {
            let mut corrected = phrase.clone();
            corrected.words.push(correction.word.clone());
            corrected.cost += correction.cost;
            corrected.edits += correction.edits;
            corrected.is_unsure |= choices.is_some_and(|choices| !choices.is_sure);
            extended.push(corrected);
        }
    }
    // Bounds the product of the choices of several words.
    extended.truncate(MAX_CHOICES * MAX_CHOICES);
    *phrases = extended;
}

/// The repairs that are names if there are any, and otherwise those that need no name.
fn best_repairs(repairs: Vec<(bool, Repaired)>, is_name: &dyn Fn(&str) -> bool) -> Vec<Repaired> {
    let names: Vec<_> = repairs.iter().filter(|(_, repaired)| is_name(&repaired.text)).cloned().collect();
    let kept = if names.is_empty() { repairs.into_iter().filter(|(is_unsure, _)| !is_unsure).collect() } else { names };
    let mut kept: Vec<Repaired> = kept.into_iter().map(|(_, repaired)| repaired).collect();
    kept.sort_by(|a, b| a.cost.total_cmp(&b.cost).then_with(|| a.text.cmp(&b.text)));
    kept.truncate(MAX_CHOICES);
    kept
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::{
        concepts::ingest::{source_sets::SourceSets, words::WordCounter},
        domain::{SourceId, SourceSetId},
    };

    /// A vocabulary of names, and the words that the language has beside them.
    struct Vocabulary {
        names: Vec<&'static str>,
        words: Vec<&'static str>,
        index: WordIndex,
    }

    impl Vocabulary {
        fn new(names: &[&'static str], words: &[&'static str]) -> Self {
            let dir = tempfile::tempdir().unwrap();
            let index = index(dir.path(), names.iter().map(|name| (*name, 0)), &mut SourceSets::default());
            Self { names: names.to_vec(), words: words.to_vec(), index }
        }

        fn repairs(&self, key: &str) -> Vec<Repaired> {
            let (is_word, is_name) = (|word: &str| self.words.contains(&word), |key: &str| self.names.contains(&key));
            self.index.repair(key, &WordSense { is_visible: &|_| true, is_word: &is_word, is_name: &is_name })
        }

        fn repair(&self, key: &str) -> Vec<String> {
            self.repairs(key).into_iter().map(|repaired| repaired.text).collect()
        }
    }

    fn index(dir: &Path, names: impl Iterator<Item = (&'static str, u16)>, sets: &mut SourceSets) -> WordIndex {
        let (mut counter, path) = (WordCounter::new(dir), dir.join("words.fst"));
        names.for_each(|(name, source)| counter.count(name, &[SourceId::new(source)]).unwrap());
        counter.write(&path, sets).unwrap();
        WordIndex::open(&path).unwrap()
    }

    #[test]
    fn slips_are_repaired() {
        let names =
            ["pneumonia", "asthma", "diabetes", "crohn", "nausea", "diarrhea", "alzheimer disease", "fluoxetine"];
        let vocabulary = Vocabulary::new(&names, &[]);
        for (slip, right) in [
            ("pnuemonia", "pneumonia"),
            ("neumonia", "pneumonia"),
            ("astma", "asthma"),
            ("diabeetus", "diabetes"),
            ("chron", "crohn"),
            ("naseua", "nausea"),
            ("diahrea", "diarrhea"),
            ("alzimer disease", "alzheimer disease"),
            ("flouxetine", "fluoxetine"),
            ("left pnuemonia 2020", "left pneumonia 2020"),
            ("pnuemonia naseua", "pneumonia nausea"),
        ] {
            assert_eq!(vocabulary.repair(slip), [right], "{slip}");
        }
        let repaired = &vocabulary.repairs("pnuemonia")[0];
        assert_eq!((repaired.edits, repaired.similarity), (1, 1.0 - repaired.cost / 9.0));
    }

    #[test]
    fn a_word_one_edit_from_two_names_may_be_either() {
        let vocabulary = Vocabulary::new(&["hypocalcemia", "hypokalemia", "creatine", "creatinine"], &[]);
        assert_eq!(vocabulary.repair("hypokalcemia"), ["hypocalcemia", "hypokalemia"]);
        assert_eq!(vocabulary.repair("hypokalemai"), ["hypokalemia"]);
    }

    #[test]
    fn other_words_stay_as_they_are() {
        let names = [
            "statins",
            "modecate",
            "concerta",
            "miosis",
            "phenobarbital",
            "coumadin",
            "exophthalmos",
            "streptomycin",
            "cyclosporine",
            "osteoclastoma",
            "hypokalemia",
            "craniotomy",
            "pneumonia",
            "cold",
            "b12",
            "febrile",
        ];
        let vocabulary = Vocabulary::new(&names, &[]);
        for word in [
            "station",
            "moderate",
            "concert",
            "mitosis",
            "pentobarbital",
            "coumarin",
            "enophthalmos",
            "streptozocin",
            "cycloserine",
            "osteoblastoma",
            "hyperkalemia",
            "craniectomy",
            "pneumonia",
            "colt",
            "b122",
            "xyzzy",
            "",
            "afebrile",
            "moderate pneumonia",
        ] {
            assert_eq!(vocabulary.repair(word), [""; 0], "{word}");
        }
    }

    #[test]
    fn words_of_the_language_are_repaired_only_to_a_name() {
        let vocabulary = Vocabulary::new(&["heart attack", "heart", "diet", "liver failure"], &["hart", "lever"]);
        assert_eq!(vocabulary.repair("hart attack"), ["heart attack"]);
        assert_eq!(vocabulary.repair("lever failure"), ["liver failure"]);
        for unchanged in ["hart", "lever", "hart failure", "lever arm"] {
            assert_eq!(vocabulary.repair(unchanged), [""; 0], "{unchanged}");
        }
    }

    #[test]
    fn a_mention_of_one_word_is_repaired_only_to_a_name() {
        let vocabulary = Vocabulary::new(&["acute myocardial infarction"], &[]);
        assert_eq!(vocabulary.repair("infraction"), [""; 0]);
        assert_eq!(vocabulary.repair("old myocardal infraction"), ["old myocardial infarction"]);
    }

    #[test]
    fn contradicting_repairs_are_all_given() {
        let vocabulary = Vocabulary::new(&["hypertension", "hypotension", "arteritis", "arthritis"], &[]);
        assert_eq!(vocabulary.repair("hyptension"), ["hypotension", "hypertension"]);
        assert_eq!(vocabulary.repair("severe hyprtension"), ["severe hypertension", "severe hypotension"]);
        assert_eq!(vocabulary.repair("artheritis"), ["arteritis", "arthritis"]);
        assert_eq!(vocabulary.repair("severe artheritis"), [""; 0], "no one stands out, and neither gives a name");
        assert_eq!(vocabulary.repair("hypertenson"), ["hypertension"]);
    }

    #[test]
    fn forms_of_a_word_do_not_compete() {
        let vocabulary = Vocabulary::new(&["seizure", "seizures", "seizure disorder", "anemia", "anaemia"], &[]);
        assert_eq!(vocabulary.repair("siezure"), ["seizure"]);
        assert_eq!(vocabulary.repair("aneamia").len(), 1);
        assert_eq!(vocabulary.repair("old siezures"), ["old seizures"]);
    }

    #[test]
    fn work_for_a_mention_is_bounded() {
        let vocabulary = Vocabulary::new(&["arteritis", "arthritis", "pneumonia"], &[]);
        let repaired = vocabulary.repair(&["pnuemonia"; MAX_REPAIRS + 1].join(" "));
        assert_eq!(repaired, [format!("{}pnuemonia", "pneumonia ".repeat(MAX_REPAIRS))]);
        assert_eq!(vocabulary.repair(&["artheritis"; MAX_REPAIRS + 1].join(" ")), [""; 0]);
    }

    #[test]
    fn words_of_hidden_sources_are_not_known() {
        let (dir, mut sets) = (tempfile::tempdir().unwrap(), SourceSets::default());
        let words =
            index(dir.path(), [("zylith", 0), ("zymolith", 1), ("asthma", 1), ("asthma", 0)].into_iter(), &mut sets);
        let is_visible = |set: SourceSetId| sets.all()[set.index()].contains(&SourceId::new(0));
        let repair = |key, is_visible| {
            let repaired = words.repair(key, &WordSense { is_visible, is_word: &|_| false, is_name: &|_| true });
            repaired.into_iter().map(|repaired| repaired.text).collect::<Vec<_>>()
        };
        assert_eq!(repair("zymollith", &is_visible), [""; 0]);
        assert_eq!(repair("zymollith", &|_| true), ["zymolith"]);
        assert_eq!(repair("zyllith", &is_visible), ["zylith"]);
        assert_eq!(repair("asthmma", &is_visible), ["asthma"]);
    }
}
