//! Loss scaling for float16: a factor that keeps small gradients from becoming zero
//! (Micikevicius et al. 2018, "Mixed precision training", section 3.2).
//!
//! Invariant: the factor is never below 1, and depends only on which steps overflowed.

use serde::{Deserialize, Serialize};

/// Factor at the beginning of a run.
const INITIAL_LOSS_SCALE: f32 = 65_536.0;
/// Steps without an overflow after which the factor doubles.
const GROWTH_INTERVAL: u64 = 2_000;

/// The factor and its counters, as a checkpoint stores them. Without float16 only `updates` is
/// used.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct LossScaling {
    /// Factor of the loss.
    pub(super) loss_scale: f32,
    /// Steps since the last overflow.
    #[serde(rename = "steady")]
    steps_since_overflow: u64,
    /// Steps that changed the parameters: those with a finite gradient.
    pub(super) updates: u64,
}

impl LossScaling {
    /// The state before the first step.
    pub(super) fn initial() -> Self {
        Self { loss_scale: INITIAL_LOSS_SCALE, steps_since_overflow: 0, updates: 0 }
    }

    /// Halves the factor after a step whose gradient was not finite, and doubles it every
    /// [`GROWTH_INTERVAL`] steps otherwise.
    pub(super) fn update(&mut self, finite: bool) {
        if !finite {
            (self.loss_scale, self.steps_since_overflow) = ((self.loss_scale / 2.0).max(1.0), 0);
            return;
        }
        self.steps_since_overflow += 1;
        self.updates += 1;
        if self.steps_since_overflow.is_multiple_of(GROWTH_INTERVAL) {
            self.loss_scale *= 2.0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loss_scale_falls_at_once_and_rises_slowly() {
        let mut scaling = LossScaling { loss_scale: 4.0, steps_since_overflow: 10, updates: 10 };
        (0..3).for_each(|_| scaling.update(false));
        assert_eq!(scaling, LossScaling { loss_scale: 1.0, steps_since_overflow: 0, updates: 10 });
        (0..GROWTH_INTERVAL).for_each(|_| scaling.update(true));
        assert_eq!((scaling.loss_scale, scaling.updates), (2.0, 10 + GROWTH_INTERVAL));
    }
}
