//! Normalization of names and mentions: [`clean`] for the encoder, [`normalize`] for exact lookup.
//!
//! [`clean`] keeps what a reader sees:
//!
//! | step | example |
//! | --- | --- |
//! | 1. decode HTML entities | `Parkinson&#39;s` -> `Parkinson's` |
//! | 2. drop invisible and control characters and marks of trade | `Panadol™` -> `Panadol` |
//! | 3. fold compatibility forms (NFKC); mark raised digits | `B₁₂ 10⁹` -> `B12 10^9` |
//! | 4. compose characters | `e` and a combining acute -> `é` |
//! | 5. join white space to single spaces and trim | `" heart\t attack "` -> `heart attack` |
//!
//! [`normalize`] gives the key that exact lookup compares:
//!
//! | step | example |
//! | --- | --- |
//! | 1. clean, as above | |
//! | 2. read a mu before a unit as micro, a sharp s alone as beta | `5 µg ß` -> `5 ug β` |
//! | 3. lower case; drop accents of Latin, Greek and Cyrillic letters | `Café` -> `cafe` |
//! | 4. spell out Greek letters and letters without decomposition | `TNFα` -> `tnfalpha` |
//! |    and part a Greek letter from a word after it | `ΔF508` -> `delta f508` |
//! | 5. drop a possessive `'s` and other apostrophes | `crohn's` -> `crohn` |
//! | 6. join dotted abbreviations; drop commas of numbers | `C.O.P.D. 1,000` -> `copd 1000` |
//! | 7. attach signs to their word | `HIV (-)` -> `hiv-`, `0.9 %` -> `0.9%`, `K >= 5` -> `k ≥5` |
//! | 8. replace other punctuation by spaces | `x-ray` -> `x ray` |
//! | 9. compose characters (NFKC), join white space and trim | |
//!
//! The file `key` has steps 5 to 8, the file `letters` the tables of characters.
//!
//! Invariants: both functions are idempotent, and `normalize(clean(s)) == normalize(s)`.

use std::borrow::Cow;

use unicode_normalization::{UnicodeNormalization, char::decompose_compatible};

use super::{
    entities::{self, may_have_entity},
    key::{build_key, is_kept_symbol},
    letters::{is_accent, is_greek, is_unit, key_form, visible_form},
};

/// Version of [`normalize`], which the manifest of an index states. Increase it with every change
/// of the result.
pub const NORMALIZATION_VERSION: u32 = 2;

/// The text that the encoder reads: without entities, invisible characters and compatibility forms,
/// white space joined and trimmed.
pub fn clean(text: &str) -> String {
    let visible = visible(text);
    let is_joined = !visible.starts_with(' ') && !visible.ends_with(' ') && !visible.contains("  ");
    if is_joined { visible.into_owned() } else { join_words(&visible) }
}

/// Steps 1 to 4 of [`clean`], and white space as spaces.
fn visible(text: &str) -> Cow<'_, str> {
    if is_plain(text) {
        return text.into();
    }
    let mut text = entities::decode(text).unwrap_or_else(|| text.to_owned());
    // To fold can make an entity, for example of full-width characters.
    loop {
        text = fold_compatible(&text);
        match entities::decode(&text) {
            Some(decoded) => text = decoded,
            None => return text.into(),
        }
    }
}

/// Whether a text is printable ASCII without entities.
fn is_plain(text: &str) -> bool {
    text.bytes().all(|b| (b' '..=b'~').contains(&b)) && !may_have_entity(text.as_bytes())
}

/// How the digits and signs of a text stand on the line.
#[derive(Clone, Copy, PartialEq)]
enum Level {
    Line,
    Raised,
    Lowered,
    /// Fractions, circled digits and other numbers of one character.
    Number,
}

fn level(c: char, first: char) -> Level {
    match c {
        '\u{b2}' | '\u{b3}' | '\u{b9}' | '\u{2070}'..='\u{207f}' => Level::Raised,
        '\u{2080}'..='\u{208e}' => Level::Lowered,
        // Full-width and mathematical digits are digits in another style.
        '\u{ff10}'..='\u{ff19}' | '\u{1d7ce}'..='\u{1d7ff}' | '\u{1fbf0}'..='\u{1fbf9}' => Level::Line,
        _ if !c.is_ascii() && first.is_ascii_digit() => Level::Number,
        _ => Level::Line,
    }
}

