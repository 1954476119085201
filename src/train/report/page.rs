//! The page of the report: progress, key figures, charts, the map of names, and the settings.

use crate::page::{count, duration, escaped, fill, number, percent};
use crate::train::metrics::{DevRecord, MetricsRecord, StepRecord};
use crate::train::report::{
    chart::{Chart, Curve},
    curve::{Points, finite_points, last_value, smoothed, smoothing_steps},
    name_map::{self, NameMap},
};

/// The frame of the page, with a comment for each part.
const PAGE: &str = include_str!("page.html");

/// The content of the page.
pub(in crate::train) struct TrainReport<'a> {
    /// Name of the model that is trained.
    pub(in crate::train) model_name: &'a str,
    /// Names and values, in this order.
    pub(in crate::train) settings: &'a [(String, String)],
    /// In the order of their steps.
    pub(in crate::train) records: &'a [MetricsRecord],
    /// Steps of the whole run.
    pub(in crate::train) total_steps: u64,
    pub(in crate::train) map: Option<NameMap<'a>>,
}

/// The page as HTML.
pub(in crate::train) fn render(report: &TrainReport) -> String {
    let (mut steps, mut devs) = (vec![], vec![]);
    for record in report.records {
        match record {
            MetricsRecord::Step(record) => steps.push(record),
            MetricsRecord::Dev(record) if record.accuracy_at_1.is_finite() => devs.push(record),
            MetricsRecord::Dev(_) => {}
        }
    }
    let last = report.records.iter().map(MetricsRecord::step).max().unwrap_or(0);
    let parts = [
        ("name", escaped(report.model_name)),
        ("progress", progress(last, report.total_steps, &steps)),
        ("tiles", tiles(last, report.total_steps, &steps, &devs)),
        ("charts", charts(&steps, &devs).iter().map(|chart| chart.draw(last.max(1) as f64)).collect()),
        ("settings", settings_table(report.settings)),
        ("maps", report.map.as_ref().map_or_else(String::new, name_map::draw)),
    ];
    fill(PAGE, &parts)
}

/// The progress bar, and a warning if the loss of a step was not finite.
fn progress(last: u64, total: u64, steps: &[&StepRecord]) -> String {
    let max = total.max(last).max(1);
    let bar = format!("<progress aria-label=\"steps\" max=\"{max}\" value=\"{last}\"></progress>");
    match steps.iter().filter(|step| !step.loss.is_finite()).count() as u64 {
        0 => bar,
        lost => format!("{bar}\n<p class=\"warn\">In {} of the steps the loss was not finite.</p>", count(lost)),
    }
}

/// The key figures: title, value and note of each.
fn tiles(last: u64, total: u64, steps: &[&StepRecord], devs: &[&DevRecord]) -> String {
    let sum = |value: fn(&StepRecord) -> f64| steps.iter().map(|step| value(step)).sum::<f64>();
    let pairs: u64 = steps.iter().map(|step| step.pairs).sum();
    let (tokens, rows) = (sum(|step| step.tokens as f64), sum(|step| step.rows as f64));
    let (seconds, waited) = (sum(|step| step.seconds), sum(|step| step.waited));
    let loss = losses(steps);
    let first_loss = number(loss.first().map_or(f64::NAN, |point| point[1]));
    let epoch = steps.last().map_or_else(|| "0".into(), |step| number(step.epoch));
    let (accuracy, accuracy_note) = accuracy(devs);
    let time_left = time_left(total.saturating_sub(last), seconds / steps.len() as f64);
    let tiles = [
        ("Steps", count(last), format!("of {}, {}", count(total), percent(last as f64 / total as f64))),
        ("Pairs learned from", count(pairs), format!("epoch {epoch}")),
        ("Smoothed loss", number(last_value(&smoothed(&loss))), format!("{first_loss} in the first step")),
        ("Held-out accuracy at 1", accuracy, accuracy_note),
        ("Pairs per second", number(pairs as f64 / seconds), format!("{} tokens per second", number(tokens / seconds))),
        ("Time of the steps", duration(seconds), time_left),
        ("Padding", percent(1.0 - tokens / rows), format!("{} rows computed per token", number(rows / tokens))),
        ("Waited for batches", percent(waited / seconds), format!("{} in all", duration(waited))),
    ];
    let tile =
        |(title, value, note)| format!("<div><dt>{title}</dt><dd class=\"value\">{value}</dd><dd>{note}</dd></div>\n");
    format!("<dl class=\"tiles\">\n{}</dl>", tiles.map(tile).concat())
}

