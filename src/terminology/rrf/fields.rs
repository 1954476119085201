//! Fields of a row: splitting, and the checks that rows of several files share.

use std::str::FromStr;

/// Splits a row into its `N` fields, each ended by `|`.
pub(super) fn split_row<const N: usize>(line: &str) -> Result<[&str; N], String> {
    let mut fields = [""; N];
    let (mut found, mut start) = (0, 0);
    for end in memchr::memchr_iter(b'|', line.as_bytes()) {
        if let Some(field) = fields.get_mut(found) {
            *field = &line[start..end];
        }
        (found, start) = (found + 1, end + 1);
    }
    match found {
        _ if start < line.len() || line.is_empty() => {
            Err(format!("it does not end with `|`; of {N} fields it has {found}"))
        }
        found if found == N => Ok(fields),
        found => Err(format!("{found} fields where there should be {N}")),
    }
}

/// The field, or `reason` when it is empty.
pub(super) fn required<'r>(field: &'r str, reason: &'static str) -> Result<&'r str, &'static str> {
    if field.is_empty() { Err(reason) } else { Ok(field) }
}

/// The field, which must be a CUI.
pub(super) fn cui(field: &str) -> Result<&str, &'static str> {
    cui_number(field).map(|_| field)
}

/// The number in a CUI.
pub(super) fn cui_number(field: &str) -> Result<u32, &'static str> {
    let digits = field.strip_prefix('C').filter(|digits| digits.len() == 7);
    digits.and_then(number).ok_or("a CUI is not `C` and seven digits")
}

/// A number that identifies an AUI. AUIs with eight digits come after those with seven, because
/// `A01234567` and `A1234567` are different atoms.
pub(super) fn aui_number(field: &str) -> Result<u32, &'static str> {
    let digits = field.strip_prefix('A').filter(|digits| matches!(digits.len(), 7 | 8));
    let number =
        digits.and_then(|digits| number::<u32>(digits).map(|n| if digits.len() == 8 { n + 10_000_000 } else { n }));
    number.ok_or("an AUI is not `A` and seven or eight digits")
}

/// A number of digits only, without a sign.
pub(super) fn number<T: FromStr>(field: &str) -> Option<T> {
    field.bytes().all(|b| b.is_ascii_digit()).then(|| field.parse().ok()).flatten()
}

/// A restriction level (SRL); an empty field states none.
pub(super) fn restriction_level(field: &str) -> Result<Option<u8>, &'static str> {
    match field {
        "" => Ok(None),
        _ => number(field).map(Some).ok_or("SRL is not a number"),
    }
}
