//! Reports and calibrations as text for a terminal.

use std::collections::BTreeMap;

use crate::{
    domain::MatchKind,
    eval::{
        calibrate::{FittedCalibration, ReliabilityBin},
        metrics::AccuracyMetrics,
        missing::missing_summary,
        report::{EvalReport, FoldEntry, RecallEntry, SystemEntry},
    },
    index::{Calibration, MatchMetrics, ThresholdMetrics},
    page::{count, number, percent},
};

/// Lines of the curve of precision against coverage.
const MAX_CURVE_LINES: usize = 12;

impl EvalReport {
    /// The report as text: the facts, and a table of the systems.
    pub fn table(&self) -> String {
        let head = ["system", "Acc@1 (95 %)", "Acc@5", "strict Acc@1", "distinct Acc@5", "MRR", "texts/s"];
        let row = |system: &SystemEntry| {
            let AccuracyMetrics { acc_1, acc_5, strict_acc_1, distinct_acc_5, mrr } = system.metrics;
            let [low, high] = acc_1.interval.map(|share| 100.0 * share);
            [
                system.name.clone(),
                format!("{:.1} ({low:.1} to {high:.1})", 100.0 * acc_1.value),
                format!("{:.1}", 100.0 * acc_5.value),
                format!("{:.1}", 100.0 * strict_acc_1.value),
                format!("{:.1}", 100.0 * distinct_acc_5.value),
                format!("{:.3}", mrr.value),
                number(system.texts_per_second),
            ]
        };
        let mut rows = vec![head.map(str::to_owned)];
        rows.extend(self.systems.iter().map(row));
        let mut text = self.facts().iter().map(|[name, value]| format!("{name:<12} {value}\n")).collect::<String>();
        text.push('\n');
        text + &aligned(&rows)
    }

    /// What every figure depends on: mentions, dictionary, model and graph, as names and values.
    pub(super) fn facts(&self) -> Vec<[String; 2]> {
        let (names, concepts) = (count(self.dictionary.names as u64), count(self.dictionary.concepts as u64));
        let files: Vec<&str> = self.folds.iter().map(|fold| fold.name.as_str()).collect();
        let sum = |of: fn(&FoldEntry) -> usize| self.folds.iter().map(of).sum::<usize>() as u64;
        let left_out = [
            ("without an id", sum(|fold| fold.without_id)),
            ("labeled NIL", sum(|fold| fold.nil)),
            ("not covered", sum(|fold| fold.not_covered)),
        ];
        let left_out = left_out.iter().filter(|(_, n)| *n > 0).map(|(reason, n)| format!("{} {reason}", count(*n)));
        let left_out = left_out.collect::<Vec<_>>().join(", ");
        let left_out = if left_out.is_empty() { left_out } else { format!("; left out: {left_out}") };
        let folds = if self.folds.len() > 1 { format!(", mean of {} folds", self.folds.len()) } else { String::new() };
        let (all, covered) = (count(self.mentions as u64), count(self.covered as u64));
        let model = &self.model;
        let mut facts = vec![
            ["mentions".into(), format!("{all} of {}{folds}, {covered} of them covered{left_out}", files.join(", "))],
            ["dictionary".into(), format!("{}: {names} names of {concepts} concepts", self.dictionary.name)],
            [
                "model".into(),
                format!(
                    "{} ({}), {}, {} pooling, {} tokens, {}, on {}",
                    model.name,
                    model.fingerprint,
                    model.precision,
                    model.pooling,
                    model.max_tokens,
                    self.score,
                    model.device
                ),
            ],
        ];
        if let Some(missing) = missing_summary(self.folds.iter().map(|fold| &fold.missing_ids)) {
            facts.insert(2, ["missing ids".into(), format!("{missing}: not in the dictionary")]);
        }
        if let Some(RecallEntry { ef_search, at_1, at_10 }) = self.recall {
            facts.push([
                "graph".into(),
                format!("ef_search {ef_search}: recall@1 {at_1:.4}, recall@10 {at_10:.4} of the exact scan"),
            ]);
        }
        facts
    }
}

