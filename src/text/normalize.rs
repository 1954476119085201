//! Normalization of names and mentions: [`clean`] for the encoder, [`normalize`] for exact lookup.
//!
//! [`clean`] keeps what a reader sees:
//!
//! | step | example |
//! | --- | --- |
//! | 1. drop invisible and control characters, except white space | `asth\u{200b}ma` -> `asthma` |
//! | 2. compose characters (Unicode NFC) | `e` and a combining acute -> `é` |
//! | 3. join white space to single spaces and trim | `" heart\t attack "` -> `heart attack` |
//!
//! [`normalize`] gives the key that exact lookup compares:
//!
//! | step | example |
//! | --- | --- |
//! | 1. drop invisible characters, as [`clean`] does | |
//! | 2. compose (NFC), unify apostrophes (`'`) and hyphens (`-`) | `Crohn’s` -> `Crohn's` |
//! | 3. fold compatibility forms (NFKD), apply step 2 to them, lower case | `B₁₂` -> `b12` |
//! | 4. drop accents of Latin, Greek and Cyrillic letters | `café` -> `cafe` |
//! | 5. spell out Greek letters | `β-blocker` -> `beta-blocker` |
//! | 6. drop a possessive `'s` and other apostrophes | `crohn's` -> `crohn` |
//! | 7. replace punctuation by spaces, except signs that change a meaning | `x-ray` -> `x ray` |
//! | 8. compose characters (NFKC), join white space and trim | |
//!
//! Invariants: both functions are idempotent, and `normalize(clean(s)) == normalize(s)`.

use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

/// Version of [`normalize`], which the manifest of an index states. Increase it with every change
/// of the result.
pub const NORMALIZATION_VERSION: u32 = 1;

/// The text that the encoder reads: without invisible characters, composed (NFC), white space
/// joined and trimmed.
pub fn clean(text: &str) -> String {
    if is_plain(text) {
        return text.to_owned();
    }
    let visible: String = text.chars().filter(|&c| !is_invisible(c)).nfc().collect();
    join_words(visible.split_whitespace())
}

/// Whether a text is printable ASCII that [`clean`] would not change.
fn is_plain(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.iter().all(|b| (b' '..=b'~').contains(b))
        && !bytes.starts_with(b" ")
        && !bytes.ends_with(b" ")
        && !bytes.windows(2).any(|pair| pair == b"  ")
}

/// Whether a normalized text would have no letter and no digit.
pub fn is_blank(text: &str) -> bool {
    // Fast path: of ASCII letters and digits, normalization drops only an s (after an apostrophe).
    if text.bytes().any(|b| b.is_ascii_alphanumeric() && !b.eq_ignore_ascii_case(&b's')) {
        return false;
    }
    !normalize(text).chars().any(char::is_alphanumeric)
}

/// The key of a name or mention for exact lookup, see the steps in the table of this file.
///
/// Two names with equal keys share one row of the index. Signs that change a meaning stay:
/// `+ < > = % # ≤ ≥ ≠ ± ↑ ↓`, and a minus that ends a word ("HIV-").
pub fn normalize(text: &str) -> String {
    let folded = if text.is_ascii() { fold_ascii(text) } else { fold(text) };
    // Characters are composed last, because dropping an apostrophe can make two characters adjacent
    // that compose into one.
    let mut key = String::with_capacity(folded.len());
    let mut rest = folded.as_str();
    while let Some(c) = rest.chars().next() {
        if let Some(after) = rest.strip_prefix("'s").filter(|after| ends_word(after)) {
            rest = after;
            continue;
        }
        rest = &rest[c.len_utf8()..];
        match c {
            '\'' => {}
            '-' if key.ends_with(char::is_alphanumeric) && rest.chars().next().is_none_or(char::is_whitespace) => {
                key.push('-');
            }
            '+' | '<' | '>' | '=' | '%' | '#' | '≤' | '≥' | '±' | '↑' | '↓' => key.push(c),
            _ if c.is_alphanumeric() || is_combining_mark(c) => key.push(c),
            _ => key.push(' '),
        }
    }
    if !key.is_ascii() {
        key = key.nfkc().collect();
    }
    join_words(key.split_whitespace())
}

