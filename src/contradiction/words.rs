//! Splits a normalized text into words and finds what can contradict: values of groups, prefixes
//! and suffixes on a stem, denied words, labels.
//!
//! Invariant: the analysis reads a bounded number of words and affixes, so the time of a comparison
//! is bounded for any text.

use std::{borrow::Cow, collections::HashMap, ops::Range, sync::LazyLock};

use super::{
    groups::{self, GROUPS},
    labels::{self, Label},
    table::{self, Family},
    word::Word,
};

/// Number of words that the analysis reads.
const MAX_WORDS: usize = 48;
/// Number of affixes that a comparison reads.
const MAX_FORMS: usize = 64;
/// Number of words that "no" or "without" denies.
const DENIAL_REACH: usize = 3;
/// Number of sets of affixes: prefixes first, then suffixes.
const FAMILIES: usize = table::PREFIXES.len() + table::SUFFIXES.len();

/// A value of a group of the table.
#[derive(Clone, Copy)]
pub(super) struct Feature {
    pub(super) group: usize,
    pub(super) word: usize,
}

/// A word taken apart into an affix and a stem.
pub(super) struct Form {
    /// The set of affixes: a position in `PREFIXES`, or in `SUFFIXES` after all of `PREFIXES`.
    pub(super) family: usize,
    pub(super) value: usize,
    pub(super) affix: &'static str,
    pub(super) stem: String,
    pub(super) word: usize,
}

/// A word without a prefix that denies it: "stable" of "unstable".
pub(super) struct Denial {
    pub(super) stem: String,
    pub(super) word: usize,
}

/// The analysis of one normalized text.
pub(super) struct Words<'a> {
    key: &'a str,
    pub(super) words: Vec<Word>,
    pub(super) features: Vec<Feature>,
    /// The values that the text has of each group, as bits.
    pub(super) values: [u32; GROUPS.len()],
    pub(super) forms: Vec<Form>,
    pub(super) denials: Vec<Denial>,
    pub(super) labels: Vec<Label>,
    /// Whether a word says that something lacks or fails.
    pub(super) is_lacking: bool,
    /// Whether a word of its own says low, high or normal, and not only a prefix or suffix.
    pub(super) has_direction_word: bool,
}

impl<'a> Words<'a> {
    /// Analyzes a normalized text.
    pub(super) fn new(key: &'a str) -> Self {
        let words = split(key);
        let labels = labels::find(&words);
        let mut analysis = Self {
            key,
            words: Vec::new(),
            features: Vec::new(),
            values: [0; GROUPS.len()],
            forms: Vec::new(),
            denials: Vec::new(),
            labels,
            has_direction_word: false,
            is_lacking: words.iter().any(|word| table::LACKING.contains(&word.text.as_str())),
        };
        for (position, word) in words.iter().enumerate() {
            let text = |position: Option<usize>| Some(words.get(position?)?.text.as_str());
            let before = text(position.checked_sub(1)).unwrap_or_default();
            let next = text(position.checked_add(1)).unwrap_or_default();
            analysis.add(position, word, (before, next));
        }
        analysis.words = words;
        analysis
    }

    /// The word at a position as it stands in the normalized text, with what denies it.
    pub(super) fn source(&self, word: usize) -> String {
        let Some(word) = self.words.get(word) else { return String::new() };
        let denial = word.denial.clone().unwrap_or_default();
        let is_said = |position: &usize| word.source.contains(position) || denial.contains(position);
        let tokens = self.key.split_whitespace().enumerate().filter(|(position, _)| is_said(position));
        tokens.map(|(_, token)| token).collect::<Vec<_>>().join(" ")
    }

    /// Adds what one word says between the words before and after it.
    fn add(&mut self, position: usize, word: &Word, (before, next): (&str, &str)) {
        let text = word.text.as_str();
        if word.is_denied() {
            if text.ends_with('-') {
                self.add_feature(groups::SIGN, 0, position);
            }
            return;
        }
        let is_level = table::LEVEL_NOUNS.contains(&next);
        for &(group, value) in TABLES.groups_of(text) {
            let is_unfit = match group {
                groups::DIRECTION => {
                    let is_limit = text == "normal" && matches!(before, "above" | "below" | "than");
                    is_limit || (is_level && matches!(text, "low" | "high"))
                }
                groups::LEVEL => !is_level,
                _ => false,
            };
            if !is_unfit {
                self.add_feature(group, value, position);
                self.has_direction_word |= group == groups::DIRECTION;
            }
        }
        if text.len() > 1 && text.ends_with('+') {
            self.add_feature(groups::SIGN, 1, position);
        }
        if text.len() >= 5 && !word.is_stop {
            self.add_direction(position, text);
            self.add_forms(position, text);
            self.add_denials(position, text);
        }
    }

    fn add_feature(&mut self, group: usize, value: usize, word: usize) {
        self.features.push(Feature { group, word });
        self.values[group] |= 1 << value;
    }

