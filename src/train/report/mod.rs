//! The page that tells a person how a run goes: one HTML file that needs no other.
//!
//! Invariant: names and settings are shown as they are written, values that are no numbers are in no curve, and the page is small however
//! long the run.

mod chart;
mod marks;

use crate::page::{count, duration, escaped, fill, number, percent};
use crate::train::report::{
    chart::{Chart, Line, curve, last_of, smoothed, span},
    marks::maps,
};
use crate::train::{DevRecord, Record, StepRecord};

/// The page around its parts, each of which has its place as a comment.
const PAGE: &str = include_str!("page.html");

/// What the page tells.
pub(super) struct Report<'a> {
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
pub(super) struct Map<'a> {
    /// Names of the concepts.
    pub concepts: &'a [String],
    /// Each name's place in `concepts`, and the name.
    pub names: &'a [(usize, String)],
    pub before: &'a Placed,
    pub after: &'a Placed,
}

/// Places of the names.
pub(super) struct Placed {
    pub points: Vec<[f32; 2]>,
    /// Share of names whose nearest is of the same concept.
    pub agree: f64,
}

/// The page of `report`.
pub(super) fn render(report: &Report) -> String {
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
    fill(PAGE, &parts)
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
            "Pairs learned from",
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
    let line = |label: &str, color, points| Line { label: label.into(), color, faint: false, points };
    let both = |label, color, points: Vec<[f64; 2]>| match span(&points) {
        1 => vec![line(label, color, points)],
        span => {
            let smooth = line(&format!("over {span} steps"), color, smoothed(&points));
            vec![Line { faint: true, ..line(label, color, points) }, smooth]
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
        chart("Pairs per second", "learned from, waiting for data included", speeds),
    ];
    if !scales.is_empty() {
        let scales = vec![line("of a step", 0, scales)];
        charts.push(Chart { sizes: true, ..chart("Loss scale", "factor of the loss in half precision", scales) });
    }
    charts
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

/// The losses of all steps.
fn losses(steps: &[&StepRecord]) -> Vec<[f64; 2]> {
    curve(steps.iter().map(|step| (step.step, step.loss.into())))
}

#[cfg(test)]
mod tests {
    use super::{
        chart::{Axis, POINTS},
        *,
    };
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
