//! Builds the key from the folded text: apostrophes, abbreviations, numbers, signs, punctuation.
//!
//! A minus is a hyphen between two words and a sign at the end of one, so the characters around it
//! decide:
//!
//! | where | plus, `±` | minus |
//! | --- | --- | --- |
//! | between two words, without spaces | `a+b` | hyphen: `x-ray` -> `x ray` |
//! | after a word | `hiv+` | sign: `hiv-` |
//! | in brackets after a word: `(+)`, `[-]`, `(-ve)` | `hiv+` | sign: `hiv-` |
//! | in brackets before a word: `(-)-x` | `+x` | sign: `(-)x` |
//! | before a number | `+5` | sign: `-5` |
//! | before another word | `+x` | hyphen; U+2212 is a sign: `(-)x` |
//! | alone at the end, or before punctuation | `hiv+` | sign: `HIV -` -> `hiv-` |
//! | alone between words | ` + ` | dash: `pain - acute` -> `pain acute`; U+2212 is a sign |
//! | alone at the start | `+ ` | bullet of a list, dropped; U+2212 is a sign |
//!
//! A dash between words is a sign, too, if the text ends with a sign: `ER - PR +` -> `er- pr+`.
//! A minus that ends the text is always a sign: a dash joins two parts, and there is no second one,
//! while notes write `fever -` for "no fever".
//!
//! Invariant: building the key of a key changes nothing.

use unicode_normalization::char::is_combining_mark;

/// The key of a folded text, which has spaces for all ASCII white space.
pub(super) fn build_key(folded: &str) -> String {
    let mut builder = KeyBuilder { text: folded, at: 0, key: String::with_capacity(folded.len()) };
    builder.build();
    builder.trim();
    builder.attach_last_sign();
    builder.key
}

/// Whether a symbol changes a meaning and stays as it is: arrows and mathematical operators.
pub(super) fn is_kept_symbol(c: char) -> bool {
    matches!(c, '#' | '±' | '¬' | '×' | '÷' | '‰' | '\u{2190}'..='\u{22ff}')
}

/// Whether `c` belongs to a word.
fn is_word(c: char) -> bool {
    c.is_alphanumeric() || is_combining_mark(c)
}

/// Whether a minus after `c` is a hyphen or a sign of the word before it.
fn is_word_end(c: char) -> bool {
    is_word(c) || matches!(c, '%' | ')' | ']' | '\'' | '`' | '"' | '.' | '°')
}

fn is_apostrophe(c: char) -> bool {
    matches!(c, '\'' | '`')
}

fn is_comparison(c: char) -> bool {
    matches!(c, '<' | '>' | '=' | '≤' | '≥' | '≠')
}

fn is_sign(c: char) -> bool {
    matches!(c, '+' | '-' | '−' | '±')
}

/// A sign or several, such as `+`, `++`, `-/-`.
struct Sign {
    /// The signs, with `-` for every minus and `±` for `+/-`; several minuses are one.
    text: String,
    /// Whether it is `--` or longer, which is a dash unless it ends a part of the text.
    is_dash: bool,
    /// Whether it is in brackets.
    is_bracketed: bool,
    /// Whether it can be no dash: in brackets, U+2212, or `-ve`.
    is_explicit: bool,
    /// Where the text after it begins.
    end: usize,
}

impl Sign {
    fn is_minus(&self) -> bool {
        self.text == "-"
    }

    /// The sign as a word of its own, or before one.
    fn alone(&self) -> &str {
        if self.is_minus() { "(-)" } else { &self.text }
    }
}

struct KeyBuilder<'a> {
    text: &'a str,
    /// Start of the text that is not yet read.
    at: usize,
    key: String,
}

