//! How near two spellings are: an automaton that finds words within some edits, and the cost of a
//! slip.
//!
//! An edit is a letter inserted, deleted or replaced, or two neighbors exchanged. The cost weighs
//! edits by how likely a typist or a listener makes them: vowels, doubled letters, exchanged
//! letters and letters that sound alike are cheap, other consonants are dear. Invariant: equal
//! spellings cost 0, and only they do.

use std::sync::LazyLock;

use fst::Automaton;
use levenshtein_automata::{DFA, LevenshteinAutomatonBuilder};

/// Most edits that an automaton accepts.
pub(crate) const MAX_EDITS: usize = 2;
/// Largest cost of the repair of a word.
pub(crate) const MAX_COST: f32 = 1.1;

/// The tables from which the automata of texts are built, for each number of edits. They take a
/// millisecond to build.
static WITHIN_EDITS: [LazyLock<LevenshteinAutomatonBuilder>; MAX_EDITS] = [
    LazyLock::new(|| LevenshteinAutomatonBuilder::new(1, true)),
    LazyLock::new(|| LevenshteinAutomatonBuilder::new(2, true)),
];

/// An automaton that accepts texts at most `max_edits` (1 to [`MAX_EDITS`]) edits of letters away
/// from `text`.
pub(crate) fn within_edits(text: &str, max_edits: usize) -> DFA {
    WITHIN_EDITS[max_edits.clamp(1, MAX_EDITS) - 1].build_dfa(text)
}

/// Pieces of words that sound alike, with the cost to write one for the other, in both directions.
const SOUNDS: [(&str, &str, f32); 57] = [
    ("f", "ph", 0.3),
    ("k", "c", 0.35),
    ("k", "ch", 0.4),
    ("c", "ch", 0.4),
    ("k", "ck", 0.3),
    ("c", "s", 0.4),
    ("s", "z", 0.35),
    ("sc", "s", 0.35),
    ("sc", "c", 0.35),
    ("x", "ks", 0.4),
    ("x", "cs", 0.4),
    ("x", "cc", 0.5),
    ("xc", "x", 0.4),
    ("xs", "x", 0.3),
    ("cz", "x", 0.4),
    ("g", "gh", 0.35),
    ("g", "j", 0.4),
    ("t", "th", 0.4),
    ("p", "ph", 0.4),
    ("r", "rh", 0.35),
    ("r", "rrh", 0.4),
    ("hr", "rrh", 0.5),
    ("rhr", "rrh", 0.4),
    ("z", "zh", 0.4),
    ("n", "kn", 0.4),
    ("kw", "qu", 0.4),
    ("q", "g", 0.5),
    ("y", "i", 0.25),
    ("y", "ie", 0.4),
    ("ey", "y", 0.3),
    ("ae", "e", 0.25),
    ("oe", "e", 0.25),
    ("ea", "e", 0.3),
    ("ea", "a", 0.4),
    ("ei", "i", 0.3),
    ("ie", "i", 0.4),
    ("ee", "i", 0.4),
    ("ei", "ie", 0.3),
    ("eu", "u", 0.35),
    ("eu", "oo", 0.4),
    ("eu", "ew", 0.4),
    ("oo", "u", 0.4),
    ("ou", "u", 0.4),
    ("oa", "o", 0.4),
    ("a", "e", 0.4),
    ("a", "o", 0.45),
    ("e", "i", 0.4),
    ("a", "i", 0.45),
    ("o", "e", 0.5),
    ("e", "y", 0.5),
    ("x", "c", 0.5),
    ("us", "ous", 0.3),
    ("us", "es", 0.4),
    ("us", "is", 0.35),
    ("sia", "tia", 0.4),
    ("shun", "tion", 0.4),
    ("sion", "tion", 0.3),
];

/// Pieces at the beginning of words that sound alike.
const FIRST_SOUNDS: [(&str, &str, f32); 10] = [
    ("f", "ph", 0.4),
    ("k", "c", 0.45),
    ("k", "ch", 0.45),
    ("n", "pn", 0.4),
    ("s", "ps", 0.4),
    ("s", "c", 0.5),
    ("t", "pt", 0.5),
    ("r", "rh", 0.35),
    ("e", "oe", 0.25),
    ("z", "x", 0.4),
];

