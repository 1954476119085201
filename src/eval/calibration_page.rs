//! The reports of a calibration, and the parts of a page that it shares with the report of trust.
//!
//! Invariant: a page quotes no mention, unless its caller puts one into a section.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::{
    eval::{
        calibrate::{FittedCalibration, ReliabilityBin},
        tables::{MATCH_HEAD, match_rows},
    },
    index::{MatchMetrics, ThresholdMetrics},
    page::{PlotMark, PlotPoint, SharePlot, count, escaped, fill, percent, signed_bar, table, tiles},
};

/// The page, with a comment for each part.
const PAGE_TEMPLATE: &str = include_str!("calibration_page.html");
/// Version of the JSON format.
const REPORT_FORMAT: u32 = 1;
/// Radius of a point of the curve, and the largest and smallest radius of a bin.
const CURVE_RADIUS: f64 = 2.5;
const MAX_BIN_RADIUS: f64 = 12.0;
const MIN_BIN_RADIUS: f64 = 3.0;

/// The parts of a page about probabilities.
pub(super) struct ProbabilityPage<'a> {
    pub(super) title: &'a str,
    /// The line above the title.
    pub(super) kind: &'a str,
    pub(super) tiles: Vec<[String; 3]>,
    /// Points of the curve of precision against coverage, and those to highlight with their names.
    pub(super) curve: &'a [ThresholdMetrics],
    pub(super) marks: Vec<(&'a str, ThresholdMetrics)>,
    pub(super) bins: &'a [ReliabilityBin],
    pub(super) by_match: &'a BTreeMap<String, MatchMetrics>,
    /// HTML between the plots and the figures by match.
    pub(super) sections: String,
    /// Names and values.
    pub(super) facts: Vec<[String; 2]>,
}

impl ProbabilityPage<'_> {
    pub(super) fn render(&self) -> String {
        let facts = self.facts.iter().map(|[name, value]| {
            format!("<tr><th scope=\"row\">{}</th><td>{}</td></tr>\n", escaped(name), escaped(value))
        });
        let by_match: Vec<Vec<String>> = match_rows(self.by_match).into_iter().map(Vec::from).collect();
        let parts = [
            ("title", escaped(self.title)),
            ("kind", escaped(self.kind)),
            ("tiles", tiles(&self.tiles)),
            ("charts", curve_plot(self.curve, &self.marks).draw() + &reliability_plot(self.bins).draw()),
            ("sections", self.sections.clone()),
            ("matches", table(&MATCH_HEAD, &by_match)),
            ("facts", facts.collect()),
        ];
        fill(PAGE_TEMPLATE, &parts)
    }
}

fn curve_plot(curve: &[ThresholdMetrics], marks: &[(&str, ThresholdMetrics)]) -> SharePlot {
    let at = |point: &ThresholdMetrics| [point.coverage, point.precision];
    let shown = |point: &ThresholdMetrics| {
        format!("{:.3}: precision {}, coverage {}", point.threshold, percent(point.precision), percent(point.coverage))
    };
    let point = |point: &ThresholdMetrics| PlotPoint {
        at: at(point),
        radius: CURVE_RADIUS,
        label: format!("threshold {}", shown(point)),
    };
    let mark = |(name, point): &(&str, ThresholdMetrics)| PlotMark {
        at: at(point),
        label: format!("{name} {}", shown(point)),
    };
    SharePlot {
        title: "Precision against coverage",
        note: "each point is a threshold; a lower one links more mentions".into(),
        axes: ["coverage: mentions with a concept that are linked rightly", "precision: links that are right"],
        diagonal: None,
        points: curve.iter().map(point).collect(),
        marks: marks.iter().map(mark).collect(),
    }
}

fn reliability_plot(bins: &[ReliabilityBin]) -> SharePlot {
    let largest = bins.iter().map(|bin| bin.share).fold(f64::MIN_POSITIVE, f64::max);
    let point = |bin: &ReliabilityBin| PlotPoint {
        at: [bin.probability, bin.right],
        // The area shows the share.
        radius: (MAX_BIN_RADIUS * (bin.share / largest).sqrt()).max(MIN_BIN_RADIUS),
        label: format!(
            "probability {}: {} are right, {} of all",
            percent(bin.probability),
            percent(bin.right),
            percent(bin.share)
        ),
    };
    SharePlot {
        title: "Reliability of probabilities",
        note: "best candidates in ten bins; the area of a dot is its share of all".into(),
        axes: ["mean probability", "candidates that are right"],
        diagonal: Some("perfect calibration; dots below it are too sure"),
        points: bins.iter().map(point).collect(),
        marks: vec![],
    }
}

/// A calibration with its figures, as JSON.
#[derive(Clone, Debug, Serialize)]
pub struct CalibrationReport<'a> {
    /// Version of the JSON format.
    pub format: u32,
    /// Version of saplink.
    pub saplink: &'static str,
    /// Name of the index.
    pub index: &'a str,
    /// The calibration.
    #[serde(flatten)]
    pub fitted: &'a FittedCalibration,
}

