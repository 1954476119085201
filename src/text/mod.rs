//! One treatment of text for names and mentions.
//!
//! [`clean`] is what the encoder reads; [`key`] is what exact look-up compares. Two names with one key share one row of
//! the index. Invariant: both are idempotent, and `key(clean(s)) == key(s)`.

use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

/// Version of [`key`]: an index knows under which it was built.
pub const NORMALIZATION: u32 = 1;

/// Drops invisible characters and control characters other than white space, composes (NFC), joins white space to single
/// spaces and trims.
pub fn clean(text: &str) -> String {
    if is_plain(text) {
        return text.to_owned();
    }
    let visible: String = text.chars().filter(|&c| !is_invisible(c)).nfc().collect();
    join_words(visible.split_whitespace())
}

/// Whether a text is ASCII and has nothing that [`clean`] would change.
fn is_plain(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.iter().all(|b| (b' '..=b'~').contains(b))
        && !bytes.starts_with(b" ")
        && !bytes.ends_with(b" ")
        && !bytes.windows(2).any(|pair| pair == b"  ")
}

/// A value as an error shows it: short, and without what a terminal would obey.
pub fn quoted(value: &str) -> String {
    let shown = |c: char| if c.is_control() || is_invisible(c) { '\u{fffd}' } else { c };
    format!("`{}`", value.chars().take(40).map(shown).collect::<String>())
}

/// Whether a text has neither letter nor digit.
pub fn is_blank(text: &str) -> bool {
    // Only an s can be dropped with its apostrophe: any other letter or digit of ASCII decides.
    if text.bytes().any(|b| b.is_ascii_alphanumeric() && !b.eq_ignore_ascii_case(&b's')) {
        return false;
    }
    !key(text).chars().any(char::is_alphanumeric)
}

/// The key under which a name is looked up: compatibility forms folded (NFKC), lower case, without accents, Greek letters spelt out,
/// possessive `'s` and punctuation dropped. What changes a meaning stays: `+ < > = % # ≤ ≥ ≠ ± ↑ ↓`, and a minus that ends a word ("HIV-").
pub fn key(text: &str) -> String {
    let folded = if text.is_ascii() { fold_ascii(text) } else { fold(text) };
    // Dropping an apostrophe may bring letters together that compose, so composing comes last.
    let mut kept = String::with_capacity(folded.len());
    let mut rest = folded.as_str();
    while let Some(c) = rest.chars().next() {
        if let Some(after) = rest.strip_prefix("'s").filter(|after| ends_word(after)) {
            rest = after;
            continue;
        }
        rest = &rest[c.len_utf8()..];
        match c {
            '\'' => {}
            '-' if kept.ends_with(char::is_alphanumeric) && rest.chars().next().is_none_or(char::is_whitespace) => {
                kept.push('-');
            }
            '+' | '<' | '>' | '=' | '%' | '#' | '≤' | '≥' | '±' | '↑' | '↓' => kept.push(c),
            _ if c.is_alphanumeric() || is_combining_mark(c) => kept.push(c),
            _ => kept.push(' '),
        }
    }
    if !kept.is_ascii() {
        kept = kept.nfkc().collect();
    }
    join_words(kept.split_whitespace())
}

/// Lower case, compatibility forms, no accents, Greek letters as words.
fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    let visible = text.chars().filter(|&c| !is_invisible(c)).nfc().map(unify).nfkd().map(unify);
    for c in visible.flat_map(char::to_lowercase).filter(|&c| !is_accent(c)) {
        match greek(c) {
            Some(name) => folded.push_str(name),
            None => folded.push(c),
        }
    }
    folded
}

/// What [`fold`] gives for ASCII, at a fifth of its cost.
fn fold_ascii(text: &str) -> String {
    let visible = text.chars().filter(|&c| !is_invisible(c));
    visible.map(|c| unify(c).to_ascii_lowercase()).collect()
}

/// One apostrophe and one hyphen for the many that are written.
fn unify(c: char) -> char {
    match c {
        '\u{2018}' | '\u{2019}' | '\u{02bc}' | '\u{00b4}' | '`' => '\'',
        '\u{2010}'..='\u{2014}' | '\u{2212}' => '-',
        _ => c,
    }
}

fn join_words<'a>(words: impl Iterator<Item = &'a str>) -> String {
    words.collect::<Vec<_>>().join(" ")
}

fn ends_word(rest: &str) -> bool {
    rest.chars().next().is_none_or(|c| !c.is_alphanumeric() && c != '\'')
}

