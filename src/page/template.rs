//! HTML templates: replaces comments by parts, and escapes text.
//!
//! Invariant: text that went through [`escaped`] is never read as markup.

/// The style sheet of all pages.
const STYLE: &str = include_str!("style.css");

/// Replaces each comment `<!--name-->` of `template` by the part of that name, or by nothing if
/// there is none. `<!--style-->` becomes the style sheet.
pub(crate) fn fill(template: &str, parts: &[(&str, String)]) -> String {
    let fill = |piece: &str| match piece.split_once("-->") {
        Some(("style", rest)) => format!("<style>\n{STYLE}</style>{rest}"),
        Some((name, rest)) => {
            parts.iter().find(|part| part.0 == name).map_or("", |part| part.1.as_str()).to_owned() + rest
        }
        None => piece.to_owned(),
    };
    template.split("<!--").map(fill).collect()
}

/// Text with the special characters of HTML escaped, for content and for quoted attributes.
pub(crate) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped += "&amp;",
            '<' => escaped += "&lt;",
            '>' => escaped += "&gt;",
            '"' => escaped += "&quot;",
            '\'' => escaped += "&#39;",
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_replace_their_comments() {
        let filled = fill("<p><!--a--></p><!--b--><!--style--><i><!--a--></i>", &[("a", "1 & 2".into())]);
        assert!(
            filled.starts_with("<p>1 & 2</p><style>\n:root") && filled.ends_with("</style><i>1 & 2</i>"),
            "{filled}"
        );
    }
}
