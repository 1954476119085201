//! The answer to `POST /link`, and the lines of its streams.
//!
//! Invariants: a result repeats only the id and the text of its mention, and words of that text; a
//! field that says nothing is absent.

use serde::Serialize;
use utoipa::{
    ToSchema,
    openapi::schema::{Object, ObjectBuilder, Type},
};

use crate::{
    concepts::ConceptStore,
    contradiction::{Contradiction, ContradictionKind},
    domain::MatchKind,
    http::{
        problem::Problem,
        response::semantic_type::{SemanticTypeView, semantic_types},
    },
    linker::{Answer, AnswerStatus, Candidate, Explanation, FeaturePart},
    reading::{LeftOut, LeftOutKind},
};

/// Answer to `POST /link`.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "results": [{"id": "m1", "mention": "heart attack", "status": "linked", "candidates": [{
        "cui": "C0027051", "name": "myocardial infarction", "matched_name": "heart attack", "match": "exact", "score": 1.0,
        "semantic_types": [{"tui": "T047", "name": "Disease or Syndrome", "group": "DISO"}]}]},
        {"id": "m2", "mention": "h/o asthma", "status": "linked", "read_as": "asthma",
        "left_out": [{"text": "h/o", "kind": "historical"}], "candidates": [{
        "cui": "C0004096", "name": "asthma", "matched_name": "asthma", "match": "exact", "score": 1.0,
        "semantic_types": [{"tui": "T047", "name": "Disease or Syndrome", "group": "DISO"}]}]}],
    "model": "saplink-mini@5f0c0f3a", "index": "starter@91bc7a10",
}))]
pub(crate) struct LinkResponse {
    /// One result for each mention, in their order.
    pub(crate) results: Vec<LinkResult>,
    /// Name and fingerprint of the model.
    pub(crate) model: String,
    /// Name and fingerprint of the index.
    pub(crate) index: String,
}

/// The answer for one mention.
#[derive(Serialize, ToSchema)]
pub(crate) struct LinkResult {
    /// The mention's id, or `m1`, `m2`, ..
    pub(crate) id: String,
    pub(crate) mention: String,
    pub(crate) status: LinkStatus,
    /// The part of the mention that the candidates are for; absent when it is the whole mention.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "metformin")]
    pub(crate) read_as: Option<String>,
    /// The parts of the mention that `read_as` lacks, in their order; absent when there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) left_out: Vec<LeftOutView>,
    /// True when the model read only the beginning of the text, because it has too many tokens;
    /// absent otherwise.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) truncated: bool,
    /// Best first: by score, then match, then concept id. An ambiguous mention lists every concept
    /// that owns its best name, even beyond `top_k`.
    pub(crate) candidates: Vec<CandidateView>,
    /// The problem of this mention, when `status` is `error`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<Problem>,
}

/// The meaning of a result as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LinkStatus {
    /// The first candidate is the concept.
    Linked,
    /// Several concepts own the best name, repairs of a misspelled word contradict each other, or
    /// the mention means an acute episode of a chronic disease ("acute on chronic").
    Ambiguous,
    /// No candidate reaches the NIL threshold of the index, the best one contradicts the mention,
    /// or the mention denies the term; candidates are still listed.
    Nil,
    /// The mention cannot be linked.
    Error,
}

impl LinkStatus {
    /// Every status.
    pub(crate) const ALL: [Self; 4] = [Self::Linked, Self::Ambiguous, Self::Nil, Self::Error];

    /// The name in JSON, tables and metrics.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Linked => "linked",
            Self::Ambiguous => "ambiguous",
            Self::Nil => "nil",
            Self::Error => "error",
        }
    }
}

/// A part of the mention that was left out.
#[derive(Serialize, ToSchema)]
pub(crate) struct LeftOutView {
    /// The part as it was written.
    #[schema(example = "500 mg")]
    pub(crate) text: String,
    /// The kind of statement about the term.
    #[schema(schema_with = left_out_kinds)]
    pub(crate) kind: &'static str,
}

