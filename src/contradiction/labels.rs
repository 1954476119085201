//! Finds the labels of a text: numbers, numerals, single letters and Greek letters that name one of
//! several kinds, and compares them.
//!
//! Invariant: an amount, a time or a measured value is no label, and only labels of the same slot
//! are compared: the number after "stage" with the number after "stage".

use super::{table, word::Word};
use crate::text::roman_value;

/// The highest number that is a label. Higher ones are years and values.
const MAX_NUMBER: u32 = 999;

/// Number of labels that a comparison reads. Its time grows with the fourth power of it.
const MAX_LABELS: usize = 8;

/// What a label is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Value {
    Number(u32),
    Letter(u8),
    Greek(usize),
}

/// A number or letter that names one of several kinds.
pub(super) struct Label {
    value: Value,
    /// Letters and digits after the number: `c19` of "2c19".
    tail: String,
    /// Words that say what is counted: the word before, the word after, letters of the same word.
    slots: Vec<String>,
    /// The word of the label.
    pub(super) word: usize,
}

impl Label {
    /// Whether the labels say which of the same kinds is meant.
    fn is_comparable(&self, other: &Self) -> bool {
        let has_same_slot = self.slots.iter().any(|slot| other.slots.contains(slot));
        std::mem::discriminant(&self.value) == std::mem::discriminant(&other.value)
            && has_same_slot
            && !self.has_other_count(other)
    }

    /// Whether both labels follow a word like "stage", and not the same: "type 2, stage 3".
    fn has_other_count(&self, other: &Self) -> bool {
        let count =
            |label: &Self| label.slots.iter().find(|slot| table::NUMBER_SLOTS.contains(&slot.as_str())).cloned();
        matches!((count(self), count(other)), (Some(a), Some(b)) if a != b)
    }

    fn agrees(&self, other: &Self) -> bool {
        self.value == other.value && tails_agree(&self.tail, &other.tail)
    }

    /// Whether the label says which kind of cell.
    pub(super) fn is_kind(&self) -> bool {
        matches!(self.value, Value::Letter(_)) && self.slots.iter().any(|slot| table::LETTERED.contains(&slot.as_str()))
    }
}

/// Whether two tails are equal or one only says more than the other.
fn tails_agree(a: &str, b: &str) -> bool {
    let (short, long) = if a.len() <= b.len() { (a, b) } else { (b, a) };
    let Some(rest) = long.strip_prefix(short) else { return false };
    let splits_number = short.ends_with(is_digit) && rest.starts_with(is_digit);
    !splits_number
}

/// The first two labels of one slot that differ, if no other label of that slot agrees.
pub(super) fn contradicting<'a>(mine: &'a [Label], theirs: &'a [Label]) -> Option<(&'a Label, &'a Label)> {
    mine.iter().filter(|label| !is_matched(label, mine, theirs)).find_map(|label| {
        let differs = |other: &&Label| label.is_comparable(other) && !is_matched(other, theirs, mine);
        theirs.iter().find(differs).map(|other| (label, other))
    })
}

/// Whether a label that is comparable with one of `mine` agrees with any of `mine`: "type 1 and 2"
/// does not contradict "type 2".
fn is_matched(label: &Label, mine: &[Label], theirs: &[Label]) -> bool {
    let mut comparable = theirs.iter().filter(|other| label.is_comparable(other));
    comparable.any(|other| mine.iter().any(|label| label.is_comparable(other) && label.agrees(other)))
}

/// The labels of a text.
pub(super) fn find(words: &[Word]) -> Vec<Label> {
    (0..words.len()).filter_map(|position| label_at(words, position)).take(MAX_LABELS).collect()
}

fn label_at(words: &[Word], position: usize) -> Option<Label> {
    let text = words.get(position)?.text.trim_end_matches(['+', '-', '#']);
    if let Some(number) = whole_number(text) {
        return number_label(words, position, number);
    }
    if let Some(label) = code_label(words, position, text) {
        return Some(label);
    }
    let before = text_at(words, position.checked_sub(1));
    let after = singular(text_at(words, Some(position + 1)));
    if let Some(greek) = table::GREEK.iter().position(|letter| *letter == text) {
        return Some(label(Value::Greek(greek), "", [before, after], position));
    }
    if let Some(ordinal) = table::ORDINALS.iter().position(|word| *word == text) {
        return Some(label(Value::Number(ordinal_value(ordinal)), "", [after, ""], position));
    }
    let slot = slot_before(words, position);
    let is_counted = table::NUMBER_SLOTS.contains(&slot);
    if let Some(roman) = roman(text, is_counted) {
        let slots = [slot, if is_counted { "" } else { before }];
        return Some(with_weak_slot(label(Value::Number(roman.0), roman.1, slots, position), words, position));
    }
    if let Some(cardinal) = table::CARDINALS.iter().position(|word| *word == text).filter(|_| is_counted) {
        let value = Value::Number(ordinal_value(cardinal));
        return Some(with_weak_slot(label(value, "", [slot, ""], position), words, position));
    }
    let letter = single_letter(text)?;
    // "t cell" and "t helper cell"
    let lettered = [after, singular(text_at(words, Some(position + 2)))];
    let slots = [
        if table::LETTER_SLOTS.contains(&slot) { slot } else { "" },
        lettered.into_iter().find(|word| table::LETTERED.contains(word)).unwrap_or_default(),
    ];
    slots.iter().any(|slot| !slot.is_empty()).then(|| label(Value::Letter(letter), "", slots, position))
}

