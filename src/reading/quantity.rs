//! Recognizes quantities at a place of a mention: doses, values, frequencies and times.
//!
//! A plain number is a value only behind the name of a test ("HR 110"), because most numbers
//! belong to the name: "type 2", "B 12", "COVID 19", "HPV 16". A number with a unit of
//! measurement, a decimal point, a percent sign or a comparison is a value behind any word but
//! those of `NUMBERED`. A fraction is a value behind the name of a test, or as a score of ten
//! ("8/10"): "HPV 16/18" are types.
//!
//! Invariant: each function looks at a bounded number of tokens.

use super::{
    LeftOutKind,
    table::{DOSING, DURATION_WORDS, NUMBER_WORDS, TIME_MODIFIERS, Words, is_in},
    tokens::Tokens,
};

/// A number at the start of a key.
struct Number<'k> {
    is_decimal: bool,
    /// The number behind a slash.
    denominator: Option<&'k str>,
    /// The rest of the key, often a unit.
    rest: &'k str,
}

/// What a unit measures.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Unit {
    Dose,
    Value,
    Percent,
    Time,
    /// "C" or "F", which are also letters of names.
    Temperature,
}

/// A number with its unit, in words or digits.
struct Quantity<'k> {
    end: usize,
    number: Number<'k>,
    unit: Option<Unit>,
}

/// The end and kind of a dose or measured size before the term: "500 mg", "3 cm".
///
/// A percentage is part of the term: "0.9% saline".
pub(super) fn before(tokens: &Tokens<'_>, i: usize) -> Option<(usize, LeftOutKind)> {
    let quantity = quantity(tokens, i)?;
    match quantity.unit? {
        Unit::Dose => Some((quantity.end + usize::from(tokens.key(quantity.end) == "of"), LeftOutKind::Dose)),
        Unit::Value => Some((quantity.end, LeftOutKind::Value)),
        Unit::Time => {
            let history = ["history of", "hx of"].contains(&tokens.phrase(quantity.end..quantity.end + 2));
            let word = ["h/o", "hx", "of"].contains(&tokens.key(quantity.end));
            let end = quantity.end + if history { 2 } else { usize::from(word) };
            (end > quantity.end).then_some((end, LeftOutKind::Time))
        }
        Unit::Percent | Unit::Temperature => None,
    }
}

/// The end and kind of a quantity after the term, which starts before token `i`.
pub(super) fn after(tokens: &Tokens<'_>, i: usize) -> Option<(usize, LeftOutKind)> {
    if i == 0 {
        return None;
    }
    let is_numbered = is_in(Words::Numbered, tokens.key(i - 1));
    if let Some(end) = frequency(tokens, i, is_numbered) {
        return Some((end, LeftOutKind::Frequency));
    }
    if let Some(end) = time(tokens, i) {
        return Some((end, LeftOutKind::Time));
    }
    if is_numbered {
        return None;
    }
    value(tokens, i)
}

/// Whether a dose starts at token `i`, or a frequency that is written for drugs only: "bid", "q6h".
pub(super) fn is_dosing(tokens: &Tokens<'_>, i: usize) -> bool {
    let key = tokens.key(i);
    DOSING.contains(&key)
        || key.strip_prefix('q').and_then(number).is_some_and(|number| is_in(Words::TimeUnits, number.rest))
        || quantity(tokens, i).is_some_and(|quantity| quantity.unit == Some(Unit::Dose))
}

/// The end of an age: "45 yo", "45-year-old".
pub(super) fn age(tokens: &Tokens<'_>, i: usize) -> Option<usize> {
    let number = number(tokens.key(i))?;
    let rest = number.rest.trim_start_matches('-');
    if ["yo", "y/o", "year-old", "yr-old", "years-old"].contains(&rest) {
        return Some(i + 1);
    }
    if !rest.is_empty() {
        return None;
    }
    if ["yo", "y/o", "year-old", "yr-old"].contains(&tokens.key(i + 1)) {
        return Some(i + 2);
    }
    ["year old", "yr old", "years old", "yrs old", "y old"].contains(&tokens.phrase(i + 1..i + 3)).then_some(i + 3)
}

