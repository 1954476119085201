//! Compares two reports of the same mentions.
//!
//! Invariant: reports of different mentions are refused, with the difference in the error.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::eval::{
    EvalError,
    metrics::{GoldRanks, PairedComparison},
    report::{EvalReport, SystemEntry},
    tables::aligned,
};
use crate::page::count;

/// The systems of two reports, side by side.
#[derive(Clone, Debug, Serialize)]
pub struct Comparison {
    /// Names of the reports.
    pub names: [String; 2],
    /// The systems that both reports have.
    pub systems: Vec<SystemComparison>,
}

/// A system in both reports.
#[derive(Clone, Debug, Serialize)]
pub struct SystemComparison {
    /// Name of the system.
    pub name: String,
    /// Acc@1 by the paper's rule.
    pub acc_1: PairedComparison,
    /// Acc@1 by the strict rule.
    pub strict_acc_1: PairedComparison,
    /// Strict Acc@1 by semantic type, the greatest difference first.
    pub types: Vec<TypeComparison>,
}

/// The mentions of one semantic type in both reports.
#[derive(Clone, Debug, Serialize)]
pub struct TypeComparison {
    /// TUI, or the type that the file of the mentions has.
    pub semantic_type: String,
    /// Number of mentions of the type.
    pub mentions: usize,
    /// Strict Acc@1 in the first and in the second report.
    pub strict_acc_1: [f64; 2],
}

/// Compares the systems that both reports have; `seed` is that of the bootstrap.
///
/// # Errors
/// [`EvalError::Compare`] if the reports have different mentions, or no system in common.
pub fn compare(reports: [&EvalReport; 2], names: [String; 2], seed: u64) -> Result<Comparison, EvalError> {
    let [first, second] = reports;
    let fail = |reason: String| Err(EvalError::Compare(reason));
    let sums = |report: &EvalReport| report.folds.iter().map(|fold| fold.sha256.clone()).collect::<Vec<_>>();
    if sums(first) != sums(second) {
        let files =
            |report: &EvalReport| report.folds.iter().map(|fold| fold.name.as_str()).collect::<Vec<_>>().join(", ");
        return fail(format!("the reports are of other mentions: {} and {}", files(first), files(second)));
    }
    if first.mentions != second.mentions {
        let reason = "the reports count different numbers of mentions (was --covered given for only one?)";
        return fail(format!("{reason}: {} and {}", count(first.mentions as u64), count(second.mentions as u64)));
    }
    let systems: Vec<SystemComparison> =
        second.systems.iter().filter_map(|b| first.system(&b.name).map(|a| compare_systems(a, b, seed))).collect();
    if systems.is_empty() {
        fail("the reports have no system in common".into())
    } else {
        Ok(Comparison { names, systems })
    }
}

fn compare_systems(first: &SystemEntry, second: &SystemEntry, seed: u64) -> SystemComparison {
    let paired = |right: fn(&GoldRanks) -> bool| {
        let both: Vec<[bool; 2]> =
            first.gold_ranks.iter().zip(&second.gold_ranks).map(|(a, b)| [right(a), right(b)]).collect();
        PairedComparison::of(&both, seed)
    };
    let first_types: BTreeMap<&str, f64> =
        first.types.iter().map(|t| (t.semantic_type.as_str(), t.strict_acc_1)).collect();
    let both = second.types.iter().filter_map(|entry| {
        Some(TypeComparison {
            semantic_type: entry.semantic_type.clone(),
            mentions: entry.mentions,
            strict_acc_1: [*first_types.get(entry.semantic_type.as_str())?, entry.strict_acc_1],
        })
    });
    let mut types: Vec<TypeComparison> = both.collect();
    let weight = |t: &TypeComparison| (t.strict_acc_1[1] - t.strict_acc_1[0]).abs() * t.mentions as f64;
    types.sort_by(|a, b| weight(b).total_cmp(&weight(a)));
    SystemComparison {
        name: second.name.clone(),
        acc_1: paired(|ranks| ranks.name == 1),
        strict_acc_1: paired(|ranks| ranks.concept == 1),
        types,
    }
}

/// Maximum number of semantic types in the table.
const MAX_TABLE_TYPES: usize = 12;

impl Comparison {
    /// The comparison as tables of text.
    pub fn table(&self) -> String {
        let [first, second] = &self.names;
        let mut text = format!("A  {first}\nB  {second}\n\n");
        let head = ["system, rule", "only A right", "only B right", "both", "neither", "B - A (95 %)", "p"];
        let mut rows = vec![head.map(str::to_owned)];
        for system in &self.systems {
            for (rule, paired) in [("paper", &system.acc_1), ("strict", &system.strict_acc_1)] {
                let [low, high] = paired.difference.interval.map(|share| 100.0 * share);
                let p = if paired.p < 1e-4 { "< 0.0001".into() } else { format!("{:.4}", paired.p) };
                rows.push([
                    format!("{}, {rule}", system.name),
                    count(paired.first as u64),
                    count(paired.second as u64),
                    count(paired.both as u64),
                    count(paired.neither as u64),
                    format!("{:+.1} ({low:+.1} to {high:+.1})", 100.0 * paired.difference.value),
                    p,
                ]);
            }
        }
        text += &aligned(&rows);
        let Some(system) = self.systems.last().filter(|system| !system.types.is_empty()) else { return text };
        text += &format!("\n{}, strict Acc@1 by semantic type, the greatest differences\n", system.name);
        let mut rows = vec![["type", "mentions", "A", "B"].map(str::to_owned)];
        rows.extend(system.types.iter().take(MAX_TABLE_TYPES).map(|t| {
            let [a, b] = t.strict_acc_1.map(|share| format!("{:.1}", 100.0 * share));
            [t.semantic_type.clone(), count(t.mentions as u64), a, b]
        }));
        text + &aligned(&rows)
    }
}
