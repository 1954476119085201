//! Results as rows of a table: one row for each candidate, and one for a mention without
//! candidates. The other columns of the input follow the columns of the result.

use serde::{Serialize, Serializer, ser::SerializeMap};

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

/// The cells of a row, in the order of [`COLUMNS`], then those of the other columns. An absent
/// value is an empty cell.
pub(super) type ResultRow = Vec<String>;

/// The result of a row, with the values of the other columns of the input.
pub(crate) struct LinkedRow {
    pub(crate) result: LinkResult,
    pub(crate) other: Vec<String>,
}

/// The names of the other columns of an input in the output: a name that the output has already
/// gets `input_` before it.
pub(crate) fn output_names(other: Vec<String>) -> Vec<String> {
    let mut names: Vec<String> = vec![];
    for mut name in other {
        while COLUMNS.contains(&name.as_str()) || names.contains(&name) {
            name.insert_str(0, "input_");
        }
        names.push(name);
    }
    names
}

/// A result as a line of JSON, with the other columns as the object `columns`.
#[derive(Serialize)]
pub(super) struct ResultLine<'r> {
    #[serde(flatten)]
    result: &'r LinkResult,
    #[serde(serialize_with = "write_columns", skip_serializing_if = "<[_]>::is_empty")]
    columns: Vec<(&'r str, &'r str)>,
}

fn write_columns<S: Serializer>(columns: &[(&str, &str)], serializer: S) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(Some(columns.len()))?;
    columns.iter().try_for_each(|(name, value)| map.serialize_entry(name, value))?;
    map.end()
}

impl LinkedRow {
    /// The row as a line of JSON; `names` are those of the other columns.
    pub(super) fn line<'r>(&'r self, names: &'r [String]) -> ResultLine<'r> {
        let columns = names.iter().map(String::as_str).zip(self.other.iter().map(String::as_str)).collect();
        ResultLine { result: &self.result, columns }
    }

    /// The rows of a table.
    pub(super) fn table_rows(&self) -> Vec<ResultRow> {
        let with_other = |cells: [String; COLUMNS.len()]| cells.into_iter().chain(self.other.iter().cloned()).collect();
        let result = &self.result;
        if result.candidates.is_empty() {
            return vec![with_other(result_cells(result, None))];
        }
        (1..).zip(&result.candidates).map(|candidate| with_other(result_cells(result, Some(candidate)))).collect()
    }
}

fn result_cells(result: &LinkResult, candidate: Option<(usize, &CandidateView)>) -> [String; COLUMNS.len()] {
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
        candidate.r#match.to_owned(),
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