    /// Adds low, high, slow or fast of a prefix or suffix.
    fn add_direction(&mut self, position: usize, text: &str) {
        for (group, value, prefix) in [
            (groups::DIRECTION, 0, "hypo"),
            (groups::DIRECTION, 1, "hyper"),
            (groups::RATE, 0, "brady"),
            (groups::RATE, 1, "tachy"),
        ] {
            let stem = text.strip_prefix(prefix).filter(|stem| stem.len() >= 3);
            if stem.is_some_and(|stem| !table::UNDIRECTED_STEMS.iter().any(|other| stem.starts_with(other))) {
                self.add_feature(group, value, position);
            }
        }
        let is_count = match (text.strip_suffix("cytosis"), text.strip_suffix("philia")) {
            (Some(cell), _) => !table::UNDIRECTED_CYTOSIS.contains(&cell),
            (_, Some(cell)) => table::COUNTED_PHILIA.contains(&cell),
            _ => false,
        };
        if is_count {
            self.add_feature(groups::DIRECTION, 1, position);
        } else if text.ends_with("penia") || text.ends_with("penic") {
            self.add_feature(groups::DIRECTION, 0, position);
        }
    }

    /// Adds the ways to take a word apart into an affix and a stem.
    fn add_forms(&mut self, position: usize, text: &str) {
        for affix in TABLES.prefixes_of(text) {
            if let Some(stem) = text.strip_prefix(affix.text) {
                self.add_form(affix, stem, position);
            }
        }
        let text = text.strip_suffix('s').filter(|text| !text.ends_with(['s', 'i'])).unwrap_or(text);
        let mut longest: [Option<&Affix>; FAMILIES] = [None; FAMILIES];
        for affix in TABLES.suffixes_of(text) {
            let is_longer = longest[affix.family].is_none_or(|other| affix.text.len() > other.text.len());
            if is_longer && text.ends_with(affix.text) {
                longest[affix.family] = Some(affix);
            }
        }
        for affix in longest.into_iter().flatten() {
            let stem = text.strip_suffix(affix.text).unwrap_or_default().trim_end_matches(['o', 'i']);
            self.add_form(affix, stem, position);
        }
    }

    fn add_form(&mut self, affix: &Affix, stem: &str, word: usize) {
        if stem.len() >= affix.min_stem && self.forms.len() < MAX_FORMS {
            let Affix { family, value, text, .. } = *affix;
            self.forms.push(Form { family, value, affix: text, stem: stem.to_owned(), word });
        }
    }

    fn add_denials(&mut self, position: usize, text: &str) {
        if table::NOT_DENYING.contains(&text) {
            return;
        }
        let is_adjective = table::ADJECTIVE_ENDINGS.iter().any(|ending| text.ends_with(ending));
        for prefix in table::DENYING_PREFIXES.iter().filter(|prefix| is_adjective || !prefix.starts_with('a')) {
            if let Some(stem) = text.strip_prefix(prefix).filter(|stem| stem.len() >= 4) {
                self.denials.push(Denial { stem: alias(stem).to_owned(), word: position });
            }
        }
    }
}

/// Splits a normalized text into words and marks those that it denies.
fn split(key: &str) -> Vec<Word> {
    let tokens: Vec<Cow<'_, str>> = key.split_whitespace().take(MAX_WORDS).map(fold_spelling).collect();
    let mut words: Vec<Word> = Vec::with_capacity(tokens.len());
    let mut denied = 0_usize;
    let mut denial = 0..0;
    let mut start = 0;
    while let Some(token) = tokens.get(start).map(Cow::as_ref) {
        let next = tokens.get(start + 1).map(Cow::as_ref).unwrap_or_default();
        let is_optional = words.last().is_some_and(|word| word.text == "or");
        let (text, length, is_negated) = join(token, next);
        let source = start..start + length;
        start += length;
        let is_stop = table::STOP_WORDS.contains(&text.as_str());
        let is_numbered = next.starts_with(|c: char| c.is_ascii_digit());
        let is_denial = (table::DENIALS.contains(&token) && !is_numbered)
            || matches!((token, next), ("absence", "of") | ("w", "o" | "out"));
        let starts_denial = is_denial && !is_optional;
        if table::DENIALS_AFTER.contains(&token) {
            deny_last(&mut words, &source);
        }
        if starts_denial {
            denied = DENIAL_REACH;
            denial = source.clone();
        } else if table::DENIAL_ENDS.contains(&token) {
            denied = 0;
        }
        let is_reached = denied > 0 && !is_stop && !starts_denial;
        if denied > 0 && (is_negated || is_reached) {
            denied -= 1;
        }
        let denied_by = if is_negated { Some(0..0) } else { is_reached.then(|| denial.clone()) };
        let word = Word { text, source, denial: denied_by, is_stop: is_stop || starts_denial };
        if is_negated && word.is_never_denied() {
            // The sign of "Crohn disease (-)" denies "Crohn".
            deny_last(&mut words, &word.source);
        }
        words.push(word);
    }
    words
}

