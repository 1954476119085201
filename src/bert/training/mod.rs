//! A training step as ONNX graphs: a batch of names in, the loss and the gradient of all parameters
//! out.
//!
//! Names are packed: their tokens lie one after another as rows `[rows, hidden]`, without padding.
//! Only the attention arranges them in cells `[names, tokens]`, where shorter names have padding.
//! The parameters come in two flat vectors in the order of
//! [`crate::bert::weights::parameter_specs`]: frozen ones, then trained ones.
//!
//! Either one graph computes the whole step, or, for batches larger than memory, three graphs do
//! (GradCache: Gao et al. 2021, section 3): the first encodes the names chunk by chunk; the second
//! computes the loss and its derivative with respect to the vectors of all names; the third encodes
//! each chunk again and adds its gradient.
//!
//! Reading order: `inputs` (names and shapes of inputs and outputs), `options`, `graphs` (the four
//! graphs), `backend` (packed rows and trained weights for `crate::bert::network`).
//!
//! Invariant: padding has no influence on the loss or any gradient, and a batch in chunks gives the
//! same result as the whole batch.

mod backend;
mod graphs;
mod inputs;
mod options;

pub use graphs::{chunk_gradient_graph, encoder_graph, loss_graph, step_graph};
pub use inputs::*;
pub use options::{StepOptions, dropout_sites, frozen_values};