/// A concept that the mention may mean.
#[derive(Serialize, ToSchema)]
pub(crate) struct CandidateView {
    /// The concept's id: a CUI, or another vocabulary's prefixed id.
    #[schema(example = "C0027051")]
    pub(crate) cui: String,
    /// Its preferred name.
    pub(crate) name: String,
    /// The name through which it was found.
    pub(crate) matched_name: String,
    /// How the name was found.
    #[schema(schema_with = match_kinds)]
    pub(crate) r#match: &'static str,
    /// 1 for exact and normalized names only, 0.9999 for variants of names; otherwise the cosine of
    /// the embeddings. For a mention with repaired words, times the similarity of the spelling; up
    /// to 0.05 less if the names of the concept lack words of the mention. Rounded to four decimals
    /// after the candidates were ordered.
    pub(crate) score: f64,
    /// Calibrated probability that this is the concept and no candidate before it is; owners of an
    /// ambiguous name share theirs. Absent when the index is not calibrated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) probability: Option<f64>,
    /// Why the mention cannot mean `matched_name`; absent when nothing contradicts it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) contradiction: Option<ContradictionView>,
    pub(crate) semantic_types: Vec<SemanticTypeView>,
    /// How the probability came about; only if the request has `explain`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) explain: Option<ExplanationView>,
}

/// Words of a mention and of a name that contradict each other.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"kind": "side", "mention": "left", "name": "right"}))]
pub(crate) struct ContradictionView {
    /// What the two differ in.
    #[schema(schema_with = contradiction_kinds)]
    pub(crate) kind: &'static str,
    /// The words of the mention; empty if only the name has such a word.
    pub(crate) mention: String,
    /// The words of the name; empty if only the mention has such a word.
    pub(crate) name: String,
}

/// How a probability came about: its logit is `offset` plus the parts of all features. Numbers are
/// rounded to four decimals.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"offset": -1.2, "features": [{"feature": "cosine", "value": 0.93, "part": 2.1}]}))]
pub(crate) struct ExplanationView {
    /// The logit when every feature is 0.
    pub(crate) offset: f64,
    /// The features that are not 0.
    pub(crate) features: Vec<FeatureView>,
}

/// The part of a feature in a probability.
#[derive(Serialize, ToSchema)]
pub(crate) struct FeatureView {
    /// Its name.
    pub(crate) feature: &'static str,
    /// Its value.
    pub(crate) value: f64,
    /// What it adds to the logit.
    pub(crate) part: f64,
}

impl LinkResult {
    /// The result of a mention that was linked.
    pub(crate) fn new(id: String, mention: String, answer: &Answer, concepts: &ConceptStore) -> Self {
        let status = match answer.status {
            AnswerStatus::Linked => LinkStatus::Linked,
            AnswerStatus::Ambiguous => LinkStatus::Ambiguous,
            AnswerStatus::Nil => LinkStatus::Nil,
        };
        let candidates = answer.candidates.iter().map(|c| CandidateView::new(c, concepts)).collect();
        let read_as = answer.read_as.as_ref();
        let left_out = read_as.map_or(&[][..], |reading| &reading.left_out).iter().map(LeftOutView::new).collect();
        let read_as = read_as.map(|reading| reading.text.clone());
        Self { id, mention, status, read_as, left_out, truncated: answer.truncated, candidates, error: None }
    }

    /// The result of a mention that cannot be linked.
    pub(crate) fn error(id: String, mention: String, error: Problem) -> Self {
        Self {
            id,
            mention,
            status: LinkStatus::Error,
            read_as: None,
            left_out: vec![],
            truncated: false,
            candidates: vec![],
            error: Some(error),
        }
    }
}

impl LeftOutView {
    fn new(part: &LeftOut) -> Self {
        Self { text: part.text.clone(), kind: part.kind.as_str() }
    }
}

impl CandidateView {
    fn new(candidate: &Candidate, concepts: &ConceptStore) -> Self {
        Self {
            cui: concepts.id(candidate.concept).into(),
            name: concepts.preferred_name(candidate.concept).into(),
            matched_name: concepts.atom(candidate.atom).name.into(),
            r#match: candidate.kind.as_str(),
            score: rounded(candidate.score),
            probability: candidate.probability.map(rounded),
            contradiction: candidate.contradiction.as_ref().map(ContradictionView::new),
            semantic_types: semantic_types(candidate.concept, concepts),
            explain: candidate.explanation.as_ref().map(ExplanationView::new),
        }
    }
}

impl ContradictionView {
    fn new(contradiction: &Contradiction) -> Self {
        let Contradiction { kind, mention, name } = contradiction;
        Self { kind: kind.as_str(), mention: mention.clone(), name: name.clone() }
    }
}

impl ExplanationView {
    fn new(explanation: &Explanation) -> Self {
        let feature = |&FeaturePart { feature, value, part }: &FeaturePart| FeatureView {
            feature,
            value: rounded(value),
            part: rounded(part),
        };
        Self { offset: rounded(explanation.offset), features: explanation.features.iter().map(feature).collect() }
    }
}

/// A number of an answer: four decimals.
fn rounded(value: f32) -> f64 {
    (f64::from(value) * 1e4).round() / 1e4
}

