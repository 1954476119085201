//! Curves against the steps of a run, as SVG.
//!
//! Invariant: a chart has as many points as can be seen, however many there are.

use crate::page::{count, grouped, number, scientific};

/// Points of a curve that are drawn at most.
pub(super) const POINTS: usize = 1000;
/// Points up to which each is drawn as a dot too.
const DOTS: usize = 60;
/// Parts of a chart that tell their values when they are pointed at.
const PARTS: usize = 100;
/// Times the smallest value that the largest is where a logarithmic axis is better.
const WIDE: f64 = 30.0;
/// Edges of the curves in a chart, which is 640 wide and 280 high.
const LEFT: f64 = 62.0;
const RIGHT: f64 = 616.0;
const TOP: f64 = 10.0;
const BOTTOM: f64 = 236.0;

/// Curves that share their axes.
pub(super) struct Chart {
    pub title: &'static str,
    pub note: String,
    pub unit: &'static str,
    /// Whether sizes matter more than differences, so that the axis may be logarithmic.
    pub sizes: bool,
    pub lines: Vec<Line>,
}

/// One curve, its points being steps and finite values.
pub(super) struct Line {
    pub label: String,
    pub color: usize,
    pub faint: bool,
    pub points: Vec<[f64; 2]>,
}

impl Chart {
    /// The chart of a run whose last step is `last`.
    pub(super) fn draw(&self, last: f64) -> String {
        let Self { title, note, unit, sizes, lines } = self;
        if lines.iter().all(|line| line.points.is_empty()) {
            return format!("<figure><h3>{title}</h3><figcaption>nothing is recorded yet</figcaption></figure>\n");
        }
        let across = Axis::steps(last);
        let up = Axis::of(lines.iter().flat_map(|line| &line.points).map(|point| point[1]), *sizes);
        let x = |step| LEFT + across.share(step) * (RIGHT - LEFT);
        let y = |value| BOTTOM - up.share(value) * (BOTTOM - TOP);
        let mut drawn = String::new();
        for (at, label) in &up.ticks {
            let (at, below) = (y(*at), y(*at) + 4.5);
            drawn += &format!("<line class=\"grid\" x1=\"{LEFT}\" x2=\"{RIGHT}\" y1=\"{at:.1}\" y2=\"{at:.1}\"/>");
            drawn += &format!("<text x=\"54\" y=\"{below:.1}\" text-anchor=\"end\">{label}{unit}</text>\n");
        }
        for (at, label) in &across.ticks {
            drawn += &format!("<text x=\"{:.1}\" y=\"256\" text-anchor=\"middle\">{label}</text>\n", x(*at));
        }
        drawn += "<text x=\"339\" y=\"276\" text-anchor=\"middle\">step</text>\n";
        drawn.extend(lines.iter().map(|line| line.draw(x, y)));
        drawn.extend((0..=PARTS).filter_map(|part| self.part(part, last)));
        let keys: String = lines.iter().map(|line| line.key(unit)).collect();
        let scale = if up.logarithmic { ", logarithmic" } else { "" };
        format!(
            "<figure><h3>{title}</h3><figcaption>{note}{scale}</figcaption>\n<ul class=\"keys\">{keys}</ul>\n\
             <svg viewBox=\"0 0 640 280\" role=\"img\" aria-label=\"{title}\">\n{drawn}</svg></figure>\n"
        )
    }

