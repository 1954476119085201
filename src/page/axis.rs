//! Axes of a chart: their range, round labels, and the choice between linear and logarithmic.
//!
//! Invariant: the range of an axis contains all values that it was made for, and is never empty.

use crate::page::numbers::{grouped, scientific};

/// An axis may become logarithmic when its largest value is this many times the smallest positive
/// one.
const MIN_LOGARITHMIC_RATIO: f64 = 30.0;
/// Approximate number of intervals of a linear axis.
const LINEAR_PARTS: f64 = 5.0;
/// Maximum number of intervals of a logarithmic axis.
const MAX_LOGARITHMIC_PARTS: f64 = 6.0;

/// One axis of a chart.
pub(crate) struct ChartAxis {
    pub(crate) logarithmic: bool,
    /// The ends of the range; as logarithms to base 10 where the axis is logarithmic.
    from: f64,
    to: f64,
    /// Values with their labels.
    pub(crate) ticks: Vec<(f64, String)>,
}

impl ChartAxis {
    /// The horizontal axis: steps from 0 to `last`.
    pub(crate) fn steps(last: f64) -> Self {
        let mut axis = Self::linear(0.0, last, 1.0);
        axis.ticks.retain(|(value, _)| *value <= last);
        Self { to: last, ..axis }
    }

    /// An axis for `values`. It is logarithmic if that is allowed and the values differ by orders
    /// of magnitude.
    pub(crate) fn of(values: impl Iterator<Item = f64> + Clone, allow_logarithmic: bool) -> Self {
        let low = values.clone().fold(f64::INFINITY, f64::min);
        let high = values.clone().fold(f64::NEG_INFINITY, f64::max);
        let smallest = values.filter(|&value| value > 0.0).fold(f64::INFINITY, f64::min);
        if allow_logarithmic && low >= 0.0 && high > MIN_LOGARITHMIC_RATIO * smallest {
            Self::logarithmic(low, smallest, high)
        } else {
            Self::linear(low, high, 0.0)
        }
    }

    /// Ticks at round values from at most `low` to at least `high`, at least `min_step` apart.
    fn linear(low: f64, high: f64, min_step: f64) -> Self {
        let largest = low.abs().max(high.abs());
        let (low, high) = match high - low > 1e-6 * largest {
            true => (low, high),
            false if largest > 0.0 => (low.min(0.0), high.max(0.0)),
            false => (0.0, 1.0),
        };
        let step = rounded_up((high - low) / LINEAR_PARTS).max(min_step);
        let (first, last) = ((low / step + 1e-9).floor(), (high / step - 1e-9).ceil());
        let tick = |value: f64| (value, tick_label(value, step, low.abs().max(high.abs())));
        let ticks = (0..=(last - first) as usize).map(|i| tick((first + i as f64) * step)).collect();
        Self { logarithmic: false, from: first * step, to: last * step, ticks }
    }

    /// Ticks at powers of ten from at most `smallest`, the smallest positive value, to at least
    /// `high`. If `low` is 0, one more tick below them stands for 0.
    fn logarithmic(low: f64, smallest: f64, high: f64) -> Self {
        let has_zero = low == 0.0;
        let (from, to) = (smallest.log10().floor() - f64::from(u8::from(has_zero)), high.log10().ceil());
        let every = ((to - from) / MAX_LOGARITHMIC_PARTS).ceil().max(1.0) as usize;
        let tick = |power: f64| {
            let value = 10f64.powf(power);
            (value, if has_zero && power == from { "0".into() } else { tick_label(value, value, value) })
        };
        let ticks = (0..=(to - from) as usize).step_by(every).map(|i| tick(from + i as f64)).collect();
        Self { logarithmic: true, from, to, ticks }
    }

    /// The relative position of `value` on the axis, 0 to 1.
    pub(crate) fn position(&self, value: f64) -> f64 {
        let value = if self.logarithmic { value.log10() } else { value };
        ((value - self.from) / (self.to - self.from)).clamp(0.0, 1.0)
    }
}

/// The smallest of 1, 2 or 5 times a power of ten that is at least `step`.
fn rounded_up(step: f64) -> f64 {
    let power = 10f64.powf(step.log10().floor());
    [1.0, 2.0, 5.0].map(|digit| digit * power).into_iter().find(|&rounded| rounded >= step).unwrap_or(10.0 * power)
}

/// The label of `value` on an axis up to `largest` with ticks `step` apart.
fn tick_label(value: f64, step: f64, largest: f64) -> String {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_have_round_labels() {
        let labels = |axis: ChartAxis| axis.ticks.into_iter().map(|(_, label)| label).collect::<Vec<_>>().join(" ");
        let of = |values: &[f64]| labels(ChartAxis::of(values.iter().copied(), true));
        assert_eq!(of(&[0.13, 0.98]), "0 0.2 0.4 0.6 0.8 1.0");
        assert_eq!(of(&[1e-6, 2e-5]), "0 5e-6 1e-5 1.5e-5 2e-5");
        assert_eq!(of(&[0.0, 300.0, 20_000.0]), "0 100 1,000 10,000 100,000");
        assert_eq!(of(&[-3.0, 4.0]), "-4 -2 0 2 4");
        assert_eq!(of(&[100.0]), "0 20 40 60 80 100");
        assert_eq!(of(&[0.0]), "0 0.2 0.4 0.6 0.8 1.0");
        assert_eq!(labels(ChartAxis::steps(1.0)), "0 1");
        assert_eq!(labels(ChartAxis::steps(120_000.0)), "0 50,000 100,000");
    }
}
