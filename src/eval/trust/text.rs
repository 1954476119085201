//! The figures as text for a terminal.

use crate::{
    eval::{
        tables::{confidence_tables, with_head},
        trust::report::{CutoffShares, ListEntry, PrecisionPoint, Share, TrustReport},
    },
    index::ThresholdMetrics,
    page::{count, percent},
};

impl TrustReport {
    /// The report as text: the facts, the shares of each list, and the figures of all lists.
    pub fn table(&self) -> String {
        let pool = &self.pool;
        let mut text: String = self.facts().iter().map(|[name, value]| format!("{name:<12} {value}\n")).collect();
        text.push('\n');
        let cell = |share: Share| format!("{} ({})", percent(share.share), share.shown_interval());
        let row = |(list, figure, shares): (&str, &str, CutoffShares)| {
            [format!("{list}: {figure}"), cell(shares.at_threshold), cell(shares.at_half)]
        };
        let head = ["share of the mentions (95 %)", "at the threshold", "at 0.5"];
        text += &with_head(head, self.shares().into_iter().map(row));
        text += &format!(
            "\narea         {:.4} (right against wrong best candidates, by probability)\n\
             error        {:.3} (expected calibration error, ten bins)\n\n",
            pool.area, pool.calibration_error
        );
        text += &with_head(CUTOFF_HEAD, self.cutoffs());
        text.push('\n');
        text + &confidence_tables(&pool.by_match, &pool.curve, &pool.bins)
    }

    /// What the figures depend on, as names and values.
    pub(super) fn facts(&self) -> Vec<[String; 2]> {
        let mut facts = vec![
            [
                "index".into(),
                format!(
                    "{} ({}): {} names of {} concepts",
                    self.index,
                    self.fingerprint,
                    count(self.names),
                    count(self.concepts)
                ),
            ],
            ["threshold".into(), format!("{:.4}", self.threshold)],
        ];
        for (name, list, reason) in self.lists() {
            let left_out = match list.left_out {
                0 => String::new(),
                left_out => format!("; left out: {} {reason}", count(left_out)),
            };
            facts.push([name.into(), format!("{} mentions of {}{left_out}", count(list.mentions), list.file)]);
        }
        facts
    }

    /// The lists with their names, and the reason why a mention of a list was left out.
    pub(super) fn lists(&self) -> Vec<(&'static str, &ListEntry, &'static str)> {
        let [has, lacks] = ["whose concept the index has", "whose concept the index lacks"];
        let mut lists = vec![
            ("words", &self.words.list, has),
            ("terms", &self.terms.list, has),
            ("known", &self.known.list, lacks),
        ];
        lists.extend(self.opposites.iter().map(|opposites| ("opposites", &opposites.list, lacks)));
        lists
    }

    /// The shares of each list: name of the list, what is counted, and the shares.
    pub(super) fn shares(&self) -> Vec<(&'static str, &'static str, CutoffShares)> {
        let mut shares = vec![
            ("words", "linked, all wrong", self.words.linked),
            ("terms", "linked, all wrong", self.terms.linked),
            ("known", "linked rightly", self.known.right),
            ("known", "linked wrongly", self.known.wrong),
        ];
        if let Some(opposites) = &self.opposites {
            shares.push(("opposites", "linked to the forbidden concept", opposites.forbidden));
            shares.push(("opposites", "linked to any concept", opposites.any));
        }
        shares
    }

    /// What some thresholds give, as rows below [`CUTOFF_HEAD`].
    pub(super) fn cutoffs(&self) -> Vec<[String; 4]> {
        let row = |name: String, point: Option<ThresholdMetrics>| {
            let [threshold, precision, coverage] = point.map_or_else(
                || ["–".into(), "not reached".into(), "–".into()],
                |point| [format!("{:.4}", point.threshold), percent(point.precision), percent(point.coverage)],
            );
            [name, threshold, precision, coverage]
        };
        let pool = &self.pool;
        let mut rows = vec![
            row("threshold of the index".into(), Some(pool.at_threshold)),
            row("probability of 0.5".into(), Some(pool.at_half)),
        ];
        let wanted = |point: &PrecisionPoint| row(format!("precision of {:.0}%", 100.0 * point.wanted), point.found);
        rows.extend(pool.at_precision.iter().map(wanted));
        rows
    }
}

/// The head of the table of [`TrustReport::cutoffs`].
pub(super) const CUTOFF_HEAD: [&str; 4] = ["all lists", "threshold", "precision of answers", "known answered rightly"];

impl Share {
    /// The interval in percent.
    pub(super) fn shown_interval(&self) -> String {
        let [low, high] = self.interval.map(|bound| format!("{:.1}", 100.0 * bound));
        format!("{low} to {high}")
    }
}
