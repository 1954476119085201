//! The page that tells a person how a run goes: one HTML file that needs no other.
//!
//! Invariant: names and settings are shown as they are written, values that are no numbers are in no curve, and the page is small however
//! long the run.

use super::{DevRecord, Record, StepRecord};

/// The page around its parts, each of which has its place as a comment.
const PAGE: &str = include_str!("report.html");
/// Points of a curve that are drawn at most.
const POINTS: usize = 1000;
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
/// Width and height of a map, and how far places stay from its edges.
const MAP: f64 = 400.0;
const MARGIN: f64 = 14.0;
/// Colours of the page. They and the shapes have no common factor, so that neighbours of the legend differ in both.
const COLOURS: usize = 7;
/// Circle, square, triangle, diamond, cross, triangle upside down.
const SHAPES: [&str; 6] = [
    "M-4.5,0a4.5,4.5 0 1,0 9,0a4.5,4.5 0 1,0 -9,0z",
    "M-4,-4h8v8h-8z",
    "M0,-5.4l5,8.8h-10z",
    "M0,-5.6l5.6,5.6l-5.6,5.6l-5.6,-5.6z",
    "M-1.8,-5h3.6v3.2h3.2v3.6h-3.2v3.2h-3.6v-3.2h-3.2v-3.6h3.2z",
    "M0,5.4l5,-8.8h-10z",
];

/// What the page tells.
pub struct Report<'a> {
    /// Name of the model that is trained.
    pub name: &'a str,
    /// What runs are compared by, in this order.
    pub settings: &'a [(String, String)],
    /// In the order of their steps.
    pub records: &'a [Record],
    /// Steps that the run is to have.
    pub steps: u64,
    pub map: Option<Map<'a>>,
}

/// Some names before and after training.
pub struct Map<'a> {
    /// Names of the concepts.
    pub concepts: &'a [String],
    /// Each name's place in `concepts`, and the name.
    pub names: &'a [(usize, String)],
    pub before: &'a Placed,
    pub after: &'a Placed,
}

/// Places of the names.
pub struct Placed {
    pub points: Vec<[f32; 2]>,
    /// Share of names whose nearest is of the same concept.
    pub agree: f64,
}

/// The page of `report`.
pub fn render(report: &Report) -> String {
    let (mut steps, mut devs) = (vec![], vec![]);
    for record in report.records {
        match record {
            Record::Step(record) => steps.push(record),
            Record::Dev(record) if record.accuracy_at_1.is_finite() => devs.push(record),
            Record::Dev(_) => {}
        }
    }
    let last = report.records.iter().map(Record::step).max().unwrap_or(0);
    let parts = [
        ("name", escaped(report.name)),
        ("progress", progress(last, report.steps, &steps)),
        ("tiles", tiles(last, report.steps, &steps, &devs)),
        ("charts", charts(&steps, &devs).iter().map(|chart| chart.draw(last.max(1) as f64)).collect()),
        ("settings", settings(report.settings)),
        ("maps", report.map.as_ref().map_or_else(String::new, maps)),
    ];
    let fill = |piece: &str| match piece.split_once("-->") {
        Some((name, rest)) => {
            parts.iter().find(|part| part.0 == name).map_or("", |part| part.1.as_str()).to_owned() + rest
        }
        None => piece.to_owned(),
    };
    PAGE.split("<!--").map(fill).collect()
}

/// How far the run is, and what went wrong.
fn progress(last: u64, all: u64, steps: &[&StepRecord]) -> String {
    let bar = format!("<progress aria-label=\"steps\" max=\"{}\" value=\"{last}\"></progress>", all.max(last).max(1));
    match steps.iter().filter(|step| !step.loss.is_finite()).count() as u64 {
        0 => bar,
        lost => format!("{bar}\n<p class=\"warn\">In {} of the steps the loss was no number.</p>", count(lost)),
    }
}