const TRANSPOSED: f32 = 0.45;
/// A letter that stands some places from where it belongs, for each place but the first.
const MOVED_FURTHER: f32 = 0.05;
/// Most places that a letter is moved.
const MAX_MOVE: usize = 3;
const OTHER_VOWEL: f32 = 0.75;
const OTHER_CONSONANT: f32 = 1.2;
const VOWEL_FOR_CONSONANT: f32 = 1.3;
const NEIGHBOR_ON_KEYBOARD: f32 = 0.85;
const DOUBLED: f32 = 0.25;
const VOWEL_BESIDE_VOWEL: f32 = 0.45;
const VOWEL: f32 = 0.55;
const MISSING_CONSONANT_OF_CLUSTER: f32 = 0.7;
const MISSING_CONSONANT: f32 = 0.9;
const EXTRA_CONSONANT: f32 = 1.0;
const FINAL_E: f32 = 0.4;
/// A letter more or less at the end makes another word (concert, concerta).
const OTHER_FINAL_LETTER: f32 = 1.0;
/// A letter more or less at the beginning, unless it is silent.
const FIRST_LETTER: f32 = 1.5;
/// Added for another first letter: people rarely miss it.
const OTHER_FIRST_LETTER: f32 = 0.4;

/// Added for another final consonant: it makes another form of a word (pancreatic, pancreatitis).
const OTHER_FINAL_CONSONANT: f32 = 0.7;

/// The rows of an English keyboard; neighbors in a row are near.
const KEYBOARD: [&str; 3] = ["qwertyuiop", "asdfghjkl", "zxcvbnm"];

/// The letters beside each letter on the keyboard, as bits.
static NEIGHBORS: [u32; 26] = neighbors();

const fn neighbors() -> [u32; 26] {
    let mut neighbors = [0; 26];
    let mut row = 0;
    while row < KEYBOARD.len() {
        let (keys, mut i) = (KEYBOARD[row].as_bytes(), 1);
        while i < keys.len() {
            let (a, b) = (keys[i - 1] - b'a', keys[i] - b'a');
            neighbors[a as usize] |= 1 << b;
            neighbors[b as usize] |= 1 << a;
            i += 1;
        }
        row += 1;
    }
    neighbors
}

/// Pairs of sounds by their first letters, as bits: most letters begin no pair.
struct SoundPairs {
    sounds: &'static [(&'static str, &'static str, f32)],
    left: [u64; 26],
    right: [u64; 26],
}

static ALL_SOUNDS: SoundPairs = SoundPairs::new(&SOUNDS);
static ALL_FIRST_SOUNDS: SoundPairs = SoundPairs::new(&FIRST_SOUNDS);

// Without these, `may_begin` would leave out words that a slip gives.
const _: () = assert!(OTHER_FIRST_LETTER + OTHER_VOWEL > MAX_COST && FIRST_LETTER > MAX_COST);

/// The cost of writing `written` for `word`; `None` if it exceeds `limit`.
pub(crate) fn slip_cost(written: &str, word: &str, limit: f32) -> Option<f32> {
    let table = CostTable { written: &written.chars().collect::<Vec<_>>(), word: &word.chars().collect::<Vec<_>>() };
    table.cost(limit)
}

/// The letters of a word as it was written and as it should be.
struct CostTable<'a> {
    written: &'a [char],
    word: &'a [char],
}