impl<'a> KeyBuilder<'a> {
    fn build(&mut self) {
        let bytes = self.text.as_bytes();
        while self.at < bytes.len() {
            let start = self.at;
            while bytes.get(self.at).is_some_and(u8::is_ascii_alphanumeric) {
                self.at += 1;
            }
            self.key.push_str(&self.text[start..self.at]);
            if bytes.get(self.at) == Some(&b' ') {
                self.at += 1;
                self.space();
            } else if let Some(c) = self.rest().chars().next() {
                self.other(c);
            }
        }
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    /// The character before the one at `at`.
    fn before(&self) -> Option<char> {
        self.text[..self.at].chars().next_back()
    }

    /// Ends a word. A comparison has no space after it.
    fn space(&mut self) {
        if !self.key.is_empty() && !self.key.ends_with(|c: char| c == ' ' || is_comparison(c)) {
            self.key.push(' ');
        }
    }

    /// Reads `c`, which is neither a space nor an ASCII letter or digit.
    fn other(&mut self, c: char) {
        if let Some(sign) = self.sign_at() {
            return self.sign(&sign);
        }
        let (before, after) = (self.before(), &self.text[self.at + c.len_utf8()..]);
        let next = after.chars().next();
        let is_in_number = before.is_some_and(char::is_numeric) && next.is_some_and(char::is_numeric);
        self.at += c.len_utf8();
        match c {
            '\'' | '`' => self.apostrophe(after, is_in_number),
            '.' | '·' if is_in_number => self.key.push(c),
            '.' => self.full_stop(before, next),
            ',' => match thousands(&self.text[..self.at - 1], after) {
                Some(digits) => {
                    self.key.extend(digits.chars().filter(char::is_ascii_digit));
                    self.at += digits.len();
                }
                None => self.space(),
            },
            '%' => self.percent(),
            '<' | '>' | '=' | '≤' | '≥' | '≠' => self.comparison(c),
            // A stroke that is not part of the comparison would join it in the composed key.
            _ if is_combining_mark(c) && self.key.ends_with(is_comparison) => {}
            _ if is_word(c) || is_kept_symbol(c) => self.key.push(c),
            _ => self.space(),
        }
    }

    /// Drops a possessive `'s` and other apostrophes, except between digits.
    fn apostrophe(&mut self, after: &str, is_in_number: bool) {
        let possessive = after.strip_prefix('s');
        if possessive.is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric() || is_apostrophe(c))) {
            self.at += 1;
        } else if is_in_number {
            self.space();
        }
    }

    /// A point that is not between digits: before a decimal number, after a letter, or the end of a
    /// sentence.
    fn full_stop(&mut self, before: Option<char>, next: Option<char>) {
        if next.is_some_and(|c| c.is_ascii_digit()) && !before.is_some_and(is_word_end) {
            self.key.push_str("0.");
        } else if !before.is_some_and(|letter| self.join_abbreviation(letter)) {
            self.space();
        }
    }

    /// Joins the letters of `c.o.p.d.`, of which the first one and its point have been read; false
    /// if no second letter follows.
    fn join_abbreviation(&mut self, first: char) -> bool {
        let start = self.key.strip_suffix(first);
        if !first.is_alphabetic() || !start.is_some_and(|start| start.is_empty() || start.ends_with(' ')) {
            return false;
        }
        let mut is_joined = false;
        loop {
            let mut rest = self.rest().chars();
            let (letter, after) = (rest.next(), rest.next());
            let Some(letter) = letter.filter(|c| c.is_alphabetic()) else { break };
            if after.is_some_and(|c| is_word(c) || is_apostrophe(c)) {
                break;
            }
            self.key.push(letter);
            self.at += letter.len_utf8();
            is_joined = true;
            if after != Some('.') {
                return true;
            }
            self.at += 1;
        }
        if is_joined {
            self.space();
        }
        is_joined
    }

    /// Attaches a percent sign to its number.
    fn percent(&mut self) {
        if self.word_before().is_some() {
            self.trim();
        }
        self.key.push('%');
        self.space();
    }

    /// Attaches a comparison to the word after it; `<=` is `≤`.
    fn comparison(&mut self, c: char) {
        let joined = match (self.key.chars().next_back(), c) {
            (Some('<'), '=') => Some('≤'),
            (Some('>'), '=') => Some('≥'),
            _ => None,
        };
        match joined {
            Some(_) => drop(self.key.pop()),
            None => self.space(),
        }
        self.key.push(joined.unwrap_or(c));
    }

    fn trim(&mut self) {
        self.key.truncate(self.key.trim_end_matches(' ').len());
    }

    /// The last character of the key, if it belongs to a word.
    fn word_before(&self) -> Option<char> {
        self.key.trim_end_matches(' ').chars().next_back().filter(|&c| is_word(c) || c == '%')
    }

    /// The sign at the position.
    fn sign_at(&self) -> Option<Sign> {
        let inner = self.rest().strip_prefix(['(', '[']).map(|inner| inner.trim_start_matches(' '));
        let is_bracketed = inner.is_some();
        let run = inner.unwrap_or(self.rest());
        let signs = run[..run.find(|c: char| !is_sign(c) && c != '/').unwrap_or(run.len())].trim_end_matches('/');
        if !signs.starts_with(is_sign) {
            return None;
        }
        // "-ve" and "+ve" are common in notes; "nati-ve" is a word that a line break has parted.
        let may_be_spelled =
            signs.chars().count() == 1 && (is_bracketed || signs != "-" || !self.before().is_some_and(is_word_end));
        // Apostrophes in a word count for nothing, here too.
        let after_ve = |text: &'a str| {
            let rest = text.strip_prefix('v')?.trim_start_matches(is_apostrophe).strip_prefix('e')?;
            (!rest.trim_start_matches(is_apostrophe).starts_with(is_word)).then_some(rest)
        };
        let spelled = |text: &'a str| after_ve(text).filter(|_| may_be_spelled);
        let mut after = &run[signs.len()..];
        let mut is_spelled = spelled(after).is_some();
        after = spelled(after).unwrap_or(after);
        if is_bracketed {
            after = after.trim_start_matches(' ').strip_prefix([')', ']'])?;
            let outside = spelled(after.strip_prefix('-').unwrap_or(after));
            is_spelled |= outside.is_some();
            after = outside.unwrap_or(after);
        }
        let is_explicit = is_bracketed || is_spelled || signs.contains('−');
        let text = signs.replace('−', "-");
        let is_minus = text.bytes().all(|b| b == b'-');
        Some(Sign {
            is_dash: is_minus && text.len() > 1 && !is_explicit,
            text: match text.as_str() {
                "+/-" | "-/+" => "±".into(),
                _ if is_minus => "-".into(),
                _ => text,
            },
            is_bracketed,
            is_explicit,
            end: self.text.len() - after.len(),
        })
    }

    /// Reads a sign, see the table of this file.
    fn sign(&mut self, sign: &Sign) {
        let is_after_word = self.before().is_some_and(is_word_end) && self.word_before().is_some();
        self.at = sign.end;
        let hyphen = self.rest().strip_prefix('-').filter(|_| sign.is_bracketed);
        let is_before_word = begins_word(self.rest()) || hyphen.is_some_and(begins_word);
        match (is_after_word, is_before_word) {
            (true, true) if !sign.is_bracketed => self.sign_between(sign),
            (true, _) => self.sign_after_word(sign),
            (false, true) => self.sign_before_word(sign),
            (false, false) => self.sign_alone(sign),
        }
    }

    /// `a+b`, `x-ray`; `na+-k` is `na+ k`.
    fn sign_between(&mut self, sign: &Sign) {
        if sign.is_minus() {
            return self.space();
        }
        let signs = sign.text.trim_end_matches(['-', '/']);
        if signs.is_empty() || !signs.contains(['+', '±']) {
            return self.attach(&sign.text);
        }
        self.trim();
        self.key.push_str(signs);
        if signs.len() < sign.text.len() {
            self.space();
        }
    }

    /// `hiv+`, `(hiv)-`.
    fn sign_after_word(&mut self, sign: &Sign) {
        let rest = self.rest();
        let is_dash = rest.starts_with(['(', '[', '{', '\'', '`', '"', '>']) || sign.is_dash && !ends_phrase(rest);
        if sign.is_minus() && !sign.is_explicit && is_dash { self.space() } else { self.attach(&sign.text) }
    }

    /// `+x`, `(-)-x`, `-5`.
    fn sign_before_word(&mut self, sign: &Sign) {
        let is_number = self.rest().starts_with(|c: char| c.is_numeric() || c == '.');
        if sign.is_bracketed && self.rest().starts_with('-') {
            self.at += 1;
        }
        self.space();
        if !sign.is_minus() {
            self.key.push_str(&sign.text);
        } else if is_number && !sign.is_dash {
            self.key.push('-');
        } else if sign.is_explicit {
            self.key.push_str(sign.alone());
        }
    }

    /// `hiv -`, `a + b`, `- x`.
    fn sign_alone(&mut self, sign: &Sign) {
        let rest = self.rest().trim_start_matches(' ');
        let number = rest.split(' ').next().filter(|word| word.starts_with(|c: char| c.is_ascii_digit()));
        let word_before = self.word_before();
        let is_range = number.is_some() && word_before.is_some_and(char::is_numeric);
        if word_before.is_some() {
            let is_attached = ends_phrase(rest)
                || sign.text.contains('/')
                || sign.is_explicit && !is_range
                || sign.is_minus() && !sign.is_dash && ends_with_sign(self.text);
            if is_attached {
                return self.attach(&sign.text);
            }
            if sign.is_minus() && !is_range && number.is_some_and(|number| number.contains('.')) {
                self.at = self.text.len() - rest.len();
                return self.key.push('-');
            }
            if sign.is_minus() {
                return;
            }
        } else if sign.is_minus() && number.is_some() && !sign.is_bracketed {
            self.at = self.text.len() - rest.len();
            return self.key.push('-');
        } else if sign.is_minus() && !sign.is_explicit && self.key.is_empty() {
            return;
        }
        self.space();
        self.key.push_str(sign.alone());
        self.space();
    }

    /// Attaches a sign that stands alone at the end of the key, because the text after it was
    /// dropped.
    fn attach_last_sign(&mut self) {
        let Some((head, last)) = self.key.rsplit_once(' ') else { return };
        if last.chars().all(|c| is_sign(c) || c == '/') && head.ends_with(|c: char| is_word(c) || c == '%') {
            self.key.remove(head.len());
        }
    }

    /// Adds signs to the word before them; as a word of their own if there is none.
    fn attach(&mut self, signs: &str) {
        if self.word_before().is_some() {
            self.trim();
        } else {
            self.space();
        }
        self.key.push_str(signs);
        self.space();
    }
}