/// The numbers that are looked at first.
fn tiles(last: u64, all: u64, steps: &[&StepRecord], devs: &[&DevRecord]) -> String {
    let sum = |value: fn(&StepRecord) -> f64| steps.iter().map(|step| value(step)).sum::<f64>();
    let pairs: u64 = steps.iter().map(|step| step.pairs).sum();
    let (tokens, rows) = (sum(|step| step.tokens as f64), sum(|step| step.rows as f64));
    let (seconds, waited) = (sum(|step| step.seconds), sum(|step| step.waited));
    let left = all.saturating_sub(last) as f64 * seconds / steps.len() as f64;
    let loss = losses(steps);
    let best = devs.iter().copied().reduce(|best, dev| if dev.accuracy_at_1 > best.accuracy_at_1 { dev } else { best });
    let accuracy = match (devs.first(), best, devs.last()) {
        (Some(first), Some(best), Some(last)) => (
            percent(last.accuracy_at_1),
            format!(
                "{} at step {}, best {} at step {}",
                percent(first.accuracy_at_1),
                count(first.step),
                percent(best.accuracy_at_1),
                count(best.step)
            ),
        ),
        _ => (number(f64::NAN), "not measured".into()),
    };
    let tiles = [
        ("Steps", count(last), format!("of {}, {}", count(all), percent(last as f64 / all as f64))),
        (
            "Pairs learnt from",
            count(pairs),
            format!("epoch {}", steps.last().map_or_else(|| "0".into(), |step| number(step.epoch))),
        ),
        (
            "Smoothed loss",
            number(last_of(&smoothed(&loss))),
            format!("{} in the first step", number(loss.first().map_or(f64::NAN, |at| at[1]))),
        ),
        ("Held-out accuracy at 1", accuracy.0, accuracy.1),
        ("Pairs per second", number(pairs as f64 / seconds), format!("{} tokens per second", number(tokens / seconds))),
        (
            "Time of the steps",
            duration(seconds),
            match left > 0.0 {
                true => format!("about {} left", duration(left)),
                false if last < all => "time left is not known".into(),
                false => "nothing left".into(),
            },
        ),
        ("Padding", percent(1.0 - tokens / rows), format!("{} rows computed per token", number(rows / tokens))),
        ("Waited for data", percent(waited / seconds), format!("{} in all", duration(waited))),
    ];
    let tile =
        |(title, value, note)| format!("<div><dt>{title}</dt><dd class=\"value\">{value}</dd><dd>{note}</dd></div>\n");
    format!("<dl class=\"tiles\">\n{}</dl>", tiles.map(tile).concat())
}

/// What is drawn against the steps.
fn charts(steps: &[&StepRecord], devs: &[&DevRecord]) -> Vec<Chart> {
    let of_steps = |value: fn(&StepRecord) -> f64| curve(steps.iter().map(|step| (step.step, value(step))));
    let of_devs = |value: fn(&DevRecord) -> f64| curve(devs.iter().map(|dev| (dev.step, 100.0 * value(dev))));
    let line = |label: &str, colour, points| Line { label: label.into(), colour, faint: false, points };
    let both = |label, colour, points: Vec<[f64; 2]>| match span(&points) {
        1 => vec![line(label, colour, points)],
        span => {
            let smooth = line(&format!("over {span} steps"), colour, smoothed(&points));
            vec![Line { faint: true, ..line(label, colour, points) }, smooth]
        }
    };
    let chart = |title, note: &str, lines| Chart { title, note: note.into(), unit: "", sizes: false, lines };
    let positives = both("positives", 0, of_steps(|step| step.positives as f64));
    let negatives = both("negatives", 1, of_steps(|step| step.negatives as f64));
    let firsts = line("at 1", 0, of_devs(|dev| dev.accuracy_at_1));
    let fives = line("at 5", 1, of_devs(|dev| dev.accuracy_at_5));
    let queries = count(devs.last().map_or(0, |dev| dev.queries));
    let found = format!("share of {queries} names that find their concept first, or among the first five");
    let norms = both("of a step", 0, of_steps(|step| step.gradient_norm.unwrap_or(f32::NAN).into()));
    let speeds = both("of a step", 0, of_steps(|step| step.pairs as f64 / step.seconds));
    let scales = of_steps(|step| step.loss_scale.map_or(f64::NAN, f64::from));
    let rates = vec![line("of a step", 0, of_steps(|step| step.learning_rate.into()))];
    let mined = "pairs of a batch that are hard enough to learn from";
    let mut charts = vec![
        chart("Loss", "of the pairs of a batch", both("of a step", 0, losses(steps))),
        Chart { unit: "%", ..chart("Held-out accuracy", &found, vec![firsts, fives]) },
        chart("Learning rate", "how far a step goes", rates),
        Chart { sizes: true, ..chart("Mined pairs", mined, [positives, negatives].into_iter().flatten().collect()) },
        Chart { sizes: true, ..chart("Gradient norm", "of all parameters, before clipping", norms) },
        chart("Pairs per second", "learnt from, waiting for data included", speeds),
    ];
    if !scales.is_empty() {
        let scales = vec![line("of a step", 0, scales)];
        charts.push(Chart { sizes: true, ..chart("Loss scale", "factor of the loss in half precision", scales) });
    }
    charts
}