/// A dose or value after the term: "500 mg", "of 9.1%", "> 5".
fn value(tokens: &Tokens<'_>, i: usize) -> Option<(usize, LeftOutKind)> {
    let name = tokens.key(i - 1);
    let is_test = is_in(Words::Tests, name);
    let has_word = ["of", "is", "was", "at", "to"].contains(&tokens.key(i));
    let start = i + usize::from(has_word);
    let has_sign = ["<", ">", "=", "<=", ">=", "\u{2264}", "\u{2265}", "~"].contains(&tokens.key(start));
    let quantity = quantity(tokens, start + usize::from(has_sign))?;
    let is_value = match quantity.unit {
        // "Hb 12 g" is a value, "calcium 600 mg daily" has a dose.
        Some(Unit::Dose) if is_test && quantity.end == tokens.len() => true,
        Some(Unit::Dose) if !has_word && !has_sign => return Some((quantity.end, LeftOutKind::Dose)),
        Some(Unit::Dose) => is_test,
        // "1% cream"
        Some(Unit::Percent) if (quantity.end..quantity.end + 2).any(|i| is_in(Words::Forms, tokens.key(i))) => {
            return Some((quantity.end, LeftOutKind::Dose));
        }
        Some(Unit::Value | Unit::Percent) => true,
        Some(Unit::Temperature) => is_test || quantity.number.is_decimal,
        Some(Unit::Time) => false,
        // "hydrocephalus, normal pressure, 1" ends with a number of its name.
        None if !quantity.number.rest.is_empty() || tokens.written(i - 1..i + 1).contains(',') => false,
        None if is_test || has_sign => true,
        None => match quantity.number.denominator {
            Some(denominator) => denominator == "10",
            // "22q 11.2" is a place on a chromosome.
            None => quantity.number.is_decimal && !name.contains(|c: char| c.is_ascii_digit()),
        },
    };
    is_value.then_some((quantity.end, LeftOutKind::Value))
}

/// A frequency with a number: "q6h", "every 8 hours", "2 times a day", "3x/day", "x 2".
fn frequency(tokens: &Tokens<'_>, i: usize, is_numbered: bool) -> Option<usize> {
    let key = tokens.key(i);
    if key == "q" || key == "every" || key == "each" {
        let start = i + 1 + usize::from(["other", "few"].contains(&tokens.key(i + 1)));
        return match quantity(tokens, start) {
            Some(quantity) => (quantity.unit == Some(Unit::Time)).then_some(quantity.end),
            None => is_in(Words::TimeUnits, tokens.key(start)).then_some(start + 1),
        };
    }
    if let Some(number) = key.strip_prefix('q').and_then(number) {
        return match number.rest {
            "" => is_in(Words::TimeUnits, tokens.key(i + 1)).then_some(i + 2),
            unit => is_in(Words::TimeUnits, unit).then_some(i + 1),
        };
    }
    if let Some(count) = key.strip_prefix('x').filter(|_| !is_numbered) {
        let (count, end) = if count.is_empty() { (tokens.key(i + 1), i + 2) } else { (count, i + 1) };
        let is_count = number(count).is_some_and(|number| number.rest.is_empty() && number.denominator.is_none());
        if is_count && !is_in(Words::TimeUnits, tokens.key(end)) {
            return Some(end);
        }
    }
    repetition(tokens, i)
}