/// Steps 2 to 4 of [`clean`].
fn fold_compatible(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    let mut chars = text.chars().filter(|&c| visible_form(c).is_some() || !is_invisible(c)).peekable();
    let (mut last, mut last_level) = (' ', Level::Line);
    while let Some(c) = chars.next() {
        let mut form = String::new();
        match visible_form(c) {
            Some(visible) => form.push_str(visible),
            None if c.is_whitespace() => form.push(' '),
            None => decompose_compatible(c, |d| match visible_form(d) {
                Some(visible) => form.push_str(visible),
                None => form.push(d),
            }),
        }
        let Some(first) = form.chars().next() else { continue };
        let level = level(c, first);
        // Raised signs belong to an exponent or to the word before them.
        let next_level = chars.peek().map_or(Level::Line, |&next| level_of_next(next));
        let is_sign = matches!(first, '+' | '−') && level != Level::Line;
        let is_exponent = first.is_ascii_digit() || is_sign && next_level == level;
        if is_exponent && last.is_ascii_digit() && level != last_level {
            folded.push(if level == Level::Raised { '^' } else { ' ' });
        }
        match first {
            // A space and an accent, such as a diaeresis alone.
            ' ' => folded.push(' '),
            _ => folded.push_str(&form),
        }
        let is_suffix = is_sign && next_level == Level::Line && last.is_alphanumeric();
        if is_suffix && chars.peek().is_some_and(|next| next.is_alphanumeric()) {
            folded.push(' ');
        }
        (last, last_level) = (form.chars().next_back().unwrap_or(first), level);
    }
    folded.nfc().collect()
}

/// The level of a character that is a raised or lowered digit.
fn level_of_next(c: char) -> Level {
    match decompose_first(c) {
        first if first.is_ascii_digit() => level(c, first),
        _ => Level::Line,
    }
}

fn decompose_first(c: char) -> char {
    let mut first = None;
    decompose_compatible(c, |d| {
        first.get_or_insert(d);
    });
    first.unwrap_or(c)
}

/// Whether a normalized text would have no letter and no digit.
pub fn is_blank(text: &str) -> bool {
    // Fast path: of ASCII letters and digits, normalization drops only those of entities, an s
    // after an apostrophe and "ve" after a sign.
    let is_kept = |b: u8| b.is_ascii_alphanumeric() && !b"sve".contains(&b.to_ascii_lowercase());
    if !may_have_entity(text.as_bytes()) && text.bytes().any(is_kept) {
        return false;
    }
    !normalize(text).chars().any(char::is_alphanumeric)
}

/// The key of a name or mention for exact lookup, see the steps in the table of this file.
///
/// Two names with equal keys share one row of the index. A sign, a number and a unit are never
/// lost: `HIV-` is not `HIV`, `1.5` is neither `15` nor `1 5`, and `µg` is not `mug`.
pub fn normalize(text: &str) -> String {
    let visible = visible(text);
    let folded = if visible.is_ascii() { visible.to_ascii_lowercase() } else { fold(&visible) };
    let key = build_key(&folded);
    if key.is_ascii() {
        return key;
    }
    // Characters are composed last, because dropping an apostrophe can make two characters adjacent
    // that compose into one.
    join_words(&key.nfkc().collect::<String>())
}

/// Steps 2 to 4 of [`normalize`].
fn fold(visible: &str) -> String {
    let mut folded = String::with_capacity(visible.len());
    let mut last = ' ';
    for (start, c) in visible.char_indices() {
        let rest = &visible[start + c.len_utf8()..];
        let is_micro = matches!(c, 'μ' | 'Μ') && !last.is_alphabetic() && is_unit(rest);
        match c {
            _ if is_micro => folded.push('u'),
            'ß' | 'ẞ' if !last.is_alphabetic() && !rest.starts_with(char::is_alphabetic) => folded.push_str("beta"),
            _ if is_kept_symbol(c) && key_form(c).is_none() => folded.push(c),
            _ => decompose_compatible(c, |part| {
                for d in part.to_lowercase().filter(|&d| !is_accent(d)) {
                    match key_form(d) {
                        Some(form) => folded.push_str(form),
                        None => folded.push(d),
                    }
                }
            }),
        }
        // The symbol is a word before a word: "ΔF508" is "delta F508", while "TNFα" is one word.
        let is_before_word = rest.starts_with(|next: char| next.is_ascii_alphabetic());
        if is_greek(c) && !is_micro && !last.is_alphanumeric() && is_before_word {
            folded.push(' ');
        }
        last = c;
    }
    folded
}

