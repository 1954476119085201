//! Results as rows of a table: one row for each candidate, and one for a mention without
//! candidates.

use crate::http::{CandidateView, LinkResult};

/// The columns of a table of results.
pub(super) const COLUMNS: [&str; 12] = [
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
    let (id, mention, status) = (result.id.clone(), result.mention.clone(), result.status.as_str().to_owned());
    let error = result.error.as_ref().map(|problem| problem.type_uri.clone()).unwrap_or_default();
    let Some((rank, candidate)) = candidate else {
        let [rank, cui, name, matched_name, kind, score, probability, types] = <[String; 8]>::default();
        return [id, mention, status, rank, cui, name, matched_name, kind, score, probability, types, error];
    };
    let types: Vec<&str> = candidate.semantic_types.iter().map(|semantic_type| semantic_type.tui.as_str()).collect();
    [
        id,
        mention,
        status,
        rank.to_string(),
        candidate.cui.clone(),
        candidate.name.clone(),
        candidate.matched_name.clone(),
        candidate.r#match.as_str().to_owned(),
        decimal(candidate.score),
        candidate.probability.map(decimal).unwrap_or_default(),
        types.join("|"),
        error,
    ]
}

/// The shortest decimal number that is read as `value`, as JSON has it: `1.0`, `0.8333`.
fn decimal(value: f64) -> String {
    format!("{value:?}")
}