/// "once a day", "2 times per week", "3x daily", "2x/week".
fn repetition(tokens: &Tokens<'_>, i: usize) -> Option<usize> {
    let key = tokens.key(i);
    let is_word = ["once", "twice", "thrice"].contains(&key);
    let number = number(key);
    let rest = number.as_ref().map_or("", |number| number.rest);
    if let Some(unit) = rest.strip_prefix("x/") {
        return is_in(Words::TimeUnits, unit).then_some(i + 1);
    }
    let is_number = (number.is_some() && ["", "x"].contains(&rest)) || NUMBER_WORDS.contains(&key);
    if !is_word && !is_number {
        return None;
    }
    let has_times = ["times", "x", "time"].contains(&tokens.key(i + 1));
    if is_number && !has_times && rest.is_empty() {
        return None;
    }
    let next = i + 1 + usize::from(has_times);
    if ["daily", "weekly", "monthly", "nightly", "hourly"].contains(&tokens.key(next)) {
        return Some(next + 1);
    }
    let joins = ["a", "per", "each", "every", "/", "in"].contains(&tokens.key(next));
    (joins && is_in(Words::TimeUnits, tokens.key(next + 1))).then_some(next + 2)
}

/// A duration or a point in time: "for 3 days", "x3d", "3 weeks ago", "since 2019".
fn time(tokens: &Tokens<'_>, i: usize) -> Option<usize> {
    let key = tokens.key(i);
    if let Some(number) = key.strip_prefix('x').and_then(number) {
        let is_glued = is_in(Words::TimeUnits, number.rest);
        let is_apart = number.rest.is_empty() && is_in(Words::TimeUnits, tokens.key(i + 1));
        return if is_glued || is_british_duration(&key[1..]) { Some(i + 1) } else { is_apart.then_some(i + 2) };
    }
    match key {
        "for" | "x" => duration(tokens, i + 1, true),
        "since" | "in" | "on" | "from" => calendar(tokens, i).or_else(|| duration(tokens, i + 1, false)),
        "over" | "during" | "within" | "lasting" => duration(tokens, i + 1, false),
        _ => duration(tokens, i, false).filter(|_| !is_in(Words::Numbered, tokens.key(i.wrapping_sub(1)))),
    }
}

/// "the past 3 days", "several weeks", "2 months ago". A bare unit counts if `allow_bare`: "for
/// years".
fn duration(tokens: &Tokens<'_>, i: usize, allow_bare: bool) -> Option<usize> {
    let words = (i..i + 5).take_while(|&j| DURATION_WORDS.contains(&tokens.key(j))).count();
    let start = i + words;
    let end = match quantity(tokens, start) {
        Some(quantity) if quantity.unit == Some(Unit::Time) => quantity.end,
        Some(_) => return None,
        None if is_in(Words::TimeUnits, tokens.key(start)) && tokens.key(start).len() > 2 => start + 1,
        None => return None,
    };
    let has_number = quantity(tokens, start).is_some();
    let is_ago = ["ago", "prior", "now", "duration"].contains(&tokens.key(end));
    // "a week" alone is no duration, "a week ago" and "the last week" are.
    let has_words = words > 1 || (words == 1 && !["a", "an", "the", "of", "at", "over"].contains(&tokens.key(i)));
    (allow_bare || has_number || has_words || (is_ago && words > 0)).then_some(end + usize::from(is_ago))
}

/// "in 2019", "in early March 2020", "on Monday", "since last night", "on 3/4/2020".
fn calendar(tokens: &Tokens<'_>, i: usize) -> Option<usize> {
    let is_since = tokens.key(i) == "since";
    let is_anchor = |j: usize| {
        let key = tokens.key(j);
        let is_date = is_year(key) || date(key);
        let is_day = is_in(Words::Calendar, key) || (is_since && is_in(Words::Since, key));
        // A number alone is a day of a month or an age.
        let is_day_number = j > i + 1
            && (is_in(Words::Calendar, tokens.key(j - 1)) || tokens.key(j - 1) == "age")
            && number(key).is_some_and(|number| ["", "st", "nd", "rd", "th"].contains(&number.rest));
        is_date || is_day || is_day_number
    };
    let mut end = None;
    for j in i + 1..i + 6 {
        if is_anchor(j) {
            end = Some(j + 1);
        } else if !TIME_MODIFIERS.contains(&tokens.key(j)) {
            break;
        }
    }
    end
}

/// A year from 1900 to 2099, also "1990s".
fn is_year(key: &str) -> bool {
    let digits = key.strip_suffix('s').unwrap_or(key);
    digits.len() == 4
        && (digits.starts_with("19") || digits.starts_with("20"))
        && digits.bytes().all(|b| b.is_ascii_digit())
}

