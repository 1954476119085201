//! Finds the parts of a mention that qualify its term: a chain of parts at the start, a chain at
//! the end, and sides and groups in parentheses between them.
//!
//! Invariant: parts are in the order of the mention and do not overlap; at least one token is in no
//! part.

use std::{cell::OnceCell, ops::Range};

use super::{
    LeftOutKind, quantity,
    table::{self, Condition, DASHES, GLUE, MAX_PHRASE, Words, is_in},
    tokens::Tokens,
};

/// Some tokens of a mention and what they say about the term.
#[derive(Clone)]
pub(super) struct Part {
    pub(super) tokens: Range<usize>,
    pub(super) kind: LeftOutKind,
}

/// The most tokens of a part at the end of a mention.
const MAX_LAST_PART: usize = 10;

/// Finds the parts of one mention.
pub(super) struct Finder<'t, 'a> {
    tokens: &'t Tokens<'a>,
    /// Whether the mention has a dose, once a condition asked.
    has_dose: OnceCell<bool>,
}

impl<'t, 'a> Finder<'t, 'a> {
    pub(super) fn new(tokens: &'t Tokens<'a>) -> Self {
        Finder { tokens, has_dose: OnceCell::new() }
    }

    /// All parts; none if nothing would remain.
    pub(super) fn parts(&self) -> Vec<Part> {
        let mut parts = self.first_parts();
        let start = parts.last().map_or(0, |part| part.tokens.end);
        let last = self.last_parts(start);
        let end = last.first().map_or(self.tokens.len(), |part| part.tokens.start);
        if start >= end {
            return vec![];
        }
        self.push_inner_parts(start..end, &mut parts);
        parts.extend(last);
        parts
    }

    /// The chain of parts at the start.
    fn first_parts(&self) -> Vec<Part> {
        let mut parts: Vec<Part> = vec![];
        let mut at = 0;
        while at < self.tokens.len() && self.protected(at).is_none() {
            let Some((mut end, kind)) = self.first_part(at) else { break };
            while is_assertion(kind) && GLUE.contains(&self.tokens.key(end)) && self.protected(end).is_none() {
                end += 1;
            }
            if kind == LeftOutKind::Negated && self.denies_change(at..end) {
                return vec![];
            }
            parts.push(Part { tokens: at..end, kind });
            at = end;
        }
        parts
    }

    fn first_part(&self, at: usize) -> Option<(usize, LeftOutKind)> {
        if let Some(kind) = self.group_kind(at) {
            return (kind != LeftOutKind::Parenthesis).then_some((at + 1, kind));
        }
        self.person(at).or_else(|| quantity::before(self.tokens, at)).or_else(|| self.phrase_before(at))
    }

    /// The longest phrase before the term at a token.
    fn phrase_before(&self, at: usize) -> Option<(usize, LeftOutKind)> {
        if self.is_question(at) {
            return Some((at + 1, LeftOutKind::Possible));
        }
        (at + 1..=at + MAX_PHRASE).rev().find_map(|end| {
            let (kind, condition) = table::before(self.tokens.phrase(at..end))?;
            let end = if condition == Condition::BeforeMark { self.behind_mark(end)? } else { end };
            self.holds(condition, &(at..end)).then_some((end, kind))
        })
    }

    /// Whether a denial denies only that a present term changes: "no improvement in".
    fn denies_change(&self, denial: Range<usize>) -> bool {
        let end = denial.end;
        let is_open = denial.into_iter().any(|i| is_in(Words::ChangeDenials, self.tokens.key(i)));
        is_open && is_in(Words::Changes, self.tokens.key(end)) && end + 1 < self.tokens.len()
    }

    /// The token behind a mark at a token: a colon before it, or a dash.
    fn behind_mark(&self, at: usize) -> Option<usize> {
        let is_dash = DASHES.contains(&self.tokens.key(at)) && at > 0;
        let next = at + usize::from(is_dash);
        (next < self.tokens.len() && (is_dash || self.tokens.gap(at).contains(':'))).then_some(next)
    }

    /// A person with the verb that follows: "patient denies", "45 yo man with", "his mother
    /// had".
    fn person(&self, at: usize) -> Option<(usize, LeftOutKind)> {
        let skip = |from: usize, set| (from..from + 5).take_while(|&i| is_in(set, self.tokens.key(i))).count();
        if let Some(relatives) = relatives(self.tokens, at) {
            return Some((self.relatives_end(at, relatives)?, LeftOutKind::Family));
        }
        let words = at + skip(at, Words::BeforeSubject);
        let age = quantity::age(self.tokens, words);
        let subject = age.unwrap_or(words);
        let key = self.tokens.key(subject);
        let has_subject = is_in(Words::Subjects, key) && (age.is_some() || key.len() > 1);
        if age.is_none() && !has_subject {
            return None;
        }
        self.assertion(subject + usize::from(has_subject))
    }

