//! The figures as an HTML page.

use crate::{
    eval::{
        calibration_page::ProbabilityPage,
        trust::{
            report::{CutoffShares, Share, TrustExample, TrustReport},
            text::CUTOFF_HEAD,
        },
    },
    page::{percent, table},
};

impl TrustReport {
    /// The report as a self-contained page.
    pub fn page(&self) -> String {
        let pool = &self.pool;
        let mut marks = vec![("threshold of the index:", pool.at_threshold)];
        marks.extend((pool.at_half != pool.at_threshold).then_some(("probability of", pool.at_half)));
        let mut facts = self.facts();
        facts.push(["saplink".into(), self.saplink.clone()]);
        facts.extend(
            self.lists().into_iter().map(|(_, list, _)| [format!("{}, sha256", list.file), list.sha256.clone()]),
        );
        ProbabilityPage {
            title: &self.index,
            kind: "Trust report",
            tiles: self.tiles(),
            curve: &pool.curve,
            marks,
            bins: &pool.bins,
            by_match: &pool.by_match,
            sections: self.sections(),
            facts,
        }
        .render()
    }

    fn tiles(&self) -> Vec<[String; 3]> {
        let share = |title: &str, shares: CutoffShares| {
            let Share { share, .. } = shares.at_threshold;
            let note = format!(
                "95 %: {}; with 0.5 or more: {}",
                shares.at_threshold.shown_interval(),
                percent(shares.at_half.share)
            );
            [title.to_owned(), percent(share), note]
        };
        let mut tiles = vec![
            share("Known linked rightly", self.known.right),
            share("Known linked wrongly", self.known.wrong),
            share("Words linked", self.words.linked),
            share("Terms linked", self.terms.linked),
        ];
        tiles.extend(self.opposites.iter().map(|list| share("Opposites linked", list.forbidden)));
        let pool = &self.pool;
        if let Some(point) = pool.at_precision.last() {
            let title = format!("Known, {} of answers right", percent(point.wanted));
            tiles.push(match point.found {
                Some(found) => [title, percent(found.coverage), format!("at a threshold of {:.3}", found.threshold)],
                None => [title, "–".into(), "no threshold gives this precision".into()],
            });
        }
        tiles.push([
            "Area".into(),
            format!("{:.4}", pool.area),
            "right against wrong, by probability; 1 is best".into(),
        ]);
        let error = format!("{:.3}", pool.calibration_error);
        tiles.push(["Calibration error".into(), error, "expected, ten bins; 0 is best".into()]);
        tiles
    }

    /// The shares of each list, the figures of some thresholds, and the examples.
    fn sections(&self) -> String {
        let cell = |share: Share| format!("{}\n{}", percent(share.share), share.shown_interval());
        let row = |(list, figure, shares): (&str, &str, CutoffShares)| {
            vec![format!("{list}: {figure}"), cell(shares.at_threshold), cell(shares.at_half)]
        };
        let shares: Vec<Vec<String>> = self.shares().into_iter().map(row).collect();
        let cutoffs: Vec<Vec<String>> = self.cutoffs().into_iter().map(Vec::from).collect();
        let mut sections = format!(
            "<h2>Lists</h2>\n<p>Shares of the mentions of each list, with intervals of 95 %.</p>\n{}\
             <h2>Thresholds</h2>\n<p>Words, terms and known mentions together; each list has the same weight.</p>\n{}",
            table(&["list", "linked", "linked with 0.5 or more"], &shares),
            table(&CUTOFF_HEAD, &cutoffs)
        );
        if !self.examples.is_empty() {
            let row = |example: &TrustExample| {
                vec![
                    example.mention.clone(),
                    example.list.into(),
                    format!("{}\n{}", example.found_name, example.found),
                    example.kind.into(),
                    format!("{:.3}", example.probability),
                ]
            };
            let rows: Vec<Vec<String>> = self.examples.iter().map(row).collect();
            sections += "<h2>Wrong answers</h2>\n<p>The most probable ones of each list.</p>\n";
            sections += &table(&["mention", "list", "found", "match", "probability"], &rows);
        }
        sections
    }
}
