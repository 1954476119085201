//! The words of a normalized name or mention: stems without words of grammar, and the head.
//!
//! Invariant: nothing is copied; a phrase borrows its words from the text.

/// Words of grammar, which carry no information about a concept.
const STOP_WORDS: [&str; 22] = [
    "a", "an", "and", "as", "at", "by", "due", "for", "from", "her", "his", "in", "is", "my", "of", "on", "or", "that",
    "the", "to", "was", "with",
];
/// Words before which the head of a phrase ends: "cancer of the breast".
const HEAD_ENDS: [&str; 10] = ["at", "by", "due", "for", "from", "in", "of", "on", "to", "with"];
/// Letters of the shortest word that is stemmed.
const MIN_STEMMED: usize = 5;
/// Common letters at the beginning and at the end of two words that are similar.
const MIN_COMMON_START: usize = 3;
const MIN_COMMON_END: usize = 4;
const MIN_COMMON: usize = 4;
/// Words that are less similar than this count as different.
const MIN_SIMILARITY: f32 = 0.5;

/// The words of a normalized text.
pub(super) struct Phrase<'a> {
    /// Stems of the words, without words of grammar, in their order.
    pub(super) stems: Vec<&'a str>,
    /// The words themselves.
    pub(super) words: Vec<&'a str>,
    /// Position of the head in both lists: the last word before the first preposition.
    pub(super) head: usize,
}

impl<'a> Phrase<'a> {
    /// Splits a text that [`crate::text::normalize`] gave.
    pub(super) fn new(key: &'a str) -> Self {
        let (mut words, mut head) = (vec![], None);
        for word in key.split(' ') {
            if head.is_none() && !words.is_empty() && HEAD_ENDS.contains(&word) {
                head = Some(words.len() - 1);
            }
            if !STOP_WORDS.contains(&word) {
                words.push(word);
            }
        }
        let head = head.unwrap_or(words.len().saturating_sub(1));
        Self { stems: words.iter().map(|word| stem(word)).collect(), words, head }
    }
}

/// A word without its ending of number, so that a singular and its plural are equal.
pub(super) fn stem(word: &str) -> &str {
    if word.len() < MIN_STEMMED || !word.is_ascii() {
        return word;
    }
    let long_plural = ["sses", "xes", "ches", "shes"].iter().any(|ending| word.ends_with(ending));
    let cut = if word.ends_with("ies") {
        3
    } else if long_plural {
        2
    } else if word.ends_with('y') || word.ends_with('s') && !["ss", "us", "is"].iter().any(|end| word.ends_with(end)) {
        1
    } else {
        0
    };
    &word[..word.len() - cut]
}

/// How similar two stems are: 1 if they are equal, otherwise the share of the longer one that both
/// begin and end with, 0 if that is too little.
pub(super) fn similarity(a: &str, b: &str) -> f32 {
    if a == b {
        return 1.0;
    }
    let (a, b) = (a.as_bytes(), b.as_bytes());
    let shorter = a.len().min(b.len());
    let start = a.iter().zip(b).take_while(|(x, y)| x == y).count();
    let end = a.iter().rev().zip(b.iter().rev()).take(shorter - start).take_while(|(x, y)| x == y).count();
    let common = if start >= MIN_COMMON_START { start } else { 0 } + if end >= MIN_COMMON_END { end } else { 0 };
    let share = common as f32 / a.len().max(b.len()) as f32;
    if common >= MIN_COMMON && share >= MIN_SIMILARITY { share } else { 0.0 }
}

/// The greatest similarity of `stem` to any of `others`.
pub(super) fn best_similarity(stem: &str, others: &[&str]) -> f32 {
    let mut best = 0.0f32;
    for other in others {
        best = best.max(similarity(stem, other));
        if best == 1.0 {
            break;
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phrases_have_stems_and_a_head() {
        for (key, stems, head) in [
            ("cancer of the breast", vec!["cancer", "breast"], "cancer"),
            ("chronic heart failure", vec!["chronic", "heart", "failure"], "failure"),
            ("biopsies", vec!["biops"], "biops"),
            ("in heart", vec!["heart"], "heart"),
        ] {
            let phrase = Phrase::new(key);
            assert_eq!((phrase.stems.clone(), phrase.stems[phrase.head]), (stems, head), "{key}");
        }
        assert!(Phrase::new("of the").stems.is_empty());
    }

    #[test]
    fn singular_and_plural_have_one_stem() {
        for (a, b) in [("biopsy", "biopsies"), ("seizure", "seizures"), ("mass", "masses"), ("virus", "virus")] {
            assert_eq!(stem(a), stem(b), "{a}");
        }
        assert_eq!([stem("diagnosis"), stem("abscess"), stem("gas")], ["diagnosis", "abscess", "gas"]);
    }

    #[test]
    fn similar_words_share_their_ends() {
        assert_eq!(similarity("renal", "renal"), 1.0);
        assert!(similarity("pancrea", "pancreatic") >= 0.6);
        assert!(similarity("cholecystitis", "cholangitis") > 0.5);
        assert_eq!([similarity("liver", "heart"), similarity("pain", "paint"), similarity("", "a")], [0.0, 0.8, 0.0]);
    }
}