/// Steps 1 to 5 of [`normalize`] for any text.
fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    let visible = text.chars().filter(|&c| !is_invisible(c)).nfc().map(unify_punctuation).nfkd().map(unify_punctuation);
    for c in visible.flat_map(char::to_lowercase).filter(|&c| !is_accent(c)) {
        match greek_name(c) {
            Some(name) => folded.push_str(name),
            None => folded.push(c),
        }
    }
    folded
}

/// Same result as [`fold`] for ASCII, at a fifth of its cost.
fn fold_ascii(text: &str) -> String {
    let visible = text.chars().filter(|&c| !is_invisible(c));
    visible.map(|c| unify_punctuation(c).to_ascii_lowercase()).collect()
}

/// Replaces every kind of apostrophe by `'` and every kind of hyphen or minus by `-`.
fn unify_punctuation(c: char) -> char {
    match c {
        '\u{2018}' | '\u{2019}' | '\u{02bc}' | '\u{00b4}' | '`' => '\'',
        '\u{2010}'..='\u{2014}' | '\u{2212}' => '-',
        _ => c,
    }
}

fn join_words<'a>(words: impl Iterator<Item = &'a str>) -> String {
    words.collect::<Vec<_>>().join(" ")
}

/// Whether a word ends before `rest`.
fn ends_word(rest: &str) -> bool {
    rest.chars().next().is_none_or(|c| !c.is_alphanumeric() && c != '\'')
}

/// Whether `c` is an accent of Latin, Greek and Cyrillic letters.
///
/// Marks of other scripts change the meaning, and so do the overlaid strokes U+0335 to U+0338,
/// which turn = into ≠.
fn is_accent(c: char) -> bool {
    ('\u{0300}'..='\u{036f}').contains(&c) && !('\u{0335}'..='\u{0338}').contains(&c)
}

/// Whether `c` is a control character other than white space, or a format character: zero-width,
/// bidirectional, soft hyphen, variation selector, tag.
pub(super) fn is_invisible(c: char) -> bool {
    (c.is_control() && !c.is_whitespace())
        || matches!(c,
            '\u{00ad}' | '\u{034f}' | '\u{061c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e0fff}')
}

/// The name of a lower-case Greek letter.
fn greek_name(c: char) -> Option<&'static str> {
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
    fn normalized_keys() {
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
            assert_eq!(normalize(text), expected, "{text:?}");
        }
    }

    #[test]
    fn clean_keeps_case_and_punctuation() {
        assert_eq!(clean(" Crohn's\t\u{0}disease\u{feff} "), "Crohn's disease");
        assert_eq!(clean("e\u{0301}"), "é");
        assert_eq!(clean("\u{200b}\u{202e}\n"), "");
    }

    proptest! {
        #[test]
        fn ascii_is_folded_like_other_text(text in "[\\x00-\\x7f]{0,40}") {
            prop_assert_eq!(fold_ascii(&text), fold(&text));
            let visible: String = text.chars().filter(|&c| !is_invisible(c)).collect();
            prop_assert_eq!(clean(&text), join_words(visible.split_whitespace()));
            prop_assert_eq!(is_blank(&text), !normalize(&text).chars().any(char::is_alphanumeric));
        }

        #[test]
        fn clean_and_normalize_are_idempotent_and_agree(
            text in "\\PC{0,40}|[\\x00-\\x7f]{0,40}|\\p{any}{0,20}|[ae'\u{200b}\u{301}\u{3099}かs=\u{338}\u{2212}\u{b4}ŉΣ -]{0,12}",
        ) {
            let (cleaned, keyed) = (clean(&text), normalize(&text));
            prop_assert_eq!(&clean(&cleaned), &cleaned);
            prop_assert_eq!(&normalize(&keyed), &keyed);
            prop_assert_eq!(normalize(&cleaned), keyed);
        }

        #[test]
        fn normalize_ignores_case_and_spacing(words in proptest::collection::vec("[a-zA-Z0-9]{1,8}", 1..6)) {
            let plain = normalize(&words.join(" "));
            prop_assert_eq!(normalize(&words.join(" \t ").to_uppercase()), plain.clone());
            prop_assert_eq!(normalize(&words.join("-")), plain);
        }
    }
}