impl CostTable<'_> {
    /// Dynamic programming over the beginnings of both words: each cell relaxes the cells that an
    /// edit reaches from it.
    fn cost(&self, limit: f32) -> Option<f32> {
        let (rows, columns) = (self.written.len() + 1, self.word.len() + 1);
        let mut costs = vec![f32::INFINITY; rows * columns];
        costs[0] = 0.0;
        for i in 0..rows {
            for j in 0..columns {
                let so_far = costs[i * columns + j];
                if so_far > limit {
                    continue;
                }
                self.for_each_edit(i, j, &mut |written, word, cost| {
                    let reached = &mut costs[(i + written) * columns + j + word];
                    *reached = reached.min(so_far + cost);
                });
            }
        }
        costs.last().copied().filter(|cost| *cost <= limit)
    }

    /// Calls `edit` with the letters that an edit takes from both words, from positions `i` and `j`
    /// on, and its cost.
    fn for_each_edit(&self, i: usize, j: usize, edit: &mut dyn FnMut(usize, usize, f32)) {
        let (written, word) = (&self.written[i..], &self.word[j..]);
        if let (Some(&a), Some(&b)) = (written.first(), word.first()) {
            let first = if i == 0 && j == 0 && a != b { OTHER_FIRST_LETTER } else { 0.0 };
            let last = |taken: usize, given: usize| {
                let is_last = taken == written.len() && given == word.len() && a != b && !is_vowel(a);
                if is_last { OTHER_FINAL_CONSONANT } else { 0.0 }
            };
            edit(1, 1, first + last(1, 1) + replaced(a, b));
            ALL_SOUNDS.for_each(written, word, &mut |a, b, cost| edit(a, b, cost + first + last(a, b)));
            if i == 0 && j == 0 {
                ALL_FIRST_SOUNDS.for_each(written, word, edit);
            }
            for letters in 2..=MAX_MOVE + 1 {
                if let (Some(a), Some(b)) = (written.get(..letters), word.get(..letters))
                    && is_moved(a, b)
                {
                    edit(letters, letters, TRANSPOSED + first + MOVED_FURTHER * (letters - 2) as f32);
                }
            }
        }
        if !written.is_empty() {
            edit(1, 0, inserted(self.written, i, EXTRA_CONSONANT, EXTRA_CONSONANT));
        }
        if !word.is_empty() {
            edit(0, 1, inserted(self.word, j, MISSING_CONSONANT, MISSING_CONSONANT_OF_CLUSTER));
        }
    }
}

impl SoundPairs {
    const fn new(sounds: &'static [(&'static str, &'static str, f32)]) -> Self {
        let (mut left, mut right, mut i) = ([0; 26], [0; 26], 0);
        while i < sounds.len() {
            left[(sounds[i].0.as_bytes()[0] - b'a') as usize] |= 1 << i;
            right[(sounds[i].1.as_bytes()[0] - b'a') as usize] |= 1 << i;
            i += 1;
        }
        Self { sounds, left, right }
    }

    /// Calls `edit` for each pair of sounds that both words begin with.
    fn for_each(&self, written: &[char], word: &[char], edit: &mut dyn FnMut(usize, usize, f32)) {
        let letters = [written, word].map(|word| word.first().copied().and_then(letter_number));
        let [Some(a), Some(b)] = letters else { return };
        let begins = |word: &[char], sound: &str| {
            word.len() >= sound.len() && sound.bytes().zip(word).all(|(a, b)| char::from(a) == *b)
        };
        for (left, right, cost) in bits(self.left[a] & self.right[b]).map(|i| self.sounds[i]) {
            if begins(written, left) && begins(word, right) {
                edit(left.len(), right.len(), cost);
            }
        }
        for (left, right, cost) in bits(self.right[a] & self.left[b]).map(|i| self.sounds[i]) {
            if begins(written, right) && begins(word, left) {
                edit(right.len(), left.len(), cost);
            }
        }
    }

    /// The sounds that are written for those that `written` begins with.
    fn others<'a>(&self, written: &'a str) -> impl Iterator<Item = &'static str> + use<'a> {
        let of_pair = |(left, right, _): &'static (&str, &str, f32)| [(*left, *right), (*right, *left)];
        let pairs = self.sounds.iter().flat_map(of_pair);
        pairs.filter(move |(sound, _)| written.starts_with(sound)).map(|(_, other)| other)
    }
}

/// The positions of the bits that are set, ascending.
fn bits(mut bits: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let next = (bits != 0).then(|| bits.trailing_zeros() as usize);
        bits &= bits.wrapping_sub(1);
        next
    })
}

/// The number of a letter from a to z.
fn letter_number(letter: char) -> Option<usize> {
    letter.is_ascii_lowercase().then(|| letter as usize - 'a' as usize)
}

/// An automaton that accepts the words with another first letter than `written` that a slip of at
/// most [`MAX_COST`] may give, and some more words.
pub(crate) struct MayBegin {
    /// Beginnings of these words, at most 64.
    beginnings: Vec<String>,
}

