//! Activation functions with their gradients: GELU in its two forms, and ReLU.

use std::f32::consts::{PI, SQRT_2};

use crate::onnx::{graph::ValueName, tape::Tape};

/// Factor of `x^3` in the tanh approximation of GELU (Hendrycks and Gimpel 2016, section 2).
const GELU_CUBIC: f32 = 0.044_715;

/// The function `s` in `gelu(x) = x (1 + s(x)) / 2`.
#[derive(Clone, Copy)]
enum GeluForm {
    /// `erf(x / sqrt 2)`: the exact GELU.
    Erf,
    /// `tanh(sqrt(2 / pi) (x + c x^3))`: the approximation.
    Tanh,
}

impl Tape {
    /// GELU (Hendrycks and Gimpel 2016, section 2): `x Phi(x)`, with the error function.
    pub fn gelu(&mut self, x: &str) -> ValueName {
        self.gelu_form(x, GeluForm::Erf)
    }

    /// The tanh approximation of GELU (Hendrycks and Gimpel 2016, section 2).
    pub fn gelu_tanh(&mut self, x: &str) -> ValueName {
        self.gelu_form(x, GeluForm::Tanh)
    }

    fn gelu_form(&mut self, x: &str, form: GeluForm) -> ValueName {
        let (half, one) = (self.scalar(0.5), self.scalar(1.0));
        let sigmoidal = match form {
            GeluForm::Erf => {
                let root = self.scalar(SQRT_2);
                let scaled = self.graph.op("Div", &[x, &root]);
                self.graph.op("Erf", &[&scaled])
            }
            GeluForm::Tanh => {
                let (cubic, root) = (self.scalar(GELU_CUBIC), self.scalar((2.0 / PI).sqrt()));
                let square = self.graph.op("Mul", &[x, x]);
                let cube = self.graph.op("Mul", &[&square, x]);
                let bend = self.graph.op("Mul", &[&cube, &cubic]);
                let sum = self.graph.op("Add", &[x, &bend]);
                let scaled = self.graph.op("Mul", &[&sum, &root]);
                self.graph.op("Tanh", &[&scaled])
            }
        };
        let shifted = self.graph.op("Add", &[&sigmoidal, &one]);
        let product = self.graph.op("Mul", &[x, &shifted]);
        let activated = self.graph.op("Mul", &[&product, &half]);
        let input = x.to_owned();
        // y = x s / 2 with s = 1 + sigmoidal(x), so that y' = s / 2 + x s' / 2.
        self.record(&[x], &activated, move |t, g| {
            t.add_gradient(&input, |t| {
                let half_derivative = match form {
                    GeluForm::Tanh => t.tanh_slope(&input, &sigmoidal),
                    GeluForm::Erf => t.erf_slope(&input),
                };
                let half = t.scalar(0.5);
                let steep = t.graph.op("Mul", &[&input, &half_derivative]);
                let slope = t.graph.op("Mul", &[&shifted, &half]);
                let slope = t.graph.op("Add", &[&slope, &steep]);
                t.graph.op("Mul", &[g, &slope])
            });
        });
        activated
    }

    /// Half the derivative of `erf(x / sqrt 2)`: the normal density.
    fn erf_slope(&mut self, x: &str) -> ValueName {
        let (exponent, density) = (self.scalar(-0.5), self.scalar((2.0 * PI).sqrt().recip()));
        let square = self.graph.op("Mul", &[x, x]);
        let power = self.graph.op("Mul", &[&square, &exponent]);
        let bell = self.graph.op("Exp", &[&power]);
        self.graph.op("Mul", &[&bell, &density])
    }

    /// Half the derivative of `tanh(r (x + c x^3))`: `(1 - tanh^2) r (1 + 3 c x^2) / 2`.
    fn tanh_slope(&mut self, x: &str, tanh: &str) -> ValueName {
        let root = (2.0 / PI).sqrt();
        let (one, constant, quadratic) =
            (self.scalar(1.0), self.scalar(0.5 * root), self.scalar(1.5 * root * GELU_CUBIC));
        let square = self.graph.op("Mul", &[tanh, tanh]);
        let flat = self.graph.op("Sub", &[&one, &square]);
        let square = self.graph.op("Mul", &[x, x]);
        let inner = self.graph.op("Mul", &[&square, &quadratic]);
        let inner = self.graph.op("Add", &[&inner, &constant]);
        self.graph.op("Mul", &[&flat, &inner])
    }

    /// ReLU, `max(x, 0)`. Its gradient at 0 is 0.
    pub fn relu(&mut self, x: &str) -> ValueName {
        let rectified = self.graph.op("Relu", &[x]);
        let input = x.to_owned();
        self.record(&[x], &rectified, move |t, g| {
            t.add_gradient(&input, |t| {
                let zero = t.scalar(0.0);
                let positive = t.graph.op("Greater", &[&input, &zero]);
                t.graph.op("Where", &[&positive, g, &zero])
            });
        });
        rectified
    }
}
