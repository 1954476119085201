//! The learning rate of each step: a linear warm-up, then a decay.

use serde::{Deserialize, Serialize};

/// The course of the learning rate after the warm-up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Decay {
    /// Stays at the peak, as in the training of the SapBERT authors.
    Constant,
    /// Falls linearly to 0.
    Linear,
    /// Falls to 0 along half a cosine (Loshchilov and Hutter 2017).
    Cosine,
}

/// The learning rate over a run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Schedule {
    /// Learning rate after the warm-up.
    pub(super) peak: f32,
    /// Steps in which the rate rises from 0 to the peak.
    pub(super) warm_up: u64,
    pub(super) decay: Decay,
    /// Steps of the run, at least `warm_up`.
    pub(super) steps: u64,
}

impl Schedule {
    /// The learning rate of `step`, which counts from 0.
    pub(super) fn rate(&self, step: u64) -> f32 {
        if step < self.warm_up {
            return self.peak * (step + 1) as f32 / self.warm_up as f32;
        }
        let passed = (step - self.warm_up) as f64 / (self.steps - self.warm_up).max(1) as f64;
        let share = match self.decay {
            Decay::Constant => 1.0,
            Decay::Linear => 1.0 - passed,
            Decay::Cosine => 0.5 * (1.0 + (std::f64::consts::PI * passed).cos()),
        };
        (f64::from(self.peak) * share) as f32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_rises_to_its_peak_and_decays() {
        for decay in [Decay::Constant, Decay::Linear, Decay::Cosine] {
            let schedule = Schedule { peak: 2.0, warm_up: 4, decay, steps: 104 };
            let rates: Vec<f32> = (0..104).map(|step| schedule.rate(step)).collect();
            assert_eq!(rates[..5], [0.5, 1.0, 1.5, 2.0, 2.0]);
            assert!(rates[4..].is_sorted_by(|a, b| a >= b));
            let (half, last) = (rates[54], rates[103]);
            match decay {
                Decay::Constant => assert_eq!((half, last), (2.0, 2.0)),
                Decay::Linear => assert!((half - 1.0).abs() < 1e-6 && (last - 0.02).abs() < 1e-6),
                Decay::Cosine => assert!((half - 1.0).abs() < 1e-6 && last > 0.0 && last < 0.001),
            }
        }
        assert_eq!(Schedule { peak: 1.0, warm_up: 9, decay: Decay::Linear, steps: 9 }.rate(8), 1.0);
    }
}
