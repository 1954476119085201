//! Composes readings from the parts of a mention, and rejects those that are no term.
//!
//! Invariant: a reading leaves out each negation and each relative that was found, so that no
//! reading hides one of them in its text.

use super::{
    LeftOut,
    LeftOutKind::{Degree, Laterality, Negated, Parenthesis, Value},
    Reading,
    parts::{Part, abbreviates},
    table::{Words, is_in},
    tokens::Tokens,
};

/// The most readings of a mention.
const MAX_READINGS: usize = 3;

/// The readings of a mention with these parts, see [`super::readings`].
pub(super) fn compose(tokens: &Tokens<'_>, parts: &[Part]) -> Vec<Reading> {
    // Two negations may affirm: "denies no pain".
    if parts.is_empty() || parts.iter().filter(|part| part.kind == Negated).count() > 1 {
        return vec![];
    }
    let mut readings: Vec<Reading> = vec![];
    let long_form = long_form(tokens, parts);
    let shorter = [&[][..], &[Laterality], &[Laterality, Degree]].into_iter().filter_map(|kept| {
        let left_out: Vec<Part> = parts.iter().filter(|part| !kept.contains(&part.kind)).cloned().collect();
        reading(tokens, &left_out)
    });
    for reading in long_form.into_iter().chain(shorter) {
        if readings.len() < MAX_READINGS && readings.iter().all(|other| other.text != reading.text) {
            readings.push(reading);
        }
    }
    readings
}

/// The mention without some parts; none if the rest is no term.
fn reading(tokens: &Tokens<'_>, left_out: &[Part]) -> Option<Reading> {
    if left_out.is_empty() {
        return None;
    }
    let mut kept = vec![];
    let mut at = 0;
    for part in left_out {
        if at < part.tokens.start {
            kept.push(at..part.tokens.start);
        }
        at = part.tokens.end;
    }
    if at < tokens.len() {
        kept.push(at..tokens.len());
    }
    let all: Vec<usize> = kept.iter().cloned().flatten().collect();
    if !is_term(tokens, &all, left_out) {
        return None;
    }
    let text = kept.into_iter().map(|run| tokens.written(run)).collect::<Vec<_>>().join(" ");
    Some(Reading { text, left_out: written(tokens, left_out) })
}

/// The parts as the mention writes them; neighbors of one kind are one part.
fn written(tokens: &Tokens<'_>, parts: &[Part]) -> Vec<LeftOut> {
    let merged = parts.chunk_by(|a, b| a.kind == b.kind && a.tokens.end == b.tokens.start);
    let ends = merged.filter_map(|run| Some((run.first()?, run.last()?)));
    ends.map(|(first, last)| LeftOut {
        text: tokens.written(first.tokens.start..last.tokens.end).to_owned(),
        kind: first.kind,
    })
    .collect()
}

/// Whether the kept tokens can be a term of their own.
fn is_term(tokens: &Tokens<'_>, kept: &[usize], left_out: &[Part]) -> bool {
    let (Some(&first), Some(&last)) = (kept.first(), kept.last()) else { return false };
    let is_cut = (first > 0 && is_dangling(tokens, first)) || (last + 1 < tokens.len() && is_dangling(tokens, last));
    if is_cut {
        return false;
    }
    let denies = left_out.iter().any(|part| part.kind == Negated);
    if denies && kept.iter().any(|&i| is_in(Words::Exceptions, tokens.key(i))) {
        return false;
    }
    let has_value = left_out.iter().any(|part| part.kind == Value);
    kept.iter().any(|&i| {
        let key = tokens.key(i);
        key.contains(char::is_alphabetic)
            && (has_value || key.chars().nth(1).is_some() || kept.len() > 1)
            && !is_in(Words::Stop, key)
            && !is_in(Words::Forms, key)
    })
}

/// Whether a reading that starts or ends with a token would be cut from the middle of a phrase.
/// "AS" in capitals is an abbreviation.
fn is_dangling(tokens: &Tokens<'_>, i: usize) -> bool {
    let written = tokens.written(i..i + 1);
    let is_abbreviation = written.len() > 1 && written.chars().all(|c| c.is_ascii_uppercase());
    let is_shouted = !tokens.written(0..tokens.len()).contains(char::is_lowercase);
    is_in(Words::Dangling, tokens.key(i)) && (!is_abbreviation || is_shouted)
}

/// "chronic obstructive pulmonary disease" of "COPD (chronic obstructive pulmonary disease)".
fn long_form(tokens: &Tokens<'_>, parts: &[Part]) -> Option<Reading> {
    let group = parts.iter().position(|part| part.kind == Parenthesis)?;
    let short = parts[group].tokens.start.checked_sub(1)?;
    let is_left_out = |i: usize| parts.iter().any(|part| part.tokens.contains(&i));
    let mut kept = (0..tokens.len()).filter(|&i| !is_left_out(i));
    let long = tokens.group(short + 1)?.trim();
    if kept.next() != Some(short) || kept.next().is_some() || !abbreviates(tokens.written(short..short + 1), long) {
        return None;
    }
    let mut left_out = parts.to_vec();
    left_out[group].tokens = short..short + 1;
    Some(Reading { text: long.to_owned(), left_out: written(tokens, &left_out) })
}
