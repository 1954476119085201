//! What an evaluation leaves: JSON for programs, a table for the terminal, a page for people.
//!
//! Invariant: nothing but [`Example`]s quotes mentions, and there are none where none are wanted.

use std::{collections::BTreeMap, path::Path};

use serde::{Deserialize, Serialize};

use crate::eval::{
    EvalError,
    calibrate::Fitted,
    errors::Kind,
    metrics::{Figure, Figures, Outcome},
};
use crate::{
    domain::semantic_type,
    files::read_manifest,
    page::{count, escaped, fill, number, percent},
};

/// Version of the JSON.
pub(super) const FORMAT: u32 = 1;
/// The page around its parts.
const PAGE: &str = include_str!("page.html");
/// Semantic types that are shown; the others are in the JSON.
const TYPES: usize = 20;

/// What was measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Report {
    pub format: u32,
    /// The saplink that measured.
    pub saplink: String,
    pub folds: Vec<FoldEntry>,
    /// Mentions that count: with an id, and covered if only those were wanted.
    pub mentions: usize,
    /// Of them, those whose gold concept the dictionary has.
    pub covered: usize,
    /// Whether mentions that are not covered were left out.
    pub only_covered: bool,
    pub dictionary: DictionaryEntry,
    pub model: ModelEntry,
    /// How vectors are compared: `cosine` or `dot`.
    pub score: String,
    /// What the graph finds of what comparing everything finds; absent where only that was done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recall: Option<RecallEntry>,
    pub systems: Vec<System>,
}

/// A file of mentions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FoldEntry {
    pub name: String,
    pub sha256: String,
    /// Mentions that count.
    pub mentions: usize,
    /// Mentions that were left out: without an id, labeled NIL, and, if only covered ones were wanted, not covered.
    pub without_id: usize,
    pub nil: usize,
    pub not_covered: usize,
}

/// What mentions were looked up among.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DictionaryEntry {
    pub name: String,
    /// sha256 of the file, or the index's fingerprint.
    pub sha256: String,
    /// Distinct names in lower case, and concepts.
    pub names: usize,
    pub concepts: usize,
}

/// What made the vectors.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelEntry {
    pub name: String,
    pub fingerprint: String,
    pub dimensions: usize,
    pub pooling: String,
    pub precision: String,
    pub max_tokens: usize,
    pub device: String,
    /// Seconds that the dictionary's names took; 0 where the index had their vectors.
    pub dictionary_seconds: f64,
}

/// What a graph finds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecallEntry {
    pub ef_search: usize,
    /// Share of the best names, and of the ten best, that are found.
    pub at_1: f64,
    pub at_10: f64,
}

/// How one system did.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct System {
    pub name: String,
    pub figures: Figures,
    /// Acc@1 of each fold, by the paper's rule.
    pub fold_acc_1: Vec<f64>,
    /// Seconds for all distinct texts, from text to names.
    pub seconds: f64,
    pub texts_per_second: f64,
    /// By the semantic type of the gold concept, most mentions first.
    pub types: Vec<TypeEntry>,
    pub errors: Vec<Group>,
    /// Of each mention, in their order.
    pub outcomes: Vec<Outcome>,
}

/// Mentions of one semantic type.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TypeEntry {
    /// TUI, or what the mentions' file has.
    pub semantic_type: String,
    pub mentions: usize,
    pub acc_1: f64,
    pub strict_acc_1: f64,
}

/// Errors of one kind: mentions whose first concept is not gold.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Group {
    pub kind: Kind,
    pub mentions: usize,
    /// The most frequent.
    pub examples: Vec<Example>,
}

/// An error that was made as often as is said.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Example {
    pub mention: String,
    pub times: usize,
    pub gold: String,
    /// A name of the gold concept, if the dictionary has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gold_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub found: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub found_name: Option<String>,
    pub score: f32,
}

