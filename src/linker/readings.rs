//! Which readings of a mention are tried, and when one is better than the mention as written.
//!
//! Readings come from the one that leaves out most to the one that leaves out least. The first one
//! is linked like a mention, unless one of them is a name; the others, which keep a side or a
//! degree, are names or nothing. So a mention costs one more embedding at most, or a few more if
//! its spelling is repaired. A smaller reading that is a name replaces a larger one.
//!
//! Invariant: the mention as written wins if it is a name; a reading wins only with a better
//! answer. A term that the mention denies is never linked.

use crate::{
    domain::MatchKind,
    linker::{
        answer::{Answer, AnswerStatus, Candidate, ReadAs},
        query::Query,
    },
    reading::{LeftOutKind, Reading, readings},
    text,
};

/// Factor by which the score of a reading must be better where there are no probabilities.
const READING_PENALTY: f32 = 0.97;

/// The mark that a name does not have, and that a reading explains.
const MARK: char = '?';

/// A text that is linked for a query: the mention as written, or a reading.
pub(super) struct TextQuery<'a> {
    pub(super) query: &'a Query<'a>,
    /// The text that the encoder reads.
    pub(super) text: String,
    /// The reading; absent for the mention as written.
    pub(super) reading: Option<Reading>,
    /// Whether only names are looked up: no repair of spelling, no embedding.
    pub(super) is_name_only: bool,
}

impl<'a> TextQuery<'a> {
    /// The mention as written.
    pub(super) fn as_written(query: &'a Query<'a>) -> Self {
        Self { query, text: text::clean(query.text), reading: None, is_name_only: false }
    }
}

/// The readings of a mention that is answered with `written` if it is not read.
pub(super) fn readings_to_try<'a>(query: &'a Query<'a>, written: &Answer) -> impl Iterator<Item = TextQuery<'a>> {
    let wanted = query.options.readings && !is_name(written);
    let all = if wanted { readings(&text::clean(query.text)) } else { vec![] };
    all.into_iter().enumerate().map(|(position, reading)| TextQuery {
        query,
        text: reading.text.clone(),
        reading: Some(reading),
        is_name_only: position > 0,
    })
}

/// The reading of a mention that leaves out marks alone, such as "?", so that its name is the same.
pub(super) fn marks_left_out(query: &Query<'_>) -> Option<ReadAs> {
    if !query.options.readings || !query.text.contains(MARK) {
        return None;
    }
    let written = text::clean(query.text);
    let key = text::normalize(&written);
    let reading = readings(&written).into_iter().find(|reading| text::normalize(&reading.text) == key)?;
    Some(ReadAs { text: reading.text, left_out: reading.left_out })
}

/// The answer for a reading, if it is better than the `current` one.
pub(super) fn better_reading(current: &Answer, read: Answer, text: TextQuery<'_>) -> Option<Answer> {
    let reading = text.reading?;
    let denies = reading.left_out.iter().any(|part| part.kind.denies_term());
    let is_acute = reading.left_out.iter().any(|part| part.kind == LeftOutKind::Acute);
    let is_current_denied = current.read_as.as_ref().is_some_and(ReadAs::denies_term);
    // Of the mention as written nothing says that the term is denied, so a reading replaces it.
    let must_replace = denies && !is_current_denied && !read.candidates.is_empty();
    let is_current_linked = current.read_as.as_ref().filter(|_| current.status != AnswerStatus::Nil);
    let is_smaller = |other: &ReadAs| reading.left_out.iter().all(|part| other.left_out.contains(part));
    if is_current_linked.is_some_and(|other| !is_smaller(other) || !is_name(&read)) {
        return None;
    }
    let read_as = Some(ReadAs { text: reading.text, left_out: reading.left_out });
    let read = Answer { read_as, truncated: current.truncated || read.truncated, ..read };
    if !must_replace && (is_current_denied && !denies || worth(&read) <= worth(current)) {
        return None;
    }
    let status = match read.status {
        _ if denies => AnswerStatus::Nil,
        // The mention means more than the chronic disease that the reading names.
        AnswerStatus::Linked if is_acute => AnswerStatus::Ambiguous,
        status => status,
    };
    Some(Answer { status, ..read })
}

/// Whether the text is a name of the best candidate.
pub(super) fn is_name(answer: &Answer) -> bool {
    answer.candidates.first().is_some_and(|best| best.kind <= MatchKind::Variant)
}

/// How good an answer is: the probability of its best candidates, or else their score.
fn worth(answer: &Answer) -> f32 {
    let Some(best) = answer.candidates.first().filter(|best| best.contradiction.is_none()) else { return 0.0 };
    let tied = answer.candidates.iter().take_while(|one| (one.score, one.kind) == (best.score, best.kind));
    let probability: Option<f32> = tied.map(|one: &Candidate| one.probability).sum();
    let penalty = if answer.read_as.is_some() { READING_PENALTY } else { 1.0 };
    probability.unwrap_or(best.score * penalty)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{concepts::Filter, linker::mention::LinkOptions};

    #[test]
    fn readings_after_the_first_are_names_or_nothing() {
        let filter = Filter::of_all(1);
        let query = Query {
            text: "severe left arm pain",
            top_k: 5,
            min_score: None,
            filter: &filter,
            options: LinkOptions::default(),
        };
        let written = Answer { status: AnswerStatus::Nil, candidates: vec![], read_as: None, truncated: false };
        let tried: Vec<_> = readings_to_try(&query, &written).map(|text| (text.text, text.is_name_only)).collect();
        let expected = [("arm pain", false), ("left arm pain", true)].map(|(text, only)| (text.to_owned(), only));
        assert_eq!(tried, expected);
        let options = LinkOptions { readings: false, ..query.options };
        assert_eq!(readings_to_try(&Query { options, ..query }, &written).count(), 0);
    }
}