/// The last held-out accuracy at 1, and a note with the first and the best one.
fn accuracy(devs: &[&DevRecord]) -> (String, String) {
    let best = devs.iter().copied().reduce(|best, dev| if dev.accuracy_at_1 > best.accuracy_at_1 { dev } else { best });
    let (Some(first), Some(best), Some(last)) = (devs.first(), best, devs.last()) else {
        return (number(f64::NAN), "not measured".into());
    };
    let note = format!(
        "{} at step {}, best {} at step {}",
        percent(first.accuracy_at_1),
        count(first.step),
        percent(best.accuracy_at_1),
        count(best.step)
    );
    (percent(last.accuracy_at_1), note)
}

fn time_left(steps: u64, seconds_per_step: f64) -> String {
    let left = steps as f64 * seconds_per_step;
    match left > 0.0 {
        true => format!("about {} left", duration(left)),
        false if steps > 0 => "time left unknown".into(),
        false => "complete".into(),
    }
}

/// The charts over the steps; that of the loss scale only for float16.
fn charts(steps: &[&StepRecord], devs: &[&DevRecord]) -> Vec<Chart> {
    let of_steps = |value: fn(&StepRecord) -> f64| finite_points(steps.iter().map(|step| (step.step, value(step))));
    let of_devs = |value: fn(&DevRecord) -> f64| finite_points(devs.iter().map(|dev| (dev.step, 100.0 * value(dev))));
    let curve = |label: &str, color, points| Curve { label: label.into(), color, faint: false, points };
    let with_average = |label, color, points: Points| match smoothing_steps(&points) {
        1 => vec![curve(label, color, points)],
        span => {
            let average = curve(&format!("average over {span} steps"), color, smoothed(&points));
            vec![Curve { faint: true, ..curve(label, color, points) }, average]
        }
    };
    let chart =
        |title, note: &str, curves| Chart { title, note: note.into(), unit: "", allow_logarithmic: false, curves };
    let logarithmic = |chart| Chart { allow_logarithmic: true, ..chart };
    let positives = with_average("positives", 0, of_steps(|step| step.positives as f64));
    let negatives = with_average("negatives", 1, of_steps(|step| step.negatives as f64));
    let mined = [positives, negatives].into_iter().flatten().collect();
    let at_1 = curve("at 1", 0, of_devs(|dev| dev.accuracy_at_1));
    let at_5 = curve("at 5", 1, of_devs(|dev| dev.accuracy_at_5));
    let queries = count(devs.last().map_or(0, |dev| dev.queries));
    let found = format!("share of {queries} names whose concept is the nearest, or one of the five nearest");
    let norms = with_average("per step", 0, of_steps(|step| step.gradient_norm.unwrap_or(f32::NAN).into()));
    let speeds = with_average("per step", 0, of_steps(|step| step.pairs as f64 / step.seconds));
    let rates = vec![curve("per step", 0, of_steps(|step| step.learning_rate.into()))];
    let scales = of_steps(|step| step.loss_scale.map_or(f64::NAN, f64::from));
    let mut charts = vec![
        chart("Loss", "of the mined pairs of a batch", with_average("per step", 0, losses(steps))),
        Chart { unit: "%", ..chart("Held-out accuracy", &found, vec![at_1, at_5]) },
        chart("Learning rate", "of AdamW", rates),
        logarithmic(chart("Mined pairs", "pairs of names that the miner chose in a batch", mined)),
        logarithmic(chart("Gradient norm", "of all parameters, before clipping", norms)),
        chart("Pairs per second", "including the wait for batches", speeds),
    ];
    if !scales.is_empty() {
        let scales = vec![curve("per step", 0, scales)];
        charts.push(logarithmic(chart("Loss scale", "factor of the loss in float16", scales)));
    }
    charts
}

fn settings_table(settings: &[(String, String)]) -> String {
    if settings.is_empty() {
        return String::new();
    }
    let row = |(name, value): &(String, String)| {
        format!("<tr><th scope=\"row\">{}</th><td>{}</td></tr>\n", escaped(name), escaped(value))
    };
    format!("<h2>Settings</h2>\n<table>\n{}</table>", settings.iter().map(row).collect::<String>())
}

