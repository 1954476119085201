//! What the pages that people look at have in common: numbers and text as they are read, one style sheet.
//!
//! Invariant: a page needs no other file, and no text is taken for markup.

mod numbers;

pub use numbers::{count, duration, escaped, grouped, number, percent, scientific, trimmed};

/// The style sheet, which pages have a place for by the name `style`.
const STYLE: &str = include_str!("style.css");

/// `page` with each comment `<!--name-->` replaced by the part of that name, and by nothing where there is none.
pub fn fill(page: &str, parts: &[(&str, String)]) -> String {
    let fill = |piece: &str| match piece.split_once("-->") {
        Some(("style", rest)) => format!("<style>\n{STYLE}</style>{rest}"),
        Some((name, rest)) => {
            parts.iter().find(|part| part.0 == name).map_or("", |part| part.1.as_str()).to_owned() + rest
        }
        None => piece.to_owned(),
    };
    page.split("<!--").map(fill).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_put_where_they_belong() {
        let filled = fill("<p><!--a--></p><!--b--><!--style--><i><!--a--></i>", &[("a", "1 & 2".into())]);
        assert!(
            filled.starts_with("<p>1 & 2</p><style>\n:root") && filled.ends_with("</style><i>1 & 2</i>"),
            "{filled}"
        );
    }
}
