//! Formats numbers for display.
//!
//! Invariant: a value that is not finite becomes a dash.

/// A number with three significant digits, or with all digits before the decimal point.
pub(crate) fn number(value: f64) -> String {
    let size = value.abs();
    if !size.is_finite() {
        return "–".into();
    }
    if size == 0.0 {
        return "0".into();
    }
    if !(1e-3..1e9).contains(&size) {
        return scientific(value);
    }
    let decimals = (2.0 - size.log10().floor()).max(0.0) as usize;
    grouped(trimmed(&format!("{value:.decimals$}")))
}

/// A number with an exponent, such as `2e-5`; for very small and very large ones.
pub(crate) fn scientific(value: f64) -> String {
    let text = format!("{value:.2e}");
    let (digits, power) = text.split_once('e').unwrap_or((&text, "0"));
    format!("{}e{power}", trimmed(digits))
}

/// Digits without the trailing zeros of a fraction.
fn trimmed(digits: &str) -> &str {
    if digits.contains('.') { digits.trim_end_matches('0').trim_end_matches('.') } else { digits }
}

/// A share (0 to 1) as a percentage.
pub(crate) fn percent(share: f64) -> String {
    if share.is_finite() { format!("{:.1}%", 100.0 * share) } else { number(share) }
}

/// A count with commas between the thousands.
pub(crate) fn count(count: u64) -> String {
    grouped(&count.to_string())
}

/// A decimal number with commas between the thousands.
pub(crate) fn grouped(text: &str) -> String {
    let (sign, digits) = text.strip_prefix('-').map_or(("", text), |digits| ("-", digits));
    let (whole, rest) = digits.split_at(digits.find('.').unwrap_or(digits.len()));
    let mut grouped = sign.to_owned();
    for (i, digit) in whole.chars().enumerate() {
        if i > 0 && (whole.len() - i).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped + rest
}

/// Seconds in the two largest units, such as `2 h 1 min`.
pub(crate) fn duration(seconds: f64) -> String {
    let whole = seconds.round() as u64;
    match whole {
        0..60 => format!("{} s", number(seconds)),
        60..3600 => format!("{} min {} s", whole / 60, whole % 60),
        3600..86_400 => format!("{} h {} min", whole / 3600, whole % 3600 / 60),
        _ => format!("{} d {} h", count(whole / 86_400), whole % 86_400 / 3600),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_readable() {
        let numbers = [0.0, 0.12345, 12.345, 1234.5, -1_234_567.0, 2e-5, 3.4e38, f64::NAN].map(number).join(" ");
        assert_eq!(numbers, "0 0.123 12.3 1,234 -1,234,567 2e-5 3.4e38 –");
        assert_eq!([0.873, 1.0, f64::NAN].map(percent).join(" "), "87.3% 100.0% –");
        let durations = [0.5, 59.0, 61.0, 7260.0, 100_000.0, f64::NAN].map(duration).join(", ");
        assert_eq!(durations, "0.5 s, 59 s, 1 min 1 s, 2 h 1 min, 1 d 3 h, – s");
    }
}
