//! Tables, key figures and bars.
//!
//! Invariant: every text is escaped, so that callers give plain text.

use crate::page::template::escaped;

/// A table. The first column is aligned to the left, the others to the right. A line break in a
/// cell separates a value from the small note below it.
pub(crate) fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let head: String = head.iter().map(|name| format!("<th scope=\"col\">{}</th>", escaped(name))).collect();
    let cell = |text: &String| match text.split_once('\n') {
        Some((value, note)) => format!("{}<small>{}</small>", escaped(value), escaped(note)),
        None => escaped(text),
    };
    let row = |cells: &Vec<String>| {
        let cells = cells.iter().enumerate().map(|(i, text)| match i {
            0 => format!("<th scope=\"row\">{}</th>", cell(text)),
            _ => format!("<td>{}</td>", cell(text)),
        });
        format!("<tr>{}</tr>\n", cells.collect::<String>())
    };
    format!("<table class=\"wide\"><tr>{head}</tr>\n{}</table>\n", rows.iter().map(row).collect::<String>())
}

/// Key figures: title, value and note of each.
pub(crate) fn tiles(tiles: &[[String; 3]]) -> String {
    let tile = |tile: &[String; 3]| {
        let [title, value, note] = tile.each_ref().map(|text| escaped(text));
        format!("<div><dt>{title}</dt><dd class=\"value\">{value}</dd><dd>{note}</dd></div>\n")
    };
    format!("<dl class=\"tiles\">\n{}</dl>\n", tiles.iter().map(tile).collect::<String>())
}

/// A bar from the middle to the right for a positive value and to the left for a negative one. A
/// bar of the size `longest` has the full length.
pub(crate) fn signed_bar(label: &str, value: f64, longest: f64) -> String {
    let length = if longest > 0.0 { 50.0 * (value.abs() / longest).min(1.0) } else { 0.0 };
    let (start, color) = if value < 0.0 { (50.0 - length, 1) } else { (50.0, 0) };
    let label = escaped(label);
    format!(
        "<div class=\"bar\"><span>{label}</span>\
         <svg viewBox=\"0 0 100 8\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"{label}: {value:.2}\">\
         <rect class=\"track faint\" width=\"100\" height=\"8\"/>\
         <rect class=\"c{color}\" x=\"{start:.2}\" width=\"{length:.2}\" height=\"8\"/></svg>\
         <b>{value:+.2}</b></div>\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_escaped() {
        let shown = table(&["a<b"], &[vec!["<i>".into(), "1\n&".into()]]);
        assert!(shown.contains("a&lt;b") && shown.contains("&lt;i&gt;"), "{shown}");
        assert!(shown.contains("<td>1<small>&amp;</small></td>"), "{shown}");
        assert!(tiles(&[["<", "v", "n"].map(str::to_owned)]).contains("<dt>&lt;</dt>"));
    }

    #[test]
    fn bars_start_in_the_middle() {
        assert!(signed_bar("a", 2.0, 4.0).contains("class=\"c0\" x=\"50.00\" width=\"25.00\""));
        assert!(signed_bar("a", -4.0, 4.0).contains("class=\"c1\" x=\"0.00\" width=\"50.00\""));
        assert!(signed_bar("a", 0.0, 0.0).contains("width=\"0.00\""));
    }
}