impl Report {
    /// Reads one that was written as JSON.
    ///
    /// # Errors
    /// [`EvalError::File`] when it is none.
    pub fn read(path: &Path) -> Result<Self, EvalError> {
        let fail = |reason| EvalError::File { path: path.into(), reason };
        let report: Self = read_manifest(path, FORMAT).map_err(fail)?;
        if report.systems.iter().any(|system| system.outcomes.len() != report.mentions) {
            return Err(fail("a system does not have an outcome for each mention".into()));
        }
        Ok(report)
    }

    /// A system by its name.
    pub fn system(&self, name: &str) -> Option<&System> {
        self.systems.iter().find(|system| system.name == name)
    }

    /// The table of the terminal.
    pub fn table(&self) -> String {
        let head = ["system", "Acc@1 (95 %)", "Acc@5", "strict Acc@1", "distinct Acc@5", "MRR", "texts/s"];
        let row = |system: &System| {
            let Figures { acc_1, acc_5, strict_acc_1, distinct_acc_5, mrr } = system.figures;
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
        text + &columns(&rows)
    }

    /// What is to be said beside every figure.
    fn facts(&self) -> Vec<[String; 2]> {
        let (names, concepts) = (count(self.dictionary.names as u64), count(self.dictionary.concepts as u64));
        let files: Vec<&str> = self.folds.iter().map(|fold| fold.name.as_str()).collect();
        let sum = |of: fn(&FoldEntry) -> usize| self.folds.iter().map(of).sum::<usize>() as u64;
        let left = [
            ("without an id", sum(|fold| fold.without_id)),
            ("labeled NIL", sum(|fold| fold.nil)),
            ("not covered", sum(|fold| fold.not_covered)),
        ];
        let left: Vec<String> =
            left.iter().filter(|(_, n)| *n > 0).map(|(what, n)| format!("{} {what}", count(*n))).collect();
        let left = if left.is_empty() { String::new() } else { format!("; left out: {}", left.join(", ")) };
        let folds = if self.folds.len() > 1 { format!(", mean of {} folds", self.folds.len()) } else { String::new() };
        let (all, covered) = (count(self.mentions as u64), count(self.covered as u64));
        let model = &self.model;
        let mut facts = vec![
            ["mentions".into(), format!("{all} of {}{folds}, {covered} of them covered{left}", files.join(", "))],
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
                format!("ef_search {ef_search}: recall@1 {at_1:.4}, recall@10 {at_10:.4} of the exact search"),
            ]);
        }
        facts
    }

    /// A self-contained page.
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
            ("figures", self.systems.iter().map(figures_row).collect()),
            ("folds", if self.folds.len() > 1 { self.folds_table() } else { String::new() }),
            ("types", self.types_table()),
            ("errors", self.errors_tables()),
            ("facts", facts),
        ];
        fill(PAGE, &parts)
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
                let known = types.entry(&entry.semantic_type).or_default();
                known.0 = entry.mentions;
                known.1.insert(&system.name, entry.strict_acc_1);
            }
        }
        if types.is_empty() {
            return String::new();
        }
        let mut types: Vec<_> = types.into_iter().collect();
        types.sort_by_key(|(name, (mentions, _))| (std::cmp::Reverse(*mentions), *name));
        let head: String =
            self.systems.iter().map(|system| format!("<th scope=\"col\">{}</th>", escaped(&system.name))).collect();
        let row = |(name, (mentions, by_system)): &(&str, (usize, BTreeMap<&str, f64>))| {
            let known = semantic_type::position(name).map(|place| semantic_type::SEMANTIC_TYPES[place].name);
            let cell =
                |system: &System| by_system.get(system.name.as_str()).map_or("–".into(), |share| percent(*share));
            let cells: String = self.systems.iter().map(|system| format!("<td>{}</td>", cell(system))).collect();
            format!(
                "<tr><th scope=\"row\">{} {}</th><td>{}</td>{cells}</tr>\n",
                escaped(name),
                known.unwrap_or(""),
                count(*mentions as u64)
            )
        };
        let rows: String = types.iter().take(TYPES).map(row).collect();
        let more = types.len().saturating_sub(TYPES);
        let more = if more > 0 { format!("<p>And {more} more in the JSON.</p>\n") } else { String::new() };
        format!(
            "<h2>Semantic types</h2>\n<p>Strict Acc@1 by the type of the gold concept.</p>\n<table class=\"wide\">\
             <tr><th scope=\"col\">type</th><th scope=\"col\">mentions</th>{head}</tr>\n{rows}</table>\n{more}"
        )
    }

    /// Of the last system, which is the one that is looked at.
    fn errors_tables(&self) -> String {
        let Some(system) = self.systems.last() else { return String::new() };
        let wrong: usize = system.errors.iter().map(|group| group.mentions).sum();
        let mut text = format!(
            "<h2>Errors of {}</h2>\n<p>{} of {} mentions whose first concept is not gold, by what the words alone suggest.</p>\n",
            escaped(&system.name),
            count(wrong as u64),
            count(self.mentions as u64)
        );
        for group in &system.errors {
            let [name, what] = group.kind.words();
            text += &format!(
                "<details><summary><b>{name}</b> {} ({}) <span>{what}</span></summary>\n",
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

/// A row of a system's Acc@1 with its interval, as a bar of 0 to 100.
fn bar(system: &System) -> String {
    let Figure { value, interval: [low, high] } = system.figures.acc_1;
    let strict = system.figures.strict_acc_1.value;
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

fn figures_row(system: &System) -> String {
    let Figures { acc_1, acc_5, strict_acc_1, distinct_acc_5, mrr } = system.figures;
    let cell = |Figure { value, interval: [low, high] }: Figure, shown: fn(f64) -> String| {
        format!("<td>{}<small>{} to {}</small></td>", shown(value), shown(low), shown(high))
    };
    let cells: String = [acc_1, acc_5, strict_acc_1, distinct_acc_5].map(|figure| cell(figure, percent)).concat();
    format!(
        "<tr><th scope=\"row\">{}</th>{cells}{}<td>{}</td></tr>\n",
        escaped(&system.name),
        cell(mrr, |value| format!("{value:.3}")),
        number(system.texts_per_second)
    )
}

fn example_row(example: &Example) -> String {
    let both = |name: &Option<String>, id: &str| {
        format!("{} <small>{}</small>", escaped(name.as_deref().unwrap_or("–")), escaped(id))
    };
    format!(
        "<tr><td>{}</td><td>{}</td><td>{}</td><td>{:.3}</td><td>{}</td></tr>\n",
        escaped(&example.mention),
        example.times,
        both(&example.found_name, example.found.as_deref().unwrap_or("")),
        example.score,
        both(&example.gold_name, &example.gold)
    )
}

/// Rows of which all columns but the first stand at the right.
pub(super) fn columns<const N: usize>(rows: &[[String; N]]) -> String {
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

impl Fitted {
    /// What is said of a calibration on the terminal.
    pub fn table(&self) -> String {
        let measured = &self.calibration.measured;
        let mut text = format!(
            "mentions     {}, each also without its concept; NIL counts as {} of all\n\
             measured     with mentions that were not fitted on\n\
             error        {:.3} (expected calibration error, ten bins)\n\
             NIL          below {:.4}: precision {:.3}, recall {:.3}\n\
             right        {} of all, linked or NIL\n\n",
            count(self.calibration.mentions),
            percent(self.calibration.nil_share),
            measured.calibration_error,
            self.nil_threshold,
            measured.nil_precision,
            measured.nil_recall,
            percent(measured.accuracy)
        );
        let head = ["probability", "right", "of all"].map(str::to_owned);
        let bin = |bin: &super::Bin| [bin.probability, bin.right, bin.share].map(percent);
        let rows: Vec<[String; 3]> = std::iter::once(head).chain(self.bins.iter().map(bin)).collect();
        text += &columns(&rows);
        text
    }
}