fn join_words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
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
            ("x-ray", "x ray"),
            ("vitamin B\u{2081}\u{2082}", "vitamin b12"),
            ("(asthma)", "asthma"),
            ("don't", "dont"),
            ("\u{202e}asthma\u{202c}", "asthma"),
            ("مرض السكري", "مرض السكري"),
            ("\u{0301}\u{0302}", ""),
            ("...", ""),
            ("İstanbul", "istanbul"),
            ("zero\u{200d}width\u{feff}\u{ad}", "zerowidth"),
            ("heart\u{200b}attack", "heart attack"),
            ("Panadol\u{2122}", "panadol"),
            ("Panadol®", "panadol"),
            ("ΔF508", "delta f508"),
            ("∆F508", "delta f508"),
            ("βhCG", "beta hcg"),
            ("TNFαR1", "tnfalphar1"),
            ("5 μg", "5 ug"),
            ("Parkinson&#39;s disease", "parkinson disease"),
            ("R&amp;amp;D", "r d"),
            ("p &lt; 0.05", "p <0.05"),
            ("insuﬃciency", "insufficiency"),
            ("ＨＩＶ＋", "hiv+"),
            ("3′,5′-cyclic AMP", "3 5 cyclic amp"),
            ("5'6", "5 6"),
        ] {
            assert_eq!(normalize(text), expected, "{text:?}");
        }
        for c in ['\'', '`', '´', '‘', '’', '‚', '‛', 'ʼ', 'ʹ', '′', '＇', '\u{92}', 'ʻ', '\u{1fbd}'] {
            assert_eq!(normalize(&format!("Parkinson{c}s disease")), "parkinson disease", "{c:?}");
        }
    }

    #[test]
    fn letters_by_name() {
        let names = [
            "alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa", "lambda", "mu",
            "nu", "xi", "omicron", "pi", "rho", "sigma", "tau", "upsilon", "phi", "chi", "psi", "omega",
        ];
        let letters = "αβγδεζηθικλμνξοπρστυφχψω ΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡΣΤΥΦΧΨΩ";
        for (letter, name) in letters.split(' ').flat_map(|letters| letters.chars().zip(names)) {
            assert_eq!(normalize(&format!("kinase {letter}")), format!("kinase {name}"));
        }
        for (text, expected) in [
            ("ς ϑ ϕ ϖ ϰ ϱ ϵ ϐ", "sigma theta phi pi kappa rho epsilon beta"),
            ("ά Έ ϊ ΰ ᾳ Ω", "alpha epsilon iota upsilon alpha omega"),
            ("ß-blocker", "beta blocker"),
            ("TGF-ß1", "tgf beta1"),
            ("Süßstoff", "sussstoff"),
            ("Fuß", "fuss"),
            ("Møller-Œrsted", "moller oersted"),
            ("Łódź Đorđe Ænima þorn ıħŧŋ", "lodz dorde aenima thorn ihtn"),
        ] {
            assert_eq!(normalize(text), expected, "{text:?}");
        }
    }

    #[test]
    fn numbers_and_units() {
        for (text, expected) in [
            ("\u{00b5}g", "ug"),
            ("5\u{3bc}g/mL", "5ug ml"),
            ("10 ㎍", "10 ug"),
            ("µ-opioid", "mu opioid"),
            ("μ1", "mu1"),
            ("0.9 % saline", "0.9% saline"),
            ("0.9%saline", "0.9% saline"),
            (".5 mg", "0.5 mg"),
            ("1.5.", "1.5"),
            ("Fig.5", "fig 5"),
            ("1,000 mg", "1000 mg"),
            ("12,345,678.5", "12345678.5"),
            ("0,125", "0 125"),
            ("1,25-dihydroxyvitamin D", "1 25 dihydroxyvitamin d"),
            ("1,25,100", "1 25 100"),
            ("2·5", "2·5"),
            ("10⁹/L", "10 9 l"),
            ("10^9/L", "10 9 l"),
            ("10⁻⁹", "10 -9"),
            ("1½", "1 1 2"),
            ("¹³¹I", "131i"),
            ("K \u{2265} 5", "k ≥5"),
            ("K>=5", "k ≥5"),
            ("a \u{2260} b", "a ≠b"),
            ("\u{2191}K", "\u{2191}k"),
        ] {
            assert_eq!(normalize(text), expected, "{text:?}");
        }
    }

    #[test]
    fn dotted_abbreviations() {
        for (text, expected) in [
            ("C.O.P.D.", "copd"),
            ("C.O.P.D", "copd"),
            ("i.v. injection", "iv injection"),
            ("i.v.injection", "iv injection"),
            ("pain, e.g. chest", "pain eg chest"),
            ("C. diff.", "c diff"),
            ("E.coli", "e coli"),
            ("St. John's", "st john"),
            ("A-T", "a t"),
            ("c.76A>G", "c 76a >g"),
        ] {
            assert_eq!(normalize(text), expected, "{text:?}");
        }
    }

    #[test]
    fn signs() {
        for (texts, expected) in [
            (
                "HIV-|HIV\u{2212}|HIV (-)|HIV(-)|HIV -|HIV ( - )|HIV [-]|HIV⁻|(HIV)-|HIV –|HIV -ve|HIV(-ve)|HIV-,",
                "hiv-",
            ),
            ("HIV+|HIV (+)|HIV +|HIV(+)|HIV⁺|HIV⊕|HIV +ve|HIV+ve|HIV (+).", "hiv+"),
            ("HIV+/-|HIV ±|HIV (±)|HIV −/+", "hiv±"),
            ("HIV- patient|HIV (-) patient|HIV − patient|HIV(-)patient", "hiv- patient"),
            ("ER-/PR+|ER - PR +|ER (-), PR (+)|ER -, PR +ve", "er- pr+"),
            ("CD4⁻CD8⁺", "cd4- cd8+"),
            ("p53 -/-|p53-/-|p53(-/-)", "p53-/-"),
            ("(+)-tubocurarine|+tubocurarine|(+)tubocurarine", "+tubocurarine"),
            ("(-)-x|(−)-x|−x|(-)x", "(-)x"),
            ("a (-)-x", "a (-)x"),
            ("T-score -2.5|T-score - 2.5|T-score −2.5", "t score -2.5"),
            ("-.5 D", "-0.5 d"),
            ("5 - 10 mg|5-10 mg", "5 10 mg"),
            ("- heart attack|-heart attack|heart - attack|heart-attack|heart -- attack", "heart attack"),
            ("heart attack -", "heart attack-"),
            ("IL - 2|IL-2", "il 2"),
            ("aspirin + codeine", "aspirin + codeine"),
            ("Na+-K+ ATPase|Na⁺K⁺ ATPase", "na+ k+ atpase"),
            ("pre- and post-operative", "pre- and post operative"),
            ("poly-(ADP-ribose)", "poly adp ribose"),
            ("Ca²⁺", "ca2+"),
            ("ER negative", "er negative"),
        ] {
            for text in texts.split('|') {
                assert_eq!(normalize(text), expected, "{text:?}");
            }
        }
    }

    #[test]
    fn clean_keeps_case_and_punctuation() {
        for (text, expected) in [
            (" Crohn's\t\u{0}disease\u{feff} ", "Crohn's disease"),
            ("e\u{0301}", "é"),
            ("\u{200b}\u{202e}\n", ""),
            ("Crohn’s β–blocker", "Crohn’s β–blocker"),
            ("insuﬃciency Ｂ₁₂ 10⁹ x⁻¹", "insufficiency B12 10^9 x−1"),
            ("heart\u{200b}attack", "heart attack"),
            ("Panadol® &lt;&eacute;&gt; ½", "Panadol <é> 1/2"),
            ("＆ａｍｐ;", "&"),
        ] {
            assert_eq!(clean(text), expected, "{text:?}");
        }
    }

    /// A row has a text, another text and the key of the first one, or a text and its key, or a
    /// word and a variant.
    #[test]
    fn examples_of_the_documentation() {
        let kinds = ["sign", "comparison", "arrow", "number", "unit", "negation"];
        let mut examples = 0;
        for row in include_str!("../../docs/normalization.md").lines() {
            let cells: Vec<&str> = row.trim_matches(['|', ' ']).split(" | ").collect();
            let code: Vec<&str> = cells.iter().filter_map(|cell| cell.strip_prefix('`')?.strip_suffix('`')).collect();
            match code[..] {
                [text, other, key] => {
                    assert_eq!(normalize(text), key, "{row}");
                    assert_eq!(normalize(other) != key, kinds.contains(&cells[0]), "{row}");
                }
                [text, other] => {
                    let variants = crate::text::word_variants(text);
                    assert!(normalize(text) == other || variants.iter().any(|v| other.ends_with(&v.text)), "{row}");
                }
                _ => continue,
            }
            examples += 1;
        }
        assert!(examples > 45, "{examples} examples");
    }

    /// Texts of the characters that steps treat in a special way.
    const SPECIAL: &str = "\\PC{0,40}|[\\x00-\\x7f]{0,40}|\\p{any}{0,20}|[ae'\u{200b}\u{301}\u{3099}かs=\u{338}\u{2212}\u{b4}ŉΣ -]{0,12}|\
        [ab59 .,·'+/()%<>=ve−±⁻⁺²½µßg-]{0,14}|(&(amp|lt|shy|#38|#x3b|sup2|semi|#8203)?;?|[a;p\u{ad}²1]){0,10}";

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn ascii_is_folded_like_other_text(text in "[ -~]{0,40}") {
            let visible = visible(&text);
            prop_assert_eq!(fold_compatible(&visible), visible.as_ref());
            if visible.is_ascii() {
                prop_assert_eq!(fold(&visible), visible.to_ascii_lowercase());
            }
        }

        #[test]
        fn clean_and_normalize_are_idempotent_and_agree(text in SPECIAL) {
            let (cleaned, keyed) = (clean(&text), normalize(&text));
            prop_assert_eq!(&clean(&cleaned), &cleaned);
            prop_assert_eq!(&normalize(&keyed), &keyed);
            prop_assert_eq!(&normalize(&cleaned), &keyed);
            prop_assert_eq!(is_blank(&text), !keyed.chars().any(char::is_alphanumeric));
            prop_assert_eq!(join_words(&keyed), keyed);
        }

        #[test]
        fn normalize_ignores_case_and_spacing(words in proptest::collection::vec("[a-zA-Z0-9]{1,8}", 1..6)) {
            let plain = normalize(&words.join(" "));
            prop_assert_eq!(normalize(&words.join(" \t ").to_uppercase()), plain.clone());
            prop_assert_eq!(normalize(&words.join("-")), plain);
        }

        #[test]
        fn signs_are_never_lost(
            word in "[a-zA-Z]{1,9}[0-9]?",
            before in "| | ?[(] ?| ?\\[",
            sign in "[+−±⁺⁻⊖-]",
            after in "| x|, x|[.]",
        ) {
            let close = if before.contains('(') { ")" } else if before.contains('[') { "]" } else { "" };
            let signed = normalize(&format!("{word}{before}{sign}{close}{after}"));
            let unsigned = normalize(&format!("{word}{after}"));
            // Alone between two words, a minus is a dash and a plus joins them.
            if before == " " && after == " x" && "-+±⁺".contains(&sign) {
                prop_assert_eq!(signed == unsigned, sign == "-");
            } else {
                let sign = match sign.as_str() { "+" | "⁺" => "+", "±" => "±", _ => "-" };
                prop_assert_eq!(signed, unsigned.replacen(&word.to_lowercase(), &format!("{}{sign}", word.to_lowercase()), 1));
            }
        }

        #[test]
        fn numbers_are_never_equal_to_others(
            a in "-?(0|[1-9][0-9]{0,5})([.][0-9]{1,3})?", b in "-?(0|[1-9][0-9]{0,5})([.][0-9]{1,3})?",
            unit in "( ?mg| ?%| ?µg| ?mug|)",
        ) {
            prop_assume!(a != b);
            prop_assert_ne!(normalize(&format!("dose {a}{unit}")), normalize(&format!("dose {b}{unit}")));
            let digits = a.replace(['.', '-'], "");
            prop_assert_eq!(normalize(&a) == normalize(&digits), a == digits);
            prop_assert_eq!(normalize(&a) == normalize(&a.replace('.', " ")), !a.contains('.'));
        }

        #[test]
        fn units_are_never_equal_to_others(number in "[1-9]{1,3} ?", i in 0usize..8, j in 0usize..8) {
            let units = ["g", "mg", "µg", "ng", "mug", "l", "µl", "%"];
            let key = |unit| normalize(&format!("{number}{unit}"));
            prop_assert_eq!(key(units[i]) == key(units[j]), i == j);
        }
    }
}
