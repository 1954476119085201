//! Charts: curves over the steps of a run, as SVG.
//!
//! Invariant: the size of a chart does not grow with the number of steps.

use crate::page::{ChartAxis, count, number};
use crate::train::report::curve::{Points, last_value, thinned};

/// Curves with up to this many points also show each point as a dot.
const MAX_DOTS: usize = 60;
/// Invisible bars of a chart that show values as a tooltip.
const TOOLTIP_BARS: usize = 100;
/// Edges of the plot area in a chart of 640 by 280.
const LEFT: f64 = 62.0;
const RIGHT: f64 = 616.0;
const TOP: f64 = 10.0;
const BOTTOM: f64 = 236.0;

/// Curves with common axes.
pub(super) struct Chart {
    pub(super) title: &'static str,
    /// The line below the title.
    pub(super) note: String,
    /// Unit of the values, written behind each number.
    pub(super) unit: &'static str,
    /// Whether the vertical axis may be logarithmic.
    pub(super) allow_logarithmic: bool,
    pub(super) curves: Vec<Curve>,
}

/// One curve of a chart.
pub(super) struct Curve {
    pub(super) label: String,
    /// Number of the color in the style sheet.
    pub(super) color: usize,
    pub(super) faint: bool,
    /// Steps and finite values.
    pub(super) points: Points,
}

impl Chart {
    /// The chart as HTML, for a run whose last step is `last`.
    pub(super) fn draw(&self, last: f64) -> String {
        let Self { title, note, unit, allow_logarithmic, curves } = self;
        if curves.iter().all(|curve| curve.points.is_empty()) {
            return format!("<figure><h3>{title}</h3><figcaption>no records yet</figcaption></figure>\n");
        }
        let x_axis = ChartAxis::steps(last);
        let values = curves.iter().flat_map(|curve| &curve.points).map(|point| point[1]);
        let y_axis = ChartAxis::of(values, *allow_logarithmic);
        let x = |step| LEFT + x_axis.position(step) * (RIGHT - LEFT);
        let y = |value| BOTTOM - y_axis.position(value) * (BOTTOM - TOP);
        let mut svg = String::new();
        for (value, label) in &y_axis.ticks {
            let (line, text) = (y(*value), y(*value) + 4.5);
            svg += &format!("<line class=\"grid\" x1=\"{LEFT}\" x2=\"{RIGHT}\" y1=\"{line:.1}\" y2=\"{line:.1}\"/>");
            svg += &format!("<text x=\"54\" y=\"{text:.1}\" text-anchor=\"end\">{label}{unit}</text>\n");
        }
        for (step, label) in &x_axis.ticks {
            svg += &format!("<text x=\"{:.1}\" y=\"256\" text-anchor=\"middle\">{label}</text>\n", x(*step));
        }
        svg += "<text x=\"339\" y=\"276\" text-anchor=\"middle\">step</text>\n";
        svg.extend(curves.iter().map(|curve| curve.draw(x, y)));
        svg.extend((0..=TOOLTIP_BARS).filter_map(|bar| self.tooltip_bar(bar, last)));
        let legend: String = curves.iter().map(|curve| curve.legend_entry(unit)).collect();
        let scale = if y_axis.logarithmic { ", logarithmic" } else { "" };
        format!(
            "<figure><h3>{title}</h3><figcaption>{note}{scale}</figcaption>\n<ul class=\"keys\">{legend}</ul>\n\
             <svg viewBox=\"0 0 640 280\" role=\"img\" aria-label=\"{title}\">\n{svg}</svg></figure>\n"
        )
    }

    /// An invisible bar whose tooltip has the last values of its part of the steps.
    fn tooltip_bar(&self, bar: usize, last: f64) -> Option<String> {
        let edge = |shift: f64| (bar as f64 + shift) / TOOLTIP_BARS as f64;
        let (from, to) = (edge(-0.5) * last, edge(0.5) * last);
        let value = |curve: &Curve| {
            let end = curve.points.partition_point(|point| point[0] <= to);
            let &[step, value] = curve.points[..end].last().filter(|point| point[0] > from)?;
            Some((step, format!("\n{}: {}{}", curve.label, number(value), self.unit)))
        };
        let values: Vec<(f64, String)> = self.curves.iter().filter_map(value).collect();
        let step = values.iter().map(|(step, _)| *step).reduce(f64::max)?;
        let values: String = values.into_iter().map(|(_, value)| value).collect();
        let (x, width, height) =
            (LEFT + edge(-0.5) * (RIGHT - LEFT), (RIGHT - LEFT) / TOOLTIP_BARS as f64, BOTTOM - TOP);
        Some(format!(
            "<rect class=\"part\" x=\"{x:.1}\" y=\"{TOP}\" width=\"{width:.1}\" height=\"{height}\">\
             <title>step {}{values}</title></rect>\n",
            count(step as u64)
        ))
    }
}

impl Curve {
    /// The curve as SVG; `x` and `y` map a step and a value to coordinates.
    fn draw(&self, x: impl Fn(f64) -> f64, y: impl Fn(f64) -> f64) -> String {
        let coordinates: Points = thinned(&self.points).into_iter().map(|[step, value]| [x(step), y(value)]).collect();
        let points: Vec<String> = coordinates.iter().map(|[x, y]| format!("{x:.1},{y:.1}")).collect();
        let dot = |[x, y]: &[f64; 2]| format!("<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"2.5\"/>");
        let dots: String = coordinates.iter().take_while(|_| coordinates.len() <= MAX_DOTS).map(dot).collect();
        let faint = if self.faint { " faint" } else { "" };
        format!("<g class=\"c{}{faint}\"><polyline points=\"{}\"/>{dots}</g>\n", self.color, points.join(" "))
    }

    /// The entry in the legend, with the last value.
    fn legend_entry(&self, unit: &str) -> String {
        let Self { label, color, points, .. } = self;
        let (faint, last) = (if self.faint { " faint" } else { "" }, number(last_value(points)));
        format!("<li><i class=\"c{color}{faint}\"></i>{label} <b>{last}{unit}</b></li>")
    }
}
