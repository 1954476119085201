//! The text of OBO lines: lines that go on, escapes, quotes, lists of references, trailing qualifiers and comments.
//!
//! Invariant: a text takes time in proportion to its length, whatever stands in it.

use std::io::{self, BufRead};

use crate::{
    files::input::{LONGEST_LINE, LineError},
    terminology::Lines,
};

/// The lines of an OBO file, those that end in a backslash joined to the next.
pub(super) struct LogicalLines<R> {
    lines: Lines<R>,
    text: String,
}

impl<R: BufRead> LogicalLines<R> {
    pub(super) fn new(input: R) -> Self {
        Self { lines: Lines::new(input), text: String::new() }
    }

    /// As [`Lines::next`]; the number is that of the first of joined lines.
    pub(super) fn next(&mut self) -> io::Result<Option<(u64, Result<&str, LineError>)>> {
        self.text.clear();
        let mut first = None;
        while let Some((number, line)) = self.lines.next()? {
            let first = *first.get_or_insert(number);
            let line = match line {
                Ok(line) if self.text.len() + line.len() <= LONGEST_LINE => line,
                Ok(_) => return Ok(Some((first, Err(LineError::TooLong)))),
                Err(e) => return Ok(Some((first, Err(e)))),
            };
            let comment = self.text.is_empty() && line.trim_start().starts_with('!');
            match line.strip_suffix('\\').filter(|line| !comment && !ends_escaping(line)) {
                Some(line) => self.text.push_str(line),
                None => {
                    self.text.push_str(line);
                    break;
                }
            }
        }
        Ok(first.map(|number| (number, Ok(&*self.text))))
    }
}

/// Whether the character after `text` would be escaped.
fn ends_escaping(text: &str) -> bool {
    text.bytes().rev().take_while(|&b| b == b'\\').count() % 2 == 1
}

/// The tag of a line and what follows it.
pub(super) fn tag(line: &str) -> Option<(&str, &str)> {
    let (tag, rest) = line.split_once(':')?;
    let letters = |b: u8| b.is_ascii_alphanumeric() || b"_-".contains(&b);
    (!tag.is_empty() && tag.bytes().all(letters)).then(|| (tag, rest.trim_start()))
}

/// Text without its escapes.
pub(super) fn unescaped(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(c) = characters.next() {
        plain.push(match c {
            '\\' => match characters.next() {
                Some('n') => '\n',
                Some('t') => '\t',
                Some('W') => ' ',
                Some(other) => other,
                None => c,
            },
            _ => c,
        });
    }
    plain
}

/// The place of the first of the `wanted` characters that is neither escaped nor, where `quotes` count, in quotes.
fn find(text: &str, quotes: bool, wanted: impl Fn(char) -> bool) -> Option<usize> {
    let (mut escaped, mut quoted) = (false, false);
    text.char_indices().find_map(|(i, c)| {
        if !std::mem::take(&mut escaped) {
            if !quoted && wanted(c) {
                return Some(i);
            }
            escaped = c == '\\';
            quoted ^= quotes && c == '"';
        }
        None
    })
}

/// Text up to its qualifiers (` {source="x"}`) or its comment (` ! x`), still with its escapes.
///
/// Braces and exclamation marks that are part of a name are escaped as a rule, but not by everybody: they only count
/// after a space, braces moreover only if they are the first, and qualifiers stand in them and nothing after them.
pub(super) fn value(text: &str) -> &str {
    let (mut escaped, mut after_space, mut braced) = (false, true, false);
    for (i, c) in text.char_indices() {
        if after_space && (c == '!' || c == '{' && !std::mem::replace(&mut braced, true) && are_qualifiers(&text[i..]))
        {
            return text[..i].trim_end();
        }
        after_space = !escaped && c.is_whitespace();
        escaped = !escaped && c == '\\';
    }
    text.trim_end()
}

/// Whether `text` is qualifiers in braces and at most a comment.
fn are_qualifiers(text: &str) -> bool {
    let Some(end) = find(text, true, |c| c == '}') else { return false };
    let (inside, after) = (text[1..end].trim(), text[end + 1..].trim_start());
    let key = inside.split_once('=').map(|(key, _)| key);
    (after.is_empty() || after.starts_with('!'))
        && (inside.is_empty() || key.is_some_and(|key| !key.contains(char::is_whitespace)))
}