/// What [`MayBegin`] has read.
#[derive(Clone, Copy)]
pub(crate) enum Beginning {
    /// Bytes that some beginnings have, as bits, and the first byte.
    Read { bytes: usize, possible: u64, first: u8 },
    /// A whole beginning.
    Accepted,
}

/// See [`MayBegin`]. Another first letter comes from a sound that is written otherwise, from
/// letters that moved, or from a doubled first letter; every other way costs more.
pub(crate) fn may_begin(written: &str) -> MayBegin {
    let letters: Vec<char> = written.chars().take(MAX_MOVE + 1).collect();
    if letters.len() < 2 || letters[0] == letters[1] {
        return MayBegin { beginnings: vec![String::new()] };
    }
    let moved_on = letters[1..].iter().take(2).collect();
    let moved_back = letters[1..].iter().map(|&letter| String::from_iter([letter, letters[0]]));
    let sounds = ALL_SOUNDS.others(written).chain(ALL_FIRST_SOUNDS.others(written)).map(str::to_owned);
    MayBegin { beginnings: std::iter::once(moved_on).chain(moved_back).chain(sounds).collect() }
}

impl Automaton for MayBegin {
    type State = Beginning;

    fn start(&self) -> Beginning {
        match self.beginnings.as_slice() {
            [all] if all.is_empty() => Beginning::Accepted,
            some => Beginning::Read { bytes: 0, possible: u64::MAX >> (64 - some.len().clamp(1, 64)), first: 0 },
        }
    }

    fn is_match(&self, state: &Beginning) -> bool {
        matches!(state, Beginning::Accepted)
    }

    fn can_match(&self, state: &Beginning) -> bool {
        matches!(
            state,
            Beginning::Accepted | Beginning::Read { bytes: ..=1, .. } | Beginning::Read { possible: 1.., .. }
        )
    }

    fn accept(&self, state: &Beginning, byte: u8) -> Beginning {
        let Beginning::Read { bytes, mut possible, first } = *state else { return Beginning::Accepted };
        // A first letter of several bytes is rare.
        let mut is_accepted = if bytes == 0 { !byte.is_ascii() } else { bytes == 1 && byte == first };
        for i in bits(possible) {
            let beginning = self.beginnings[i].as_bytes();
            if beginning.get(bytes) == Some(&byte) {
                is_accepted |= beginning.len() == bytes + 1;
            } else {
                possible &= !(1 << i);
            }
        }
        let first = if bytes == 0 { byte } else { first };
        if is_accepted { Beginning::Accepted } else { Beginning::Read { bytes: bytes + 1, possible, first } }
    }
}

/// Whether `b` is `a` with its first letter moved to the end, or the other way round.
fn is_moved(a: &[char], b: &[char]) -> bool {
    let last = a.len() - 1;
    a != b && (a[0] == b[last] && a[1..] == b[..last] || a[last] == b[0] && a[..last] == b[1..])
}

/// The cost of one letter for another.
fn replaced(a: char, b: char) -> f32 {
    if a == b {
        return 0.0;
    }
    let is_neighbor = letter_number(a).zip(letter_number(b)).is_some_and(|(a, b)| NEIGHBORS[a] >> b & 1 == 1);
    match (is_vowel(a), is_vowel(b)) {
        (true, true) => OTHER_VOWEL,
        _ if is_neighbor => NEIGHBOR_ON_KEYBOARD,
        (false, false) => OTHER_CONSONANT,
        _ => VOWEL_FOR_CONSONANT,
    }
}

/// The cost of the letter at `position`, which the other word lacks; `consonant` is that of a
/// consonant, and `of_cluster` that of a consonant beside another one.
fn inserted(word: &[char], position: usize, consonant: f32, of_cluster: f32) -> f32 {
    let letter = word[position];
    let before = position.checked_sub(1).map(|before| word[before]);
    let after = word.get(position + 1).copied();
    let is_near = |is: &dyn Fn(char) -> bool| before.is_some_and(is) || after.is_some_and(is);
    match letter {
        _ if is_near(&|other| other == letter) => DOUBLED,
        _ if before.is_none() => FIRST_LETTER,
        'e' if after.is_none() => FINAL_E,
        _ if after.is_none() => OTHER_FINAL_LETTER,
        _ if is_vowel(letter) && is_near(&is_vowel) => VOWEL_BESIDE_VOWEL,
        _ if is_vowel(letter) => VOWEL,
        _ if is_near(&|other| !is_vowel(other)) => of_cluster,
        _ => consonant,
    }
}

