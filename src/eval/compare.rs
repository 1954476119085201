//! Two evaluations of the same mentions.
//!
//! Invariant: what is not the same is named, and nothing is compared then.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::eval::{
    EvalError,
    metrics::{Outcome, Paired},
    report::{Report, System, columns},
};
use crate::page::count;

/// Systems of the two, side by side.
#[derive(Clone, Debug, Serialize)]
pub struct Comparison {
    /// What each is called.
    pub names: [String; 2],
    pub systems: Vec<Compared>,
}

/// A system in both.
#[derive(Clone, Debug, Serialize)]
pub struct Compared {
    pub name: String,
    /// Acc@1 by the paper's rule, and strict.
    pub acc_1: Paired,
    pub strict_acc_1: Paired,
    /// Strict Acc@1 in both by semantic type, the greatest difference first.
    pub types: Vec<TypeCompared>,
}

/// Mentions of one semantic type in both.
#[derive(Clone, Debug, Serialize)]
pub struct TypeCompared {
    pub semantic_type: String,
    pub mentions: usize,
    pub strict_acc_1: [f64; 2],
}

/// Compares the systems that both have.
///
/// # Errors
/// [`EvalError::Compare`] says what differs: mentions, which of them count, or that no system is in both.
pub fn compare(reports: [&Report; 2], names: [String; 2], seed: u64) -> Result<Comparison, EvalError> {
    let [first, second] = reports;
    let fail = |reason: String| Err(EvalError::Compare(reason));
    let sums = |report: &Report| report.folds.iter().map(|fold| fold.sha256.clone()).collect::<Vec<_>>();
    if sums(first) != sums(second) {
        let files = |report: &Report| report.folds.iter().map(|fold| fold.name.as_str()).collect::<Vec<_>>().join(", ");
        return fail(format!("they are of other mentions: {} and {}", files(first), files(second)));
    }
    if first.mentions != second.mentions {
        let said = "of the same files other mentions count, as some are not covered or were left out";
        return fail(format!("{said}: {} and {}", count(first.mentions as u64), count(second.mentions as u64)));
    }
    let systems: Vec<Compared> = second
        .systems
        .iter()
        .filter_map(|theirs| first.system(&theirs.name).map(|ours| compared(ours, theirs, seed)))
        .collect();
    if systems.is_empty() { fail("no system is in both".into()) } else { Ok(Comparison { names, systems }) }
}

fn compared(first: &System, second: &System, seed: u64) -> Compared {
    let paired = |right: fn(&Outcome) -> bool| {
        let both: Vec<[bool; 2]> =
            first.outcomes.iter().zip(&second.outcomes).map(|(a, b)| [right(a), right(b)]).collect();
        Paired::of(&both, seed)
    };
    let of: BTreeMap<&str, f64> = first.types.iter().map(|t| (t.semantic_type.as_str(), t.strict_acc_1)).collect();
    let both = second.types.iter().filter_map(|theirs| {
        Some(TypeCompared {
            semantic_type: theirs.semantic_type.clone(),
            mentions: theirs.mentions,
            strict_acc_1: [*of.get(theirs.semantic_type.as_str())?, theirs.strict_acc_1],
        })
    });
    let mut types: Vec<TypeCompared> = both.collect();
    let weight = |t: &TypeCompared| (t.strict_acc_1[1] - t.strict_acc_1[0]).abs() * t.mentions as f64;
    types.sort_by(|a, b| weight(b).total_cmp(&weight(a)));
    Compared {
        name: second.name.clone(),
        acc_1: paired(|outcome| outcome.name == 1),
        strict_acc_1: paired(|outcome| outcome.concept == 1),
        types,
    }
}

/// Types of a table.
const TYPES: usize = 12;

impl Comparison {
    /// The tables of the terminal.
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
        text += &columns(&rows);
        let Some(system) = self.systems.last().filter(|system| !system.types.is_empty()) else { return text };
        text += &format!("\n{}, strict Acc@1 by semantic type, the greatest differences\n", system.name);
        let mut rows = vec![["type", "mentions", "A", "B"].map(str::to_owned)];
        rows.extend(system.types.iter().take(TYPES).map(|t| {
            let [a, b] = t.strict_acc_1.map(|share| format!("{:.1}", 100.0 * share));
            [t.semantic_type.clone(), count(t.mentions as u64), a, b]
        }));
        text + &columns(&rows)
    }
}