/// "3/2019", "3/4", "12/05/20", "2020-03-01".
fn date(key: &str) -> bool {
    let parts = key.split(['/', '-']).count();
    (2..=3).contains(&parts)
        && key.split(['/', '-']).all(|part| matches!(part.len(), 1 | 2 | 4) && part.bytes().all(|b| b.is_ascii_digit()))
}

/// A number and the unit in the same or the next tokens.
fn quantity<'k>(tokens: &'k Tokens<'_>, i: usize) -> Option<Quantity<'k>> {
    let key = tokens.key(i);
    if NUMBER_WORDS.contains(&key) {
        let (unit, end) = next_unit(tokens, i + 1)?;
        return Some(Quantity {
            end,
            number: Number { is_decimal: false, denominator: None, rest: "" },
            unit: Some(unit),
        });
    }
    let number = number(key)?;
    let glued = number.rest.trim_start_matches('-');
    if !glued.is_empty() {
        let unit = unit(glued);
        return Some(Quantity { end: i + 1, number, unit });
    }
    if is_british_duration(key) {
        return Some(Quantity { end: i + 1, number, unit: Some(Unit::Time) });
    }
    match next_unit(tokens, i + 1) {
        Some((unit, end)) => Some(Quantity { end, number, unit: Some(unit) }),
        None => Some(Quantity { end: i + 1, number, unit: None }),
    }
}

/// "3/7", "2/52" and "6/12" are 3 days, 2 weeks and 6 months in British notes.
fn is_british_duration(key: &str) -> bool {
    let Some((count, of)) = key.split_once('/') else { return false };
    matches!(of, "7" | "12" | "52") && count.parse::<u8>().is_ok_and(|count| count <= 24)
}

/// The unit at token `i`, of one or two tokens.
fn next_unit(tokens: &Tokens<'_>, i: usize) -> Option<(Unit, usize)> {
    if let Some(unit) = unit(tokens.phrase(i..i + 2)) {
        return Some((unit, i + 2));
    }
    unit(tokens.key(i)).map(|unit| (unit, i + 1))
}

fn unit(key: &str) -> Option<Unit> {
    if key == "%" {
        return Some(Unit::Percent);
    }
    if is_in(Words::ValueUnits, key) {
        return Some(Unit::Value);
    }
    if is_in(Words::DoseUnits, key) || is_in(Words::Forms, key) {
        return Some(Unit::Dose);
    }
    if is_in(Words::TimeUnits, key) {
        return Some(Unit::Time);
    }
    if key == "c" || key == "f" {
        return Some(Unit::Temperature);
    }
    let (unit, per) = key.split_once('/')?;
    let is_per = |part: &str| {
        let part = part.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
        is_in(Words::DosePer, part) || is_in(Words::DoseUnits, part)
    };
    (is_in(Words::DoseUnits, unit) && per.split('/').all(is_per)).then_some(Unit::Dose)
}

/// The number at the start of a key: "5", "0.5", "1,000", "1-2", "150/90".
fn number(key: &str) -> Option<Number<'_>> {
    let first = digits(key)?;
    let rest = &key[first.len()..];
    let is_decimal = first.contains('.');
    for separator in ['-', '/'] {
        if let Some(second) = rest.strip_prefix(separator).and_then(digits) {
            let denominator = (separator == '/').then_some(second);
            let rest = &rest[1 + second.len()..];
            return Some(Number { is_decimal: is_decimal || second.contains('.'), denominator, rest });
        }
    }
    Some(Number { is_decimal, denominator: None, rest })
}

/// The digits at the start of a text, with points and commas between digits.
fn digits(text: &str) -> Option<&str> {
    let bytes = text.as_bytes();
    let is_digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
    let mut end = 0;
    while is_digit(end) || (end > 0 && matches!(bytes.get(end), Some(b'.' | b',')) && is_digit(end + 1)) {
        end += 1;
    }
    (end > 0).then(|| &text[..end])
}
