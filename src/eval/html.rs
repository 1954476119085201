//! Reports as HTML pages.

use std::{cmp::Reverse, collections::BTreeMap};

use crate::{
    domain::semantic_type,
    eval::{
        metrics::{AccuracyMetrics, Estimate},
        report::{ErrorExample, EvalReport, FoldEntry, SystemEntry},
    },
    page::{count, escaped, fill, number, percent},
};

/// The page, with a comment for each part.
const PAGE_TEMPLATE: &str = include_str!("page.html");
/// Maximum number of semantic types on the page; the JSON has all.
const MAX_PAGE_TYPES: usize = 20;

impl EvalReport {
    /// The report as a self-contained page.
    pub fn page(&self) -> String {
        let names: Vec<&str> = self.folds.iter().map(|fold| fold.name.as_str()).collect();
        let facts = self.facts().into_iter().chain(self.hashes());
        let facts: String = facts
            .map(|[name, value]| {
                format!("<tr><th scope=\"row\">{}</th><td>{}</td></tr>\n", escaped(&name), escaped(&value))
            })
            .collect();
        let parts = [
            ("title", escaped(&names.join(", "))),
            ("bars", self.systems.iter().map(bar).collect()),
            ("metrics", self.systems.iter().map(metrics_row).collect()),
            ("folds", if self.folds.len() > 1 { self.folds_table() } else { String::new() }),
            ("types", self.types_table()),
            ("errors", self.errors_tables()),
            ("facts", facts),
        ];
        fill(PAGE_TEMPLATE, &parts)
    }

    fn hashes(&self) -> Vec<[String; 2]> {
        let mut hashes = vec![
            ["saplink".to_owned(), self.saplink.clone()],
            ["dictionary, sha256 or fingerprint".into(), self.dictionary.sha256.clone()],
        ];
        hashes.extend(self.folds.iter().map(|fold| [format!("{}, sha256", fold.name), fold.sha256.clone()]));
        hashes
    }

    fn folds_table(&self) -> String {
        let head: String =
            self.systems.iter().map(|system| format!("<th scope=\"col\">{}</th>", escaped(&system.name))).collect();
        let row = |(i, fold): (usize, &FoldEntry)| {
            let cells: String =
                self.systems.iter().map(|system| format!("<td>{}</td>", percent(system.fold_acc_1[i]))).collect();
            format!("<tr><th scope=\"row\">{}, {}</th>{cells}</tr>\n", escaped(&fold.name), count(fold.mentions as u64))
        };
        let rows: String = self.folds.iter().enumerate().map(row).collect();
        format!(
            "<h2>Folds</h2>\n<p>Acc@1 by the paper's rule.</p>\n<table class=\"wide\"><tr><th scope=\"col\">fold, mentions</th>{head}</tr>\n{rows}</table>\n"
        )
    }

    fn types_table(&self) -> String {
        let mut types: BTreeMap<&str, (usize, BTreeMap<&str, f64>)> = BTreeMap::new();
        for system in &self.systems {
            for entry in &system.types {
                let (mentions, by_system) = types.entry(&entry.semantic_type).or_default();
                *mentions = entry.mentions;
                by_system.insert(&system.name, entry.strict_acc_1);
            }
        }
        if types.is_empty() {
            return String::new();
        }
        let mut types: Vec<_> = types.into_iter().collect();
        types.sort_by_key(|(name, (mentions, _))| (Reverse(*mentions), *name));
        let head: String =
            self.systems.iter().map(|system| format!("<th scope=\"col\">{}</th>", escaped(&system.name))).collect();
        let row = |(name, (mentions, by_system)): &(&str, (usize, BTreeMap<&str, f64>))| {
            let label = semantic_type::position(name).map(|position| semantic_type::SEMANTIC_TYPES[position].name);
            let cell = |system: &SystemEntry| {
                by_system.get(system.name.as_str()).map_or("–".into(), |share| percent(*share))
            };
            let cells: String = self.systems.iter().map(|system| format!("<td>{}</td>", cell(system))).collect();
            format!(
                "<tr><th scope=\"row\">{} {}</th><td>{}</td>{cells}</tr>\n",
                escaped(name),
                label.unwrap_or(""),
                count(*mentions as u64)
            )
        };
        let rows: String = types.iter().take(MAX_PAGE_TYPES).map(row).collect();
        let more = types.len().saturating_sub(MAX_PAGE_TYPES);
        let more = if more > 0 { format!("<p>The JSON has {more} more.</p>\n") } else { String::new() };
        format!(
            "<h2>Semantic types</h2>\n<p>Strict Acc@1 by the type of the gold concept.</p>\n<table class=\"wide\">\
             <tr><th scope=\"col\">type</th><th scope=\"col\">mentions</th>{head}</tr>\n{rows}</table>\n{more}"
        )
    }

