//! Decodes HTML entities, also those that an entity makes: `&amp;lt;` is `<`.
//!
//! Invariant: the decoded text has no entity left, so that decoding is idempotent.

use std::borrow::Cow;

use html_escape::decode_html_entities;

/// Maximum length of an entity in bytes; that of the longest name is 33.
const MAX_BYTES: usize = 40;

/// The text with its entities decoded; absent if it has none. An entity ends with a semicolon:
/// `AT&T` and `&copy` have none.
pub(super) fn decode(text: &str) -> Option<String> {
    if !may_have_entity(text.as_bytes()) {
        return None;
    }
    let (mut decoded, mut is_changed) = (String::with_capacity(text.len()), false);
    for piece in text.split_inclusive(';') {
        decoded.push_str(piece);
        // Only the last ampersand can begin the entity that this semicolon ends. The entity may
        // itself be a semicolon that ends another one.
        while let Some((start, value)) = last_entity(&decoded) {
            decoded.truncate(start);
            decoded.push_str(&value);
            is_changed = true;
        }
    }
    is_changed.then_some(decoded)
}

/// Whether a text has the characters of an entity.
pub(super) fn may_have_entity(bytes: &[u8]) -> bool {
    bytes.contains(&b'&') && bytes.contains(&b';')
}

/// Start and value of the entity that ends a text.
fn last_entity(text: &str) -> Option<(usize, String)> {
    if !text.ends_with(';') {
        return None;
    }
    let tail = text.len().saturating_sub(MAX_BYTES);
    let start = tail + text.as_bytes()[tail..].iter().rposition(|&b| b == b'&')?;
    match decode_html_entities(&text[start..]) {
        Cow::Owned(value) => Some((start, value)),
        Cow::Borrowed(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entities_are_decoded_once_and_for_all() {
        for (text, expected) in [
            ("Parkinson&#39;s", Some("Parkinson's")),
            ("&#x3B1;&alpha;&eacute;", Some("ααé")),
            ("a&nbsp;b", Some("a\u{a0}b")),
            ("&amp;amp;lt;", Some("<")),
            ("&lt&semi;", Some("<")),
            ("&&#108;t;", Some("<")),
            ("AT&T; R&D", None),
            ("&copy 2", None),
            ("&unknown; &#xd800; &;", None),
            ("plain", None),
        ] {
            assert_eq!(decode(text).as_deref(), expected, "{text}");
        }
    }
}