fn match_kinds() -> Object {
    names_schema("How the name was found.", MatchKind::ALL.map(MatchKind::as_str))
}

fn left_out_kinds() -> Object {
    names_schema("What the part says about the term.", LeftOutKind::ALL.map(LeftOutKind::as_str))
}

fn contradiction_kinds() -> Object {
    names_schema("What mention and name differ in.", ContradictionKind::ALL.map(ContradictionKind::as_str))
}

/// The schema of a string that is one of `names`.
fn names_schema(description: &str, names: impl IntoIterator<Item = &'static str>) -> Object {
    ObjectBuilder::new().schema_type(Type::String).description(Some(description)).enum_values(Some(names)).build()
}

/// Writes each value as a line of JSON.
///
/// # Errors
/// When a value cannot be written as JSON.
pub(crate) fn write_lines(values: impl IntoIterator<Item = impl Serialize>) -> Result<Vec<u8>, serde_json::Error> {
    let mut lines = vec![];
    for value in values {
        serde_json::to_writer(&mut lines, &value)?;
        lines.push(b'\n');
    }
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::{
        confidence::FeatureValues,
        domain::{AtomId, ConceptId},
        index::Index,
        linker::ReadAs,
    };

    fn candidate() -> Candidate {
        Candidate {
            concept: ConceptId::new(0),
            atom: AtomId::new(0),
            kind: MatchKind::Variant,
            score: 0.987_654,
            probability: None,
            features: FeatureValues::default(),
            contradiction: None,
            explanation: None,
        }
    }

    /// The result of an answer for "the mention". Its concepts are those of a committed index.
    fn result(answer: &Answer) -> Value {
        let index = Index::open("tests/fixtures/index_v4".as_ref()).unwrap();
        serde_json::to_value(LinkResult::new("m1".into(), "the mention".into(), answer, index.concepts())).unwrap()
    }

    fn fields(value: &Value) -> Vec<&str> {
        value.as_object().unwrap().keys().map(String::as_str).collect()
    }

    #[test]
    fn fields_that_say_nothing_are_absent() {
        let answer =
            Answer { status: AnswerStatus::Linked, candidates: vec![candidate()], read_as: None, truncated: false };
        let result = result(&answer);
        assert_eq!(fields(&result), ["candidates", "id", "mention", "status"]);
        let names = ["cui", "match", "matched_name", "name", "score", "semantic_types"];
        assert_eq!(fields(&result["candidates"][0]), names);
    }

    #[test]
    fn a_result_says_how_the_mention_was_read() {
        let part = |text: &str, kind| LeftOut { text: text.into(), kind };
        let left_out = vec![part("no", LeftOutKind::Negated), part("500 mg", LeftOutKind::Dose)];
        let read_as = Some(ReadAs { text: "mention".into(), left_out });
        let result = result(&Answer { status: AnswerStatus::Nil, candidates: vec![], read_as, truncated: true });
        assert_eq!(
            result,
            json!({"id": "m1", "mention": "the mention", "status": "nil", "read_as": "mention",
                "left_out": [{"text": "no", "kind": "negated"}, {"text": "500 mg", "kind": "dose"}],
                "truncated": true, "candidates": []})
        );
    }

    #[test]
    fn a_candidate_says_what_contradicts_it_and_how_its_probability_came_about() {
        let contradiction =
            Contradiction { kind: ContradictionKind::Side, mention: "left".into(), name: "right".into() };
        let part = FeaturePart { feature: "cosine", value: 0.933_33, part: 2.100_04 };
        let explanation = Explanation { offset: -1.199_96, features: vec![part] };
        let found = Candidate {
            probability: Some(0.123_45),
            contradiction: Some(contradiction),
            explanation: Some(explanation),
            ..candidate()
        };
        let answer = Answer { status: AnswerStatus::Nil, candidates: vec![found], read_as: None, truncated: false };
        let candidate = result(&answer)["candidates"][0].clone();
        assert_eq!((&candidate["match"], &candidate["score"]), (&json!("variant"), &json!(0.9877)));
        assert_eq!(candidate["contradiction"], json!({"kind": "side", "mention": "left", "name": "right"}));
        let features = json!([{"feature": "cosine", "value": 0.9333, "part": 2.1}]);
        assert_eq!(candidate["explain"], json!({"offset": -1.2, "features": features}));
    }

    #[test]
    fn names_of_statuses_are_those_of_the_json() {
        for status in LinkStatus::ALL {
            assert_eq!(serde_json::to_value(status).unwrap(), status.as_str());
        }
    }
}