impl FittedCalibration {
    /// The metrics, the figures by match, the curve and the bins of the calibration as text.
    pub fn table(&self) -> String {
        let Calibration { measured, threshold, precision, mentions, nil_share, .. } = &self.calibration;
        let chosen =
            precision.map_or("for the most right answers".into(), |wanted| format!("for a precision of {wanted}"));
        let mut text = format!(
            "mentions     {}, each also without its concepts; NIL has a weight of {}\n\
             measured     by cross-validation, on mentions that were not fitted on\n\
             error        {:.3} (expected calibration error, ten bins)\n\
             area         {:.4} (right against wrong candidates, by probability)\n\
             NIL          below a probability of {threshold:.4}, chosen {chosen}: precision {:.3}, recall {:.3}\n\
             accuracy     {}, concept or NIL right\n\n",
            count(*mentions),
            percent(*nil_share),
            measured.calibration_error,
            measured.area,
            measured.nil_precision,
            measured.nil_recall,
            percent(measured.accuracy)
        );
        text += &confidence_tables(&measured.by_match, &measured.curve, &self.bins);
        text
    }
}

/// The head of the table of [`match_rows`].
pub(super) const MATCH_HEAD: [&str; 4] = ["match", "candidates", "right", "calibration error"];

/// The figures of the best candidates by their match, from the strongest evidence to the weakest.
pub(super) fn match_rows(by_match: &BTreeMap<String, MatchMetrics>) -> Vec<[String; 4]> {
    let row = |kind: MatchKind| {
        let metrics = by_match.get(kind.as_str())?;
        let error = format!("{:.3}", metrics.calibration_error);
        Some([kind.as_str().to_owned(), count(metrics.candidates), percent(metrics.right), error])
    };
    MatchKind::ALL.into_iter().filter_map(row).collect()
}

/// The figures by match, the curve of precision against coverage, and the bins of probabilities.
pub(super) fn confidence_tables(
    by_match: &BTreeMap<String, MatchMetrics>,
    curve: &[ThresholdMetrics],
    bins: &[ReliabilityBin],
) -> String {
    let point = |point: &ThresholdMetrics| {
        [format!("{:.3}", point.threshold), percent(point.precision), percent(point.coverage)]
    };
    let points = curve.iter().step_by(curve.len().div_ceil(MAX_CURVE_LINES).max(1)).map(point);
    let bin = |bin: &ReliabilityBin| [bin.probability, bin.right, bin.share].map(percent);
    [
        with_head(MATCH_HEAD, match_rows(by_match)),
        with_head(["threshold", "precision", "coverage"], points),
        with_head(["probability", "right", "share of all"], bins.iter().map(bin)),
    ]
    .join("\n")
}

/// Rows below a head, as [`aligned`] lines.
pub(super) fn with_head<const N: usize>(head: [&str; N], rows: impl IntoIterator<Item = [String; N]>) -> String {
    aligned(&std::iter::once(head.map(str::to_owned)).chain(rows).collect::<Vec<_>>())
}

/// Rows as lines of text: the first column is aligned to the left, the others to the right.
pub(super) fn aligned<const N: usize>(rows: &[[String; N]]) -> String {
    let width = |i: usize| rows.iter().map(|row| row[i].chars().count()).max().unwrap_or(0);
    let widths: [usize; N] = std::array::from_fn(width);
    let line = |row: &[String; N]| {
        let cells = row.iter().zip(widths).enumerate().map(|(i, (cell, width))| match i {
            0 => format!("{cell:<width$}"),
            _ => format!("  {cell:>width$}"),
        });
        cells.collect::<String>().trim_end().to_owned() + "\n"
    };
    rows.iter().map(line).collect()
}
