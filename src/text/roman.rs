//! Roman numerals from 1 to 20, the highest that medical names use.

const NUMERALS: [&str; 20] = [
    "i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix", "x", "xi", "xii", "xiii", "xiv", "xv", "xvi", "xvii",
    "xviii", "xix", "xx",
];

/// The value of a Roman numeral in lower-case letters.
pub(crate) fn roman_value(text: &str) -> Option<u32> {
    (1..).zip(NUMERALS).find_map(|(value, numeral)| (numeral == text).then_some(value))
}

/// The Roman numeral for a number in digits.
pub(super) fn roman_numeral(digits: &str) -> Option<&'static str> {
    let is_number = !digits.starts_with('0') && digits.bytes().all(|b| b.is_ascii_digit());
    let number: usize = is_number.then(|| digits.parse().ok()).flatten()?;
    NUMERALS.get(number.checked_sub(1)?).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_and_numerals_belong_together() {
        for (digits, numeral) in [("1", "i"), ("4", "iv"), ("9", "ix"), ("14", "xiv"), ("20", "xx")] {
            assert_eq!(roman_numeral(digits), Some(numeral));
            assert_eq!(roman_value(numeral).map(|value| value.to_string()).as_deref(), Some(digits));
        }
        for wrong in ["", "0", "01", "21", "+4", "99999999999999999999999", "x1"] {
            assert_eq!((roman_numeral(wrong), roman_value(wrong)), (None, None), "{wrong}");
        }
        assert_eq!(roman_value("iiii"), None);
    }
}
