//! Splits a mention into tokens: words, question marks and groups in parentheses.
//!
//! A token has its position in the mention and a key, in which the tables look it up: lower case,
//! without the dots of abbreviations ("B.I.D." is `bid`).
//!
//! Invariant: tokens are in the order of the mention and do not overlap. Between tokens are only
//! white space, `, ; :` and the full stop of a sentence.

use std::ops::Range;

/// A mention and its tokens.
pub(super) struct Tokens<'a> {
    mention: &'a str,
    /// The keys of all tokens, joined by spaces, so that a phrase is a slice.
    keys: String,
    tokens: Vec<Token>,
}

struct Token {
    place: Range<usize>,
    key: Range<usize>,
}

impl<'a> Tokens<'a> {
    pub(super) fn new(mention: &'a str) -> Self {
        let mut tokens = Tokens { mention, keys: String::with_capacity(mention.len()), tokens: vec![] };
        let mut at = 0;
        while at < mention.len() {
            let rest = &mention[at..];
            if let Some(c) = rest.chars().next().filter(|&c| is_separator(c) || (c == '.' && ends_word(&rest[1..]))) {
                at += c.len_utf8();
                continue;
            }
            let len = group_len(rest).unwrap_or_else(|| word_len(rest));
            tokens.push(at..at + len);
            at += len;
        }
        tokens
    }

    fn push(&mut self, place: Range<usize>) {
        if !self.keys.is_empty() {
            self.keys.push(' ');
        }
        let start = self.keys.len();
        let written = &self.mention[place.clone()];
        let has_digit = written.contains(|c: char| c.is_ascii_digit());
        let undotted = if has_digit { written.trim_end_matches('.') } else { written };
        for c in undotted.chars().filter(|&c| has_digit || c != '.').flat_map(char::to_lowercase) {
            self.keys.push(match c {
                '\u{2018}' | '\u{2019}' => '\'',
                '\u{2010}'..='\u{2014}' | '\u{2212}' => '-',
                '\u{d7}' => 'x',
                '\u{3bc}' => '\u{b5}',
                c => c,
            });
        }
        self.tokens.push(Token { place, key: start..self.keys.len() });
    }

    /// The number of tokens.
    pub(super) fn len(&self) -> usize {
        self.tokens.len()
    }

    /// The key of a token; empty behind the last one.
    pub(super) fn key(&self, i: usize) -> &str {
        self.tokens.get(i).map_or("", |token| &self.keys[token.key.clone()])
    }

    /// The keys of some tokens, joined by spaces; empty if the range is empty or ends behind the
    /// last token.
    pub(super) fn phrase(&self, range: Range<usize>) -> &str {
        match (self.tokens.get(range.start), range.end.checked_sub(1).and_then(|last| self.tokens.get(last))) {
            (Some(first), Some(last)) if range.start < range.end => &self.keys[first.key.start..last.key.end],
            _ => "",
        }
    }

    /// Some tokens as the mention writes them, with the text between them.
    pub(super) fn written(&self, range: Range<usize>) -> &'a str {
        match (self.tokens.get(range.start), range.end.checked_sub(1).and_then(|last| self.tokens.get(last))) {
            (Some(first), Some(last)) if range.start < range.end => &self.mention[first.place.start..last.place.end],
            _ => "",
        }
    }

    /// The text between a token and the one before it; empty at the first and behind the last.
    pub(super) fn gap(&self, i: usize) -> &'a str {
        match (i.checked_sub(1).and_then(|last| self.tokens.get(last)), self.tokens.get(i)) {
            (Some(last), Some(token)) => &self.mention[last.place.end..token.place.start],
            _ => "",
        }
    }

    /// The text of a group in parentheses, without them.
    pub(super) fn group(&self, i: usize) -> Option<&'a str> {
        let written = self.written(i..i + 1);
        group_len(written).filter(|&len| len == written.len())?;
        written.strip_prefix('(')?.strip_suffix(')')
    }
}

