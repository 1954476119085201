//! Tables of characters that are written differently and read the same.
//!
//! [`visible_form`] serves the text that a reader sees, [`key_form`] the key that exact lookup
//! compares. Both search a sorted table. Invariant: no form contains a character that has a form
//! in the same table.

/// Forms of characters in the text that the encoder reads. Compatibility forms (NFKC) come after.
const VISIBLE: [(char, &str); 27] = [
    // Windows-1252 quotes, dashes and the trade mark, decoded as Latin-1.
    ('\u{91}', "'"),
    ('\u{92}', "'"),
    ('\u{93}', "\""),
    ('\u{94}', "\""),
    ('\u{96}', "–"),
    ('\u{97}', "—"),
    ('\u{99}', ""),
    ('©', ""),
    ('®', ""),
    ('´', "'"),
    ('º', "°"),
    ('˚', "°"),
    ('˜', "~"),
    ('΄', "'"),
    ('٪', "%"),
    ('\u{1fbd}', "'"),
    ('\u{1fbf}', "'"),
    ('\u{1ffd}', "'"),
    ('\u{1ffe}', "'"),
    ('\u{200b}', " "),
    ('\u{2044}', "/"),
    ('℠', ""),
    ('™', ""),
    ('\u{2206}', "Δ"),
    ('\u{2215}', "/"),
    ('\u{2219}', "·"),
    ('\u{22c5}', "·"),
];

/// Forms of lower-case characters without accents in a key.
const KEY: [(char, &str); 84] = [
    ('ß', "ss"),
    ('æ', "ae"),
    ('ð', "d"),
    ('ø', "o"),
    ('þ', "th"),
    ('đ', "d"),
    ('ħ', "h"),
    ('ı', "i"),
    ('ĸ', "k"),
    ('ł', "l"),
    ('ŋ', "n"),
    ('œ', "oe"),
    ('ŧ', "t"),
    ('ƀ', "b"),
    ('ƒ', "f"),
    ('ɑ', "alpha"),
    ('ɖ', "d"),
    ('ɛ', "epsilon"),
    ('ɣ', "gamma"),
    ('ɨ', "i"),
    ('ʹ', "'"),
    ('ʻ', "'"),
    ('ʼ', "'"),
    ('ʽ', "'"),
    ('ʾ', "'"),
    ('ʿ', "'"),
    ('ˈ', "'"),
    ('ˊ', "'"),
    ('ˋ', "'"),
    ('˗', "-"),
    ('α', "alpha"),
    ('β', "beta"),
    ('γ', "gamma"),
    ('δ', "delta"),
    ('ε', "epsilon"),
    ('ζ', "zeta"),
    ('η', "eta"),
    ('θ', "theta"),
    ('ι', "iota"),
    ('κ', "kappa"),
    ('λ', "lambda"),
    ('μ', "mu"),
    ('ν', "nu"),
    ('ξ', "xi"),
    ('ο', "omicron"),
    ('π', "pi"),
    ('ρ', "rho"),
    ('ς', "sigma"),
    ('σ', "sigma"),
    ('τ', "tau"),
    ('υ', "upsilon"),
    ('φ', "phi"),
    ('χ', "chi"),
    ('ψ', "psi"),
    ('ω', "omega"),
    ('՚', "'"),
    ('\u{2010}', "-"),
    ('\u{2011}', "-"),
    ('\u{2012}', "-"),
    ('–', "-"),
    ('—', "-"),
    ('―', "-"),
    ('‘', "'"),
    ('’', "'"),
    ('‚', "'"),
    ('‛', "'"),
    ('′', "'"),
    ('‵', "'"),
    ('⁃', "-"),
    ('∓', "±"),
    ('∗', "*"),
    ('∘', "°"),
    ('∣', "|"),
    ('∶', ":"),
    ('∼', "~"),
    ('≦', "≤"),
    ('≧', "≥"),
    ('⊕', "+"),
    ('⊖', "−"),
    ('➕', "+"),
    ('➖', "−"),
    ('⩽', "≤"),
    ('⩾', "≥"),
    ('ꞌ', "'"),
];

/// The form of a character in the text that the encoder reads.
pub(super) fn visible_form(c: char) -> Option<&'static str> {
    find(&VISIBLE, c)
}

/// The form of a lower-case character in a key.
pub(super) fn key_form(c: char) -> Option<&'static str> {
    find(&KEY, c)
}

fn find(table: &[(char, &'static str)], c: char) -> Option<&'static str> {
    table.binary_search_by_key(&c, |entry| entry.0).ok().map(|i| table[i].1)
}

/// Units that follow the prefix micro.
const UNITS: [&str; 34] = [
    "a", "bq", "ci", "cal", "eq", "f", "g", "gm", "gms", "gram", "grams", "gray", "gy", "h", "iu", "j", "kat", "l",
    "liter", "liters", "litre", "litres", "m", "mol", "mole", "moles", "n", "osm", "s", "sec", "sv", "u", "v", "w",
];

/// Whether a text after the letter mu begins with a unit, so that the mu is the prefix micro.
pub(super) fn is_unit(rest: &str) -> bool {
    let word = rest.split(|c: char| !c.is_alphabetic()).next().unwrap_or_default();
    UNITS.iter().any(|unit| word.eq_ignore_ascii_case(unit))
}

/// Whether `c` is a Greek letter, or the increment sign that stands for delta.
pub(super) fn is_greek(c: char) -> bool {
    matches!(c, '\u{0370}'..='\u{03ff}' | '\u{1f00}'..='\u{1fff}' | '∆')
}

/// Whether `c` is an accent of Latin, Greek and Cyrillic letters.
///
/// Marks of other scripts change the meaning, and so do the overlaid strokes U+0335 to U+0338,
/// which turn = into ≠.
pub(super) fn is_accent(c: char) -> bool {
    ('\u{0300}'..='\u{036f}').contains(&c) && !('\u{0335}'..='\u{0338}').contains(&c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_sorted_and_their_forms_final() {
        for table in [&VISIBLE[..], &KEY[..]] {
            assert!(table.windows(2).all(|pair| pair[0].0 < pair[1].0));
            let forms = table.iter().flat_map(|(_, form)| form.chars());
            forms.for_each(|c| assert_eq!(find(table, c), None, "{c}"));
        }
    }
}
