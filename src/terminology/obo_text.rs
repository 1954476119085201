//! The syntax of OBO lines: continued lines, escapes, quotes, lists of references, trailing
//! qualifiers and comments.
//!
//! Invariant: every function takes time linear in the length of any text.

use std::io::{self, BufRead};

use crate::files::input::{LineError, LineReader, MAX_LINE_BYTES};

/// The lines of an OBO file; a line that ends in a backslash is joined to the next.
pub(super) struct LogicalLines<R> {
    lines: LineReader<R>,
    text: String,
}

impl<R: BufRead> LogicalLines<R> {
    pub(super) fn new(input: R) -> Self {
        Self { lines: LineReader::new(input), text: String::new() }
    }

    /// Same as [`LineReader::next`]; joined lines have the number of the first.
    pub(super) fn next(&mut self) -> io::Result<Option<(u64, Result<&str, LineError>)>> {
        self.text.clear();
        let mut first = None;
        while let Some((number, line)) = self.lines.next()? {
            let first = *first.get_or_insert(number);
            let line = match line {
                Ok(line) if self.text.len() + line.len() <= MAX_LINE_BYTES => line,
                Ok(_) => return Ok(Some((first, Err(LineError::TooLong)))),
                Err(e) => return Ok(Some((first, Err(e)))),
            };
            let comment = self.text.is_empty() && line.trim_start().starts_with('!');
            match line.strip_suffix('\\').filter(|line| !comment && !ends_in_escape(line)) {
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

/// Whether the backslashes at the end of `text` escape the next character.
fn ends_in_escape(text: &str) -> bool {
    text.bytes().rev().take_while(|&b| b == b'\\').count() % 2 == 1
}

/// The tag of a line, and its value with qualifiers and comment.
pub(super) fn tag_and_value(line: &str) -> Option<(&str, &str)> {
    let (tag, rest) = line.split_once(':')?;
    let is_tag_byte = |b: u8| b.is_ascii_alphanumeric() || b"_-".contains(&b);
    (!tag.is_empty() && tag.bytes().all(is_tag_byte)).then(|| (tag, rest.trim_start()))
}

/// Replaces escapes by the characters that they stand for.
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

/// The byte offset of the first character that `matches`, is not escaped and, with `skip_quoted`,
/// is not in quotes.
fn find(text: &str, skip_quoted: bool, matches: impl Fn(char) -> bool) -> Option<usize> {
    let (mut escaped, mut quoted) = (false, false);
    text.char_indices().find_map(|(i, c)| {
        if !std::mem::take(&mut escaped) {
            if !quoted && matches(c) {
                return Some(i);
            }
            escaped = c == '\\';
            quoted ^= skip_quoted && c == '"';
        }
        None
    })
}

/// Text up to its qualifiers (` {source="x"}`) or its comment (` ! x`), still with its escapes.
///
/// Not every writer escapes braces and exclamation marks in names. So an exclamation mark begins a
/// comment only after a space, and a brace begins qualifiers only after a space, if it is the first
/// brace, its text looks like qualifiers, and at most a comment follows.
pub(super) fn value(text: &str) -> &str {
    let (mut escaped, mut after_space, mut had_brace) = (false, true, false);
    for (i, c) in text.char_indices() {
        if after_space
            && (c == '!' || c == '{' && !std::mem::replace(&mut had_brace, true) && are_qualifiers(&text[i..]))
        {
            return text[..i].trim_end();
        }
        after_space = !escaped && c.is_whitespace();
        escaped = !escaped && c == '\\';
    }
    text.trim_end()
}

/// Whether `text` consists of qualifiers in braces and at most a comment.
fn are_qualifiers(text: &str) -> bool {
    let Some(end) = find(text, true, |c| c == '}') else { return false };
    let (inside, after) = (text[1..end].trim(), text[end + 1..].trim_start());
    let key = inside.split_once('=').map(|(key, _)| key);
    (after.is_empty() || after.starts_with('!'))
        && (inside.is_empty() || key.is_some_and(|key| !key.contains(char::is_whitespace)))
}

/// The first word, and the text after it.
pub(super) fn first_word(text: &str) -> (&str, &str) {
    let end = find(text, false, char::is_whitespace).unwrap_or(text.len());
    (&text[..end], text[end..].trim_start())
}

/// The text in quotes at the beginning of `text`, without escapes, and the text after it.
pub(super) fn quoted_text(text: &str) -> Result<(String, &str), &'static str> {
    let text = text.strip_prefix('"').ok_or("its text does not begin with a quote")?;
    let end = find(text, false, |c| c == '"').ok_or("the quote of its text does not end")?;
    Ok((unescaped(&text[..end]), &text[end + 1..]))
}

/// The words between a quoted text and its list of references, or the end of the line.
pub(super) fn words_before_list(text: &str) -> Result<Vec<&str>, &'static str> {
    let end = find(text, false, |c| "[{!".contains(c)).unwrap_or(text.len());
    let (words, mut rest) = (&text[..end], &text[end..]);
    if let Some(list) = rest.strip_prefix('[') {
        let end = find(list, true, |c| c == ']').ok_or("its list of references does not end")?;
        rest = &list[end + 1..];
    }
    match value(rest.trim_start()) {
        "" => Ok(words.split_whitespace().collect()),
        _ => Err("there is text after its list of references"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backslash_continues_a_line() {
        let text = "! a comment \\\nname: a \\\r\nb\\\\\ndef: \\\nlast \\";
        let mut lines = LogicalLines::new(text.as_bytes());
        let mut all = vec![];
        while let Some((number, line)) = lines.next().unwrap() {
            all.push((number, line.unwrap().to_owned()));
        }
        let expected = [(1, "! a comment \\"), (2, "name: a b\\\\"), (4, "def: last ")];
        assert_eq!(all, expected.map(|(n, line)| (n, line.to_owned())));
        let long = format!("a\\\n{}", "b".repeat(MAX_LINE_BYTES));
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
        assert_eq!(quoted_text(r#""a \"b\" c\\" EXACT"#), Ok((r#"a "b" c\"#.to_owned(), " EXACT")));
        assert!(quoted_text("a").is_err());
        assert!(quoted_text(r#""a\""#).is_err());
        assert_eq!(words_before_list(r#" EXACT abc [X:1 "a ] b", Y:\]2] {a="b"} ! c"#), Ok(vec!["EXACT", "abc"]));
        assert_eq!(words_before_list(" EXACT"), Ok(vec!["EXACT"]));
        assert!(words_before_list(" EXACT [X:1").is_err());
        assert!(words_before_list(" EXACT [X:1] EXACT").is_err());
        assert_eq!(first_word(r"a\ b  c"), (r"a\ b", "c"));
        assert_eq!(tag_and_value("xref: a:b"), Some(("xref", "a:b")));
        assert_eq!(tag_and_value("no tag"), None);
        assert_eq!(tag_and_value("a tag: b"), None);
    }
}