    /// The end of relatives with the verb or mark that follows: "mother had", "sister:", "aunt's".
    fn relatives_end(&self, at: usize, relatives: Range<usize>) -> Option<usize> {
        let Range { start, end } = relatives;
        let key = self.tokens.key(end - 1);
        if let Some(end) = self.assertion(end).map(|(end, _)| end).or_else(|| self.behind_mark(end)) {
            return Some(end);
        }
        let is_parted = key.ends_with('\'') || key.ends_with("'s") || self.tokens.gap(end).contains(',');
        // "family planning" and "partner abuse" are terms, "maternal aunt" and "her partner" are
        // persons.
        let is_person = is_in(Words::Kin, key) || (start > at && key != "family");
        (is_parted || is_person).then_some(end)
    }

    fn assertion(&self, at: usize) -> Option<(usize, LeftOutKind)> {
        let is_article = GLUE.contains(&self.tokens.key(at));
        self.phrase_before(at).filter(|&(_, kind)| is_assertion(kind) && !is_article)
    }

    /// The chain of parts at the end, from token `start` on at most.
    fn last_parts(&self, start: usize) -> Vec<Part> {
        let len = self.tokens.len();
        // The part at a token, if a chain from it reaches the end.
        let mut chain: Vec<Option<(usize, LeftOutKind)>> = vec![None; len];
        let mut first = len;
        for at in (start..len).rev() {
            if first - at > MAX_LAST_PART {
                break;
            }
            let reaches_end = |&(end, _): &(usize, LeftOutKind)| end == len || (end < len && chain[end].is_some());
            if let Some(part) = self.candidates(at).find(reaches_end) {
                chain[at] = Some(part);
                first = at;
            }
        }
        let mut parts = vec![];
        while let Some(&Some((end, kind))) = chain.get(first) {
            parts.push(Part { tokens: first..end, kind });
            first = end;
        }
        parts
    }

    /// The parts after the term that may start at a token, the longest phrase first.
    fn candidates(&self, at: usize) -> impl Iterator<Item = (usize, LeftOutKind)> {
        let phrases = (at + 1..=at + MAX_PHRASE).rev().filter_map(move |end| {
            let (kind, condition) = table::after(self.tokens.phrase(at..end))?;
            self.holds(condition, &(at..end)).then_some((end, kind))
        });
        let quantity = quantity::after(self.tokens, at);
        let group = self.group_kind(at).map(|kind| (at + 1, kind));
        let question = self.is_question(at).then_some((at + 1, LeftOutKind::Possible));
        let first = self.answer(at).into_iter().chain(quantity);
        first.chain(phrases).chain(self.relative_after(at)).chain(group).chain(question)
    }

    /// An answer behind a mark: ": no", "- denied", "= 0".
    fn answer(&self, at: usize) -> Option<(usize, LeftOutKind)> {
        let start = self.behind_mark(at)?;
        (start + 1..=start + MAX_PHRASE).rev().find_map(|end| {
            let phrase = self.tokens.phrase(start..end);
            let after = || table::after(phrase).filter(|&(kind, _)| is_assertion(kind));
            let (kind, condition) = table::answer(phrase).or_else(after)?;
            self.holds(condition, &(at..end)).then_some((end, kind))
        })
    }

    /// "in mother", "in his maternal aunt", "- father", ": sister", ", brother".
    fn relative_after(&self, at: usize) -> Option<(usize, LeftOutKind)> {
        let parted = self.behind_mark(at);
        let start = parted.unwrap_or(at);
        let first = start + usize::from(self.tokens.key(start) == "in");
        let relatives = relatives(self.tokens, first)?;
        // "macrocephaly, relative" is a name.
        let is_kin = is_in(Words::Kin, self.tokens.key(relatives.start));
        let has_comma = is_kin && self.tokens.gap(at).contains(',');
        (parted.is_some() || first > start || has_comma).then_some((relatives.end, LeftOutKind::Family))
    }

    /// Adds the sides and groups between the first and the last parts.
    fn push_inner_parts(&self, range: Range<usize>, parts: &mut Vec<Part>) {
        let mut at = range.start;
        while at < range.end {
            if let Some(end) = self.protected(at) {
                at = end;
                continue;
            }
            let part = match self.group_kind(at) {
                Some(kind) => Some((at + 1, kind)),
                None => self.phrase_before(at).filter(|&(_, kind)| kind == LeftOutKind::Laterality),
            };
            match part {
                Some((end, kind)) if end <= range.end => {
                    parts.push(Part { tokens: at..end, kind });
                    at = end;
                }
                _ => at += 1,
            }
        }
        if parts.iter().map(|part| part.tokens.len()).sum::<usize>() >= range.end {
            parts.clear();
        }
    }

    /// The end of a protected phrase at a token.
    fn protected(&self, at: usize) -> Option<usize> {
        (at + 2..=at + MAX_PHRASE).rev().find(|&end| is_in(Words::Protected, self.tokens.phrase(at..end)))
    }