    /// An invisible bar that tells the last values of a part of the steps.
    fn part(&self, part: usize, last: f64) -> Option<String> {
        let edge = |shift: f64| (part as f64 + shift) / PARTS as f64;
        let (from, to) = (edge(-0.5) * last, edge(0.5) * last);
        let value = |line: &Line| {
            let end = line.points.partition_point(|point| point[0] <= to);
            let &[step, value] = line.points[..end].last().filter(|point| point[0] > from)?;
            Some((step, format!("\n{}: {}{}", line.label, number(value), self.unit)))
        };
        let values: Vec<(f64, String)> = self.lines.iter().filter_map(value).collect();
        let step = values.iter().map(|(step, _)| *step).reduce(f64::max)?;
        let values: String = values.into_iter().map(|(_, value)| value).collect();
        let (x, width, height) = (LEFT + edge(-0.5) * (RIGHT - LEFT), (RIGHT - LEFT) / PARTS as f64, BOTTOM - TOP);
        Some(format!(
            "<rect class=\"part\" x=\"{x:.1}\" y=\"{TOP}\" width=\"{width:.1}\" height=\"{height}\">\
             <title>step {}{values}</title></rect>\n",
            count(step as u64)
        ))
    }
}

impl Line {
    /// The curve, and its points where they are few.
    fn draw(&self, x: impl Fn(f64) -> f64, y: impl Fn(f64) -> f64) -> String {
        let places: Vec<[f64; 2]> =
            thinned(&self.points).into_iter().map(|[step, value]| [x(step), y(value)]).collect();
        let points: Vec<String> = places.iter().map(|[x, y]| format!("{x:.1},{y:.1}")).collect();
        let dot = |[x, y]: &[f64; 2]| format!("<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"2.5\"/>");
        let dots: String = places.iter().take_while(|_| places.len() <= DOTS).map(dot).collect();
        let faint = if self.faint { " faint" } else { "" };
        format!("<g class=\"c{}{faint}\"><polyline points=\"{}\"/>{dots}</g>\n", self.color, points.join(" "))
    }

    /// Its entry of the legend, with the last value.
    fn key(&self, unit: &str) -> String {
        let Self { label, color, points, .. } = self;
        let (faint, last) = (if self.faint { " faint" } else { "" }, number(last_of(points)));
        format!("<li><i class=\"c{color}{faint}\"></i>{label} <b>{last}{unit}</b></li>")
    }
}

/// What a side of a chart stands for.
pub(super) struct Axis {
    pub logarithmic: bool,
    /// Its ends, as logarithms where it is logarithmic.
    pub from: f64,
    pub to: f64,
    /// Values with their labels.
    pub ticks: Vec<(f64, String)>,
}

impl Axis {
    /// The axis of the steps up to `last`.
    pub(super) fn steps(last: f64) -> Self {
        let mut axis = Self::linear(0.0, last, 1.0);
        axis.ticks.retain(|(at, _)| *at <= last);
        Self { to: last, ..axis }
    }

    /// An axis that suits `values`, and is logarithmic where it may and they are of very different sizes.
    pub(super) fn of(values: impl Iterator<Item = f64> + Clone, sizes: bool) -> Self {
        let (low, high) =
            (values.clone().fold(f64::INFINITY, f64::min), values.clone().fold(f64::NEG_INFINITY, f64::max));
        let least = values.filter(|&value| value > 0.0).fold(f64::INFINITY, f64::min);
        if sizes && low >= 0.0 && high > WIDE * least {
            Self::logarithmic(low, least, high)
        } else {
            Self::linear(low, high, 0.0)
        }
    }

    /// Round values from at most `low` to at least `high`, no two nearer than `apart`.
    fn linear(low: f64, high: f64, apart: f64) -> Self {
        let largest = low.abs().max(high.abs());
        let (low, high) = match high - low > 1e-6 * largest {
            true => (low, high),
            false if largest > 0.0 => (low.min(0.0), high.max(0.0)),
            false => (0.0, 1.0),
        };
        let step = rounded((high - low) / 5.0).max(apart);
        let (first, last) = ((low / step + 1e-9).floor(), (high / step - 1e-9).ceil());
        let label = |at: f64| (at, tick(at, step, low.abs().max(high.abs())));
        let ticks = (0..=(last - first) as usize).map(|i| label((first + i as f64) * step)).collect();
        Self { logarithmic: false, from: first * step, to: last * step, ticks }
    }

