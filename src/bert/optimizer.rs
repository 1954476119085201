//! AdamW (Loshchilov and Hutter 2019, algorithm 2) as a graph over all parameters at once.
//!
//! Parameters, moments and gradients are one long vector each: some fifteen operators in all, where one for each tensor would be thousands.
//!
//! Invariant: outputs may be written over the inputs they replace, since each value depends on those of its own place alone.

use crate::onnx::{
    graph::{GraphBuilder, Value},
    message::{self, Attribute, Axis, DataType},
};

/// Decay of the moments, and what keeps quotients finite: PyTorch's defaults.
pub const BETA_1: f32 = 0.9;
pub const BETA_2: f32 = 0.999;
pub const EPSILON: f32 = 1e-8;

/// Inputs and outputs by name.
pub const PARAMETERS: &str = "parameters";
pub const MEANS: &str = "means";
pub const SQUARES: &str = "squares";
pub const GRADIENT: &str = "gradient";
pub const SETTINGS: &str = "settings";
pub const NEW_PARAMETERS: &str = "new_parameters";
pub const NEW_MEANS: &str = "new_means";
pub const NEW_SQUARES: &str = "new_squares";
pub const NORM: &str = "norm";

/// What changes from step to step: `settings`, float32 `[5]`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    pub learning_rate: f32,
    /// Share of a parameter that is taken away, as a multiple of the learning rate.
    pub weight_decay: f32,
    /// Steps with this one.
    pub step: u64,
    /// Length that the gradient is cut to; infinite for none.
    pub clip: f32,
    /// What the gradient was multiplied by.
    pub loss_scale: f32,
}

impl Settings {
    /// As the graph takes them. The corrections of the moments' bias are drawn into the learning rate and epsilon.
    pub fn values(&self) -> [f32; 5] {
        let correction = |beta: f32| (1.0 - f64::from(beta).powf(self.step as f64)) as f32;
        let root = correction(BETA_2).sqrt();
        [
            self.learning_rate * root / correction(BETA_1),
            EPSILON * root,
            1.0 - self.learning_rate * self.weight_decay,
            self.clip.min(f32::MAX),
            self.loss_scale.recip(),
        ]
    }
}

/// Writes the graph. With `guarded`, a gradient that is not finite changes nothing.
pub fn write(guarded: bool) -> message::Model {
    let mut g = GraphBuilder::default();
    let axes = [Axis::Free("parameters")];
    let [parameters, means, squares, gradient] =
        [PARAMETERS, MEANS, SQUARES, GRADIENT].map(|name| g.input(name, DataType::Float, &axes));
    let settings = g.input(SETTINGS, DataType::Float, &[Axis::Fixed(5)]);
    let [mut rate, epsilon, mut keep, clip, unscale]: [Value; 5] =
        g.ops("Split", &[&settings], vec![Attribute::int("axis", 0), Attribute::int("num_outputs", 5)]);

    let sum = g.op_with("ReduceSumSquare", &[&gradient], vec![Attribute::int("keepdims", 1)]);
    let norm = g.op("Sqrt", &[&sum]);
    let norm = g.op("Mul", &[&norm, &unscale]);
    let [one, least] = [1.0, 1e-6].map(|x| g.float(x));
    let divisor = g.op("Add", &[&norm, &least]);
    let cut = g.op("Div", &[&clip, &divisor]);
    let cut = g.op("Min", &[&cut, &one]);
    let mut factor = g.op("Mul", &[&cut, &unscale]);
    let [mut old_1, mut old_2] = [BETA_1, BETA_2].map(|beta| g.float(beta));
    let mut gradient = gradient;
    if guarded {
        let (most, zero) = (g.float(f32::MAX), g.float(0.0));
        let finite = g.op("LessOrEqual", &[&norm, &most]);
        let mut unless = |value: &str, other: &str| g.op("Where", &[&finite, value, other]);
        gradient = unless(&gradient, &zero);
        [factor, rate] = [factor, rate].map(|value| unless(&value, &zero));
        [old_1, old_2, keep] = [old_1, old_2, keep].map(|value| unless(&value, &one));
    }
    let mut new = |beta: f32| {
        let share = g.float(1.0 - beta);
        g.op("Mul", &[&factor, &share])
    };
    let (new_1, new_2) = (new(BETA_1), new(BETA_2));
    let new_2 = g.op("Mul", &[&new_2, &factor]);

    let kept = g.op("Mul", &[&means, &old_1]);
    let added = g.op("Mul", &[&gradient, &new_1]);
    let means = g.op("Add", &[&kept, &added]);
    let kept = g.op("Mul", &[&squares, &old_2]);
    let added = g.op("Mul", &[&gradient, &gradient]);
    let added = g.op("Mul", &[&added, &new_2]);
    let squares = g.op("Add", &[&kept, &added]);
    let root = g.op("Sqrt", &[&squares]);
    let root = g.op("Add", &[&root, &epsilon]);
    let step = g.op("Div", &[&means, &root]);
    let step = g.op("Mul", &[&step, &rate]);
    let kept = g.op("Mul", &[&parameters, &keep]);
    let parameters = g.op("Sub", &[&kept, &step]);
    for (name, value) in [(NEW_PARAMETERS, parameters), (NEW_MEANS, means), (NEW_SQUARES, squares)] {
        g.output(name, &value, DataType::Float, &axes);
    }
    g.output(NORM, &norm, DataType::Float, &[Axis::Fixed(1)]);
    g.finish("adamw")
}