    /// The errors of the last system, which is the main one.
    fn errors_tables(&self) -> String {
        let Some(system) = self.systems.last() else { return String::new() };
        let wrong: usize = system.errors.iter().map(|group| group.mentions).sum();
        let mut text = format!(
            "<h2>Errors of {}</h2>\n<p>{} of {} mentions have a first concept that is not gold. The kinds are guessed from the words alone.</p>\n",
            escaped(&system.name),
            count(wrong as u64),
            count(self.mentions as u64)
        );
        for group in &system.errors {
            let [name, explanation] = group.kind.labels();
            text += &format!(
                "<details><summary><b>{name}</b> {} ({}) <span>{explanation}</span></summary>\n",
                count(group.mentions as u64),
                percent(group.mentions as f64 / wrong.max(1) as f64)
            );
            if !group.examples.is_empty() {
                text += "<table class=\"wide\"><tr><th scope=\"col\">mention</th><th scope=\"col\">times</th>\
                         <th scope=\"col\">found</th><th scope=\"col\">score</th><th scope=\"col\">gold</th></tr>\n";
                text.extend(group.examples.iter().map(example_row));
                text += "</table>\n";
            }
            text += "</details>\n";
        }
        text
    }
}

/// A bar from 0 to 100 with the Acc@1 of a system, its interval, and its strict Acc@1.
fn bar(system: &SystemEntry) -> String {
    let Estimate { value, interval: [low, high] } = system.metrics.acc_1;
    let strict = system.metrics.strict_acc_1.value;
    let x = |share: f64| 100.0 * share;
    format!(
        "<div class=\"bar\"><span>{}</span><svg viewBox=\"0 0 100 8\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"{}\">\
         <rect class=\"track\" width=\"100\" height=\"8\"/><rect class=\"c0\" width=\"{:.2}\" height=\"8\"/>\
         <rect class=\"c1\" y=\"6\" width=\"{:.2}\" height=\"2\"/>\
         <rect class=\"whisker\" x=\"{:.2}\" y=\"2.6\" width=\"{:.2}\" height=\"1\"/></svg><b>{}</b></div>\n",
        escaped(&system.name),
        percent(value),
        x(value),
        x(strict),
        x(low),
        x(high - low),
        percent(value)
    )
}

fn metrics_row(system: &SystemEntry) -> String {
    let AccuracyMetrics { acc_1, acc_5, strict_acc_1, distinct_acc_5, mrr } = system.metrics;
    let cell = |Estimate { value, interval: [low, high] }: Estimate, shown: fn(f64) -> String| {
        format!("<td>{}<small>{} to {}</small></td>", shown(value), shown(low), shown(high))
    };
    let cells: String = [acc_1, acc_5, strict_acc_1, distinct_acc_5].map(|metric| cell(metric, percent)).concat();
    format!(
        "<tr><th scope=\"row\">{}</th>{cells}{}<td>{}</td></tr>\n",
        escaped(&system.name),
        cell(mrr, |value| format!("{value:.3}")),
        number(system.texts_per_second)
    )
}

fn example_row(example: &ErrorExample) -> String {
    let name_and_id = |name: &Option<String>, id: &str| {
        format!("{} <small>{}</small>", escaped(name.as_deref().unwrap_or("–")), escaped(id))
    };
    format!(
        "<tr><td>{}</td><td>{}</td><td>{}</td><td>{:.3}</td><td>{}</td></tr>\n",
        escaped(&example.mention),
        example.times,
        name_and_id(&example.found_name, example.found.as_deref().unwrap_or("")),
        example.score,
        name_and_id(&example.gold_name, &example.gold)
    )
}