    /// Powers of ten from at most `least`, the least value above zero, to at least `high`; zero is one power below them.
    fn logarithmic(low: f64, least: f64, high: f64) -> Self {
        let zero = low == 0.0;
        let (from, to) = (least.log10().floor() - f64::from(u8::from(zero)), high.log10().ceil());
        let every = ((to - from) / 6.0).ceil().max(1.0) as usize;
        let label = |power: f64| {
            let at = 10f64.powf(power);
            (at, if zero && power == from { "0".into() } else { tick(at, at, at) })
        };
        let ticks = (0..=(to - from) as usize).step_by(every).map(|i| label(from + i as f64)).collect();
        Self { logarithmic: true, from, to, ticks }
    }

    /// How far along the axis `value` is, from 0 to 1.
    pub(super) fn share(&self, value: f64) -> f64 {
        let value = if self.logarithmic { value.log10() } else { value };
        ((value - self.from) / (self.to - self.from)).clamp(0.0, 1.0)
    }
}

/// Points of a curve, without those that are no numbers.
pub(super) fn curve(points: impl Iterator<Item = (u64, f64)>) -> Vec<[f64; 2]> {
    points.filter(|(_, value)| value.is_finite()).map(|(step, value)| [step as f64, value]).collect()
}

/// Steps that a curve is smoothed over.
pub(super) fn span(points: &[[f64; 2]]) -> usize {
    (points.len() / 30).clamp(1, 500)
}

/// Means of the values up to each point, later ones counting more.
pub(super) fn smoothed(points: &[[f64; 2]]) -> Vec<[f64; 2]> {
    let keep = 1.0 - 1.0 / span(points) as f64;
    let (mut sum, mut weight) = (0.0, 0.0);
    let mean = |&[step, value]: &[f64; 2]| {
        (sum, weight) = (keep * sum + value, keep * weight + 1.0);
        [step, sum / weight]
    };
    points.iter().map(mean).collect()
}

/// At most [`POINTS`] of `points`: the lowest and the highest of each part.
pub(super) fn thinned(points: &[[f64; 2]]) -> Vec<[f64; 2]> {
    if points.len() <= POINTS {
        return points.to_vec();
    }
    let ends = |part: &[[f64; 2]]| {
        let low = part.iter().copied().reduce(|low, point| if point[1] < low[1] { point } else { low });
        let high = part.iter().copied().reduce(|high, point| if point[1] > high[1] { point } else { high });
        let mut ends: Vec<[f64; 2]> = low.into_iter().chain(high).collect();
        ends.sort_by(|a, b| a[0].total_cmp(&b[0]));
        ends
    };
    points.chunks(points.len().div_ceil(POINTS / 2)).flat_map(ends).collect()
}

/// The value of the last point.
pub(super) fn last_of(points: &[[f64; 2]]) -> f64 {
    points.last().map_or(f64::NAN, |point| point[1])
}

/// 1, 2 or 5 times a power of ten, not less than `step`.
pub(super) fn rounded(step: f64) -> f64 {
    let power = 10f64.powf(step.log10().floor());
    [1.0, 2.0, 5.0].map(|digit| digit * power).into_iter().find(|&rounded| rounded >= step).unwrap_or(10.0 * power)
}

/// The label of `value` on an axis up to `largest`, whose labels are `step` apart.
pub(super) fn tick(value: f64, step: f64, largest: f64) -> String {
    if value == 0.0 {
        return "0".into();
    }
    if !(0.01..1e9).contains(&largest) {
        return scientific(value);
    }
    let (unit, suffix) = if largest >= 1e6 { (1e6, "M") } else { (1.0, "") };
    let decimals = (-(step / unit).log10().floor()).clamp(0.0, 6.0) as usize;
    grouped(&format!("{:.decimals$}", value / unit)) + suffix
}
