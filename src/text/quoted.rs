//! Quotes values in error messages.

use crate::text::normalize::is_invisible;

/// Maximum characters of a value that a message shows.
const MAX_CHARS: usize = 40;

/// A value in backticks for a message: at most 40 characters, with U+FFFD for control and invisible
/// characters, which a terminal might interpret.
pub(crate) fn quoted(value: &str) -> String {
    let shown = |c: char| if c.is_control() || is_invisible(c) { '\u{fffd}' } else { c };
    format!("`{}`", value.chars().take(MAX_CHARS).map(shown).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_values_are_short_and_have_no_control_characters() {
        assert_eq!(quoted("a\u{1b}[2J\n\u{202e}b"), "`a\u{fffd}[2J\u{fffd}\u{fffd}b`");
        assert_eq!(quoted(&"é".repeat(50)), format!("`{}`", "é".repeat(40)));
    }
}