/// Curves that share their axes.
struct Chart {
    title: &'static str,
    note: String,
    unit: &'static str,
    /// Whether sizes matter more than differences, so that the axis may be logarithmic.
    sizes: bool,
    lines: Vec<Line>,
}

/// One curve, its points being steps and finite values.
struct Line {
    label: String,
    colour: usize,
    faint: bool,
    points: Vec<[f64; 2]>,
}

impl Chart {
    /// The chart of a run whose last step is `last`.
    fn draw(&self, last: f64) -> String {
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
        format!("<g class=\"c{}{faint}\"><polyline points=\"{}\"/>{dots}</g>\n", self.colour, points.join(" "))
    }

    /// Its entry of the legend, with the last value.
    fn key(&self, unit: &str) -> String {
        let Self { label, colour, points, .. } = self;
        let (faint, last) = (if self.faint { " faint" } else { "" }, number(last_of(points)));
        format!("<li><i class=\"c{colour}{faint}\"></i>{label} <b>{last}{unit}</b></li>")
    }
}

/// What a side of a chart stands for.
struct Axis {
    logarithmic: bool,
    /// Its ends, as logarithms where it is logarithmic.
    from: f64,
    to: f64,
    /// Values with their labels.
    ticks: Vec<(f64, String)>,
}

impl Axis {
    /// The axis of the steps up to `last`.
    fn steps(last: f64) -> Self {
        let mut axis = Self::linear(0.0, last, 1.0);
        axis.ticks.retain(|(at, _)| *at <= last);
        Self { to: last, ..axis }
    }

