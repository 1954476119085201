//! The learning rate of each step.

use serde::{Deserialize, Serialize};

/// What becomes of the learning rate after its warm-up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Decay {
    /// It stays, as in the SapBERT authors' training.
    Constant,
    /// It falls to 0 in equal steps.
    Linear,
    /// It falls to 0 along half a cosine (Loshchilov and Hutter 2017).
    Cosine,
}

/// The learning rate over a run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Schedule {
    pub peak: f32,
    /// Steps in which it rises from 0.
    pub warm_up: u64,
    pub decay: Decay,
    pub steps: u64,
}

impl Schedule {
    /// The rate of `step`, from 0.
    pub fn rate(&self, step: u64) -> f32 {
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
    fn rises_to_its_peak_and_falls_to_nothing() {
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