fn is_vowel(letter: char) -> bool {
    matches!(letter, 'a' | 'e' | 'i' | 'o' | 'u' | 'y')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_accepted(automaton: &impl Automaton, text: &str) -> bool {
        let state = text.bytes().fold(automaton.start(), |state, byte| automaton.accept(&state, byte));
        automaton.is_match(&state)
    }

    /// Words of up to five letters, some of them of two bytes.
    fn words() -> Vec<String> {
        let letters = ["a", "b", "é"];
        let word = |length: u32| {
            (0..letters.len().pow(length)).map(move |mut n| (0..length).map(|_| (letters[n % 3], n /= 3).0).collect())
        };
        (0..=5).flat_map(word).collect()
    }

    #[test]
    fn automaton_counts_edits_of_letters() {
        for text in words().iter().step_by(37) {
            for max_edits in 1..=MAX_EDITS {
                let automaton = within_edits(text, max_edits);
                for word in words() {
                    let is_near = strsim::osa_distance(text, &word) <= max_edits;
                    assert_eq!(is_accepted(&automaton, &word), is_near, "{text} {word} {max_edits}");
                }
            }
        }
    }

    #[test]
    fn beginnings_fit_into_a_word_of_bits() {
        for sound in SOUNDS.iter().chain(&FIRST_SOUNDS).flat_map(|(a, b, _)| [a, b]) {
            assert!(may_begin(&format!("{sound}xyz")).beginnings.len() <= 64, "{sound}");
        }
    }

    #[test]
    fn words_that_may_not_begin_like_a_slip_cost_too_much() {
        for a in words() {
            let automaton = may_begin(&a);
            for b in words().iter().step_by(5).filter(|b| a.chars().next() != b.chars().next()) {
                let is_refused = !is_accepted(&automaton, b);
                assert!(!is_refused || slip_cost(&a, b, MAX_COST).is_none(), "{a} {b}");
            }
        }
        let is_accepted = |written, word| is_accepted(&may_begin(written), word);
        assert!(is_accepted("fenobarbital", "phenobarbital") && is_accepted("neumonia", "pneumonia"));
        assert!(!is_accepted("fenobarbital", "tenobarbital"));
    }

    #[test]
    fn only_equal_spellings_cost_nothing() {
        for a in words() {
            for b in words().iter().step_by(7) {
                let cost = slip_cost(&a, b, f32::MAX).unwrap();
                assert_eq!(cost == 0.0, a == *b, "{a} {b}");
            }
        }
    }

    #[test]
    fn likely_slips_cost_less_than_other_edits() {
        let cost = |written, word| slip_cost(written, word, f32::MAX).unwrap();
        for (written, word) in [
            ("pnuemonia", "pneumonia"),
            ("diabetus", "diabetes"),
            ("diahrea", "diarrhea"),
            ("naseua", "nausea"),
            ("chron", "crohn"),
            ("fenobarbital", "phenobarbital"),
            ("neumonia", "pneumonia"),
            ("anaemia", "anemia"),
            ("arthirtis", "arthritis"),
        ] {
            assert!((0.2..=0.5).contains(&cost(written, word)), "{written} {word} {}", cost(written, word));
        }
        for (written, word) in [
            ("moderate", "modecate"),
            ("concert", "concerta"),
            ("mitosis", "miosis"),
            ("coumarin", "coumadin"),
            ("afebrile", "febrile"),
            ("pentobarbital", "phenobarbital"),
            ("pancreatis", "pancreatic"),
        ] {
            assert!(cost(written, word) >= 1.0, "{written} {word} {}", cost(written, word));
        }
    }

    #[test]
    fn costs_beyond_the_limit_are_absent() {
        let cost = slip_cost("asma", "asthma", f32::MAX).unwrap();
        assert_eq!(slip_cost("asma", "asthma", cost), Some(cost));
        assert_eq!(slip_cost("asma", "asthma", cost - 0.01), None);
    }
}