/// The first word and what follows it.
pub(super) fn word(text: &str) -> (&str, &str) {
    let end = find(text, false, char::is_whitespace).unwrap_or(text.len());
    (&text[..end], text[end..].trim_start())
}

/// The text in quotes that `text` begins with, and what follows it.
pub(super) fn quoted(text: &str) -> Result<(String, &str), &'static str> {
    let text = text.strip_prefix('"').ok_or("its text does not begin with a quote")?;
    let end = find(text, false, |c| c == '"').ok_or("the quote of its text does not end")?;
    Ok((unescaped(&text[..end]), &text[end + 1..]))
}

/// The words that stand between a quoted text and its list of references, or the end.
pub(super) fn words_before_list(text: &str) -> Result<Vec<&str>, &'static str> {
    let end = find(text, false, |c| "[{!".contains(c)).unwrap_or(text.len());
    let (words, mut rest) = (&text[..end], &text[end..]);
    if let Some(list) = rest.strip_prefix('[') {
        let end = find(list, true, |c| c == ']').ok_or("its list of references does not end")?;
        rest = &list[end + 1..];
    }
    match value(rest.trim_start()) {
        "" => Ok(words.split_whitespace().collect()),
        _ => Err("there is more after its list of references"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_go_on_after_a_backslash() {
        let text = "! a comment \\\nname: a \\\r\nb\\\\\ndef: \\\nlast \\";
        let mut lines = LogicalLines::new(text.as_bytes());
        let mut all = vec![];
        while let Some((number, line)) = lines.next().unwrap() {
            all.push((number, line.unwrap().to_owned()));
        }
        let expected = [(1, "! a comment \\"), (2, "name: a b\\\\"), (4, "def: last ")];
        assert_eq!(all, expected.map(|(n, line)| (n, line.to_owned())));
        let long = format!("a\\\n{}", "b".repeat(LONGEST_LINE));
        assert_eq!(LogicalLines::new(long.as_bytes()).next().unwrap(), Some((1, Err(LineError::TooLong))));
    }

    #[test]
    fn values_end_at_qualifiers_and_comments() {
        for (text, expected) in [
            ("HP:1 ! name", "HP:1"),
            ("HP:1 {source=\"a } b\", by=\"!\"} ! name", "HP:1"),
            ("HP:1 {}", "HP:1"),
            ("it works! always \\! {really} so", "it works! always \\! {really} so"),
            ("a \\{b=\"c\"}", "a \\{b=\"c\"}"),
            ("5\" long ! a \"comment\"", "5\" long"),
            ("! all", ""),
            ("{a=b}", ""),
            ("a\\ ! b", "a\\ ! b"),
        ] {
            assert_eq!(value(text), expected, "{text}");
        }
    }

    #[test]
    fn escapes_and_quotes() {
        assert_eq!(unescaped(r#"a\nb\tc\Wd\:\,\"\\\(\)\[\]\{\}\!\q\"#), "a\nb\tc d:,\"\\()[]{}!q\\");
        assert_eq!(quoted(r#""a \"b\" c\\" EXACT"#), Ok((r#"a "b" c\"#.to_owned(), " EXACT")));
        assert!(quoted("a").is_err());
        assert!(quoted(r#""a\""#).is_err());
        assert_eq!(words_before_list(r#" EXACT abc [X:1 "a ] b", Y:\]2] {a="b"} ! c"#), Ok(vec!["EXACT", "abc"]));
        assert_eq!(words_before_list(" EXACT"), Ok(vec!["EXACT"]));
        assert!(words_before_list(" EXACT [X:1").is_err());
        assert!(words_before_list(" EXACT [X:1] EXACT").is_err());
        assert_eq!(word(r"a\ b  c"), (r"a\ b", "c"));
        assert_eq!(tag("xref: a:b"), Some(("xref", "a:b")));
        assert_eq!(tag("no tag"), None);
        assert_eq!(tag("a tag: b"), None);
    }
}