/// Whether a word or a decimal number begins.
fn begins_word(rest: &str) -> bool {
    let rest = rest.strip_prefix('.').filter(|rest| rest.starts_with(|c: char| c.is_ascii_digit())).unwrap_or(rest);
    rest.starts_with(is_word)
}

/// Whether a text ends here, or a part of it.
fn ends_phrase(rest: &str) -> bool {
    let rest = rest.trim_start_matches(' ');
    rest.is_empty() || rest.starts_with([',', ';', '.', ':', '!', '?', ')', ']'])
}

/// Whether the last word of a text has a sign.
fn ends_with_sign(text: &str) -> bool {
    let text = text.trim_end_matches([' ', '.', ')', ']']);
    text.strip_suffix("ve").unwrap_or(text).ends_with(is_sign)
}

/// The rest of a number with commas between thousands, for `1` and `,` before and `000` after.
fn thousands<'a>(before: &str, after: &'a str) -> Option<&'a str> {
    let head = before.trim_end_matches(|c: char| c.is_ascii_digit());
    let first = &before[head.len()..];
    let is_start = !head.ends_with(|c: char| is_word(c) || matches!(c, '.' | ',' | '·'));
    if !is_start || first.is_empty() || first.len() > 3 || first.starts_with('0') {
        return None;
    }
    let end = after.find(|c: char| !c.is_ascii_digit() && c != ',').unwrap_or(after.len());
    let digits = after[..end].trim_end_matches(',');
    digits.split(',').all(|group| group.len() == 3).then_some(digits)
}