/// The label of a number that is a word of its own. Numbers in a row ("2 3 toe") have the same
/// slots.
fn number_label(words: &[Word], position: usize, number: u32) -> Option<Label> {
    let is_number = |word: &&Word| has_digit(&word.text);
    let before = words[..position].iter().rev().take_while(is_number).count();
    let run = words[position..].iter().take_while(is_number).count();
    let (start, end) = (position - before, position + run);
    let after = singular(text_at(words, Some(end)));
    let is_amount = words[start..end].iter().any(|word| word.text.contains('%') || is_amount(&word.text));
    let follows_code = before > 0 && words[start..position].iter().any(|word| whole_number(&word.text).is_none());
    if follows_code || is_amount || table::UNITS.contains(&after) || number > MAX_NUMBER {
        return None;
    }
    let after = if table::NUMBER_SLOTS.contains(&after) { "" } else { after };
    let slot = slot_before(words, start);
    Some(with_weak_slot(label(Value::Number(number), "", [slot, after], position), words, start))
}

/// The label of a word of letters and digits: "b12", "2b", "22q11", "3rd", "cyp2c19".
fn code_label(words: &[Word], position: usize, text: &str) -> Option<Label> {
    let start = text.find(is_digit)?;
    let letters = text.get(..start).filter(|letters| letters.len() <= 6)?;
    let digits: &str = text.get(start..)?.split(|c| !is_digit(c)).next()?;
    let tail = text.get(start + digits.len()..)?;
    let number = Value::Number(digits.parse().ok()?);
    if !text.bytes().all(|b| b.is_ascii_alphanumeric()) || is_amount(text) {
        return None;
    }
    if !letters.is_empty() {
        let is_diabetes = letters == "dm" || (letters == "t" && tail == "dm");
        let slot = if is_diabetes { "type" } else { letters };
        return Some(label(number, if is_diabetes { "" } else { tail }, [slot, ""], position));
    }
    let run = words[position..].iter().take_while(|word| has_digit(&word.text)).count();
    let after = singular(text_at(words, Some(position + run)));
    if matches!(tail, "st" | "nd" | "rd" | "th") {
        return Some(label(number, "", [after, ""], position));
    }
    if tail.starts_with(['p', 'q']) && tail[1..].bytes().all(|b| b.is_ascii_digit()) {
        return Some(label(number, tail, ["chromosome", ""], position));
    }
    let slot = slot_before(words, position);
    if tail.len() == 1 {
        return Some(with_weak_slot(label(number, tail, [slot, after], position), words, position));
    }
    Some(label(number, "", [tail.trim_end_matches(is_digit), ""], position))
}

fn label(value: Value, tail: &str, slots: [&str; 2], word: usize) -> Label {
    let is_slot = |slot: &&str| !slot.is_empty() && !table::STOP_WORDS.contains(slot) && !has_digit(slot);
    Label { value, tail: tail.to_owned(), slots: slots.into_iter().filter(is_slot).map(str::to_owned).collect(), word }
}

/// Adds the word before "type": "ataxia type 3" and "ataxia 3" count the same.
fn with_weak_slot(mut label: Label, words: &[Word], position: usize) -> Label {
    let before = singular(text_at(words, position.checked_sub(1)));
    if table::WEAK_SLOTS.contains(&before) {
        let slot = singular(text_at(words, position.checked_sub(2)));
        if !slot.is_empty() && !table::NUMBER_SLOTS.contains(&slot) {
            label.slots.push(slot.to_owned());
        }
    }
    label
}

/// The word that a label follows; in "hepatitis b and c" the second label follows "hepatitis".
fn slot_before(words: &[Word], position: usize) -> &str {
    let before = text_at(words, position.checked_sub(1));
    if matches!(before, "and" | "or") {
        return singular(text_at(words, position.checked_sub(3)));
    }
    singular(before)
}

fn text_at(words: &[Word], position: Option<usize>) -> &str {
    position.and_then(|position| words.get(position)).map_or("", |word| word.text.as_str())
}

fn singular(word: &str) -> &str {
    word.strip_suffix('s').filter(|word| word.len() >= 2 && !word.ends_with(['s', 'i', 'u'])).unwrap_or(word)
}

fn is_digit(c: char) -> bool {
    c.is_ascii_digit()
}

fn has_digit(text: &str) -> bool {
    text.contains(is_digit)
}

fn whole_number(text: &str) -> Option<u32> {
    text.parse().ok().filter(|_| text.bytes().all(|b| b.is_ascii_digit()))
}

/// Whether a word is a number with its unit: "500mg".
fn is_amount(text: &str) -> bool {
    let unit = text.trim_start_matches(is_digit);
    unit.len() < text.len() && unit.len() >= 2 && table::UNITS.contains(&singular(unit))
}

fn ordinal_value(position: usize) -> u32 {
    u32::try_from(position + 1).unwrap_or(u32::MAX)
}

/// The value of a Roman numeral, and the letter that divides it: "iiib".
fn roman(text: &str, is_counted: bool) -> Option<(u32, &str)> {
    if let Some(number) = roman_value(text) {
        return (is_counted || !table::AMBIGUOUS_ROMANS.contains(&text)).then_some((number, ""));
    }
    let (numeral, tail) = text.split_at_checked(text.len().checked_sub(1)?)?;
    (is_counted && matches!(tail, "a" | "b" | "c" | "d")).then(|| roman_value(numeral).map(|number| (number, tail)))?
}

fn single_letter(text: &str) -> Option<u8> {
    match text.as_bytes() {
        [letter] if letter.is_ascii_lowercase() => Some(*letter),
        _ => None,
    }
}
