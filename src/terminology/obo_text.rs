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
pub(super) fn value(text: &str) -> &str {
    value_and_qualifiers(text).0
}

/// Same as [`value`], with the text in the braces of the qualifiers.
///
/// Not every writer escapes braces and exclamation marks in names. So an exclamation mark begins a
/// comment only after a space, and a brace begins qualifiers only after a space, if its text looks
/// like qualifiers, and at most a comment follows.
pub(super) fn value_and_qualifiers(text: &str) -> (&str, &str) {
    let (mut escaped, mut after_space, mut position, mut braces_end) = (false, true, 0, true);
    while let Some(c) = text[position..].chars().next() {
        if after_space && c == '!' {
            return (text[..position].trim_end(), "");
        }
        if after_space && c == '{' && braces_end {
            match braces(&text[position..]) {
                Some((inside, after)) if are_qualifiers(inside, after) => {
                    return (text[..position].trim_end(), inside);
                }
                // Text in braces. Qualifiers can begin within it, and a comment after it.
                Some((inside, after)) => match inside.rfind(" {") {
                    Some(start) if are_qualifiers(&inside[start + 2..], after) => {
                        return (text[..position + start + 1].trim_end(), &inside[start + 2..]);
                    }
                    _ => position += inside.len() + 1,
                },
                None => braces_end = false,
            }
            after_space = false;
        } else {
            after_space = !escaped && c.is_whitespace();
            escaped = !escaped && c == '\\';
        }
        position += if text[position..].starts_with(c) { c.len_utf8() } else { '}'.len_utf8() };
    }
    (text.trim_end(), "")
}

/// The text in the braces at the beginning of `text`, and the text after them.
fn braces(text: &str) -> Option<(&str, &str)> {
    let inside = text.strip_prefix('{')?;
    let end = find(inside, true, |c| c == '}')?;
    Some((&inside[..end], &inside[end + 1..]))
}

/// Whether the text in braces looks like qualifiers, and at most a comment follows.
fn are_qualifiers(inside: &str, after: &str) -> bool {
    let (inside, after) = (inside.trim(), after.trim_start());
    let key = inside.split_once('=').map(|(key, _)| key);
    (after.is_empty() || after.starts_with('!'))
        && (inside.is_empty() || key.is_some_and(|key| !key.contains(char::is_whitespace)))
}

/// The keys and values of qualifiers.
pub(super) fn qualifiers(inside: &str) -> Vec<(&str, String)> {
    let (mut all, mut rest) = (vec![], inside);
    while !rest.is_empty() {
        let end = find(rest, true, |c| c == ',').unwrap_or(rest.len());
        if let Some((key, value)) = rest[..end].split_once('=') {
            let value = value.trim();
            let unquoted = |_| unescaped(value.trim_matches('\''));
            all.push((key.trim(), quoted_text(value).map_or_else(unquoted, |(text, _)| text)));
        }
        rest = rest.get(end + 1..).unwrap_or_default();
    }
    all
}

/// The first word, and the text after it.
pub(super) fn first_word(text: &str) -> (&str, &str) {
    let end = find(text, false, char::is_whitespace).unwrap_or(text.len());
    (&text[..end], text[end..].trim_start())
}

/// The id at the beginning of `text`, still with its escapes, and the text after it. Some writers
/// put no blank before a comment or qualifiers.
pub(super) fn first_id(text: &str) -> (&str, &str) {
    let end = find(text, false, |c| c.is_whitespace() || c == '!' || c == '{').unwrap_or(text.len());
    (&text[..end], text[end..].trim_start())
}

/// The target of a cross-reference, still with its escapes, and the text after it. It may be an
/// address, in which exclamation marks and braces have a meaning.
pub(super) fn first_target(text: &str) -> (&str, &str) {
    let (target, rest) = first_word(text);
    match find(target, false, |c| c == '{') {
        Some(start) if braces(&text[start..]).is_some_and(|(inside, after)| are_qualifiers(inside, after)) => {
            (&text[..start], &text[start..])
        }
        _ => (target, rest),
    }
}

/// The text in quotes at the beginning of `text`, without escapes, and the text after it.
pub(super) fn quoted_text(text: &str) -> Result<(String, &str), &'static str> {
    let text = text.strip_prefix('"').ok_or("its text does not begin with a quote")?;
    let end = find(text, false, |c| c == '"').ok_or("the quote of its text does not end")?;
    Ok((unescaped(&text[..end]), &text[end + 1..]))
}

/// The words between a quoted text and its list of references, or the end of the line; and the
/// qualifiers after the list.
pub(super) fn words_and_qualifiers(text: &str) -> Result<(Vec<&str>, &str), &'static str> {
    let end = find(text, false, |c| "[{!".contains(c)).unwrap_or(text.len());
    let (words, mut rest) = (&text[..end], &text[end..]);
    if let Some(list) = rest.strip_prefix('[') {
        let end = find(list, true, |c| c == ']').ok_or("its list of references does not end")?;
        rest = &list[end + 1..];
    }
    match value_and_qualifiers(rest.trim_start()) {
        ("", qualifiers) => Ok((words.split_whitespace().collect(), qualifiers)),
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
            ("{a} b {c=\"d\"} ! e", "{a} b"),
            ("a {b ! c} d ! e", "a {b ! c} d"),
            ("a { b {c=\"d\"}", "a { b"),
            ("a {b ! c", "a {b"),
            ("é {ü} {a=\"b\"}", "é {ü}"),
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
        let words = |text| words_and_qualifiers(text).map(|(words, _)| words);
        assert_eq!(words(r#" EXACT abc [X:1 "a ] b", Y:\]2] {a="b"} ! c"#), Ok(vec!["EXACT", "abc"]));
        assert_eq!(words_and_qualifiers(r#" [] {a="b"} ! c"#), Ok((vec![], r#"a="b""#)));
        assert_eq!(words(" EXACT"), Ok(vec!["EXACT"]));
        assert!(words(" EXACT [X:1").is_err());
        assert!(words(" EXACT [X:1] EXACT").is_err());
        assert_eq!(qualifiers(r#"a="b, \"c\"", d = e,f"#), [("a", "b, \"c\"".to_owned()), ("d", "e".to_owned())]);
        assert_eq!(first_id("X:1! a"), ("X:1", "! a"));
        assert_eq!(first_id("X:1{a=b}"), ("X:1", "{a=b}"));
        assert_eq!(first_target("http://x/!{y} z"), ("http://x/!{y}", "z"));
        assert_eq!(first_target("X:1{a=\"b c\"} ! d"), ("X:1", "{a=\"b c\"} ! d"));
        assert_eq!(first_word(r"a\ b  c"), (r"a\ b", "c"));
        assert_eq!(tag_and_value("xref: a:b"), Some(("xref", "a:b")));
        assert_eq!(tag_and_value("no tag"), None);
        assert_eq!(tag_and_value("a tag: b"), None);
    }
}
