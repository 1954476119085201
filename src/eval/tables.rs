//! Reports and calibrations as text for a terminal.

use crate::{
    eval::{
        calibrate::{FittedCalibration, ReliabilityBin},
        metrics::AccuracyMetrics,
        report::{EvalReport, FoldEntry, RecallEntry, SystemEntry},
    },
    page::{count, number, percent},
};

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
    /// The metrics and the bins of the calibration as text.
    pub fn table(&self) -> String {
        let measured = &self.calibration.measured;
        let mut text = format!(
            "mentions     {}, each also without its concepts; NIL has a weight of {}\n\
             measured     by cross-validation, on mentions that were not fitted on\n\
             error        {:.3} (expected calibration error, ten bins)\n\
             NIL          below {:.4}: precision {:.3}, recall {:.3}\n\
             accuracy     {}, concept or NIL right\n\n",
            count(self.calibration.mentions),
            percent(self.calibration.nil_share),
            measured.calibration_error,
            self.nil_threshold,
            measured.nil_precision,
            measured.nil_recall,
            percent(measured.accuracy)
        );
        let head = ["probability", "right", "share of all"].map(str::to_owned);
        let bin = |bin: &ReliabilityBin| [bin.probability, bin.right, bin.share].map(percent);
        let rows: Vec<[String; 3]> = std::iter::once(head).chain(self.bins.iter().map(bin)).collect();
        text += &aligned(&rows);
        text
    }
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