/// The length of a group in parentheses at the start of `rest`. Parentheses inside a word, as in
/// `(R)-warfarin`, and parentheses in parentheses are part of words.
fn group_len(rest: &str) -> Option<usize> {
    let inside = rest.strip_prefix('(')?;
    let close = inside.find(['(', ')'])?;
    let after = inside[close..].strip_prefix(')')?;
    let ends = after.starts_with(is_separator) || ends_word(after.trim_start_matches('.'));
    (ends && !inside[..close].trim().is_empty()).then_some(close + 2)
}

/// The length of the word at the start of `rest`, at least one character.
fn word_len(rest: &str) -> usize {
    let word = rest.split(char::is_whitespace).next().unwrap_or(rest);
    for is_part in [|c| c == '?', is_comparison] {
        let run = word.len() - word.trim_start_matches(is_part).len();
        if run > 0 {
            return run;
        }
    }
    // "w/fever" is two tokens, "w/o", "w/out" and "w/u" are one.
    if let Some((start, rest)) = word.split_at_checked(2)
        && start.eq_ignore_ascii_case("w/")
    {
        let rest = rest.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
        let is_one = rest.is_empty() || ["o", "out", "u"].iter().any(|whole| rest.eq_ignore_ascii_case(whole));
        return if is_one { 2 + rest.len() } else { 2 };
    }
    let mut last = ' ';
    for (at, c) in word.char_indices() {
        let next = word[at + c.len_utf8()..].chars().next();
        let is_end = match c {
            '?' | ',' | ';' => ends_word(&word[at..]),
            ':' => next.is_none() || last.is_alphabetic(),
            // The dot of "C. diff" belongs to its word.
            '.' => next.is_none() && at > 3 && word[..at].chars().all(char::is_alphabetic),
            c if is_comparison(c) => {
                word[at..].trim_start_matches(is_comparison).starts_with(|c: char| c.is_ascii_digit())
            }
            _ => false,
        };
        if is_end && at > 0 {
            return at;
        }
        last = c;
    }
    word.len()
}

fn is_separator(c: char) -> bool {
    c.is_whitespace() || matches!(c, ',' | ';' | ':')
}

/// Whether only marks and separators stand before the next white space.
fn ends_word(rest: &str) -> bool {
    let mut word = rest.chars().take_while(|c| !c.is_whitespace());
    word.all(|c| c == '?' || is_separator(c))
}

fn is_comparison(c: char) -> bool {
    matches!(c, '<' | '>' | '=' | '\u{2264}' | '\u{2265}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_marks_and_groups() {
        for (mention, expected) in [
            ("h/o MI", "h/o|MI"),
            ("?PE", "?|PE"),
            ("PE??,", "PE|??"),
            ("PMH:MI", "PMH|MI"),
            ("INR>=5", "INR|>=|5"),
            ("c.76A>T", "c.76A>T"),
            ("w/fever w/o pain", "w/|fever|w/o|pain"),
            ("w/out pain, W/O: pain", "w/out|pain|W/O|pain"),
            ("fever, chills", "fever|chills"),
            ("46,XX", "46,XX"),
            ("HLA-B*27:05", "HLA-B*27:05"),
            ("hip (R), pain", "hip|(R)|pain"),
            ("(R)-warfarin", "(R)-warfarin"),
            ("iron(III)", "iron(III)"),
            ("COPD (a b)?", "COPD|(a b)|?"),
            ("(a b).c", "(a|b).c"),
            ("pain. C. diff. today.", "pain|C.|diff|today"),
            ("a ((b) c", "a|((b)|c"),
            ("::", ""),
        ] {
            let tokens = Tokens::new(mention);
            let written: Vec<_> = (0..tokens.len()).map(|i| tokens.written(i..i + 1)).collect();
            assert_eq!(written.join("|"), expected);
        }
    }

    #[test]
    fn keys_are_lower_case_without_dots() {
        let tokens = Tokens::new("Aspirin 0.5 MG. B.I.D. \u{d7}3 (Left)");
        assert_eq!(tokens.phrase(0..6), "aspirin 0.5 mg bid x3 (left)");
        assert_eq!(tokens.group(5), Some("Left"));
        assert_eq!((tokens.key(6), tokens.phrase(5..7), tokens.phrase(2..2)), ("", "", ""));
        assert_eq!((tokens.gap(0), tokens.gap(3), tokens.gap(6)), ("", " ", ""));
    }
}