/// The word at the start of two tokens, the number of tokens it takes, and whether it is negated.
fn join(token: &str, next: &str) -> (String, usize, bool) {
    let is_word = next.len() >= 3 && next.bytes().all(|b| b.is_ascii_lowercase());
    if token == "non" && is_word {
        return (alias(next).to_owned(), 2, true);
    }
    if table::LOOSE_PREFIXES.contains(&token) && is_word && next.len() >= 4 {
        return (format!("{token}{next}"), 2, false);
    }
    if matches!((token, next), ("w", "o" | "out")) {
        return ("without".to_owned(), 2, false);
    }
    if token == "immunoglobulin" && matches!(next, "a" | "d" | "e" | "g" | "m") {
        return (format!("ig{next}"), 2, false);
    }
    if let Some(rest) = token.strip_prefix("non").filter(|rest| rest.len() >= 4) {
        return (alias(rest).to_owned(), 1, true);
    }
    if let Some(rest) = token.strip_suffix("less").filter(|rest| rest.len() >= 4 && *rest != "breath") {
        return (alias(rest).to_owned(), 1, true);
    }
    let is_sign = |word: &str| {
        let unsigned = [table::LOOSE_PREFIXES, table::ANIONS, table::GREEK];
        let is_other = unsigned.iter().any(|words| words.contains(&word)) || word == "non";
        !is_other && !word.starts_with(|c: char| c.is_ascii_digit())
    };
    let is_negative = token.strip_suffix('-').is_some_and(is_sign);
    (alias(token).to_owned(), 1, is_negative)
}

/// Marks the last word as denied by the words `denial`: "mrsa negative". Of "Crohn disease" also
/// the word before it.
fn deny_last(words: &mut [Word], denial: &Range<usize>) {
    for word in words.iter_mut().rev() {
        if word.is_stop || matches!(word.text.as_str(), "test" | "result" | "culture" | "screen") {
            return;
        }
        word.denial.get_or_insert_with(|| denial.clone());
        if !word.is_never_denied() {
            return;
        }
    }
}

/// American spelling of the diphthongs, except in "toe" and "does".
fn fold_spelling(token: &str) -> Cow<'_, str> {
    let has_diphthong = token.contains("ae") || token.contains("oe");
    if !has_diphthong || token.starts_with("toe") || token.starts_with("doe") {
        return Cow::Borrowed(token);
    }
    Cow::Owned(token.replace("ae", "e").replace("oe", "e"))
}

/// The word that stands for a word and its plural in this module.
fn alias(word: &str) -> &str {
    let singular = word.strip_suffix('s').unwrap_or(word);
    let found = table::ALIASES.iter().find(|(other, _)| *other == word || *other == singular);
    found.map_or(word, |&(_, alias)| alias)
}

/// A prefix or suffix of the table.
struct Affix {
    text: &'static str,
    family: usize,
    value: usize,
    min_stem: usize,
}

/// The tables, arranged for lookup.
struct Tables {
    groups: HashMap<&'static str, Vec<(usize, usize)>>,
    /// By the first byte.
    prefixes: HashMap<u8, Vec<Affix>>,
    /// By the last byte.
    suffixes: HashMap<u8, Vec<Affix>>,
}

static TABLES: LazyLock<Tables> = LazyLock::new(Tables::new);

impl Tables {
    fn new() -> Self {
        let mut groups: HashMap<&'static str, Vec<(usize, usize)>> = HashMap::new();
        for (group, values) in GROUPS.iter().map(|group| group.values).enumerate() {
            for (value, words) in values.iter().enumerate() {
                for word in words.split_whitespace() {
                    groups.entry(word).or_default().push((group, value));
                }
            }
        }
        let prefixes = affixes(table::PREFIXES, 0, |text| text.bytes().next());
        let suffixes = affixes(table::SUFFIXES, table::PREFIXES.len(), |text| text.bytes().last());
        Self { groups, prefixes, suffixes }
    }

    fn groups_of(&self, word: &str) -> &[(usize, usize)] {
        let found = self.groups.get(word).or_else(|| self.groups.get(word.strip_suffix('s')?));
        found.map_or(&[], Vec::as_slice)
    }

    fn prefixes_of(&self, word: &str) -> &[Affix] {
        word.bytes().next().and_then(|byte| self.prefixes.get(&byte)).map_or(&[], Vec::as_slice)
    }

    fn suffixes_of(&self, word: &str) -> &[Affix] {
        word.bytes().last().and_then(|byte| self.suffixes.get(&byte)).map_or(&[], Vec::as_slice)
    }
}

/// The affixes of the families, by a byte of the affix.
fn affixes(families: &'static [Family], offset: usize, byte: fn(&str) -> Option<u8>) -> HashMap<u8, Vec<Affix>> {
    let mut by_byte: HashMap<u8, Vec<Affix>> = HashMap::new();
    for (family, values) in families.iter().map(|family| family.values).enumerate() {
        for (value, texts) in values.iter().enumerate() {
            for text in texts.split_whitespace() {
                // A short prefix needs a long stem, because many words only begin like one.
                let min_stem = if offset == 0 { 5_usize.saturating_sub(text.len()).max(2) } else { 2 };
                let affix = Affix { text, family: family + offset, value, min_stem };
                by_byte.entry(byte(text).unwrap_or_default()).or_default().push(affix);
            }
        }
    }
    by_byte
}