impl FittedCalibration {
    /// The calibration of the index `index` for programs.
    pub fn report<'a>(&'a self, index: &'a str) -> CalibrationReport<'a> {
        CalibrationReport { format: REPORT_FORMAT, saplink: env!("CARGO_PKG_VERSION"), index, fitted: self }
    }

    /// The calibration of the index `index` as a self-contained page.
    pub fn page(&self, index: &str) -> String {
        let Self { calibration, chosen, bins } = self;
        let measured = &calibration.measured;
        let tile = |title: &str, value: String, note: &str| [title.to_owned(), value, note.to_owned()];
        let chosen_for = calibration
            .precision
            .map_or("gives the most right answers".into(), |wanted| format!("for a precision of {}", percent(wanted)));
        let tiles = vec![
            tile("NIL threshold", format!("{:.4}", chosen.threshold), &chosen_for),
            tile("Precision of links", percent(chosen.precision), "at the threshold"),
            tile("Coverage", percent(chosen.coverage), "of the mentions with a concept are linked rightly"),
            tile("Accuracy", percent(measured.accuracy), "concept or NIL is right"),
            tile("Precision of NIL", percent(measured.nil_precision), "of the answers without a link"),
            tile("Recall of NIL", percent(measured.nil_recall), "of the mentions without a concept"),
            tile("Area", format!("{:.4}", measured.area), "right against wrong, by probability; 1 is best"),
            tile("Calibration error", format!("{:.3}", measured.calibration_error), "expected, ten bins; 0 is best"),
        ];
        ProbabilityPage {
            title: index,
            kind: "Calibration report",
            tiles,
            curve: &measured.curve,
            marks: vec![("chosen threshold:", *chosen)],
            bins,
            by_match: &measured.by_match,
            sections: self.weights(),
            facts: self.facts(),
        }
        .render()
    }

    /// The weights of the features as bars, the largest first.
    fn weights(&self) -> String {
        let model = &self.calibration.confidence;
        let mut weights: Vec<(&str, f64)> =
            model.weights.iter().map(|(feature, &weight)| (feature.as_str(), weight.into())).collect();
        weights.sort_by(|a, b| b.1.total_cmp(&a.1));
        let longest = weights.iter().map(|(_, weight)| weight.abs()).fold(0.0, f64::max);
        let bars: String = weights.iter().map(|(name, weight)| signed_bar(name, *weight, longest)).collect();
        format!(
            "<h2>Weights of the features</h2>\n<p>The logit of a probability is {:+.2} plus each weight times its \
             feature. Features have different ranges, so the weights are no order of importance.</p>\n\
             <div class=\"bars\">\n{bars}</div>\n",
            model.offset
        )
    }

    fn facts(&self) -> Vec<[String; 2]> {
        let calibration = &self.calibration;
        let mut facts = vec![
            ["saplink".to_owned(), env!("CARGO_PKG_VERSION").to_owned()],
            ["labeled mentions".into(), count(calibration.mentions)],
            ["weight of NIL".into(), percent(calibration.nil_share)],
            ["measured".into(), "by cross-validation, on mentions that were not fitted on".into()],
        ];
        let hash = |input: &crate::index::InputRecord| [format!("{}, sha256", input.name), input.sum.sha256.clone()];
        facts.extend(calibration.inputs.iter().map(hash));
        facts
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        confidence::{ConfidenceModel, Feature},
        index::{Calibration, CalibrationMetrics},
    };

    #[test]
    fn a_page_has_plots_weights_and_the_chosen_threshold() {
        let point = |threshold, precision, coverage| ThresholdMetrics { threshold, precision, coverage };
        let measured = CalibrationMetrics {
            curve: vec![point(0.9, 1.0, 0.1), point(0.4, 0.8, 0.7)],
            ..CalibrationMetrics::default()
        };
        let weights = BTreeMap::from([(Feature::Cosine, 4.0), (Feature::ExtraNumber, -2.0)]);
        let calibration = Calibration {
            general: false,
            confidence: ConfidenceModel { offset: -1.0, weights },
            threshold: 0.4,
            precision: None,
            mentions: 1234,
            inputs: vec![],
            nil_share: 0.5,
            measured,
        };
        let bins = vec![ReliabilityBin { probability: 0.35, right: 0.4, share: 1.0 }];
        let fitted = FittedCalibration { calibration, chosen: point(0.4, 0.8, 0.7), bins };
        let page = fitted.page("a <b>");
        for part in [
            "<h1>a &lt;b&gt;</h1>",
            "chosen threshold: 0.400: precision 80.0%, coverage 70.0%",
            "probability 35.0%: 40.0% are right, 100.0% of all",
            "cosine: 4.00",
            "extra_number: -2.00",
            "1,234",
            "is -1.00 plus",
        ] {
            assert!(page.contains(part), "{part}: {page}");
        }
        assert!(page.find("cosine: 4.00") < page.find("extra_number: -2.00"));
        assert!(!page.contains("<!--") && !page.contains("http"), "the page loads nothing");
    }
}