    /// An axis that suits `values`, and is logarithmic where it may and they are of very different sizes.
    fn of(values: impl Iterator<Item = f64> + Clone, sizes: bool) -> Self {
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
    fn share(&self, value: f64) -> f64 {
        let value = if self.logarithmic { value.log10() } else { value };
        ((value - self.from) / (self.to - self.from)).clamp(0.0, 1.0)
    }
}

/// The settings as a table.
fn settings(settings: &[(String, String)]) -> String {
    if settings.is_empty() {
        return String::new();
    }
    let row = |(name, value): &(String, String)| {
        format!("<tr><th scope=\"row\">{}</th><td>{}</td></tr>\n", escaped(name), escaped(value))
    };
    format!("<h2>Settings</h2>\n<table>\n{}</table>", settings.iter().map(row).collect::<String>())
}

/// The names before and after training; pointing at one shows its concept alone.
fn maps(map: &Map) -> String {
    let figure = |title: &str, placed: &Placed| {
        let agree = percent(placed.agree);
        let marks = marks(map, &placed.points);
        format!(
            "<figure><h3>{title}</h3><figcaption>{agree} of the names have a name of the same concept nearest to them\
             </figcaption>\n<svg viewBox=\"0 0 {MAP} {MAP}\" role=\"img\" aria-label=\"{title}\">\n{marks}</svg></figure>\n"
        )
    };
    let alone = |i: usize| format!(".maps:has(.k{i}:hover) .k:not(.k{i}) {{ opacity: .1; }}\n");
    let key = |(i, concept): (usize, &String)| {
        let (mark, concept) = (mark(i), escaped(concept));
        format!("<li class=\"k k{i}\"><svg viewBox=\"-7 -7 14 14\"><path {mark}/></svg>{concept}</li>\n")
    };
    format!(
        "<h2>Names of {} concepts</h2>\n<style>\n{}</style>\n<div class=\"maps\">\n{}{}<ul class=\"keys\">\n{}</ul>\n</div>",
        count(map.concepts.len() as u64),
        (0..map.concepts.len()).map(alone).collect::<String>(),
        figure("Before training", map.before),
        figure("After training", map.after),
        map.concepts.iter().enumerate().map(key).collect::<String>()
    )
}

/// The names at their places, as large as the map allows.
fn marks(map: &Map, places: &[[f32; 2]]) -> String {
    let placed = || map.names.iter().zip(places).filter(|(_, place)| place.iter().all(|at| at.is_finite()));
    let ends = [0, 1].map(|axis| {
        let along = || placed().map(|(_, place)| place[axis]);
        (along().fold(f32::INFINITY, f32::min), along().fold(f32::NEG_INFINITY, f32::max))
    });
    let extent = ends.iter().map(|(low, high)| high - low).fold(f32::MIN_POSITIVE, f32::max);
    let at = |place: &[f32; 2], axis: usize| {
        let (low, high) = ends[axis];
        MAP / 2.0 + (MAP - 2.0 * MARGIN) * f64::from((place[axis] - (low + high) / 2.0) / extent)
    };
    let mark = |((concept, name), place): (&(usize, String), &[f32; 2])| {
        format!(
            "<path {} transform=\"translate({:.1} {:.1})\"><title>{} ({})</title></path>\n",
            mark(*concept),
            at(place, 0),
            at(place, 1),
            escaped(name),
            map.concepts.get(*concept).map_or_else(String::new, |concept| escaped(concept))
        )
    };
    placed().map(mark).collect()
}

/// Colour and shape of a concept.
fn mark(concept: usize) -> String {
    format!("class=\"mark k k{concept} c{}\" d=\"{}\"", concept % COLOURS, SHAPES[concept % SHAPES.len()])
}

/// The losses of all steps.
fn losses(steps: &[&StepRecord]) -> Vec<[f64; 2]> {
    curve(steps.iter().map(|step| (step.step, step.loss.into())))
}

/// Points of a curve, without those that are no numbers.
fn curve(points: impl Iterator<Item = (u64, f64)>) -> Vec<[f64; 2]> {
    points.filter(|(_, value)| value.is_finite()).map(|(step, value)| [step as f64, value]).collect()
}

/// Steps that a curve is smoothed over.
fn span(points: &[[f64; 2]]) -> usize {
    (points.len() / 30).clamp(1, 500)
}

/// Means of the values up to each point, later ones counting more.
fn smoothed(points: &[[f64; 2]]) -> Vec<[f64; 2]> {
    let keep = 1.0 - 1.0 / span(points) as f64;
    let (mut sum, mut weight) = (0.0, 0.0);
    let mean = |&[step, value]: &[f64; 2]| {
        (sum, weight) = (keep * sum + value, keep * weight + 1.0);
        [step, sum / weight]
    };
    points.iter().map(mean).collect()
}

/// At most [`POINTS`] of `points`: the lowest and the highest of each part.
fn thinned(points: &[[f64; 2]]) -> Vec<[f64; 2]> {
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
fn last_of(points: &[[f64; 2]]) -> f64 {
    points.last().map_or(f64::NAN, |point| point[1])
}

/// 1, 2 or 5 times a power of ten, not less than `step`.
fn rounded(step: f64) -> f64 {
    let power = 10f64.powf(step.log10().floor());
    [1.0, 2.0, 5.0].map(|digit| digit * power).into_iter().find(|&rounded| rounded >= step).unwrap_or(10.0 * power)
}

/// The label of `value` on an axis up to `largest`, whose labels are `step` apart.
fn tick(value: f64, step: f64, largest: f64) -> String {
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

/// A number with three digits that count, or all of those before the point.
fn number(value: f64) -> String {
    let size = value.abs();
    if !size.is_finite() {
        return "–".into();
    }
    if size == 0.0 {
        return "0".into();
    }
    if !(1e-3..1e9).contains(&size) {
        return scientific(value);
    }
    let decimals = (2.0 - size.log10().floor()).max(0.0) as usize;
    grouped(trimmed(&format!("{value:.decimals$}")))
}

/// A number that is very small or very large.
fn scientific(value: f64) -> String {
    let text = format!("{value:.2e}");
    let (digits, power) = text.split_once('e').unwrap_or((&text, "0"));
    format!("{}e{power}", trimmed(digits))
}

/// Digits without zeros at their end that say nothing.
fn trimmed(digits: &str) -> &str {
    if digits.contains('.') { digits.trim_end_matches('0').trim_end_matches('.') } else { digits }
}

/// A share in hundredths.
fn percent(share: f64) -> String {
    if share.is_finite() { format!("{:.1}%", 100.0 * share) } else { number(share) }
}

/// How many there are.
fn count(count: u64) -> String {
    grouped(&count.to_string())
}

/// Digits with commas between the thousands.
fn grouped(text: &str) -> String {
    let (sign, digits) = text.strip_prefix('-').map_or(("", text), |digits| ("-", digits));
    let (whole, rest) = digits.split_at(digits.find('.').unwrap_or(digits.len()));
    let mut grouped = sign.to_owned();
    for (i, digit) in whole.chars().enumerate() {
        if i > 0 && (whole.len() - i).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped + rest
}

/// Seconds as people say them.
fn duration(seconds: f64) -> String {
    let whole = seconds.round() as u64;
    match whole {
        0..60 => format!("{} s", number(seconds)),
        60..3600 => format!("{} min {} s", whole / 60, whole % 60),
        3600..86_400 => format!("{} h {} min", whole / 3600, whole % 3600 / 60),
        _ => format!("{} d {} h", count(whole / 86_400), whole % 86_400 / 3600),
    }
}

/// Text that is shown as it is.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped += "&amp;",
            '<' => escaped += "&lt;",
            '>' => escaped += "&gt;",
            '"' => escaped += "&quot;",
            '\'' => escaped += "&#39;",
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    /// Records of a run that goes well, with a measurement after each `every` steps.
    fn records(steps: u64, every: u64) -> Vec<Record> {
        let mut random = Random::new(3);
        let mut records = vec![];
        for step in 0..=steps {
            let done = step as f32 / steps as f32;
            if step > 0 {
                records.push(Record::Step(StepRecord {
                    step,
                    epoch: f64::from(done),
                    loss: 0.2 + (-5.0 * done).exp() * 0.8 + 0.2 * (random.share() - 0.5),
                    learning_rate: 2e-5 * f32::min(10.0 * done, 1.0 - done),
                    positives: 300 + random.below(100) as u64,
                    negatives: (20_000.0 * (1.1 - done)) as u64 + random.below(2000) as u64,
                    gradient_norm: Some(0.5 + 2.0 * random.share()),
                    loss_scale: Some(65_536.0),
                    pairs: 256,
                    tokens: 4000 + random.below(500) as u64,
                    rows: 4800,
                    seconds: 0.25 + 0.05 * f64::from(random.share()),
                    waited: 0.002,
                }));
            }
            if step % every == 0 {
                let accuracy_at_1 = 0.55 + 0.3 * f64::from(1.0 - (-4.0 * done).exp());
                let accuracy_at_5 = accuracy_at_1 + 0.07;
                records.push(Record::Dev(DevRecord { step, accuracy_at_1, accuracy_at_5, queries: 2000, names: 9000 }));
            }
        }
        records
    }

    fn page(records: &[Record], map: Option<Map>) -> String {
        let settings = [("loss".into(), "multi-similarity".into()), ("learning rate".into(), "2e-5".into())];
        let page = render(&Report { name: "tiny-bert", settings: &settings, records, steps: 100_000, map });
        for never in ["NaN", "inf,", ",inf", "\"inf", "(inf", "http:", "https:", "<!--", "src="] {
            assert!(!page.contains(never), "{never}");
        }
        page
    }

    #[test]
    fn runs_of_any_length_are_shown() {
        assert_eq!(page(&[], None).matches("nothing is recorded yet").count(), 6);
        let one = page(&records(1, 5)[1..], None);
        assert!(one.contains("<circle") && one.matches("nothing is recorded yet").count() == 1);
        let many = page(&records(400, 50), None);
        assert!(many.contains("multi-similarity") && many.contains("Loss scale") && many.contains("at step 400"));
        assert_eq!(many.matches("<svg").count(), 7);
        assert_eq!(many.matches("<figure").count(), many.matches("</figure>").count());
    }

    #[test]
    fn long_runs_have_small_pages() {
        let records = records(100_000, 100);
        let page = page(&records, None);
        assert!(page.len() < 500_000, "{}", page.len());
        let longest =
            page.split("points=\"").map(|rest| rest.split('"').next().unwrap().matches(' ').count() + 1).max();
        assert_eq!(longest, Some(POINTS));
    }

    #[test]
    fn values_that_are_no_numbers_are_left_out() {
        let mut records = records(40, 10);
        for (i, record) in records.iter_mut().enumerate() {
            match record {
                Record::Step(step) if i % 2 == 0 => {
                    (step.loss, step.gradient_norm, step.learning_rate) = (f32::NAN, None, f32::NAN);
                    (step.seconds, step.waited) = (0.0, f64::NAN);
                }
                Record::Dev(dev) => (dev.accuracy_at_1, dev.accuracy_at_5) = (f64::NAN, f64::NAN),
                Record::Step(_) => {}
            }
        }
        let page = page(&records, None);
        assert!(page.contains("the loss was no number") && page.contains("not measured"));
    }

    #[test]
    fn names_are_text() {
        let bad = String::from("<script>alert('&')</script><!--name-->");
        let placed = || Placed { points: vec![[0.0, 1.0], [f32::NAN, 0.0], [2.0, 3.0]], agree: 0.5 };
        let (names, concepts) = ([(0, bad.clone()), (1, "b".into()), (9, "c".into())], [bad.clone(), "second".into()]);
        let map = Map { concepts: &concepts, names: &names, before: &placed(), after: &placed() };
        let settings = [(bad.clone(), bad.clone())];
        let page = render(&Report { name: &bad, settings: &settings, records: &[], steps: 0, map: Some(map) });
        assert!(!page.contains("<script") && !page.contains("NaN"));
        assert!(page.contains("<title>&lt;script&gt;alert(&#39;&amp;&#39;)&lt;/script&gt;&lt;!--name--&gt;"));
        assert_eq!(page.matches("transform=").count(), 4);
    }

    #[test]
    fn axes_have_round_labels() {
        let labels = |axis: Axis| axis.ticks.into_iter().map(|(_, label)| label).collect::<Vec<_>>().join(" ");
        let of = |values: &[f64]| labels(Axis::of(values.iter().copied(), true));
        assert_eq!(of(&[0.13, 0.98]), "0 0.2 0.4 0.6 0.8 1.0");
        assert_eq!(of(&[1e-6, 2e-5]), "0 5e-6 1e-5 1.5e-5 2e-5");
        assert_eq!(of(&[0.0, 300.0, 20_000.0]), "0 100 1,000 10,000 100,000");
        assert_eq!(of(&[-3.0, 4.0]), "-4 -2 0 2 4");
        assert_eq!(of(&[100.0]), "0 20 40 60 80 100");
        assert_eq!(of(&[0.0]), "0 0.2 0.4 0.6 0.8 1.0");
        assert_eq!(labels(Axis::steps(1.0)), "0 1");
        assert_eq!(labels(Axis::steps(120_000.0)), "0 50,000 100,000");
    }

    #[test]
    fn numbers_are_as_people_write_them() {
        let numbers = [0.0, 0.12345, 12.345, 1234.5, -1_234_567.0, 2e-5, 3.4e38, f64::NAN].map(number).join(" ");
        assert_eq!(numbers, "0 0.123 12.3 1,234 -1,234,567 2e-5 3.4e38 –");
        assert_eq!([0.873, 1.0, f64::NAN].map(percent).join(" "), "87.3% 100.0% –");
        let durations = [0.5, 59.0, 61.0, 7260.0, 100_000.0, f64::NAN].map(duration).join(", ");
        assert_eq!(durations, "0.5 s, 59 s, 1 min 1 s, 2 h 1 min, 1 d 3 h, – s");
    }
}
