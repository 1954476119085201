//! Results as rows of a table: one row for each candidate, and one for a mention without
//! candidates.

use crate::http::{CandidateView, ContradictionView, LeftOutView, LinkResult};

/// The columns of a table of results. New ones come last, for readers that count columns.
pub(super) const COLUMNS: [&str; 16] = [
    "id",
    "mention",
    "status",
    "rank",
    "cui",
    "name",
    "matched_name",
    "match",
    "score",
    "probability",
    "semantic_types",
    "error",
    "read_as",
    "left_out",
    "truncated",
    "contradiction",
];
/// Position of the column that is empty in a row without a candidate.
pub(super) const RANK: usize = 3;

/// The cells of a row, in the order of [`COLUMNS`]. An absent value is an empty cell.
pub(super) type ResultRow = [String; COLUMNS.len()];

/// The rows of a result.
pub(super) fn table_rows(result: &LinkResult) -> Vec<ResultRow> {
    if result.candidates.is_empty() {
        return vec![table_row(result, None)];
    }
    (1..).zip(&result.candidates).map(|candidate| table_row(result, Some(candidate))).collect()
}

fn table_row(result: &LinkResult, candidate: Option<(usize, &CandidateView)>) -> ResultRow {
    let [rank, cui, name, matched_name, kind, score, probability, types, contradiction] =
        candidate.map(candidate_cells).unwrap_or_default();
    let left_out: Vec<String> = result.left_out.iter().map(left_out_cell).collect();
    [
        result.id.clone(),
        result.mention.clone(),
        result.status.as_str().to_owned(),
        rank,
        cui,
        name,
        matched_name,
        kind,
        score,
        probability,
        types,
        result.error.as_ref().map(|problem| problem.type_uri.clone()).unwrap_or_default(),
        result.read_as.clone().unwrap_or_default(),
        left_out.join("; "),
        if result.truncated { "true".to_owned() } else { String::new() },
        contradiction,
    ]
}

/// The cells of a candidate: its rank, then its columns in their order.
fn candidate_cells((rank, candidate): (usize, &CandidateView)) -> [String; 9] {
    let types: Vec<&str> = candidate.semantic_types.iter().map(|semantic_type| semantic_type.tui.as_str()).collect();
    [
        rank.to_string(),
        candidate.cui.clone(),
        candidate.name.clone(),
        candidate.matched_name.clone(),
        candidate.r#match.as_str().to_owned(),
        decimal(candidate.score),
        candidate.probability.map(decimal).unwrap_or_default(),
        types.join("|"),
        candidate.contradiction.as_ref().map(contradiction_cell).unwrap_or_default(),
    ]
}

/// Such as `500 mg (dose)`.
fn left_out_cell(part: &LeftOutView) -> String {
    format!("{} ({})", part.text, part.kind)
}

/// Such as `side: left / right`; `-` stands for a side without words.
fn contradiction_cell(contradiction: &ContradictionView) -> String {
    let or_dash = |words: &str| if words.is_empty() { "-".to_owned() } else { words.to_owned() };
    format!("{}: {} / {}", contradiction.kind, or_dash(&contradiction.mention), or_dash(&contradiction.name))
}

/// The shortest decimal number that is read as `value`, as JSON has it: `1.0`, `0.8333`.
fn decimal(value: f64) -> String {
    format!("{value:?}")
}