/// Accents of Latin, Greek and Cyrillic letters; marks of other scripts carry meaning and stay, and so do strokes, which
/// turn = into ≠.
fn is_accent(c: char) -> bool {
    ('\u{0300}'..='\u{036f}').contains(&c) && !('\u{0335}'..='\u{0338}').contains(&c)
}

/// Control characters that are no white space, and format characters: zero-width, bidirectional, soft hyphen, tags.
fn is_invisible(c: char) -> bool {
    (c.is_control() && !c.is_whitespace())
        || matches!(c,
            '\u{00ad}' | '\u{034f}' | '\u{061c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e0fff}')
}

fn greek(c: char) -> Option<&'static str> {
    Some(match c {
        'α' => "alpha",
        'β' => "beta",
        'γ' => "gamma",
        'δ' => "delta",
        'ε' => "epsilon",
        'ζ' => "zeta",
        'η' => "eta",
        'θ' => "theta",
        'κ' => "kappa",
        'λ' => "lambda",
        'μ' => "mu",
        'π' => "pi",
        'σ' | 'ς' => "sigma",
        'τ' => "tau",
        'φ' => "phi",
        'χ' => "chi",
        'ψ' => "psi",
        'ω' => "omega",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn keys_of_what_people_write() {
        for (text, expected) in [
            ("Heart  Attack ", "heart attack"),
            ("Crohn's disease", "crohn disease"),
            ("Crohn\u{2019}s Disease", "crohn disease"),
            ("non-small-cell lung cancer", "non small cell lung cancer"),
            ("café-au-lait spots", "cafe au lait spots"),
            ("β-blocker", "beta blocker"),
            ("\u{00b5}g", "mug"),
            ("HIV+", "hiv+"),
            ("HIV-", "hiv-"),
            ("HIV\u{2212} patient", "hiv- patient"),
            ("heart attack -", "heart attack"),
            ("x-ray", "x ray"),
            ("Crohn\u{b4}s", "crohn"),
            ("K \u{2265} 5", "k \u{2265} 5"),
            ("a \u{2260} b", "a \u{2260} b"),
            ("\u{2191}K", "\u{2191}k"),
            ("vitamin B\u{2081}\u{2082}", "vitamin b12"),
            ("(asthma)", "asthma"),
            ("don't", "dont"),
            ("C. diff.", "c diff"),
            ("zero\u{200b}width", "zerowidth"),
            ("\u{202e}asthma\u{202c}", "asthma"),
            ("مرض السكري", "مرض السكري"),
            ("\u{0301}\u{0302}", ""),
            ("...", ""),
            ("İstanbul", "istanbul"),
        ] {
            assert_eq!(key(text), expected, "{text:?}");
        }
    }

    #[test]
    fn clean_keeps_case_and_punctuation() {
        assert_eq!(clean(" Crohn's\t\u{0}disease\u{feff} "), "Crohn's disease");
        assert_eq!(clean("e\u{0301}"), "é");
        assert_eq!(clean("\u{200b}\u{202e}\n"), "");
    }

    #[test]
    fn quoted_values_are_short_and_obey_nobody() {
        assert_eq!(quoted("a\u{1b}[2J\n\u{202e}b"), "`a\u{fffd}[2J\u{fffd}\u{fffd}b`");
        assert_eq!(quoted(&"é".repeat(50)), format!("`{}`", "é".repeat(40)));
    }

    proptest! {
        #[test]
        fn ascii_is_folded_like_any_text(text in "[\\x00-\\x7f]{0,40}") {
            prop_assert_eq!(fold_ascii(&text), fold(&text));
            let visible: String = text.chars().filter(|&c| !is_invisible(c)).collect();
            prop_assert_eq!(clean(&text), join_words(visible.split_whitespace()));
            prop_assert_eq!(is_blank(&text), !key(&text).chars().any(char::is_alphanumeric));
        }

        #[test]
        fn both_are_idempotent_and_agree(
            text in "\\PC{0,40}|[\\x00-\\x7f]{0,40}|\\p{any}{0,20}|[ae'\u{200b}\u{301}\u{3099}かs=\u{338}\u{2212}\u{b4}ŉΣ -]{0,12}",
        ) {
            let (cleaned, keyed) = (clean(&text), key(&text));
            prop_assert_eq!(&clean(&cleaned), &cleaned);
            prop_assert_eq!(&key(&keyed), &keyed);
            prop_assert_eq!(key(&cleaned), keyed);
        }

        #[test]
        fn key_ignores_case_and_spacing(words in proptest::collection::vec("[a-zA-Z0-9]{1,8}", 1..6)) {
            let plain = key(&words.join(" "));
            prop_assert_eq!(key(&words.join(" \t ").to_uppercase()), plain.clone());
            prop_assert_eq!(key(&words.join("-")), plain);
        }
    }
}