/// The finite losses of all steps.
fn losses(steps: &[&StepRecord]) -> Points {
    finite_points(steps.iter().map(|step| (step.step, step.loss.into())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        random::Random,
        train::report::{MapLayout, curve::MAX_POINTS},
    };

    /// Records of a successful run, with a measurement every `dev_every` steps.
    fn records(steps: u64, dev_every: u64) -> Vec<MetricsRecord> {
        let mut random = Random::new(3);
        let mut records = vec![];
        for step in 0..=steps {
            let done = step as f32 / steps as f32;
            if step > 0 {
                records.push(MetricsRecord::Step(StepRecord {
                    step,
                    epoch: f64::from(done),
                    loss: 0.2 + (-5.0 * done).exp() * 0.8 + 0.2 * (random.fraction() - 0.5),
                    learning_rate: 2e-5 * f32::min(10.0 * done, 1.0 - done),
                    positives: 300 + random.below(100) as u64,
                    negatives: (20_000.0 * (1.1 - done)) as u64 + random.below(2000) as u64,
                    gradient_norm: Some(0.5 + 2.0 * random.fraction()),
                    loss_scale: Some(65_536.0),
                    pairs: 256,
                    tokens: 4000 + random.below(500) as u64,
                    rows: 4800,
                    seconds: 0.25 + 0.05 * f64::from(random.fraction()),
                    waited: 0.002,
                }));
            }
            if step % dev_every == 0 {
                let accuracy_at_1 = 0.55 + 0.3 * f64::from(1.0 - (-4.0 * done).exp());
                let accuracy_at_5 = accuracy_at_1 + 0.07;
                let (queries, names) = (2000, 9000);
                records.push(MetricsRecord::Dev(DevRecord { step, accuracy_at_1, accuracy_at_5, queries, names }));
            }
        }
        records
    }

    fn page(records: &[MetricsRecord], map: Option<NameMap>) -> String {
        let settings = [("loss".into(), "multi-similarity".into()), ("learning rate".into(), "2e-5".into())];
        let page =
            render(&TrainReport { model_name: "tiny-bert", settings: &settings, records, total_steps: 100_000, map });
        for never in ["NaN", "inf,", ",inf", "\"inf", "(inf", "http:", "https:", "<!--", "src="] {
            assert!(!page.contains(never), "{never}");
        }
        page
    }

    #[test]
    fn shows_runs_of_any_length() {
        assert_eq!(page(&[], None).matches("no records yet").count(), 6);
        let one = page(&records(1, 5)[1..], None);
        assert!(one.contains("<circle") && one.matches("no records yet").count() == 1);
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
        assert_eq!(longest, Some(MAX_POINTS));
    }

    #[test]
    fn values_that_are_not_finite_are_left_out() {
        let mut records = records(40, 10);
        for (i, record) in records.iter_mut().enumerate() {
            match record {
                MetricsRecord::Step(step) if i % 2 == 0 => {
                    (step.loss, step.gradient_norm, step.learning_rate) = (f32::NAN, None, f32::NAN);
                    (step.seconds, step.waited) = (0.0, f64::NAN);
                }
                MetricsRecord::Dev(dev) => (dev.accuracy_at_1, dev.accuracy_at_5) = (f64::NAN, f64::NAN),
                MetricsRecord::Step(_) => {}
            }
        }
        let page = page(&records, None);
        assert!(page.contains("the loss was not finite") && page.contains("not measured"));
    }

    #[test]
    fn names_and_settings_are_escaped() {
        let bad = String::from("<script>alert('&')</script><!--name-->");
        let layout = || MapLayout { points: vec![[0.0, 1.0], [f32::NAN, 0.0], [2.0, 3.0]], agreement: 0.5 };
        let (names, concepts) = ([(0, bad.clone()), (1, "b".into()), (9, "c".into())], [bad.clone(), "second".into()]);
        let map = NameMap { concepts: &concepts, names: &names, before: &layout(), after: &layout() };
        let settings = [(bad.clone(), bad.clone())];
        let page = render(&TrainReport {
            model_name: &bad,
            settings: &settings,
            records: &[],
            total_steps: 0,
            map: Some(map),
        });
        assert!(!page.contains("<script") && !page.contains("NaN"));
        assert!(page.contains("<title>&lt;script&gt;alert(&#39;&amp;&#39;)&lt;/script&gt;&lt;!--name--&gt;"));
        assert_eq!(page.matches("transform=").count(), 4);
    }
}