    /// What a group in parentheses says about the term; none if its text may change the term.
    fn group_kind(&self, at: usize) -> Option<LeftOutKind> {
        let group = self.tokens.group(at)?;
        let inside = Tokens::new(group);
        let phrase = inside.phrase(0..inside.len());
        let side = table::before(self.tokens.key(at));
        let meaning =
            side.or_else(|| table::answer(phrase)).or_else(|| table::after(phrase)).or_else(|| table::before(phrase));
        if let Some((kind, condition)) = meaning
            && !matches!(condition, Condition::WithDose | Condition::Before(_) | Condition::BeforeMark)
            && self.holds(condition, &(at..at + 1))
        {
            return Some(kind);
        }
        if inside.key(0).starts_with('?') && inside.len() == 1 {
            return Some(LeftOutKind::Possible);
        }
        let first = usize::from(inside.key(0) == "in");
        if relatives(&inside, first).is_some_and(|relatives| relatives.end == inside.len()) {
            return Some(LeftOutKind::Family);
        }
        let is_claim = |i: usize| {
            table::before(inside.key(i)).is_some_and(|(kind, _)| kind.denies_term() || kind == LeftOutKind::Possible)
        };
        let is_safe = self.is_synonym(at, group) || (0..inside.len()).all(|i| !changes_term(inside.key(i)));
        let is_word = |i: usize| inside.key(i).chars().filter(|c| c.is_alphabetic()).count() > 1;
        let is_numeral = group.chars().all(|c| matches!(c, 'I' | 'V' | 'X' | 'i' | 'v' | 'x'));
        let is_term = is_safe && !is_numeral && (0..inside.len()).any(is_word) && !(0..inside.len()).any(is_claim);
        is_term.then_some(LeftOutKind::Parenthesis)
    }

    /// Whether a group is the long form or the abbreviation of the words before it.
    fn is_synonym(&self, at: usize, group: &str) -> bool {
        let before = |words: usize| self.tokens.written(at.saturating_sub(words)..at);
        abbreviates(before(1), group) || (1..=group.len().min(8)).any(|words| abbreviates(group, before(words)))
    }

    /// Whether the condition of a phrase holds at its tokens.
    fn holds(&self, condition: Condition, part: &Range<usize>) -> bool {
        let before = part.start.checked_sub(1).map_or("", |last| self.tokens.key(last));
        let end = part.end;
        match condition {
            Condition::Always | Condition::BeforeMark => true,
            Condition::NotBehind(set) => !is_in(set, before),
            Condition::NoTest => {
                let is_test = |i| is_in(Words::TestNames, self.tokens.key(i));
                let is_number = self.tokens.key(end.saturating_sub(1)) == "0" && is_in(Words::Numbered, before);
                !is_number && !(0..self.tokens.len()).any(is_test)
            }
            Condition::WithDose => {
                *self.has_dose.get_or_init(|| (0..self.tokens.len()).any(|i| quantity::is_dosing(self.tokens, i)))
            }
            Condition::Before(set) => (end..end + 2).any(|i| is_in(set, self.tokens.key(i))),
        }
    }

    fn is_question(&self, at: usize) -> bool {
        self.tokens.key(at).starts_with('?')
    }
}

/// The words for relatives at a token, without the words before the first: "his aunt and uncle".
fn relatives(tokens: &Tokens<'_>, at: usize) -> Option<Range<usize>> {
    let relative = |from: usize| {
        let words = (from..from + 5).take_while(|&i| is_in(Words::BeforeRelative, tokens.key(i))).count();
        let key = tokens.key(from + words);
        let name = key.strip_suffix("'s").or_else(|| key.strip_suffix('\'')).unwrap_or(key);
        is_in(Words::Relatives, name).then_some(from + words)
    };
    let start = relative(at)?;
    let mut end = start + 1;
    while let Some(next) = relative(end + 1).filter(|_| ["and", "or", "&", "/"].contains(&tokens.key(end))) {
        end = next + 1;
    }
    Some(start..end)
}

/// Whether a word in parentheses may change the term: "(acute)", "(+)", "(2)".
fn changes_term(key: &str) -> bool {
    is_in(Words::Changing, key)
        || key.starts_with(['-', '+', '?'])
        || key.ends_with(['-', '+'])
        || key.starts_with("non")
        || key.contains(|c: char| c.is_numeric() || matches!(c, '<' | '>' | '=' | '\u{2191}' | '\u{2193}'))
}

/// Whether a kind is about the document's claim, not about the term.
fn is_assertion(kind: LeftOutKind) -> bool {
    use LeftOutKind::{Allergy, Family, Historical, Negated, Possible, Reported};
    matches!(kind, Negated | Family | Allergy | Possible | Historical | Reported)
}

/// Whether the letters and digits of an abbreviation occur in this order in a longer text, whose
/// first letter is its own and which has no other digits.
pub(super) fn abbreviates(short: &str, long: &str) -> bool {
    let is_capital = short.chars().filter(|c| c.is_uppercase()).count() > 1;
    let mut letters = long.chars().flat_map(char::to_lowercase);
    let mut wanted = short.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase);
    is_capital
        && short.len() < long.len()
        && short.chars().filter(|c| c.is_numeric()).eq(long.chars().filter(|c| c.is_numeric()))
        && letters.next() == wanted.next()
        && wanted.all(|letter| letters.any(|c| c == letter))
}
