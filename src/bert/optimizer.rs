//! AdamW (Loshchilov and Hutter 2019, algorithm 2) as a graph over all parameters at once.
//!
//! Parameters, moments and gradient are one flat vector each (in the order of
//! [`crate::bert::weights::parameter_specs`]). The graph therefore has about thirty nodes; separate
//! updates of all tensors would need thousands.
//!
//! Invariant: an output may use the memory of the input that it replaces, because element `i` of
//! each output depends only on element `i` of the inputs (and on the norm, which is computed
//! first).

use crate::onnx::{
    graph::{GraphBuilder, ValueName},
    message::{AttributeProto, Axis, DataType, ModelProto},
};

/// Decay of the first moment; PyTorch's default.
pub const BETA_1: f32 = 0.9;
/// Decay of the second moment; PyTorch's default.
pub const BETA_2: f32 = 0.999;
/// Added to the root of the second moment, so that quotients are finite; PyTorch's default.
pub const EPSILON: f32 = 1e-8;

/// Input: the parameters, float32 `[parameters]`.
pub const PARAMETERS: &str = "parameters";
/// Input: the first moments (running means of the gradient), float32 `[parameters]`.
pub const FIRST_MOMENTS: &str = "means";
/// Input: the second moments (running means of its squares), float32 `[parameters]`.
pub const SECOND_MOMENTS: &str = "squares";
/// Input: the gradient times the loss scale, float32 `[parameters]`.
pub const GRADIENT: &str = "gradient";
/// Input: [`OptimizerSettings::values`], float32 `[5]`.
pub const SETTINGS: &str = "settings";
/// Output: the updated parameters.
pub const NEW_PARAMETERS: &str = "new_parameters";
/// Output: the updated first moments.
pub const NEW_FIRST_MOMENTS: &str = "new_means";
/// Output: the updated second moments.
pub const NEW_SECOND_MOMENTS: &str = "new_squares";
/// Output: the length of the gradient before clipping, without the loss scale, float32 `[1]`.
pub const NORM: &str = "norm";

/// Settings that may change from step to step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OptimizerSettings {
    /// Learning rate of this step.
    pub learning_rate: f32,
    /// Decoupled weight decay: each step multiplies parameters by
    /// `1 - learning_rate * weight_decay`.
    pub weight_decay: f32,
    /// Number of this step, from 1.
    pub step: u64,
    /// Maximum length of the gradient; longer ones are scaled down. Infinite for no clipping.
    pub clip: f32,
    /// Factor that the gradient was multiplied by.
    pub loss_scale: f32,
}

impl OptimizerSettings {
    /// The input [`SETTINGS`]. The bias corrections of the moments are folded into the learning
    /// rate and epsilon.
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

/// Writes the graph of one update; the constants above name its inputs and outputs.
///
/// With `guarded`, a gradient that is not finite changes neither parameters nor moments: factors of
/// new values become 0 and factors of old values 1. Loss scaling in half precision relies on it.
pub fn adamw_graph(guarded: bool) -> ModelProto {
    let mut g = GraphBuilder::default();
    let axes = [Axis::Free("parameters")];
    let [parameters, means, squares, gradient] =
        [PARAMETERS, FIRST_MOMENTS, SECOND_MOMENTS, GRADIENT].map(|name| g.input(name, DataType::Float, &axes));
    let settings = g.input(SETTINGS, DataType::Float, &[Axis::Fixed(5)]);
    let [mut rate, epsilon, mut decay, clip, unscale]: [ValueName; 5] =
        g.ops("Split", &[&settings], vec![AttributeProto::int("axis", 0), AttributeProto::int("num_outputs", 5)]);

    let sum = g.op_with("ReduceSumSquare", &[&gradient], vec![AttributeProto::int("keepdims", 1)]);
    let norm = g.op("Sqrt", &[&sum]);
    let norm = g.op("Mul", &[&norm, &unscale]);
    let [one, min_norm] = [1.0, 1e-6].map(|x| g.float(x));
    let divisor = g.op("Add", &[&norm, &min_norm]);
    let clipping = g.op("Div", &[&clip, &divisor]);
    let clipping = g.op("Min", &[&clipping, &one]);
    let mut factor = g.op("Mul", &[&clipping, &unscale]);
    let [mut keep_1, mut keep_2] = [BETA_1, BETA_2].map(|beta| g.float(beta));
    let mut gradient = gradient;
    if guarded {
        let (largest, zero) = (g.float(f32::MAX), g.float(0.0));
        let finite = g.op("LessOrEqual", &[&norm, &largest]);
        let mut if_finite = |value: &str, other: &str| g.op("Where", &[&finite, value, other]);
        gradient = if_finite(&gradient, &zero);
        [factor, rate] = [factor, rate].map(|value| if_finite(&value, &zero));
        [keep_1, keep_2, decay] = [keep_1, keep_2, decay].map(|value| if_finite(&value, &one));
    }
    let mut gradient_factor = |beta: f32| {
        let share = g.float(1.0 - beta);
        g.op("Mul", &[&factor, &share])
    };
    let (add_1, add_2) = (gradient_factor(BETA_1), gradient_factor(BETA_2));
    // The second moment takes squares, so its factor has clipping and loss scale twice.
    let add_2 = g.op("Mul", &[&add_2, &factor]);

    let kept = g.op("Mul", &[&means, &keep_1]);
    let added = g.op("Mul", &[&gradient, &add_1]);
    let means = g.op("Add", &[&kept, &added]);
    let kept = g.op("Mul", &[&squares, &keep_2]);
    let added = g.op("Mul", &[&gradient, &gradient]);
    let added = g.op("Mul", &[&added, &add_2]);
    let squares = g.op("Add", &[&kept, &added]);
    let root = g.op("Sqrt", &[&squares]);
    let root = g.op("Add", &[&root, &epsilon]);
    let step = g.op("Div", &[&means, &root]);
    let step = g.op("Mul", &[&step, &rate]);
    let kept = g.op("Mul", &[&parameters, &decay]);
    let parameters = g.op("Sub", &[&kept, &step]);
    for (name, value) in [(NEW_PARAMETERS, parameters), (NEW_FIRST_MOMENTS, means), (NEW_SECOND_MOMENTS, squares)] {
        g.output(name, &value, DataType::Float, &axes);
    }
    g.output(NORM, &norm, DataType::Float, &[Axis::Fixed(1)]);
    g.finish("adamw")
}
